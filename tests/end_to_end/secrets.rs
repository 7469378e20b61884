//! Secrets, which nobody is told.

use serde_json::{Value, json};

use super::stage;
use super::support::bridge::{Bridge, config};
use super::support::broker::Broker;
use super::support::cloud::{Cloud, PASSCODE, PASSWORD};
use super::support::until;
use super::support::watcher::{Seen, Watcher};

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

#[tokio::test]
async fn no_library_writes_a_secret_whatever_rust_log_says() {
    let everything = "trace,tungstenite=trace,tungstenite::protocol=trace,tokio_tungstenite=trace,hyper=trace,\
                      hyper_util=trace,reqwest=trace,rustls=trace,rumqttc=trace,h2=trace";
    for wanted in ["trace", everything] {
        let broker = Broker::start().await;
        let cloud = Cloud::start().await;
        let watcher = Watcher::start(broker.port()).await;
        let mut config = config(&cloud, &broker.url());
        config["push"] = json!({ "enabled": true });
        let bridge = Bridge::start_with(&config, &[("RUST_LOG", wanted)]);
        let is_pushed = |info: &Value| info["push"]["state"] == "ok";
        watcher
            .until_json("gizwits2mqtt/bridge/info", is_pushed)
            .await;
        watcher.command("hot_tub", "set/locked", "on").await;
        let tokens = std::fs::read_to_string(bridge.state_file("tokens.json")).unwrap();
        let tokens: Value = serde_json::from_str(&tokens).unwrap();
        let token = tokens["home"]["token"].as_str().unwrap();
        let is_traced = async || bridge.log().contains("TRACE gizwits2mqtt");
        until("our own lines are written", is_traced).await;
        check_hidden(&[PASSWORD, token, PASSCODE], &bridge, &[]);
    }
}
