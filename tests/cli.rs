//! The command line as users and scripts meet it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::cli::{folder, run};
use support::cloud::{Cloud, SPA};
use support::{PROGRAM, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

#[tokio::test]
async fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["--help"]).await;
    assert_eq!(said.code, Some(0));
    insta::assert_snapshot!("help", said.stdout);
    for command in [
        "run", "demo", "simulate", "check", "devices", "get", "set", "raw", "schema",
    ] {
        let said = run(folder.path(), &[command, "--help"]).await;
        assert_eq!(said.code, Some(0), "{command}");
        assert!(said.stdout.contains("--config"), "{command}");
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["fly"][..],
        &["set", "d"],
        &["set", "d", "power"],
        &["get"],
        &[],
    ] {
        assert_eq!(run(folder.path(), args).await.code, Some(2), "{args:?}");
    }
    for command in ["run", "check", "devices list"] {
        let args: Vec<&str> = command.split(' ').collect();
        let said = run(folder.path(), &args).await;
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (Some(2), ""),
            "{command}"
        );
        assert!(
            said.stderr.contains("no such file") && said.stderr.contains("--config"),
            "{}",
            said.stderr
        );
    }
    std::fs::write(
        folder.path().join("bad.yaml"),
        "accounts: []\nmqtt: {url: x}\n",
    )
    .unwrap();
    let said = run(folder.path(), &["run", "-c", "bad.yaml"]).await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr.contains("bad.yaml:1: accounts:")
            && said.stderr.contains("bad.yaml:2: mqtt.url:"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn devices_are_listed_and_shown() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let said = run(folder.path(), &["devices", "list"]).await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    insta::assert_snapshot!("devices_list", said.stdout);
    let said = run(folder.path(), &["devices", "list", "--json"]).await;
    let devices: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(devices.as_array().unwrap().len(), 9);
    let said = run(folder.path(), &["--json", "devices", "show", SPA]).await;
    let device: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&device["topic"], &device["attributes"]),
        (&json!("gizwits2mqtt/hot_tub"), &json!(13))
    );
    assert!(
        !said.stdout.contains("SIMULATEDX"),
        "a passcode is not shown"
    );
    let said = run(folder.path(), &["devices", "show", "nobody"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("devices list"), "{}", said.stderr);
    // All commands together logged in once.
    assert_eq!(cloud.calls("/app/login").await.len(), 1);
}

#[tokio::test]
async fn data_are_read_and_set() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let said = run(folder.path(), &["get", SPA]).await;
    // Values of a device that is away are no more than what was: each look says how old they are.
    let (head, values) = said.stdout.split_once("\n\n").unwrap();
    assert!(
        head.starts_with("Hot tub (DemoSpa0000000000000001): online, last report ")
            && head.contains(" s ago ("),
        "{head}"
    );
    insta::assert_snapshot!("get", values);
    let said = run(folder.path(), &["get", SPA, "temp_set", "--json"]).await;
    let data: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&data["temp_set"], data.as_object().unwrap().len()),
        (&json!(38), 2)
    );
    let said = run(folder.path(), &["get", SPA, "tmp"]).await;
    assert_eq!(said.code, Some(2));

    let said = run(folder.path(), &["set", SPA, "temp_set=35", "locked=on"]).await;
    assert_eq!(
        (said.code, said.stdout.trim()),
        (Some(0), "the cloud took it: locked=true temp_set=35")
    );
    let said = run(folder.path(), &["set", SPA, "temp_set=99", "earth=on"]).await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr.contains("20 to 40") && said.stderr.contains("earth is read-only"),
        "{}",
        said.stderr
    );
    for bytes in ["010203", "1,2,3", "[1, 2, 3]"] {
        let said = run(folder.path(), &["raw", SPA, bytes]).await;
        assert_eq!(said.code, Some(0), "{}", said.stderr);
    }
    // 12 34 may be two decimal numbers or two bytes of hex, and power=off may be a slip.
    for args in [
        &["raw", SPA, "xyz"][..],
        &["raw", SPA, "12", "34"],
        &["set", SPA, "power=on", "power=off"],
    ] {
        assert_eq!(run(folder.path(), args).await.code, Some(2), "{args:?}");
    }
    cloud
        .post(&format!("devices/{SPA}/online"), json!({ "online": false }))
        .await;
    let said = run(folder.path(), &["set", SPA, "temp_set=30", "--json"]).await;
    assert_eq!(said.code, Some(1));
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&answer["status"], &answer["code"]),
        (&json!("error"), &json!(9042))
    );
    assert!(
        said.stderr.contains("the device is offline (9042)"),
        "{}",
        said.stderr
    );
    assert_eq!(
        cloud.controls().await,
        [
            json!({ "attrs": { "temp_set": 35, "locked": true } }),
            json!({ "raw": [1, 2, 3] }),
            json!({ "raw": [1, 2, 3] }),
            json!({ "raw": [1, 2, 3] })
        ]
    );
}

#[tokio::test]
async fn schemas_are_printed_by_device_and_by_product() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let said = run(folder.path(), &["schema", SPA]).await;
    insta::assert_snapshot!("schema", said.stdout);
    let by_product = run(
        folder.path(),
        &["schema", "5a1a9d1de0f54a4e8b9f7b1c62d0a001"],
    )
    .await;
    assert_eq!(by_product.stdout, said.stdout);
    let said = run(folder.path(), &["schema", "DemoMystery00000000008"]).await;
    assert!(said.stdout.contains("inferred"), "{}", said.stdout);
    assert_eq!(
        run(folder.path(), &["schema", "nothing"]).await.code,
        Some(1)
    );
}

#[tokio::test]
async fn check_finds_what_does_not_work() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let said = run(folder.path(), &["check"]).await;
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.contains("the configuration is good"));
    assert_eq!(cloud.calls("/").await.len(), 0, "it stays at home");
    let said = run(folder.path(), &["check", "--online"]).await;
    assert_eq!(said.code, Some(1), "there is no broker at that port");
    assert!(
        said.stdout.contains("logged in, region custom, 9 devices"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout.contains("broker: FAILED: nothing listens"),
        "{}",
        said.stdout
    );
    let mut wrong = support::bridge::config(&cloud, "mqtt://127.0.0.1:1");
    wrong["accounts"][0]["password"] = json!("wrong-password-1");
    wrong["state_dir"] = json!("other");
    std::fs::write(folder.path().join("wrong.yaml"), wrong.to_string()).unwrap();
    let said = run(folder.path(), &["check", "--online", "-c", "wrong.yaml"]).await;
    assert_eq!(said.code, Some(1));
    assert!(
        said.stdout.contains("9020") && said.stdout.contains("`account reset-password`"),
        "{}",
        said.stdout
    );
    assert!(!(said.stdout + &said.stderr).contains("wrong-password-1"));
}

#[tokio::test]
async fn one_account_that_is_refused_hides_no_other() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let mut config = support::bridge::config(&cloud, "mqtt://127.0.0.1:1");
    let mut wrong = config["accounts"][0].clone();
    wrong["name"] = json!("shed");
    wrong["password"] = json!("wrong-password-1");
    config["accounts"].as_array_mut().unwrap().insert(0, wrong);
    config["devices"] = json!({ "NoSuchDevice": { "name": "x" } });
    let file = folder.path().join("gizwits2mqtt.yaml");
    std::fs::write(&file, config.to_string()).unwrap();

    let said = run(folder.path(), &["devices", "list", "--json"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("account shed: "), "{}", said.stderr);
    let devices: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(devices.as_array().unwrap().len(), 9);
    assert_eq!(run(folder.path(), &["get", SPA]).await.code, Some(0));
    let said = run(folder.path(), &["get", "nobody"]).await;
    assert!(
        said.stderr.contains("account shed: "),
        "shed may have it: {}",
        said.stderr
    );
    let said = run(folder.path(), &["check", "--online", "--json"]).await;
    assert_eq!(said.code, Some(1));
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&found["status"], &found["accounts"][0]["code"]),
        (&json!("error"), &json!(9020))
    );
    assert_eq!(found["accounts"][1]["devices"].as_array().unwrap().len(), 9);
    assert!(!found["broker"]["error"].is_null(), "{found}");

    config["accounts"].as_array_mut().unwrap().remove(0);
    std::fs::write(&file, config.to_string()).unwrap();
    let said = run(folder.path(), &["check", "--online"]).await;
    assert!(
        said.stdout.contains("warning: devices names NoSuchDevice"),
        "{}",
        said.stdout
    );
}

#[tokio::test]
async fn scripts_get_one_document_of_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gizwits2mqtt.yaml");
    std::fs::write(&file, "accounts: []\nmqtt: {url: x}\n").unwrap();
    let said = run(folder.path(), &["check", "--json"]).await;
    assert_eq!(said.code, Some(2));
    let found: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(found["status"], "error");
    let lines: Vec<&Value> = found["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| &problem["line"])
        .collect();
    assert_eq!(lines, [&json!(1), &json!(2)]);
}

#[tokio::test]
async fn a_file_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(PROGRAM)
        .args(["check", "-c", "typo.yaml"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("GIZWITS2MQTT__ACCOUNTS__0__APP", "heatzy")
        .env("GIZWITS2MQTT__ACCOUNTS__0__PHONE_ID", "p")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_result_that_cannot_be_written_is_no_success() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = Command::new(PROGRAM)
        .arg("check")
        .current_dir(folder.path())
        .stdout(full)
        .status()
        .await
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_a_question_with_130() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let silent = json!({ "path": "/app/login", "count": 1, "kind": "timeout" });
    cloud.post("faults", silent).await;
    let mut child = Command::new(PROGRAM)
        .args(["devices", "list"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // Its handler stands before it asks.
    let asked = async { while cloud.calls("/app/login").await.is_empty() {} };
    tokio::time::timeout(support::DEADLINE, asked)
        .await
        .expect("it does not log in");
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status();
    assert!(sent.await.unwrap().success());
    let ended = tokio::time::timeout(support::DEADLINE, child.wait());
    assert_eq!(ended.await.unwrap().unwrap().code(), Some(130));
}

#[tokio::test]
async fn an_unreachable_cloud_is_said_as_such() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    drop(cloud);
    let said = run(folder.path(), &["devices", "list"]).await;
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("cannot connect to 127.0.0.1"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn a_scenario_file_is_served_or_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("s.yaml"), "app_ids: []\nuser: []\n").unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let said = run(
        folder.path(),
        &["simulate", "--listen", &listen, "--scenario", "s.yaml"],
    )
    .await;
    assert_eq!(said.code, Some(2));
    assert!(
        said.stderr.contains("s.yaml") && said.stderr.contains("line 2"),
        "{}",
        said.stderr
    );
}

#[cfg(feature = "embedded-broker")]
#[tokio::test]
async fn the_demo_shows_all_devices_and_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["demo", "--duration", "9"])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines =
        tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(child.stdout.take().unwrap()));
    let mut all = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        all = all + &line + "\n";
        if line.contains("summer_house") {
            tokio::io::AsyncWriteExt::write_all(&mut stdin, b"hot_tub temp_set 36\n")
                .await
                .unwrap();
        }
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert!(
        all.contains("command {\"temp_set\":36} done, and the device says so"),
        "{all}"
    );
    assert!(all.contains("9 devices, 8 online"), "{all}");
}

/// Who subscribes to the embedded broker late gets no more than 100 retained messages: on a slow machine
/// the demo showed devices without a state.
#[tokio::test]
async fn the_demo_looks_before_its_bridge_publishes() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Command::new(PROGRAM)
        .args(["demo", "--broker", &url])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let talk = async {
        let (mut window, _) = listener.accept().await.unwrap();
        let connect = packet(&mut window).await;
        let says = |packet: &[u8], word: &str| String::from_utf8_lossy(packet).contains(word);
        assert!(says(&connect, "demo-window"), "{connect:?}");
        window.write_all(b"\x20\x03\0\0\0").await.unwrap();
        let subscribe = packet(&mut window).await;
        assert!(says(&subscribe, "gizwits2mqtt_demo/#"), "{subscribe:?}");
        let (mut bridge, _) = listener.accept().await.unwrap();
        let connect = packet(&mut bridge).await;
        assert!(!says(&connect, "demo-window"), "{connect:?}");
    };
    let talked = tokio::time::timeout(support::DEADLINE, talk).await;
    talked.expect("no talk with the broker");
    demo.kill().await.unwrap();
}

/// One MQTT packet of less than 128 bytes behind its header.
async fn packet(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).await.unwrap();
    let mut packet = vec![0; usize::from(header[1])];
    stream.read_exact(&mut packet).await.unwrap();
    packet
}
