//! Commands: each way to give one, and each that is refused.

use serde_json::{Value, json};

use super::stage;
use super::support::bridge::{Bridge, config};
use super::support::broker::Broker;
use super::support::cloud::{Cloud, SPA};
use super::support::watcher::{Seen, Watcher};

#[tokio::test]
async fn each_way_to_command_works() {
    let stage = stage().await;
    let watcher = &stage.watcher;
    let result = watcher.command("bathroom", "set/mode", "cft").await;
    assert_eq!(
        (&result["status"], &result["confirmed"]),
        (&json!("ok"), &json!(true))
    );
    watcher.until("gizwits2mqtt/bathroom/mode", "cft").await;
    let result = watcher.command("bathroom", "raw", "[1, 1, 2]").await;
    assert_eq!(result["status"], "ok");
    let result = watcher
        .command("02000000aa08", "set", r#"{"level": 4}"#)
        .await;
    assert_eq!(
        result["status"], "ok",
        "without a schema the cloud is the judge: {result}"
    );
    assert_eq!(
        stage.cloud.controls().await,
        [
            json!({ "attrs": { "mode": "cft" } }),
            json!({ "raw": [1, 1, 2] }),
            json!({ "attrs": { "level": 4 } })
        ]
    );
    // A change at the device shows at once when it is asked for.
    stage
        .cloud
        .post(&format!("devices/{SPA}/attrs"), json!({ "temp_now": 33 }))
        .await;
    watcher.publish("gizwits2mqtt/hot_tub/get", "").await;
    watcher.until("gizwits2mqtt/hot_tub/temp_now", "33").await;
}

#[tokio::test]
async fn bad_commands_are_refused_and_reach_nobody() {
    let stage = stage().await;
    let mebibyte = vec![b'x'; 1024 * 1024];
    for (below, payload, want) in [
        ("set", b"{".to_vec(), "not JSON"),
        ("set", vec![0xff, 0xfe], "not UTF-8"),
        ("set", mebibyte.clone(), "64 kB|65536|bytes"),
        ("set", br#"{"temp_now": 30}"#.to_vec(), "read-only"),
        ("set", br#"{"temp_set": 41}"#.to_vec(), "20 to 40"),
        ("set", br#"{"temp_set": 30.5}"#.to_vec(), "steps of 1"),
        ("set", br#"{"tmp_set": 30}"#.to_vec(), "temp_set"),
        ("set", br#"{"power": "maybe"}"#.to_vec(), "true, false"),
        ("set", b"{}".to_vec(), "no attribute"),
        ("set/nothing", b"1".to_vec(), "no attribute"),
        ("set/power", b"".to_vec(), "empty"),
        ("raw", b"xyz".to_vec(), "hex"),
    ] {
        let result = stage.watcher.command("hot_tub", below, payload).await;
        assert_eq!(
            (&result["status"], &result["confirmed"]),
            (&json!("error"), &json!(false)),
            "{result}"
        );
        let error = result["error"].as_str().unwrap();
        assert!(
            want.split('|').any(|want| error.contains(want)),
            "{below}: {error}"
        );
    }
    let result = stage.watcher.command("reef", "set/Timer1", "00").await;
    assert!(
        result["error"]
            .as_str()
            .unwrap()
            .contains("exactly 8 bytes"),
        "{result}"
    );
    assert_eq!(
        stage.cloud.calls("/app/control/").await,
        Vec::<Value>::new()
    );
    // Nothing else was harmed.
    let result = stage
        .watcher
        .command("hot_tub", "set", r#"{"locked": true}"#)
        .await;
    assert_eq!(result["confirmed"], true);
}

#[tokio::test]
async fn the_cloud_refuses_and_the_result_says_why() {
    let stage = stage().await;
    stage
        .cloud
        .post(&format!("devices/{SPA}/online"), json!({ "online": false }))
        .await;
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(
        (&result["status"], &result["code"]),
        (&json!("error"), &json!(9042))
    );
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/availability", "offline")
        .await;
}

#[tokio::test]
async fn a_retained_command_is_an_old_wish() {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    watcher
        .publish_retained("gizwits2mqtt/hot_tub/set/temp_set", "20")
        .await;
    watcher
        .until("gizwits2mqtt/hot_tub/set/temp_set", "20")
        .await;
    let mark = watcher.mark();
    let bridge = Bridge::start(&config(&cloud, &broker.url()));
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
    let about = |seen: &Seen| seen.text().contains("retained");
    watcher.message(mark, about).await;
    let result = watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true);
    assert_eq!(
        cloud.controls().await,
        [json!({ "attrs": { "locked": true } })]
    );
    drop(bridge);
}
