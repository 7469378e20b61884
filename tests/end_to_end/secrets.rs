//! Secrets, which nobody is told.

use serde_json::Value;

use super::stage;
use super::support::bridge::Bridge;
use super::support::cloud::{PASSCODE, PASSWORD};
use super::support::watcher::Seen;

/// None of the secrets is in the bridge's log or in one of the messages.
pub(super) fn check_hidden(secrets: &[&str], bridge: &Bridge, messages: &[Seen]) {
    let log = bridge.log();
    assert!(log.len() > 500, "there is a log to look at");
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} in the log");
        for seen in messages {
            assert!(!seen.text().contains(secret), "{secret} on {}", seen.topic);
        }
    }
}

#[tokio::test]
async fn no_secret_appears_anywhere() {
    let stage = stage().await;
    stage.watcher.command("hot_tub", "set/locked", "on").await;
    stage.cloud.post("tokens/expire", Value::Null).await;
    stage.watcher.command("hot_tub", "set/locked", "off").await;
    let tokens = std::fs::read_to_string(stage.bridge.state_file("tokens.json")).unwrap();
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let token = tokens["home"]["token"].as_str().unwrap().to_owned();
    let messages = stage.watcher.since(0);
    check_hidden(&[PASSWORD, &token, PASSCODE], &stage.bridge, &messages);
}
