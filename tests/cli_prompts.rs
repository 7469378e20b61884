//! What the program asks at a terminal: hidden answers, `setup` from end to end, what it says while
//! something takes long, and where there is nobody to ask.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use gizwits2mqtt::model::preset::PRESETS;
use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use serde_json::json;
use support::broker::Broker;
use support::cloud::{Cloud, PASSWORD, SPA};
use support::{DEADLINE, PROGRAM};

/// The program at a terminal; what it shows is collected.
struct Terminal {
    session: PtySession,
    shown: String,
}

impl Terminal {
    fn open(folder: &Path, args: &[&str]) -> Self {
        Self::open_in(folder, args, &[])
    }

    /// In a terminal that calls itself so.
    fn open_in(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        // The terminal begins as terminals do: it shows what is typed.
        let mut command = Command::new("sh");
        command.args(["-c", "stty echo; echo $$ >pid; exec \"$0\" \"$@\"", PROGRAM]);
        command.args(args).env("TERM", "xterm");
        support::cli::at_home(&mut command, folder);
        for name in ["TMUX", "STY", "TERM_PROGRAM", "KITTY_WINDOW_ID"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let deadline = u64::try_from(DEADLINE.as_millis()).unwrap();
        Self {
            session: spawn_command(command, Some(deadline)).unwrap(),
            shown: String::new(),
        }
    }

    fn sees(&mut self, text: &str) {
        let before = self.session.exp_string(text);
        self.shown +=
            &before.unwrap_or_else(|err| panic!("no {text:?} after {}: {err}", self.shown));
        self.shown += text;
    }

    /// Answers a question.
    fn answers(&mut self, question: &str, answer: &str) {
        self.sees(question);
        self.session.send_line(answer).unwrap();
    }

    /// Answers a question whose answer is not shown, once the terminal has stopped to show it.
    fn answers_hidden(&mut self, question: &str, answer: &str) {
        self.sees(question);
        while self.echoes() {}
        self.session.send_line(answer).unwrap();
    }

    fn echoes(&self) -> bool {
        let terminal = self.session.process().get_file_handle().unwrap();
        let settings = Command::new("stty")
            .arg("-a")
            .stdin(terminal)
            .output()
            .unwrap();
        let settings = String::from_utf8(settings.stdout).unwrap();
        assert!(settings.contains("echo"), "{settings}");
        settings.split_whitespace().any(|word| word == "echo")
    }

    /// All that was shown, and the exit code.
    fn ends(mut self) -> (String, i32) {
        self.shown += &self.session.exp_eof().unwrap();
        let status = self.session.process().wait().unwrap();
        let WaitStatus::Exited(_, code) = status else {
            panic!("{status:?}");
        };
        (self.shown, code)
    }
}

/// Options that name the cloud.
fn named<'a>(url: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let mut args = args.to_vec();
    args.extend(["--app-id", "demo-app-id", "--api-url", url]);
    args
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_asked_for_twice_and_not_shown() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = cloud.url();
    let args = named(&url, &["account", "register", "--username", "anna"]);
    let mut terminal = Terminal::open(folder.path(), &args);
    terminal.answers_hidden("New password of anna: ", "First-pass-1");
    terminal.answers_hidden("Once more: ", "Other-pass-1");
    terminal.sees("These differ");
    terminal.answers_hidden("New password of anna: ", "First-pass-1");
    terminal.answers_hidden("Once more: ", "First-pass-1");
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("registered: anna"), "{shown}");
    assert!(!shown.contains("-pass-1"), "{shown}");

    let args = named(&url, &["account", "set-password"]);
    let mut terminal = Terminal::open(folder.path(), &args);
    terminal.answers_hidden("Password in force: ", "First-pass-1");
    terminal.answers_hidden("New password: ", "Second-pass-2");
    terminal.answers_hidden("Once more: ", "Second-pass-2");
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("-pass-"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_is_asked_for_by_a_picture_that_the_terminal_shows() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = cloud.url();
    let args = named(&url, &["account", "send-code", "--phone", "13800000001"]);
    let mut terminal = Terminal::open_in(folder.path(), &args, &[("TERM", "xterm-kitty")]);
    terminal.answers_hidden("Application's secret: ", "demo-app-secret");
    terminal.sees("\x1b_Ga=T,f=100,");
    terminal.sees("picture: captcha.png (from http://");
    let sent = cloud.get("outbox").await;
    terminal.answers("What the picture says: ", sent[0]["code"].as_str().unwrap());
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("sent: a text message to 13800000001"),
        "{shown}"
    );
    assert!(!shown.contains("demo-app-secret"), "{shown}");
    assert!(folder.path().join("captcha.png").exists());

    let sent = cloud.get("outbox").await;
    let args = named(&url, &["account", "verify-code", "--phone", "13800000001"]);
    let mut terminal = Terminal::open(folder.path(), &args);
    terminal.answers(
        "Code from the text message: ",
        sent[1]["code"].as_str().unwrap(),
    );
    assert_eq!(terminal.ends().1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_writes_a_configuration_that_works() {
    let (cloud, broker) = (Cloud::start().await, Broker::start().await);
    let folder = tempfile::tempdir().unwrap();
    let url = cloud.url();
    let file = folder.path().join("gizwits2mqtt.yaml");
    let args = named(&url, &["setup"]);
    let mut terminal = Terminal::open(folder.path(), &args);
    terminal.answers("as in the app: ", "demo@example.com");
    terminal.answers_hidden("Password of demo@example.com: ", "wrong-password-1");
    terminal.sees("wrong (9020)");
    terminal.answers("Try again? [Y/n] ", "");
    terminal.answers("as in the app: ", "demo@example.com");
    terminal.answers_hidden("Password of demo@example.com: ", PASSWORD);
    terminal.sees("9 devices");
    terminal.answers("[mqtt://localhost:1883]: ", "mqtt://127.0.0.1:1");
    terminal.answers("User name there (empty: none): ", "");
    terminal.sees("nothing listens at 127.0.0.1:1");
    terminal.answers("look for the cause later? [y/N] ", "n");
    terminal.answers("[mqtt://127.0.0.1:1]: ", &broker.url());
    terminal.answers("User name there (empty: none): ", "");
    terminal.sees("connected: 127.0.0.1:");
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(
        !shown.contains("password-1") && !shown.contains(PASSWORD),
        "{shown}"
    );
    assert_eq!(mode(&file), 0o600);
    let said = support::cli::run(folder.path(), &["check", "--online"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.both().contains("warning"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_replaces_no_file_unasked_and_keeps_the_old_one() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = cloud.url();
    let file = folder.path().join("mine.yaml");
    std::fs::write(&file, "mine").unwrap();
    let args = named(&url, &["setup", "-c", "mine.yaml"]);
    for answer in ["", "n"] {
        let mut terminal = Terminal::open(folder.path(), &args);
        terminal.answers("[y/N] ", answer);
        let (shown, code) = terminal.ends();
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains("nothing was written"), "{shown}");
        assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    }
    let mut terminal = Terminal::open(folder.path(), &args);
    terminal.answers("[y/N] ", "y");
    terminal.answers("as in the app: ", "demo@example.com");
    terminal.answers_hidden("Password of demo@example.com: ", PASSWORD);
    terminal.answers("[mqtt://localhost:1883]: ", "127.0.0.1:1");
    terminal.answers("User name there (empty: none): ", "bridge");
    terminal.answers_hidden("Password there: ", "broker-password-1");
    terminal.answers("look for the cause later? [y/N] ", "y");
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("gizwits2mqtt run -c mine.yaml"), "{shown}");
    assert!(!shown.contains("broker-password-1"), "{shown}");
    assert_eq!(
        std::fs::read(folder.path().join("mine.yaml.bak")).unwrap(),
        b"mine"
    );
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_finds_the_app_of_somebody_who_does_not_know_it() {
    // A cloud that knows one of the apps.
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("s.yaml");
    let text = "app_ids: [c70a66ff039d41b4a220e198b0fcc8b3]\n\
                users: [{ name: me@example.com, password: my-password-1 }]\n\
                products: [{ product_key: p1, name: Heater }]\n\
                devices: [{ did: MyHeater00000000000001, product_key: p1, mac: \"020000000001\", users: [me@example.com] }]\n";
    std::fs::write(&scenario, text).unwrap();
    let cloud = Cloud::with_scenario(&scenario).await;
    let url = cloud.url();
    let mut terminal = Terminal::open(folder.path(), &["setup", "--api-url", &url]);
    terminal.answers("Number or name: ", "nonsense");
    // Behind the apps that are known, and another one.
    let not_sure = PRESETS.len() + 2;
    terminal.answers("Number or name: ", &not_sure.to_string());
    terminal.answers("as in the app: ", "me@example.com");
    terminal.answers_hidden("Password of me@example.com: ", "my-password-1");
    terminal.sees("bestway: ");
    terminal.sees("logged in: heatzy");
    terminal.answers("[mqtt://localhost:1883]: ", "127.0.0.1:1");
    terminal.answers("User name there (empty: none): ", "");
    terminal.answers("look for the cause later? [y/N] ", "y");
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    let written = std::fs::read_to_string(folder.path().join("gizwits2mqtt.yaml")).unwrap();
    assert!(written.contains("app: \"heatzy\""), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_a_question_ends_with_130_and_a_terminal_that_shows_again() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = cloud.url();
    let args = named(&url, &["account", "login", "--username", "anna"]);
    let mut terminal = Terminal::open(folder.path(), &args);
    terminal.sees("Password of anna: ");
    while terminal.echoes() {}
    terminal.session.send_control('c').unwrap();
    while !terminal.echoes() {}
    assert_eq!(terminal.ends().1, 130);

    let mut terminal = Terminal::open(folder.path(), &named(&url, &["account", "login"]));
    terminal.sees("User name, e-mail address or phone number: ");
    terminal.session.send_control('c').unwrap();
    assert_eq!(terminal.ends().1, 130);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_over_a_second_says_what_it_waits_for() {
    let cloud = Cloud::start().await;
    let folder = support::cli::folder(&cloud);
    let slow = json!({ "path": "/app/devdata", "count": 1, "kind": "slow", "seconds": 2 });
    cloud.post("faults", slow).await;
    let mut terminal = Terminal::open(folder.path(), &["get", SPA]);
    terminal.sees(&format!("reading the data of {SPA} (home, region custom)"));
    let (shown, code) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    // The line is taken back before the result comes.
    assert!(shown.contains("\r\x1b[KHot tub"), "{shown:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn with_nobody_to_ask_it_says_where_a_secret_can_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["account", "register", "--app", "heatzy", "--username", "me"];
    let said = support::cli::run_alone(folder.path(), &args).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.stderr.contains("--password-file FILE"),
        "{}",
        said.stderr
    );
    let said = support::cli::run_alone(folder.path(), &["setup"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.stderr.contains("there is no terminal"),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_at_a_hidden_prompt_puts_the_terminal_back() {
    let cloud = Cloud::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = cloud.url();
    let args = named(&url, &["account", "register", "--username", "anna"]);
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        let mut terminal = Terminal::open(folder.path(), &args);
        terminal.sees("New password of anna: ");
        while terminal.echoes() {}
        let id = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        let sent = Command::new("kill")
            .args(["-s", signal, id.trim()])
            .status();
        assert!(sent.unwrap().success());
        terminal.shown += &terminal.session.exp_eof().unwrap();
        assert!(terminal.echoes(), "the echo is off after {signal}");
        let (_, ended_with) = terminal.ends();
        assert_eq!(ended_with, code);
    }
}
