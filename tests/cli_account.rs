//! Users of the cloud, from the command line: every call about them, without a configuration and with
//! one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::cli::{Said, folder, run, run_with};
use support::cloud::Cloud;

const PHONE: &str = "13800000001";

/// A folder without a configuration, and the cloud that the options name.
struct Newcomer {
    cloud: Cloud,
    folder: tempfile::TempDir,
}

impl Newcomer {
    async fn arrive() -> Self {
        let newcomer = Self {
            cloud: Cloud::start().await,
            folder: tempfile::tempdir().unwrap(),
        };
        newcomer.file("app-secret", "demo-app-secret\n");
        newcomer
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// `account WORDS`, with these lines on standard input.
    async fn account(&self, words: &str, input: &str) -> Said {
        let url = self.cloud.url();
        let mut args = vec![
            "account",
            "--app-id",
            "demo-app-id",
            "--api-url",
            &url,
            "--json",
        ];
        args.extend(words.split(' '));
        run_with(self.folder.path(), &args, input).await
    }

    async fn done(&self, words: &str, input: &str) -> Value {
        let said = self.account(words, input).await;
        assert_eq!(said.code, Some(0), "{words}: {said:?}");
        let document = said.json();
        if words != "profile" {
            assert_eq!(document["status"], "ok", "{words}");
        }
        document
    }

    /// It fails like this; scripts learn the same from the document.
    async fn fails(&self, words: &str, input: &str, exit_code: i32, why: &str) {
        let said = self.account(words, input).await;
        assert_eq!(said.code, Some(exit_code), "{words}: {said:?}");
        assert!(said.stderr.contains(why), "{words}: {}", said.stderr);
        if exit_code == 1 {
            let document = said.json();
            assert_eq!(document["status"], "error", "{words}");
            assert!(
                document["error"].as_str().unwrap().contains(why),
                "{document}"
            );
        }
    }

    /// What was sent last, of a kind.
    async fn sent(&self, kind: &str) -> Value {
        let sent = self.cloud.get("outbox").await;
        let sent = sent.as_array().unwrap();
        let last = sent.iter().rev().find(|each| each["kind"] == kind);
        last.unwrap_or_else(|| panic!("no {kind} in {sent:?}"))
            .clone()
    }

    /// A text message, by all the steps before it; its code.
    async fn code(&self, phone: &str) -> String {
        let captcha = self
            .done("captcha --app-secret-file app-secret --out picture.png", "")
            .await;
        let read = self.sent("captcha").await["code"]
            .as_str()
            .unwrap()
            .to_owned();
        let id = captcha["captcha_id"].as_str().unwrap();
        let words = format!("send-code --phone {phone} --captcha-id {id} --captcha-code {read}");
        self.done(&words, "").await;
        self.sent("sms").await["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn users_register_in_every_way_and_are_logged_in() {
    let newcomer = Newcomer::arrive().await;
    newcomer.file("pw", "First-pass-1\n");
    newcomer.file("id", "some-phone-id-of-mine\n");
    newcomer.file("token", "provider-token\n");
    let code = newcomer.code(PHONE).await;
    for (words, input, user) in [
        ("register --username anna --password-file pw", "", "anna"),
        (
            "register --email bert@example.com --password-file -",
            "First-pass-1\n",
            "bert@example.com",
        ),
        (
            &format!("register --phone {PHONE} --code {code} --password-file pw"),
            "",
            PHONE,
        ),
        (
            "register --phone-id another-phone-id",
            "",
            "an anonymous user",
        ),
        (
            "register --phone-id -",
            "third-phone-id-of-mine\n",
            "an anonymous user",
        ),
        ("register --phone-id-file id", "", "an anonymous user"),
        (
            "register --third-party baidu --uid u1 --token-file token",
            "",
            "u1 of baidu",
        ),
        (
            "register --third-party sina --uid u1 --token-file -",
            "t\n",
            "u1 of sina",
        ),
        (
            "register --third-party qq --uid u1 --token-file token",
            "",
            "u1 of qq",
        ),
    ] {
        let made = newcomer.done(words, input).await;
        assert_eq!(
            (&made["user"], &made["region"]),
            (&json!(user), &json!("custom")),
            "{words}"
        );
        let profile = newcomer.done("profile", "").await;
        assert_eq!(
            profile["uid"], made["uid"],
            "{words}: that user is logged in"
        );
        assert!(profile.get("phone_id").is_none(), "{profile}");
    }
    for (words, why) in [
        ("register --username anna --password-file pw", "9019"),
        (
            "register --email bert@example.com --password-file pw",
            "9022",
        ),
        (
            "register --phone 13800000002 --code 000000 --password-file pw",
            "9010",
        ),
    ] {
        newcomer.fails(words, "", 1, why).await;
    }
}

#[tokio::test]
async fn users_change_and_each_change_holds() {
    let newcomer = Newcomer::arrive().await;
    newcomer.file("pw", "First-pass-1\n");
    newcomer
        .done("register --phone-id some-phone-id-of-mine", "")
        .await;
    newcomer
        .done("upgrade --username anna --password-file pw", "")
        .await;
    newcomer
        .done("set-email --email anna@example.com", "")
        .await;
    let code = newcomer.code(PHONE).await;
    let verified = newcomer
        .account(&format!("verify-code --phone {PHONE} --code 1"), "")
        .await;
    assert_eq!(verified.json()["code"], 9010, "{verified:?}");
    newcomer
        .done(&format!("set-phone --phone {PHONE} --code {code}"), "")
        .await;
    newcomer
        .done(
            "set-password --old-password-file - --password-file -",
            "First-pass-1\nSecond-pass-2\n",
        )
        .await;
    let profile = newcomer.done("profile", "").await;
    for (key, value) in [
        ("username", "anna"),
        ("email", "anna@example.com"),
        ("phone", PHONE),
    ] {
        assert_eq!(profile[key], value, "{profile}");
    }
    newcomer
        .fails("login --username anna --password-file pw", "", 1, "9020")
        .await;
    for name in ["anna", "anna@example.com", PHONE] {
        let words = format!("login --username {name} --password-file -");
        newcomer.done(&words, "Second-pass-2\n").await;
    }
    newcomer
        .fails(
            "set-password --old-password-file pw --password-file pw",
            "",
            1,
            "9020",
        )
        .await;
    newcomer.done("logout", "").await;
    newcomer
        .fails("profile", "", 2, "`gizwits2mqtt account login`")
        .await;

    let code = newcomer.code("13800000002").await;
    newcomer
        .done("register --phone-id some-phone-id-of-others", "")
        .await;
    newcomer
        .done(
            &format!("upgrade --phone 13800000002 --code {code} --password-file pw"),
            "",
        )
        .await;
    newcomer
        .done("login --username 13800000002 --password-file pw", "")
        .await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail_and_by_text_message() {
    let newcomer = Newcomer::arrive().await;
    newcomer.file("pw", "First-pass-1\n");
    newcomer.file("new", "Second-pass-2\n");
    let code = newcomer.code(PHONE).await;
    newcomer
        .done(&format!("verify-code --phone {PHONE} --code {code}"), "")
        .await;
    let code = newcomer.code(PHONE).await;
    newcomer
        .done(
            &format!("register --phone {PHONE} --code {code} --password-file pw"),
            "",
        )
        .await;
    let code = newcomer.code(PHONE).await;
    newcomer
        .done(
            &format!("reset-password --phone {PHONE} --code {code} --password-file new"),
            "",
        )
        .await;
    newcomer
        .done(&format!("login --username {PHONE} --password-file new"), "")
        .await;

    newcomer
        .done("register --email anna@example.com --password-file pw", "")
        .await;
    newcomer
        .done("reset-password --email anna@example.com", "")
        .await;
    let link = newcomer.sent("mail").await["link"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = reqwest::Client::new()
        .post(link)
        .json(&json!({ "new_pwd": "Second-pass-2" }));
    assert_eq!(page.send().await.unwrap().status(), 200);
    newcomer
        .done("login --username anna@example.com --password-file new", "")
        .await;
    newcomer
        .fails("reset-password --email nobody@example.com", "", 1, "9005")
        .await;
}

#[tokio::test]
async fn application_tokens_are_kept_and_replaced_and_never_shown() {
    let newcomer = Newcomer::arrive().await;
    newcomer.file("wrong", "no-secret\n");
    newcomer
        .fails("app-token --app-secret-file wrong", "", 1, "9038")
        .await;
    let got = newcomer
        .done("app-token --app-secret-file app-secret", "")
        .await;
    assert_eq!(
        got["token"].as_str().unwrap().chars().count(),
        5,
        "its end, to tell it by: {got}"
    );
    let kept = newcomer
        .folder
        .path()
        .join(".local/state/gizwits2mqtt/cli/kept.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let token = |text: &str| {
        let kept: Value = serde_json::from_str(text).unwrap();
        let token = kept["app_tokens"]
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .clone();
        token["token"].as_str().unwrap().to_owned()
    };
    let first = token(&std::fs::read_to_string(&kept).unwrap());
    assert!(first.len() > 8);

    let captcha = newcomer.account("captcha --out p.png", "").await;
    assert_eq!(captcha.code, Some(0), "{captcha:?}");
    assert!(!captcha.both().contains(&first));
    let picture = std::fs::read(newcomer.folder.path().join("p.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert_eq!(
        newcomer.cloud.calls("/app/request_token").await.len(),
        2,
        "the kept one was good"
    );

    // One that has become void is replaced, once.
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replace(&first, "void-token-void-token")).unwrap();
    newcomer
        .done("captcha --out p.png --app-secret-file app-secret", "")
        .await;
    assert_eq!(newcomer.cloud.calls("/app/request_token").await.len(), 3);
    assert_ne!(token(&std::fs::read_to_string(&kept).unwrap()), first);
}

#[tokio::test]
async fn with_a_configuration_its_account_is_meant() {
    let cloud = Cloud::start().await;
    let folder = folder(&cloud);
    let said = run(folder.path(), &["account", "profile", "--json"]).await;
    assert_eq!(said.json()["email"], "demo@example.com", "{said:?}");
    let said = run(folder.path(), &["account", "login"]).await;
    assert!(said.stdout.contains("devices: 9"), "{said:?}");
    // Another user is the one from then on, until the next logout.
    let args = [
        "account",
        "register",
        "--username",
        "anna",
        "--password-file",
        "-",
    ];
    assert_eq!(
        run_with(folder.path(), &args, "First-pass-1\n").await.code,
        Some(0)
    );
    let profile = async || {
        run(folder.path(), &["account", "profile", "--json"])
            .await
            .json()
    };
    assert_eq!(profile().await["username"], "anna");
    assert_eq!(
        run(folder.path(), &["account", "logout"]).await.code,
        Some(0)
    );
    assert_eq!(profile().await["email"], "demo@example.com");

    // An account of the file may lack its user, and others make which one is meant a question.
    let url = cloud.url();
    let bare = json!({ "accounts": [
        { "name": "a", "app_id": "demo-app-id", "api_url": url, "app_secret": "demo-app-secret" },
        { "name": "b", "app": "heatzy" },
    ] });
    std::fs::write(folder.path().join("gizwits2mqtt.yaml"), bare.to_string()).unwrap();
    let said = run(folder.path(), &["account", "app-token"]).await;
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("--account: a, b"), "{said:?}");
    let said = run(folder.path(), &["account", "app-token", "--account", "a"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.both().contains("demo-app-secret"));
}

#[tokio::test]
async fn which_cloud_is_asked_for_in_words_that_help() {
    let folder = tempfile::tempdir().unwrap();
    for (args, why) in [
        (&["account", "profile"][..], "--app-id"),
        (
            &["account", "profile", "--app", "heatsy"],
            "did you mean \"heatzy\"?",
        ),
        (
            &["account", "profile", "--app", "heatzy", "--region", "mars"],
            "--region",
        ),
        (
            &[
                "account",
                "profile",
                "--app",
                "heatzy",
                "--api-url",
                "ftp://x",
            ],
            "--api-url",
        ),
        (
            &["account", "profile", "--app", "heatzy", "--account", "a"],
            "leave one out",
        ),
        (
            &["account", "profile", "--app", "heatzy"],
            "nobody is logged in",
        ),
        (
            &[
                "account",
                "register",
                "--app",
                "bestway",
                "--username",
                "me",
            ],
            "--region",
        ),
        (&["account", "register", "--app", "heatzy"], "--username"),
        (
            &[
                "account",
                "register",
                "--app",
                "heatzy",
                "--third-party",
                "qq",
            ],
            "--uid",
        ),
        (&["account", "reset-password", "--app", "heatzy"], "--email"),
        (
            &[
                "account",
                "register",
                "--app",
                "heatzy",
                "--username",
                "a",
                "--password-file",
                "none",
            ],
            "none cannot be read",
        ),
        (
            &["account", "send-code", "--app", "heatzy", "--phone", "1"],
            "account captcha",
        ),
    ] {
        let said = run(folder.path(), args).await;
        assert_eq!(
            (said.code, said.stdout.as_str()),
            (Some(2), ""),
            "{args:?}: {said:?}"
        );
        assert!(said.stderr.contains(why), "{args:?}: {}", said.stderr);
    }
}
