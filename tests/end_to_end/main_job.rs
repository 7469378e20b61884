//! The main job, done for each kind of user, protocol and number of devices.

use serde_json::json;

use super::support::bridge::{Bridge, config};
use super::support::broker::Broker;
use super::support::cloud::{Cloud, SPA};
use super::support::watcher::Watcher;
use super::{stage, stage_with};

#[tokio::test]
async fn the_main_job() {
    let stage = stage().await;
    let watcher = &stage.watcher;
    watcher.until("gizwits2mqtt/bridge/state", "online").await;
    watcher
        .until("gizwits2mqtt/hot_tub/availability", "online")
        .await;
    watcher.until("gizwits2mqtt/hot_tub/power", "true").await;
    watcher
        .until("gizwits2mqtt/living_room/cur_temp", "182")
        .await;
    watcher.until("gizwits2mqtt/reef/Mode", "正弦造浪").await;
    watcher.until("gizwits2mqtt/02000000aa08/level", "3").await;
    watcher
        .until("gizwits2mqtt/summer_house/availability", "offline")
        .await;
    let state = watcher.until_json("gizwits2mqtt/hot_tub", |_| true).await;
    assert_eq!(state["_meta"]["did"], SPA);
    assert_eq!(state["_meta"]["source"], "poll");
    assert_eq!(state["_meta"]["online"], true);
    assert_eq!(state["temp_set"], 38);
    let info = watcher.until_account("ok").await;
    assert_eq!(info["accounts"]["home"]["region"], "custom");
    let devices = watcher
        .until_json("gizwits2mqtt/bridge/devices", |devices| {
            devices.as_array().is_some_and(|all| all.len() == 9)
        })
        .await;
    assert!(
        devices
            .as_array()
            .unwrap()
            .iter()
            .any(|device| device["topic"] == "hot_tub")
    );
    let discovery = format!("homeassistant/device/gizwits2mqtt_{SPA}/config");
    let discovery = watcher.until_json(&discovery, |_| true).await;
    assert_eq!(discovery["components"]["climate_spa"]["max_temp"], 40);

    let result = watcher
        .command(
            "hot_tub",
            "set",
            r#"{"temp_set": 36, "wave_power": "ON", "transaction": 7}"#,
        )
        .await;
    assert_eq!(
        result,
        json!({ "status": "ok", "attrs": { "temp_set": 36, "wave_power": true }, "confirmed": true, "transaction": 7 })
    );
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "36").await;
    watcher
        .until("gizwits2mqtt/hot_tub/wave_power", "true")
        .await;
    assert_eq!(
        stage.cloud.controls().await,
        [json!({ "attrs": { "temp_set": 36, "wave_power": true } })]
    );
}

#[tokio::test]
async fn an_anonymous_user_sees_its_devices() {
    let stage = stage_with(|config| {
        let account = config["accounts"][0].as_object_mut().unwrap();
        account.remove("username");
        account.remove("password");
        account.insert("phone_id".into(), json!("demo-phone-id"));
    })
    .await;
    let devices = stage
        .watcher
        .until_json("gizwits2mqtt/bridge/devices", |devices| {
            devices.as_array().is_some_and(|all| !all.is_empty())
        })
        .await;
    assert_eq!(devices.as_array().unwrap().len(), 1);
    assert_eq!(stage.cloud.calls("/app/users").await.len(), 1);
}

#[tokio::test]
async fn mqtt_3_1_1_works_as_well() {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &format!("mqtt://127.0.0.1:{}", broker.port_v311()));
    config["mqtt"]["protocol"] = json!("3.1.1");
    let _bridge = Bridge::start(&config);
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
    let result = watcher.command("hot_tub", "set/temp_set", "30").await;
    assert_eq!(result["confirmed"], true);
}

#[tokio::test]
async fn more_than_one_page_of_devices_is_bound() {
    let broker = Broker::start().await;
    let cloud = Cloud::with_devices(45).await;
    let watcher = Watcher::start(broker.port()).await;
    let _bridge = Bridge::start(&config(&cloud, &broker.url()));
    watcher
        .until_json("gizwits2mqtt/bridge/devices", |devices| {
            devices.as_array().is_some_and(|all| all.len() == 45)
        })
        .await;
    assert_eq!(cloud.calls("/app/bindings").await.len(), 3);
}
