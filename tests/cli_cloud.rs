//! Devices, schedules and the error table, from the command line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::cli::{Said, folder, run, run_with, run_without_roots};
use support::cloud::{Cloud, HEATER, SPA};

const HEATER_PRODUCT: &str = "5a1a9d1de0f54a4e8b9f7b1c62d0a002";

/// A configured user, and a cloud where that user has every device.
struct Home {
    cloud: Cloud,
    folder: tempfile::TempDir,
}

impl Home {
    async fn open() -> Self {
        let cloud = Cloud::start().await;
        let folder = folder(&cloud);
        Self { cloud, folder }
    }

    async fn run(&self, args: &str) -> Said {
        let args: Vec<&str> = args.split(' ').collect();
        run(self.folder.path(), &args).await
    }

    /// It succeeds; what it says to scripts.
    async fn done(&self, args: &str) -> Value {
        let said = self.run(&format!("--json {args}")).await;
        assert_eq!(said.code, Some(0), "{args}: {said:?}");
        said.json()
    }

    async fn fails(&self, args: &str, exit_code: i32, why: &str) {
        let said = self.run(args).await;
        assert_eq!(said.code, Some(exit_code), "{args}: {said:?}");
        assert!(said.both().contains(why), "{args}: {}", said.stderr);
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    async fn advance(&self, seconds: i64) {
        self.cloud
            .post("clock", json!({ "advance_s": seconds }))
            .await;
    }
}

#[tokio::test]
async fn devices_are_unbound_and_bound_again() {
    let home = Home::open().await;
    home.file("passcode", "SIMULATEDX\n");
    home.file("secret", "demo-product-secret\n");
    home.file("wrong", "no-secret\n");
    let gone = home.done(&format!("devices unbind {SPA} {HEATER}")).await;
    assert_eq!(gone["success"], json!([SPA, HEATER]));
    assert_eq!(home.done("devices list").await.as_array().unwrap().len(), 7);

    let bound = home
        .done(&format!(
            "devices bind --did {SPA} --passcode-file passcode --alias Tub"
        ))
        .await;
    assert_eq!(
        bound,
        json!({ "status": "ok", "success": [SPA], "failed": [] })
    );
    let mac = "devices bind-mac --mac 02:00:00:00:AA:02 --product-key";
    home.fails(
        &format!("{mac} {HEATER_PRODUCT} --product-secret-file wrong"),
        1,
        "9044",
    )
    .await;
    home.fails(
        &format!("{mac} nothing --product-secret-file secret"),
        1,
        "9002",
    )
    .await;
    let bound = home
        .done(&format!(
            "{mac} {HEATER_PRODUCT} --product-secret-file secret --alias Hall"
        ))
        .await;
    assert_eq!(
        (&bound["did"], &bound["mac"]),
        (&json!(HEATER), &json!("02000000aa02"))
    );
    let devices = home.done("devices list").await;
    let names: Vec<&Value> = devices
        .as_array()
        .unwrap()
        .iter()
        .map(|device| &device["name"])
        .collect();
    assert!(
        names.contains(&&json!("Tub")) && names.contains(&&json!("Hall")),
        "{names:?}"
    );

    let renamed = home
        .done(&format!(
            "devices rename {SPA} --alias Pool --remark terrace"
        ))
        .await;
    assert_eq!(renamed["alias"], "Pool");
    let shown = home.done(&format!("devices show {SPA}")).await;
    assert_eq!(
        (&shown["name"], &shown["cloud"]["did"]),
        (&json!("Pool"), &json!(SPA))
    );
    assert!(!shown.to_string().contains("SIMULATEDX"), "{shown}");
    home.fails(&format!("devices rename {SPA}"), 2, "--alias")
        .await;
}

#[tokio::test]
async fn each_device_of_a_partial_success_is_told() {
    let home = Home::open().await;
    let args =
        format!("devices bind --did {SPA} --did {HEATER} --passcode wrong --passcode-file -");
    home.fails(&args, 2, "cannot be used with").await;
    let args = [
        "devices",
        "bind",
        "--json",
        "--did",
        SPA,
        "--passcode",
        "SIMULATEDX",
        "--did",
        HEATER,
        "--passcode",
        "wrong",
    ];
    let said = run(home.folder.path(), &args).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let expected = json!({ "status": "error", "success": [SPA], "failed": [HEATER] });
    assert_eq!(said.json(), expected);
    assert!(
        said.stderr.contains(HEATER) && said.stderr.contains("passcode"),
        "{}",
        said.stderr
    );

    let said = home.run(&format!("devices unbind {HEATER} nobody")).await;
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains(&format!("{HEATER}  unbound")),
        "{}",
        said.stdout
    );
    home.fails("devices unbind nobody", 1, "devices list").await;
    let two = ["devices", "bind", "--did", HEATER, "--passcode-file", "-"];
    assert_eq!(
        run_with(home.folder.path(), &two, "SIMULATEDX\n")
            .await
            .code,
        Some(0)
    );
    assert_eq!(
        run_with(home.folder.path(), &two, "").await.code,
        Some(2),
        "nothing came"
    );
}

#[tokio::test]
async fn what_a_device_sent_and_when_it_came_is_logged() {
    let home = Home::open().await;
    home.done(&format!("raw {SPA} 010203")).await;
    home.cloud
        .post(&format!("devices/{SPA}/online"), json!({ "online": false }))
        .await;
    let commands = home.done(&format!("devices log {SPA}")).await;
    assert!(!commands.as_array().unwrap().is_empty());
    let said = home
        .run(&format!("devices log {SPA} --online --hours 2"))
        .await;
    assert!(
        said.stdout.contains("TIME") && said.stdout.contains("offline"),
        "{said:?}"
    );
    home.fails(&format!("devices log {SPA} --hours 48"), 2, "47")
        .await;
}

#[tokio::test]
async fn a_schedule_is_added_listed_run_and_removed() {
    let home = Home::open().await;
    assert_eq!(home.done("schedules list").await, json!([]));
    let added = home
        .done(&format!("schedules add {SPA} power=on temp_set=37 {HEATER} mode=eco --at 07:30 --date tomorrow --repeat daily --retry-count 3 --retry-task failed"))
        .await;
    let id = added["id"].as_str().unwrap().to_owned();
    let plan = &added;
    assert_eq!(
        (&plan["retry_count"], &plan["retry_task"]),
        (&json!(3), &json!("failed"))
    );
    assert_eq!(
        plan["task"][0],
        json!({ "did": SPA, "product_key": "5a1a9d1de0f54a4e8b9f7b1c62d0a001", "attrs": { "power": true, "temp_set": 37 } })
    );
    assert_eq!(added["local"]["time"], "07:30");
    assert_eq!(added["local"]["zone"], "Europe/Berlin");
    assert_ne!(plan["time"], "07:30", "Berlin is never at UTC");
    assert!(added["warning"].as_str().unwrap().contains("clocks change"));

    let listed = home.done("schedules list").await;
    let row = &listed[0];
    assert_eq!(
        (&row["id"], &row["account"], &row["next_run"]),
        (&json!(id), &json!("home"), &added["next_run"])
    );
    assert_eq!(
        home.done(&format!("schedules list --did {HEATER}")).await,
        listed
    );
    assert_eq!(home.done("schedules list --did nobody").await, json!([]));
    let table = home.run("schedules list").await.stdout;
    assert!(
        table.contains("daily 07:30") && table.contains("3 (failed)"),
        "{table}"
    );

    assert_eq!(
        home.done(&format!("schedules logs {id}")).await,
        Value::Null
    );
    let said = home.run(&format!("schedules logs {id}")).await;
    assert!(said.stdout.contains("has not run yet"), "{said:?}");
    home.cloud
        .post(
            &format!("devices/{HEATER}/online"),
            json!({ "online": false }),
        )
        .await;
    home.advance(2 * 86_400).await;
    let log = home.done(&format!("schedules logs {id}")).await;
    assert_eq!(
        (&log["status"], &log["detail"][SPA], &log["detail"][HEATER]),
        (&json!("failed"), &json!(true), &json!(false))
    );
    let said = home.run(&format!("schedules logs {id} --zone UTC")).await;
    assert!(
        said.stdout.contains("FAILED") && said.stdout.contains("NOT delivered"),
        "{}",
        said.stdout
    );
    assert_eq!(
        home.done(&format!("get {SPA} temp_set")).await["temp_set"],
        37
    );

    home.done(&format!("schedules remove {id}")).await;
    home.fails(&format!("schedules remove {id}"), 1, "schedules list")
        .await;
    home.fails(&format!("schedules logs {id}"), 1, "schedules list")
        .await;
}

#[tokio::test]
async fn options_may_stand_between_the_words_of_a_schedule() {
    let home = Home::open().await;
    for args in [
        format!("schedules add {SPA} --at 07:30 power=on"),
        format!("schedules add --at 07:31 {SPA} power=on --date tomorrow {HEATER} mode=eco"),
    ] {
        home.done(&args).await;
    }
    let listed = home.done("schedules list").await;
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    home.fails(
        &format!("schedules add {SPA} --at 07:30"),
        2,
        "write ATTR=VALUE",
    )
    .await;
}

#[tokio::test]
async fn without_certificates_a_cloud_without_tls_works_and_one_with_it_says_what_to_install() {
    let home = Home::open().await;
    let args = ["--json", "devices", "list"];
    let said = run_without_roots(home.folder.path(), &args).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let file = home.folder.path().join("gizwits2mqtt.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("http://", "https://")).unwrap();
    let said = run_without_roots(home.folder.path(), &args).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("install ca-certificates"), "{said:?}");
}

#[tokio::test]
async fn a_schedule_that_cannot_be_is_refused_before_the_cloud_hears_of_it() {
    let home = Home::open().await;
    let add = format!("schedules add {SPA}");
    for (args, code, why) in [
        (format!("{add} power=on"), 2, "--at"),
        (format!("{add} power=on --at 7:30"), 2, "as in 07:30"),
        (format!("{add} power=on --at 25:00"), 2, "as in 07:30"),
        (
            format!("{add} power=on --at 07:30 --date monday"),
            2,
            "tomorrow",
        ),
        (
            format!("{add} power=on --at 07:30 --date 2020-01-01"),
            2,
            "is over",
        ),
        (
            format!("{add} power=on --at 02:30 --date 2027-03-28"),
            2,
            "does not exist",
        ),
        (
            format!("{add} power=on --at 07:30 --repeat monday"),
            2,
            "mon,wed,sun",
        ),
        (
            format!("{add} power=on --at 07:30 --zone Mars"),
            2,
            "Europe/Berlin",
        ),
        (
            format!("{add} power=on --at 07:30 --retry-count 61"),
            2,
            "60",
        ),
        (
            format!("{add} power=on --at 07:30 --retry-task some"),
            2,
            "all or failed",
        ),
        (format!("{add} temp_set=99 --at 07:30"), 2, "20 to 40"),
        (format!("{add} earth=on --at 07:30"), 2, "read-only"),
        (format!("{add} nothing=1 --at 07:30"), 2, "nothing"),
        (format!("{add} power=on power=off --at 07:30"), 2, "twice"),
        (format!("schedules add power=on {SPA} --at 07:30"), 2, "DID"),
        (
            "schedules add nobody power=on --at 07:30".to_owned(),
            1,
            "devices list",
        ),
    ] {
        home.fails(&args, code, why).await;
    }
    let posted = home.cloud.calls("/app/scheduler").await;
    assert!(
        posted.iter().all(|call| call["method"] != "POST"),
        "{posted:?}"
    );
}

#[tokio::test]
async fn all_pages_of_schedules_are_listed() {
    let home = Home::open().await;
    for minute in 0..21 {
        home.done(&format!(
            "schedules add {SPA} power=on --at 07:{minute:02} --date tomorrow --zone UTC"
        ))
        .await;
    }
    assert_eq!(
        home.done("schedules list").await.as_array().unwrap().len(),
        21
    );
}

#[tokio::test]
async fn error_codes_are_explained_from_the_documents_and_live() {
    let home = Home::open().await;
    let all = home.done("errors").await;
    assert_eq!(all.as_array().unwrap().len(), 46);
    let one = home.done("errors 9042").await;
    assert_eq!(
        (&one[0]["code"], &one[0]["meaning"]),
        (&json!(9042), &json!("the device is offline"))
    );
    home.fails("errors 1", 2, "--live").await;
    let live = home.done("errors --live").await;
    assert!(
        live.as_array()
            .unwrap()
            .iter()
            .any(|row| row["code"] == 9017),
        "{live}"
    );
    let said = home.run("errors --live").await;
    assert!(
        said.stdout
            .starts_with("What the cloud of region custom (API "),
        "{said:?}"
    );
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(
        run(nowhere.path(), &["errors", "9005"]).await.code,
        Some(0),
        "it needs no configuration"
    );
}

#[tokio::test]
async fn completions_and_manual_pages_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = run(folder.path(), &["completions", shell]).await;
        assert_eq!(said.code, Some(0), "{shell}");
        assert!(
            said.stdout.contains("reset-password") && !said.stdout.contains('\u{fffd}'),
            "{shell}"
        );
    }
    let said = run(folder.path(), &["--json", "completions", "bash"]).await;
    assert!(
        said.json()["script"]
            .as_str()
            .unwrap()
            .contains("schedules")
    );
    let said = run(folder.path(), &["man"]).await;
    assert!(
        said.stdout.starts_with(".ie") && said.stdout.contains(".SH NAME"),
        "{}",
        said.stdout
    );
    let said = run(folder.path(), &["--json", "man", "--out", "man1"]).await;
    assert!(said.json()["pages"].as_u64().unwrap() > 30, "{said:?}");
    let page =
        std::fs::read_to_string(folder.path().join("man1/gizwits2mqtt-schedules-add.1")).unwrap();
    assert!(page.contains("retry"), "{page}");
}

#[tokio::test]
async fn help_of_each_new_command_teaches() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "setup",
        "account",
        "account register",
        "account login",
        "account logout",
        "account profile",
        "account upgrade",
        "account set-password",
        "account set-email",
        "account set-phone",
        "account reset-password",
        "account app-token",
        "account captcha",
        "account send-code",
        "account verify-code",
        "devices",
        "devices bind",
        "devices bind-mac",
        "devices unbind",
        "devices rename",
        "devices log",
        "schedules",
        "schedules list",
        "schedules add",
        "schedules remove",
        "schedules logs",
        "errors",
        "completions",
        "man",
    ] {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let said = run(folder.path(), &args).await;
        assert_eq!(said.code, Some(0), "{command}");
        let name = format!("help_{}", command.replace([' ', '-'], "_"));
        // What every command takes is in the first help's snapshot.
        let (own, common) = said.stdout.split_once("With every command:").unwrap();
        let after = common.split_once("\n\n").unwrap_or_default().1;
        let own = format!("{own}{after}");
        insta::assert_snapshot!(name, own.trim_end());
    }
}
