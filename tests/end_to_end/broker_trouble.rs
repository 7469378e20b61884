//! A broker that dies and comes back with nothing retained.

use serde_json::json;

use super::stage;
use super::support::cloud::SPA;
use super::support::{say, until};

#[tokio::test]
async fn a_broker_that_comes_back_is_told_everything() {
    let mut stage = stage().await;
    if !stage.broker.can_restart() {
        say("skipped: the embedded broker cannot be restarted, so what happens then");
        return;
    }
    stage.broker.kill().await;
    stage
        .cloud
        .post(&format!("devices/{SPA}/attrs"), json!({ "temp_now": 35 }))
        .await;
    stage.watcher.forget();
    stage.broker.revive().await;
    let watcher = &stage.watcher;
    watcher.until("gizwits2mqtt/bridge/state", "online").await;
    watcher
        .until("gizwits2mqtt/hot_tub/availability", "online")
        .await;
    watcher.until("gizwits2mqtt/hot_tub/temp_now", "35").await;
    watcher.until("gizwits2mqtt/reef/Mode", "正弦造浪").await;
    watcher
        .until_json("gizwits2mqtt/bridge/devices", |devices| {
            devices.as_array().is_some()
        })
        .await;
    watcher
        .until_json(
            &format!("homeassistant/device/gizwits2mqtt_{SPA}/config"),
            |_| true,
        )
        .await;
    let result = watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true);
    assert_eq!(stage.cloud.controls().await.len(), 1);
}

#[tokio::test]
async fn a_command_under_way_when_the_broker_dies_is_neither_lost_nor_sent_twice() {
    let mut stage = stage().await;
    if !stage.broker.can_restart() {
        say("skipped: the embedded broker cannot be restarted, so what becomes of a command then");
        return;
    }
    let slow = json!({ "path": "/app/control/", "kind": "slow", "seconds": 2 });
    stage.cloud.post("faults", slow).await;
    stage
        .watcher
        .publish("gizwits2mqtt/hot_tub/set/temp_set", "25")
        .await;
    let under_way = async || !stage.cloud.calls("/app/control/").await.is_empty();
    until("the command should be under way", under_way).await;
    stage.broker.kill().await;
    stage.watcher.forget();
    stage.broker.revive().await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_set", "25")
        .await;
    // Later commands still find their way, and the earlier one does not come again.
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true);
    assert_eq!(
        stage.cloud.controls().await,
        [
            json!({ "attrs": { "temp_set": 25 } }),
            json!({ "attrs": { "locked": true } })
        ]
    );
}
