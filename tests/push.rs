//! Push as a user meets it: a real broker, the simulated cloud and its push, and the bridge, each
//! a process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::bridge::{Bridge, config};
use support::broker::Broker;
use support::cloud::{Cloud, SPA};
use support::watcher::Watcher;

struct Stage {
    config: Value,
    cloud: Cloud,
    bridge: Bridge,
    watcher: Watcher,
    /// Ends when this is dropped.
    _broker: Broker,
}

/// Everything running and every connection up. The polls are so rare that nothing here waits for one.
async fn stage() -> Stage {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["push"] = json!({ "enabled": true });
    config["polling"] =
        json!({ "interval": "1h", "interval_with_push": "1h", "bindings_interval": "1h" });
    let bridge = Bridge::start(&config);
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
    push_is(&watcher, "ok").await;
    Stage {
        config,
        cloud,
        bridge,
        watcher,
        _broker: broker,
    }
}

async fn push_is(watcher: &Watcher, want: &str) -> Value {
    let is = |info: &Value| info["push"]["state"] == want;
    watcher.until_json("gizwits2mqtt/bridge/info", is).await
}

impl Stage {
    async fn device_says(&self, attrs: Value) {
        self.cloud
            .post(&format!("devices/{SPA}/attrs"), attrs)
            .await;
    }
}

#[tokio::test]
async fn what_a_device_changes_is_shown_without_a_call() {
    let stage = stage().await;
    let info = push_is(&stage.watcher, "ok").await;
    let connections = info["push"]["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 2, "the devices are at two hosts: {info}");
    stage.cloud.delete("requests").await;
    for temp_now in 21..30 {
        stage.device_says(json!({ "temp_now": temp_now })).await;
        let shown = temp_now.to_string();
        stage
            .watcher
            .until("gizwits2mqtt/hot_tub/temp_now", &shown)
            .await;
    }
    let state = stage
        .watcher
        .until_json("gizwits2mqtt/hot_tub", |_| true)
        .await;
    assert_eq!(state["_meta"]["source"], "push");
    assert_eq!(stage.cloud.calls("/app/").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_command_goes_over_the_socket_and_is_confirmed_by_it() {
    let stage = stage().await;
    stage.cloud.delete("requests").await;
    let set = r#"{"temp_set": 30, "locked": true}"#;
    let result = stage.watcher.command("hot_tub", "set", set).await;
    assert_eq!(result["confirmed"], true, "{result}");
    let writes = stage.cloud.get("push/writes").await;
    assert_eq!(writes.as_array().unwrap().len(), 1, "{writes}");
    assert_eq!(
        writes[0]["attrs"],
        json!({ "temp_set": 30, "locked": true })
    );
    assert_eq!(stage.cloud.calls("/app/").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_command_gets_through_while_http_is_throttled() {
    let stage = stage().await;
    stage
        .cloud
        .post("throttle", json!({ "seconds": 100 }))
        .await;
    stage
        .watcher
        .publish("gizwits2mqtt/bridge/request/refresh", "")
        .await;
    let info = stage.watcher.until_account("throttled").await;
    assert!(
        info["accounts"]["home"]["reason"].is_string(),
        "why it stands still: {info}"
    );
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true, "{result}");
}

#[tokio::test]
async fn a_dropped_connection_comes_back_and_brings_what_was_missed() {
    let stage = stage().await;
    stage
        .cloud
        .post("push", json!({ "action": "refuse", "seconds": 2 }))
        .await;
    stage.cloud.post("push", json!({ "action": "drop" })).await;
    push_is(&stage.watcher, "down").await;
    stage.device_says(json!({ "temp_now": 22 })).await;
    push_is(&stage.watcher, "ok").await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_now", "22")
        .await;
}

#[tokio::test]
async fn a_silent_connection_is_found_out_and_replaced() {
    let stage = stage().await;
    stage
        .cloud
        .post("push", json!({ "action": "freeze" }))
        .await;
    stage.device_says(json!({ "temp_now": 23 })).await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_now", "23")
        .await;
    let health = |health: &Value| health["push_reconnects"].is_object();
    stage
        .watcher
        .publish("gizwits2mqtt/bridge/request/health", "")
        .await;
    stage
        .watcher
        .until_json("gizwits2mqtt/bridge/health", health)
        .await;
}

#[tokio::test]
async fn a_lost_session_is_logged_in_again() {
    let stage = stage().await;
    stage
        .cloud
        .post("push", json!({ "action": "lose_session" }))
        .await;
    stage.device_says(json!({ "temp_now": 24 })).await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_now", "24")
        .await;
}

#[tokio::test]
async fn a_device_that_comes_and_goes_is_shown_so_at_once() {
    let stage = stage().await;
    stage.cloud.delete("requests").await;
    let path = format!("devices/{SPA}/online");
    for (online, word) in [(false, "offline"), (true, "online"), (false, "offline")] {
        stage.cloud.post(&path, json!({ "online": online })).await;
        stage
            .watcher
            .until("gizwits2mqtt/hot_tub/availability", word)
            .await;
    }
}

#[tokio::test]
async fn a_reload_without_push_closes_the_connections() {
    let mut stage = stage().await;
    let mut config = stage.config.clone();
    config["push"] = json!({ "enabled": false });
    stage.bridge.write(&config);
    stage.bridge.signal("HUP").await;
    push_is(&stage.watcher, "off").await;
    let sockets = stage.cloud.get("push").await;
    assert_eq!(sockets["sockets"], json!([]), "{sockets}");
}
