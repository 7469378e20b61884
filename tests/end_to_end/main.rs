//! The program as a whole: a real broker, the simulated cloud, and the bridge, each a process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod profiles;
mod requests;

use std::time::Duration;

use serde_json::{Value, json};
use support::bridge::{Bridge, config};
use support::broker::Broker;
use support::cloud::{Cloud, PASSWORD, SPA};
use support::watcher::{Seen, Watcher};
use support::{DEADLINE, say};

/// Everything running, the spa's values published.
struct Stage {
    broker: Broker,
    cloud: Cloud,
    bridge: Bridge,
    watcher: Watcher,
}

async fn stage() -> Stage {
    stage_with(|_| {}).await
}

async fn stage_with(change: impl FnOnce(&mut Value)) -> Stage {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    change(&mut config);
    let bridge = Bridge::start(&config);
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
    Stage {
        broker,
        cloud,
        bridge,
        watcher,
    }
}

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
    let info = watcher
        .until_json("gizwits2mqtt/bridge/info", |info| {
            info["accounts"]["home"]["state"] == "ok"
        })
        .await;
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
    let state = |want: &'static str| move |info: &Value| info["accounts"]["home"]["state"] == want;
    watcher
        .until_json("gizwits2mqtt/bridge/info", state("throttled"))
        .await;
    let before = stage.cloud.calls("/app/").await.len();
    let result = watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(
        (&result["status"], &result["confirmed"]),
        (&json!("ok"), &json!(true)),
        "{result}"
    );
    watcher
        .until_json("gizwits2mqtt/bridge/info", state("ok"))
        .await;
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
    let under_way = async { while stage.cloud.calls("/app/control/").await.is_empty() {} };
    tokio::time::timeout(DEADLINE, under_way).await.unwrap();
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
    watcher
        .until_json("gizwits2mqtt/bridge/info", |info| {
            info["accounts"]["home"]["state"] == "unreachable"
        })
        .await;
    stage.cloud.revive().await;
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "31").await;
    watcher
        .until_json("gizwits2mqtt/bridge/info", |info| {
            info["accounts"]["home"]["state"] == "ok"
        })
        .await;
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
    let state = |want: &'static str| move |info: &Value| info["accounts"]["home"]["state"] == want;
    let watcher = &stage.watcher;
    watcher.publish("gizwits2mqtt/hot_tub/get", "").await;
    watcher
        .until_json("gizwits2mqtt/bridge/info", state("throttled"))
        .await;
    watcher.forget();
    stage.bridge.restart(&config).await;
    watcher
        .until_json("gizwits2mqtt/bridge/info", state("throttled"))
        .await;
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

#[tokio::test]
async fn a_reload_takes_what_changed_and_refuses_a_bad_file_whole() {
    let mut stage = stage().await;
    stage
        .bridge
        .write_text("accounts: []\nmqtt: {url: nonsense}\n");
    stage.bridge.signal("HUP").await;
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(
        result["confirmed"], true,
        "the old configuration stays in force"
    );
    let mut changed = config(&stage.cloud, &stage.broker.url());
    changed["devices"] = json!({ SPA: { "name": "Spa", "topic": "spa" } });
    changed["accounts"][0]["exclude"] = json!(["DemoHeater000000000002"]);
    changed["log"] = json!({ "level": "debug" });
    assert!(
        !stage.bridge.log().contains("TRACE"),
        "one -v makes it debug"
    );
    stage.bridge.write(&changed);
    stage.bridge.signal("HUP").await;
    stage.watcher.until("gizwits2mqtt/spa/temp_set", "38").await;
    stage.watcher.command("spa", "set/locked", "off").await;
    assert!(
        stage.bridge.log().contains("TRACE"),
        "the level is new, too"
    );
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_set", "")
        .await;
    stage.watcher.until("gizwits2mqtt/bathroom/mode", "").await;
    assert!(
        stage
            .bridge
            .log()
            .contains("the new configuration is refused")
    );
    assert_eq!(stage.cloud.calls("/app/login").await.len(), 1);
}

#[tokio::test]
async fn a_reload_may_move_the_health_checks() {
    let mut stage = stage().await;
    let mut changed = config(&stage.cloud, &stage.broker.url());
    let (first, second) = (support::free_port(), support::free_port());
    for port in [first, second] {
        changed["web"] = json!({ "listen": format!("127.0.0.1:{port}") });
        stage.bridge.write(&changed);
        stage.bridge.signal("HUP").await;
        until_health_checks(port, true).await;
    }
    until_health_checks(first, false).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    changed["web"]["listen"] = json!(taken.local_addr().unwrap().to_string());
    changed["devices"] = json!({ SPA: { "topic": "spa" } });
    stage.bridge.write(&changed);
    stage.bridge.signal("HUP").await;
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true, "it is refused whole");
    until_health_checks(second, true).await;
}

async fn until_health_checks(port: u16, answer: bool) {
    let url = format!("http://127.0.0.1:{port}/healthz");
    let asked = async {
        while reqwest::get(&url).await.is_ok() != answer {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(support::DEADLINE, asked).await;
    assert!(in_time.is_ok(), "{url} should answer: {answer}");
}

#[tokio::test]
async fn a_reload_may_change_the_link_to_the_broker() {
    let mut stage = stage().await;
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "online")
        .await;
    let mut changed = config(&stage.cloud, &stage.broker.url());
    changed["mqtt"]["base_topic"] = json!("house/heat");
    stage.bridge.write(&changed);
    stage.bridge.signal("HUP").await;
    let watcher = &stage.watcher;
    watcher.until("house/heat/hot_tub/temp_set", "38").await;
    watcher.until("house/heat/bridge/state", "online").await;
    watcher.until("gizwits2mqtt/bridge/state", "offline").await;
    watcher
        .publish("house/heat/hot_tub/set/temp_set", "30")
        .await;
    watcher.until("house/heat/hot_tub/temp_set", "30").await;
}

#[tokio::test]
async fn a_wrong_password_stops_the_account_and_is_not_hammered() {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["accounts"][0]["password"] = json!("wrong-password-1");
    let bridge = Bridge::start(&config);
    let info = watcher
        .until_json("gizwits2mqtt/bridge/info", |info| {
            info["accounts"]["home"]["state"] == "auth_failed"
        })
        .await;
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
