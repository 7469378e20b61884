//! What push saves: the calls of a day on which nothing happens, and of a change.

use std::collections::BTreeMap;
use std::time::Duration;

use gizwits2mqtt::bridge::{Restored, Settings};
use gizwits2mqtt::simulator::Scenario;
use serde_json::json;

use super::universe::Universe;
use super::{HOUR, settings};

/// Ten devices that are all connected and do nothing of themselves, with push, as a user gets it by default.
fn idle() -> Universe {
    let mut scenario = Scenario::with_devices(10);
    for product in &mut scenario.products {
        product.live.clear();
    }
    let with_push = Settings {
        push: true,
        poll_interval_with_push: Duration::from_secs(30 * 60),
        ..settings()
    };
    let mut universe = Universe::prepare(1, scenario, with_push, Restored::default());
    universe.start();
    universe
}

#[test]
fn ten_idle_devices_cost_fewer_than_600_calls_a_day() {
    let mut universe = idle();
    universe.run_for(24 * HOUR);
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    let mut polls: BTreeMap<String, usize> = BTreeMap::new();
    for call in universe.cloud.requests() {
        let path = call["path"].as_str().unwrap();
        if path.starts_with("/app/devdata/") {
            *polls.entry(path.to_owned()).or_default() += 1;
        }
        let kind = path.split('/').nth(2).unwrap_or_default();
        *calls.entry(kind.to_owned()).or_default() += 1;
    }
    eprintln!("{} calls: {calls:?}", universe.calls);
    assert!(universe.calls < 600, "{calls:?}");
    assert_eq!(polls.len(), 10);
    assert!(
        polls.values().all(|polls| (48..=50).contains(polls)),
        "{polls:?}"
    );
    let info = universe.retained_json("g/bridge/info");
    assert_eq!(info["push"]["state"], "ok", "{info}");
    let online = universe.retained.iter().filter(|(topic, payload)| {
        topic.ends_with("/availability") && payload.as_slice() == b"online"
    });
    assert_eq!(online.count(), 10);
}

#[test]
fn a_change_at_a_device_costs_no_call() {
    let mut universe = idle();
    universe.run_for(HOUR + 200);
    let before = universe.calls;
    let did = "simulated0000000000000";
    universe.sim(&format!("devices/{did}/attrs"), &json!({ "temp_now": 33 }));
    universe.run_for(2);
    assert_eq!(universe.retained["g/hot_tub_0/temp_now"], b"33");
    assert_eq!(universe.calls, before);
}
