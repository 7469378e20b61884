//! Instances that split the devices of one account between them, on one broker.

use serde_json::{Value, json};

use super::support::bridge::{Bridge, config};
use super::support::watcher::Watcher;
use super::{Stage, stage};

/// Devices of the standard scenario.
const DEVICES: usize = 9;

fn rows(watcher: &Watcher, bridge: &str) -> Vec<Value> {
    let topic = format!("gizwits2mqtt/{bridge}/devices");
    let list = watcher.newest(&topic).unwrap_or_default();
    serde_json::from_str(&list).unwrap_or_default()
}

/// Waits until these bridges serve all devices between them. Their rows.
async fn until_served(watcher: &Watcher, bridges: &[&str]) -> Vec<Value> {
    for bridge in bridges {
        let state = format!("gizwits2mqtt/{bridge}/state");
        watcher.until(&state, "online").await;
    }
    let all = || bridges.iter().flat_map(|bridge| rows(watcher, bridge));
    super::support::until("all devices are served once", async || {
        all().count() == DEVICES && all().all(|row| row["online"].is_boolean())
    })
    .await;
    all().collect()
}

/// Sends a command to each device, and one to none: each has exactly one result.
async fn each_command_has_one_result(watcher: &Watcher, bridges: &[&str], levels: &[String]) {
    let mark = watcher.mark();
    for level in levels {
        let topic = format!("gizwits2mqtt/{level}/set");
        watcher.publish(&topic, r#"{"no_such_attribute": 1}"#).await;
    }
    // What comes after their answers to this is not about the commands.
    for bridge in bridges {
        let topic = format!("gizwits2mqtt/{bridge}/request/health");
        watcher.publish(&topic, "{}").await;
        let answer = format!("gizwits2mqtt/{bridge}/response/health");
        watcher.message(mark, |seen| seen.topic == answer).await;
    }
    let seen = watcher.since(mark);
    for level in levels {
        let topic = format!("gizwits2mqtt/{level}/result");
        let results = seen.iter().filter(|seen| seen.topic == topic).count();
        assert_eq!(results, 1, "{level}");
    }
}

#[tokio::test]
async fn devices_move_to_a_second_instance_and_back_and_nothing_of_them_is_emptied() {
    let Stage {
        broker,
        cloud,
        mut bridge,
        watcher,
    } = stage().await;
    let alone = config(&cloud, &broker.url());
    let devices = until_served(&watcher, &["bridge"]).await;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let mut levels: Vec<String> = devices.iter().map(|row| text(row, "topic")).collect();
    let discovery: Vec<String> = devices
        .iter()
        .map(|row| {
            format!(
                "homeassistant/device/gizwits2mqtt_{}/config",
                text(row, "did")
            )
        })
        .collect();
    for topic in &discovery {
        watcher
            .until_json(topic, |message| message.is_object())
            .await;
    }
    let mut kept = discovery.clone();
    for level in &levels {
        kept.push(format!("gizwits2mqtt/{level}"));
        kept.push(format!("gizwits2mqtt/{level}/availability"));
    }
    levels.push("nobody".into());
    let mark = watcher.mark();

    let instance = |index: u32| {
        let mut config = alone.clone();
        config["shard"] = json!({ "index": index, "count": 2 });
        config
    };
    bridge.restart(&instance(0)).await;
    let mut second = Bridge::start(&instance(1));
    let both = ["bridge-0", "bridge-1"];
    let split = until_served(&watcher, &both).await;
    assert!(rows(&watcher, "bridge-1").len() > 1, "{split:?}");
    watcher.until("gizwits2mqtt/bridge/state", "").await;
    watcher.until("gizwits2mqtt/bridge/devices", "").await;
    for row in rows(&watcher, "bridge-1") {
        let topic = format!(
            "homeassistant/device/gizwits2mqtt_{}/config",
            text(&row, "did")
        );
        let is_theirs =
            |message: &Value| message["device"]["via_device"] == "gizwits2mqtt_bridge_1";
        watcher.until_json(&topic, is_theirs).await;
    }
    each_command_has_one_result(&watcher, &both, &levels).await;

    second.signal("TERM").await;
    assert_eq!(second.wait().await.code(), Some(0));
    bridge.restart(&alone).await;
    until_served(&watcher, &["bridge"]).await;
    for index in 0..2 {
        let state = format!("gizwits2mqtt/bridge-{index}/state");
        watcher.until(&state, "").await;
    }
    each_command_has_one_result(&watcher, &["bridge"], &levels).await;

    let seen = watcher.since(mark);
    let mut emptied = seen
        .iter()
        .filter(|seen| seen.payload.is_empty() && kept.contains(&seen.topic));
    assert!(emptied.next().is_none(), "{emptied:?}");
}
