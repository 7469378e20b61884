//! Proves that the program has a row's command, and that the command makes the row's call.

use std::path::Path;
use std::process::Output;

use tokio::process::Command;

use super::prove::is_call;
use super::row::Row;
use super::stage::Stage;

/// What commands read secrets from: passwords never stand in a command.
const SECRETS: [(&str, &str); 6] = [
    ("app-secret", "conformance-secret\n"),
    ("product-secret", "pump-secret\n"),
    ("passcode", "FREEPUMPXX\n"),
    ("bobs-password", "bobs-password\n"),
    ("new-password", "new-password-1\n"),
    ("theirs", "their-token\n"),
];

/// A secret, too; but the simulator names an anonymous user after it.
const PHONE_ID: (&str, &str) = ("phone-id", "a-phone-id\n");

/// Runs the row's command lines, and looks for its call among what they sent.
pub(super) async fn proof(stage: &mut Stage, row: &Row) {
    (row.arrange)(stage).await;
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path(), &stage.tap.url);
    let (last, before) = row.runs.split_last().expect("a command line");
    for word in row.command.split(' ') {
        assert!(last.split(' ').any(|known| known == word), "{last}: {word}");
    }
    is_in_the_help(row, folder.path()).await;
    for line in before {
        run(stage, line, folder.path()).await;
    }
    stage.tap.forget();
    run(stage, last, folder.path()).await;
    let heard = stage.tap.heard();
    let call = heard.iter().find(|heard| is_call(row, heard));
    let call = call.unwrap_or_else(|| panic!("{last} made other calls: {heard:?}"));
    assert_eq!(call.status, row.status, "{last}");
}

/// A configuration, and what is secret.
fn furnish(folder: &Path, url: &str) {
    let config = format!(
        "accounts:\n  - app_id: conformance-app\n    app_secret: conformance-secret\n    api_url: {url}\n    \
         username: bob\n    password: bobs-password\nmqtt:\n  url: mqtt://127.0.0.1:1\nstate_dir: {}\n",
        folder.join("state").display()
    );
    std::fs::write(folder.join("gizwits2mqtt.yaml"), config).unwrap();
    for (name, secret) in SECRETS.into_iter().chain([PHONE_ID]) {
        std::fs::write(folder.join(name), secret).unwrap();
    }
}

/// The program's own help knows the command and its options.
async fn is_in_the_help(row: &Row, folder: &Path) {
    let (options, words): (Vec<&str>, Vec<&str>) = row
        .command
        .split(' ')
        .partition(|word| word.starts_with("--"));
    let help = program(&[&["help"], words.as_slice()].concat(), folder).await;
    assert!(help.status.success(), "no command {words:?}");
    let text = String::from_utf8_lossy(&help.stdout);
    for option in options {
        let is_told = text.split([' ', ',', '\n']).any(|word| word == option);
        assert!(is_told, "{words:?} has no {option}");
    }
}

async fn run(stage: &Stage, line: &str, folder: &Path) {
    let word = |word: &str| match word.strip_prefix('{') {
        Some(note) => stage.noted(note.trim_end_matches('}')).to_owned(),
        None => word.to_owned(),
    };
    let words: Vec<String> = line.split(' ').map(word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = program(&words, folder).await;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(done.status.success(), "{line}: {said}");
    for (_, secret) in SECRETS {
        assert!(
            !said.contains(secret.trim()),
            "{line} tells a secret: {said}"
        );
    }
}

async fn program(words: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gizwits2mqtt"))
        .args(words)
        .current_dir(folder)
        .env_remove("GIZWITS2MQTT_CONFIG")
        .env_remove("RUST_LOG")
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}
