//! What is retained: told again when Home Assistant is born, taken away with its device.

use super::stage;
use super::support::cloud::SPA;
use super::support::watcher::Seen;

#[tokio::test]
async fn home_assistant_is_told_everything_again_at_its_birth() {
    let stage = stage().await;
    let watcher = &stage.watcher;
    let topic = format!("homeassistant/device/gizwits2mqtt_{SPA}/config");
    let is_discovery = |seen: &Seen| seen.topic == topic;
    // A set-up is announced twice, which is not what the birth message is to bring about.
    watcher.messages(0, 2, is_discovery).await;
    let mark = watcher.mark();
    watcher.publish("homeassistant/status", "online").await;
    watcher.message(mark, is_discovery).await;
    watcher
        .message(mark, |seen| seen.topic == "gizwits2mqtt/hot_tub/temp_set")
        .await;
    watcher
        .message(mark, |seen| {
            seen.topic == "gizwits2mqtt/hot_tub/availability"
        })
        .await;
}

#[tokio::test]
async fn a_device_that_is_unbound_disappears_with_its_topics() {
    let stage = stage().await;
    let watcher = &stage.watcher;
    let discovery = format!("homeassistant/device/gizwits2mqtt_{SPA}/config");
    watcher.until_json(&discovery, |_| true).await;
    stage.cloud.delete(&format!("devices/{SPA}")).await;
    watcher
        .request(
            "gizwits2mqtt/bridge/request/refresh",
            "{}",
            "answers/here",
            b"42",
        )
        .await;
    for topic in [
        discovery.as_str(),
        "gizwits2mqtt/hot_tub",
        "gizwits2mqtt/hot_tub/temp_set",
        "gizwits2mqtt/hot_tub/availability",
    ] {
        watcher.until(topic, "").await;
    }
    watcher
        .until_json("gizwits2mqtt/bridge/devices", |devices| {
            devices.as_array().is_some_and(|all| all.len() == 8)
        })
        .await;
    let answer = watcher
        .message(0, |seen| seen.topic == "answers/here")
        .await;
    assert_eq!(answer.json()["status"], "ok");
    assert_eq!(answer.correlation.as_deref(), Some(b"42".as_slice()));
}
