//! Each verb over a real broker.

use serde_json::{Value, json};

use super::secrets::check_hidden;
use super::support::cloud::{HEATER, PASSCODE, SPA};
use super::support::watcher::{Seen, Watcher};
use super::{Stage, stage};

const SECRET: &str = "demo-product-secret";

/// Asks with MQTT 5, and holds the two answers against each other.
async fn ask(watcher: &Watcher, verb: &str, mut body: Value) -> Value {
    let mark = watcher.mark();
    let transaction = json!({ "at": mark });
    body["transaction"] = transaction.clone();
    let topic = format!("gizwits2mqtt/bridge/request/{verb}");
    let correlation = mark.to_be_bytes();
    watcher
        .request(&topic, &body.to_string(), "answers/here", &correlation)
        .await;
    let response = format!("gizwits2mqtt/bridge/response/{verb}");
    let is_ours = |seen: &Seen| seen.json()["transaction"] == transaction;
    let answers = watcher
        .messages(mark, 2, |seen| {
            is_ours(seen) && (seen.topic == response || seen.topic == "answers/here")
        })
        .await;
    let (own, shared): (Vec<&Seen>, Vec<&Seen>) = answers
        .iter()
        .partition(|seen| seen.topic == "answers/here");
    assert_eq!((own.len(), shared.len()), (1, 1));
    assert_eq!(own[0].correlation.as_deref(), Some(correlation.as_slice()));
    assert_eq!(own[0].payload, shared[0].payload);
    shared[0].json()
}

#[tokio::test]
async fn devices_are_bound_and_unbound() {
    let Stage {
        watcher, bridge, ..
    } = &stage().await;
    let unbound = ask(watcher, "devices/unbind", json!({ "dids": [SPA, HEATER] })).await;
    assert_eq!(
        (&unbound["status"], &unbound["data"]),
        (
            &json!("ok"),
            &json!({ "success": [SPA, HEATER], "failed": [] })
        )
    );
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "").await;
    watcher
        .until("gizwits2mqtt/bridge/schedules/hot_tub", "")
        .await;
    let again = ask(watcher, "devices/unbind", json!({ "did": SPA })).await;
    assert_eq!(again["status"], "error");
    assert_eq!(again["data"]["failed"], json!([SPA]));
    let rows = json!({ "devices": [
        { "did": SPA, "passcode": PASSCODE, "dev_alias": "Tub" },
        { "did": HEATER, "passcode": "wrong-passcode" },
    ] });
    let bound = ask(watcher, "devices/bind", rows).await;
    assert_eq!(
        (&bound["status"], &bound["data"]),
        (
            &json!("ok"),
            &json!({ "success": [SPA], "failed": [HEATER] })
        )
    );
    watcher.until("gizwits2mqtt/tub/temp_set", "38").await;
    let body = json!({ "product_key": "5a1a9d1de0f54a4e8b9f7b1c62d0a002", "mac": "02000000aa02",
        "product_secret": SECRET, "dev_alias": "Spare room" });
    let by_mac = ask(watcher, "devices/bind_mac", body.clone()).await;
    assert_eq!(by_mac["data"], json!({ "did": HEATER }), "{by_mac}");
    watcher.until("gizwits2mqtt/spare_room/mode", "eco").await;
    let mut unsigned = body;
    unsigned["product_secret"] = json!("not-the-secret");
    let refused = ask(watcher, "devices/bind_mac", unsigned).await;
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&json!("error"), &json!(9044))
    );
    let faulty = ask(watcher, "devices/bind", json!({ "passcod": PASSCODE })).await;
    let error = faulty["error"].as_str().unwrap();
    assert_eq!(
        error,
        "did is missing; passcode is missing; \"passcod\" is not known; did you mean \"passcode\"?"
    );
    let mut messages = watcher.since(0);
    messages.retain(|seen| !seen.topic.contains("/bridge/request/"));
    check_hidden(&[PASSCODE, SECRET, "wrong-passcode"], bridge, &messages);
}

#[tokio::test]
async fn schedules_are_made_listed_looked_up_and_removed() {
    let Stage { watcher, cloud, .. } = &stage().await;
    let shown = "gizwits2mqtt/bridge/schedules/hot_tub";
    watcher
        .until_json(shown, |shown| shown["schedules"] == json!([]))
        .await;
    let body = json!({ "did": SPA, "attrs": { "temp_set": 25, "power": "ON" }, "time": "07:30",
        "repeat": "daily", "zone": "Europe/Berlin", "retry_count": 2, "retry_task": "failed" });
    let made = ask(watcher, "schedules/add", body).await;
    assert_eq!(made["status"], "ok", "{made}");
    let (id, next_run) = (&made["data"]["id"], &made["data"]["next_run"]);
    let view =
        json!({ "next_run": next_run, "last_run": null, "last_result": null, "schedules": [id] });
    watcher.until_json(shown, |shown| *shown == view).await;
    let listed = ask(
        watcher,
        "schedules/list",
        json!({ "zone": "Europe/Berlin" }),
    )
    .await;
    let row = &listed["data"][0];
    for (key, want) in [
        ("id", id.clone()),
        ("account", json!("home")),
        ("repeat", json!("mon,tue,wed,thu,fri,sat,sun")),
        ("retry_count", json!(2)),
        ("retry_task", json!("failed")),
        ("next_run", next_run.clone()),
    ] {
        assert_eq!(row[key], want, "{key} of {listed}");
    }
    assert_eq!(row["local"]["time"], "07:30");
    assert_eq!(
        row["task"][0]["attrs"],
        json!({ "temp_set": 25, "power": true })
    );
    let none = ask(watcher, "schedules/logs", json!({ "id": id })).await;
    assert_eq!(none["data"], Value::Null);
    cloud.post("clock", json!({ "advance_s": 86_400 })).await;
    let log = ask(watcher, "schedules/logs", json!({ "id": id })).await;
    assert_eq!(log["data"]["status"], "succeed", "{log}");
    assert_eq!(log["data"]["detail"], json!({ SPA: true }));
    watcher.publish("gizwits2mqtt/hot_tub/get", "").await;
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "25").await;
    let removed = ask(watcher, "schedules/remove", json!({ "id": id })).await;
    assert_eq!(removed["data"], json!({ "id": id }));
    watcher
        .until_json(shown, |shown| shown["schedules"] == json!([]))
        .await;
    let again = ask(watcher, "schedules/remove", json!({ "id": id })).await;
    assert_eq!(
        (&again["status"], &again["code"]),
        (&json!("error"), &json!(9030))
    );
    let refused = json!({ "did": SPA, "attrs": { "temp_now": 5 }, "time": "25:00" });
    let refused = ask(watcher, "schedules/add", refused).await;
    let error = refused["error"].as_str().unwrap();
    assert!(
        error.contains("temp_now is read-only") && error.contains("write HH:MM"),
        "{error}"
    );
}
