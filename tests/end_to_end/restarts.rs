//! The bridge ends or crashes, and starts again with what it kept.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage;
use super::support::bridge::config;

#[tokio::test]
async fn a_restart_logs_in_with_the_token_it_kept() {
    let mut stage = stage().await;
    let config = config(&stage.cloud, &stage.broker.url());
    stage
        .watcher
        .until("gizwits2mqtt/pet_house/Humidity", "50")
        .await;
    stage.watcher.forget();
    stage.bridge.restart(&config).await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_set", "38")
        .await;
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "online")
        .await;
    assert_eq!(stage.cloud.calls("/app/login").await.len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(stage.bridge.state_file("tokens.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_restart_remembers_what_too_often_taught() {
    let mut stage = stage().await;
    let config = config(&stage.cloud, &stage.broker.url());
    stage.cloud.post("throttle", json!({ "seconds": 2 })).await;
    let watcher = &stage.watcher;
    watcher.publish("gizwits2mqtt/hot_tub/get", "").await;
    watcher.until_account("throttled").await;
    watcher.forget();
    stage.bridge.restart(&config).await;
    watcher.until_account("throttled").await;
    watcher
        .publish("gizwits2mqtt/bridge/request/health", "{}")
        .await;
    let is_learnt = |answer: &Value| {
        let budget = &answer["data"]["budget"]["home"];
        budget["limit"] == 600 && budget["learnt"] == 300 && budget["left"].as_u64() < Some(300)
    };
    watcher
        .until_json("gizwits2mqtt/bridge/response/health", is_learnt)
        .await;
}

#[tokio::test]
async fn an_end_says_offline_and_takes_less_than_five_seconds() {
    let mut stage = stage().await;
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "online")
        .await;
    stage.bridge.signal("TERM").await;
    let status = tokio::time::timeout(Duration::from_secs(5), stage.bridge.wait()).await;
    assert_eq!(status.expect("it took longer").code(), Some(0));
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "offline")
        .await;
}

#[tokio::test]
async fn a_crash_leaves_the_will() {
    let stage = stage().await;
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "online")
        .await;
    stage.bridge.signal("KILL").await;
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "offline")
        .await;
}
