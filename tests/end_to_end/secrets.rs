//! Secrets, which nobody is told.

use serde_json::Value;

use super::stage;
use super::support::cloud::PASSWORD;

#[tokio::test]
async fn no_secret_appears_anywhere() {
    let stage = stage().await;
    stage.watcher.command("hot_tub", "set/locked", "on").await;
    stage.cloud.post("tokens/expire", Value::Null).await;
    stage.watcher.command("hot_tub", "set/locked", "off").await;
    let tokens = std::fs::read_to_string(stage.bridge.state_file("tokens.json")).unwrap();
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let token = tokens["home"]["token"].as_str().unwrap().to_owned();
    let log = stage.bridge.log();
    assert!(log.len() > 500, "there is a log to look at");
    for secret in [PASSWORD, &token, "SIMULATEDX"] {
        assert!(!log.contains(secret), "in the log");
        for seen in stage.watcher.since(0) {
            assert!(!seen.text().contains(secret), "on {}", seen.topic);
        }
    }
}
