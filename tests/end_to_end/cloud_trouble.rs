//! A cloud that forgets, throttles, fails, refuses or is away.

use serde_json::{Value, json};

use super::stage;
use super::support::bridge::{Bridge, config};
use super::support::broker::Broker;
use super::support::cloud::{Cloud, SPA};
use super::support::watcher::{Seen, Watcher};

#[tokio::test]
async fn expired_tokens_cost_one_login_and_no_command() {
    let stage = stage().await;
    stage.cloud.post("tokens/expire", Value::Null).await;
    let results = tokio::join!(
        stage.watcher.command("hot_tub", "set/locked", "on"),
        stage.watcher.command("bathroom", "set/lock_switch", "on"),
        stage.watcher.command("reef", "set/FeedSwitch", "on"),
    );
    for result in [results.0, results.1, results.2] {
        assert_eq!(
            (&result["status"], &result["confirmed"]),
            (&json!("ok"), &json!(true)),
            "{result}"
        );
    }
    assert_eq!(stage.cloud.controls().await.len(), 3);
    assert_eq!(
        stage.cloud.calls("/app/login").await.len(),
        2,
        "one at the start, one that all shared"
    );
}

#[tokio::test]
async fn throttling_pauses_the_account_and_commands_go_first_after_it() {
    let stage = stage().await;
    let watcher = &stage.watcher;
    stage.cloud.post("throttle", json!({ "seconds": 8 })).await;
    watcher.publish("gizwits2mqtt/hot_tub/get", "").await;
    watcher.until_account("throttled").await;
    let before = stage.cloud.calls("/app/").await.len();
    let result = watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(
        (&result["status"], &result["confirmed"]),
        (&json!("ok"), &json!(true)),
        "{result}"
    );
    watcher.until_account("ok").await;
    let calls = stage.cloud.calls("/app/").await;
    assert!(
        calls[before]["path"]
            .as_str()
            .unwrap()
            .starts_with("/app/control/"),
        "{:?}",
        calls[before]
    );
    assert_eq!(stage.cloud.controls().await.len(), 1);
}

#[tokio::test]
async fn a_cloud_that_comes_back_gets_the_commands_that_waited() {
    let mut stage = stage().await;
    stage.cloud.kill().await;
    let watcher = &stage.watcher;
    let mark = watcher.mark();
    watcher
        .publish("gizwits2mqtt/hot_tub/set/temp_set", "30")
        .await;
    watcher
        .publish(
            "gizwits2mqtt/hot_tub/set",
            r#"{"temp_set": 31, "locked": true}"#,
        )
        .await;
    watcher.until_account("unreachable").await;
    stage.cloud.revive().await;
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "31").await;
    watcher.until_account("ok").await;
    let is_result = |seen: &Seen| seen.topic == "gizwits2mqtt/hot_tub/result";
    let results = watcher.messages(mark, 2, is_result).await;
    assert_eq!(results.len(), 2, "one for each caller");
    for result in results {
        assert_eq!(result.json()["status"], "ok", "{}", result.text());
    }
    assert_eq!(
        stage.cloud.controls().await,
        [json!({ "attrs": { "temp_set": 31, "locked": true } })],
        "merged, and sent once"
    );
}

#[tokio::test]
async fn a_call_of_unknown_fate_is_not_sent_twice() {
    let stage = stage().await;
    let fault = json!({ "path": "/app/control/", "kind": "reset", "effect": true });
    stage.cloud.post("faults", fault).await;
    let result = stage.watcher.command("hot_tub", "set/temp_set", "25").await;
    assert_eq!(stage.cloud.calls("/app/control/").await.len(), 1);
    // The device did it, and the next report says so.
    assert_eq!(result["confirmed"], true, "{result}");
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_set", "25")
        .await;
}

#[tokio::test]
async fn quirks_and_faults_harm_nothing_else() {
    let stage = stage().await;
    for kind in ["http_502", "html", "reset"] {
        let fault = json!({ "path": "/app/devdata/", "kind": kind });
        stage.cloud.post("faults", fault).await;
    }
    let throttled =
        json!({ "path": "/app/devdata/", "kind": "error", "code": 9041, "status": 200 });
    stage.cloud.post("faults", throttled).await;
    stage
        .cloud
        .post(
            &format!("devices/{SPA}/attrs"),
            json!({ "temp_now": "warm", "new_attr": 5, "power": 0 }),
        )
        .await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/power", "false")
        .await;
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/new_attr", "5")
        .await;
    // What cannot be read is not shown as the value that it had before.
    let temp_now = "gizwits2mqtt/hot_tub/temp_now";
    stage.watcher.until(temp_now, "").await;
}

#[tokio::test]
async fn a_wrong_password_stops_the_account_and_is_not_hammered() {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["accounts"][0]["password"] = json!("wrong-password-1");
    let bridge = Bridge::start(&config);
    let info = watcher.until_account("auth_failed").await;
    assert!(!info.to_string().contains("wrong-password-1"));
    for _ in 0..3 {
        let mark = watcher.mark();
        watcher
            .publish("gizwits2mqtt/bridge/request/refresh", "{}")
            .await;
        watcher
            .message(mark, |seen| {
                seen.topic == "gizwits2mqtt/bridge/response/refresh"
            })
            .await;
    }
    assert_eq!(cloud.calls("/app/login").await.len(), 1);
    assert!(bridge.log().contains("password"), "it says what is wrong");
    assert!(!bridge.log().contains("wrong-password-1"));
}
