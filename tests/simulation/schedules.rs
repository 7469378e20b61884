//! Schedules as Home Assistant sees them, and requests in single troubles.

use gizwits2mqtt::bridge::Restored;
use gizwits2mqtt::ids::AccountName;
use serde_json::{Value, json};

use super::universe::{SPA, Universe};
use super::{HOUR, requests, settings, still};

const SHOWN: &str = "g/bridge/schedules/hot_tub";

fn of_the_spa(more: Value) -> Value {
    let mut body = json!({ "did": SPA, "attrs": { "temp_set": 30 } });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn calls_of(universe: &Universe, path: &str) -> usize {
    let requests = universe.cloud.requests();
    let calls = requests.iter().filter(|call| {
        let called = call["path"].as_str().unwrap();
        called.starts_with(path)
    });
    calls.count()
}

/// It is eight in the morning in London.
#[test]
fn a_schedule_is_made_runs_and_tells_how_that_went() {
    let mut universe = Universe::new(1, still());
    universe.run_for(120);
    assert_eq!(
        universe.retained_json(SHOWN),
        json!({ "next_run": null, "last_run": null, "last_result": null, "schedules": [] })
    );
    let body = of_the_spa(json!({ "time": "10:00", "zone": "Europe/Berlin", "repeat": "daily" }));
    let made = universe.ask("schedules/add", body);
    universe.run_for(5);
    let answer = universe.answer(made).clone();
    assert_eq!(answer["data"]["next_run"], "2027-01-15T09:00:00Z");
    let id = &answer["data"]["id"];
    let shown = universe.retained_json(SHOWN);
    assert_eq!(
        shown,
        json!({ "next_run": "2027-01-15T09:00:00Z", "last_run": null, "last_result": null, "schedules": [id] })
    );
    let listed = universe.ask(
        "schedules/list",
        json!({ "did": SPA, "zone": "Europe/Berlin" }),
    );
    universe.run_for(5);
    let rows = &universe.answer(listed)["data"];
    assert_eq!((&rows[0]["id"], &rows[0]["time"]), (id, &json!("09:00")));
    assert_eq!(rows[0]["local"]["time"], "10:00");
    assert_eq!(rows[0]["task"][0]["attrs"], json!({ "temp_set": 30 }));
    universe.run_for(HOUR + 120);
    let shown = universe.retained_json(SHOWN);
    assert_eq!(
        shown,
        json!({ "next_run": "2027-01-16T09:00:00Z", "last_run": "2027-01-15T09:00:00Z",
            "last_result": "succeeded", "schedules": [id] })
    );
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"30");
    let logs = universe.ask("schedules/logs", json!({ "id": id }));
    let removed = universe.ask("schedules/remove", json!({ "id": id }));
    universe.run_for(5);
    assert_eq!(universe.answer(logs)["data"]["status"], "succeed");
    assert_eq!(universe.answer(logs)["data"]["detail"][SPA], true);
    assert_eq!(universe.answer(removed)["data"], json!({ "id": id }));
    universe.run_for(2 * HOUR);
    let shown = universe.retained_json(SHOWN);
    assert_eq!(
        shown,
        json!({ "next_run": null, "last_run": "2027-01-15T09:00:00Z",
            "last_result": "succeeded", "schedules": [] })
    );
}

#[test]
fn a_run_that_fails_at_first_is_told_by_its_end() {
    let mut universe = Universe::new(1, still());
    universe.run_for(60);
    let body = of_the_spa(json!({ "time": "08:10", "retry_count": 5 }));
    universe.ask("schedules/add", body);
    universe.sim(
        &format!("devices/{SPA}/online"),
        &json!({ "online": false }),
    );
    universe.run_for(12 * 60);
    assert_eq!(universe.retained_json(SHOWN)["last_result"], "failed");
    universe.sim(&format!("devices/{SPA}/online"), &json!({ "online": true }));
    universe.run_for(10 * 60);
    assert_eq!(universe.retained_json(SHOWN)["last_result"], "succeeded");
    assert!(
        calls_of(&universe, "/app/scheduler/") <= 2,
        "two looks at the log"
    );
}

#[test]
fn after_a_restart_the_last_run_is_told_again() {
    let mut universe = Universe::new(1, still());
    universe.run_for(60);
    universe.ask("schedules/add", of_the_spa(json!({ "time": "08:10" })));
    universe.run_for(HOUR);
    let before = universe.retained_json(SHOWN);
    assert_eq!(before["last_result"], "succeeded");
    universe.restart();
    for _ in 0..300 {
        universe.run_for(1);
        assert_eq!(universe.retained_json(SHOWN), before, "it never says less");
    }
}

#[test]
fn a_cloud_without_a_scheduler_costs_a_call_an_hour() {
    let mut universe = Universe::prepare(1, still(), settings(), Restored::default());
    universe.sim(
        "faults",
        &json!({ "path": "/app/scheduler", "kind": "error", "code": 9039, "count": 100_000 }),
    );
    universe.start();
    universe.run_for(12 * HOUR);
    let calls = calls_of(&universe, "/app/scheduler");
    assert!((12..=13).contains(&calls), "{calls} calls");
    assert!(!universe.retained.contains_key(SHOWN));
    let listed = universe.ask("schedules/list", json!({}));
    let made = universe.ask("schedules/add", of_the_spa(json!({ "time": "23:00" })));
    universe.run_for(10);
    for number in [listed, made] {
        let answer = universe.answer(number);
        assert_eq!(
            (&answer["status"], &answer["code"]),
            (&json!("error"), &json!(9039))
        );
    }
}

#[test]
fn a_change_of_unknown_fate_is_not_repeated_and_its_effect_is_seen() {
    let mut universe = Universe::new(1, still());
    universe.run_for(60);
    universe.sim(
        "faults",
        &json!({ "path": "/app/scheduler", "kind": "reset", "effect": true }),
    );
    let made = universe.ask("schedules/add", of_the_spa(json!({ "time": "23:00" })));
    universe.run_for(60);
    let error = universe.answer(made)["error"].as_str().unwrap();
    assert!(error.contains("not known whether"), "{error}");
    assert!(error.contains("not sent again"), "{error}");
    assert_eq!(universe.schedules_in_cloud().len(), 1);
    let shown = universe.retained_json(SHOWN);
    assert_eq!(shown["next_run"], "2027-01-15T23:00:00Z", "{shown}");
}

#[test]
fn who_cannot_be_served_is_told_so_within_a_minute() {
    let mut universe = Universe::new(1, still());
    universe.run_for(60);
    universe.sim("throttle", &json!({ "seconds": 600 }));
    universe.run_for(60);
    let body = || of_the_spa(json!({ "time": "23:00" }));
    let listed = universe.ask("schedules/list", json!({}));
    let mut all: Vec<u64> = (0..70)
        .map(|_| universe.ask("schedules/add", body()))
        .collect();
    all.push(listed);
    universe.run_for(61);
    for number in all {
        let error = universe.answer(number)["error"].as_str().unwrap();
        assert!(
            error.contains("throttled") || error.contains("64 requests"),
            "{error}"
        );
    }
    universe.run_for(HOUR);
    assert_eq!(universe.schedules_in_cloud().len(), 0);
}

#[test]
fn binding_and_unbinding_show_soon() {
    let mut universe = Universe::new(1, requests::with_spares(still()));
    universe.run_for(120);
    let spare = "SpareHeater000000000001";
    let topic = "g/0fffffffff00/availability";
    let wrong = universe.ask(
        "devices/bind",
        json!({ "devices": [{ "did": spare, "passcode": "wrong-passcode" }] }),
    );
    universe.run_for(10);
    let answer = universe.answer(wrong);
    assert_eq!(answer["status"], "error");
    assert_eq!(answer["data"], json!({ "success": [], "failed": [spare] }));
    let right = universe.ask(
        "devices/bind",
        json!({ "did": spare, "passcode": "SIMULATEDX" }),
    );
    universe.run_for(30);
    assert_eq!(
        universe.answer(right)["data"],
        json!({ "success": [spare], "failed": [] })
    );
    assert_eq!(universe.retained[topic], b"online");
    assert!(
        universe
            .retained
            .contains_key("g/bridge/schedules/0fffffffff00")
    );
    let unbound = universe.ask("devices/unbind", json!({ "did": spare }));
    universe.run_for(10);
    assert_eq!(universe.answer(unbound)["status"], "ok");
    let left = universe.retained.keys();
    let left: Vec<&String> = left
        .filter(|topic| topic.contains("0fffffffff00"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let body = json!({ "product_key": "5a1a9d1de0f54a4e8b9f7b1c62d0a002",
        "mac": "0FFFFFFFFF00", "product_secret": "demo-product-secret" });
    let by_mac = universe.ask("devices/bind_mac", body);
    universe.run_for(30);
    let answer = universe.answer(by_mac);
    assert_eq!(answer["data"], json!({ "did": spare }), "{answer}");
    assert_eq!(universe.retained[topic], b"online");
}

#[test]
fn without_a_name_the_owner_is_asked_or_the_accounts_are_listed() {
    let mut both = settings();
    let account = both.accounts.values().next().unwrap().clone();
    both.accounts
        .insert(AccountName::new("spare").unwrap(), account);
    let mut universe = Universe::prepare(2, still(), both, Restored::default());
    universe.start();
    universe.run_for(60);
    let unnamed = universe.ask("schedules/list", json!({}));
    let unknown = universe.ask("schedules/list", json!({ "account": "other" }));
    let named = universe.ask("schedules/list", json!({ "account": "spare" }));
    let owned = universe.ask("schedules/list", json!({ "did": SPA }));
    universe.run_for(10);
    assert_eq!(
        universe.answer(unnamed)["error"],
        "name an `account`: home, spare"
    );
    let error = universe.answer(unknown)["error"].as_str().unwrap();
    assert!(error.contains("write one of home, spare"), "{error}");
    for number in [named, owned] {
        assert_eq!(universe.answer(number)["data"], json!([]));
    }
}
