//! Days of trouble in seconds: the core against the simulated cloud on virtual time. `SEED=n` repeats
//! or adds a run, `SEEDS=first..last` many; a failing one names its seed and the last steps.
//!
//! [`universe`] moves time, [`network`] and [`push`] carry what the core asks, [`broker`] takes what it
//! publishes, [`laws`] watch all of it. [`plan`], [`life`] and [`sweep`] make, live and count whole lives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod broker;
mod checks;
mod cloud;
mod core;
mod devices;
mod frugal;
mod household;
mod laws;
mod life;
mod listing;
mod network;
mod nonsense;
mod orders;
mod plan;
mod process;
mod profiles;
mod push;
mod real_devices;
mod recovery;
mod reloads;
mod requests;
mod schedules;
mod sweep;
mod trouble;
mod universe;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gizwits2mqtt::bridge::input::Message;
use gizwits2mqtt::bridge::settings::{Account, HomeAssistant, Shard};
use gizwits2mqtt::bridge::{Input, Settings};
use gizwits2mqtt::ids::AccountName;
use gizwits2mqtt::model::Region;
use gizwits2mqtt::simulator::Scenario;
use serde_json::json;

use network::Flight;
use universe::{SPA, Universe};

const PER_MINUTE: u32 = 30;
const HOUR: u64 = 3600;

fn settings() -> Settings {
    let account = Account {
        user: 1,
        regions: vec![Region::Custom],
        include: None,
        exclude: BTreeSet::new(),
    };
    Settings {
        base_topic: "g".into(),
        homeassistant: Some(HomeAssistant {
            discovery_prefix: "homeassistant".into(),
            status_topic: "homeassistant/status".into(),
        }),
        accounts: BTreeMap::from([(AccountName::new("home").unwrap(), account)]),
        push: false,
        poll_interval: Duration::from_secs(60),
        poll_interval_with_push: Duration::from_secs(300),
        bindings_interval: Duration::from_secs(600),
        bindings_interval_with_push: Duration::from_secs(3_600),
        requests_per_minute: PER_MINUTE,
        total_requests_per_minute: None,
        profiles: std::sync::Arc::default(),
        devices: BTreeMap::new(),
        shard: Shard { index: 0, count: 1 },
    }
}

/// The standard cloud whose values stay unless somebody changes them.
fn still() -> Scenario {
    let mut scenario = Scenario::standard();
    for product in &mut scenario.products {
        product.live.clear();
    }
    scenario
}

fn seeds() -> Vec<u64> {
    match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        // The last ones found a fault once.
        Err(_) => (1..=14).chain([107, 123, 138]).collect(),
    }
}

#[test]
fn a_quiet_day_costs_what_was_planned() {
    let mut universe = Universe::new(1, still());
    universe.run_for(24 * HOUR);
    universe.check_truth();
    let logins = universe
        .cloud
        .requests()
        .iter()
        .filter(|call| call["path"] == "/app/login")
        .count();
    assert!(logins <= 1, "{logins} logins");
    assert_eq!(
        universe.repeated, 0,
        "a state went out though it had not changed"
    );
    // Each twice, and once more for what the first values or schemas tell.
    let announcements = universe.announcements;
    assert!(announcements <= 40, "{announcements} discovery messages");
    // 9 devices each minute, one page of bindings each ten minutes, schemas once.
    let planned = 9 * 24 * 60 + 24 * 6 + 9;
    let calls = universe.calls;
    assert!(
        (planned * 95 / 100..=planned * 105 / 100).contains(&calls),
        "{calls} calls, {planned} planned"
    );
}

#[test]
fn after_any_trouble_the_truth_comes_back_and_no_command_is_lost() {
    for seed in seeds() {
        let mut universe = Universe::new(seed, requests::with_spares(still()));
        universe.run_for(120);
        for _ in 0..150 {
            universe.trouble();
        }
        universe.calm();
        universe.check_truth();
        universe.check_commands();
        universe.check_requests();
        let hours = universe.now.as_secs() / HOUR;
        eprintln!(
            "seed {seed}: {hours} h, {} calls, {} commands, {} requests",
            universe.calls,
            universe.commands,
            universe.asked.count()
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut universe = Universe::new(7, Scenario::standard());
        for _ in 0..40 {
            universe.trouble();
        }
        (
            universe.calls,
            universe.retained,
            universe.results,
            universe.now,
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn many_devices_share_the_limit_and_all_are_polled() {
    let mut universe = Universe::new(3, Scenario::with_devices(200));
    universe.run_for(HOUR);
    let polled: BTreeSet<String> = universe
        .cloud
        .requests()
        .iter()
        .filter_map(|call| {
            Some(
                call["path"]
                    .as_str()?
                    .strip_prefix("/app/devdata/")?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(polled.len(), 200);
    let schedules = universe.cloud.requests();
    let schedules = schedules
        .iter()
        .filter(|call| call["path"] == "/app/scheduler");
    assert!(
        schedules.count() <= 2,
        "their schedules cost next to nothing"
    );
    // A command does not wait for the polls.
    let result = universe.results.len();
    universe.tell(Input::Message(Message {
        topic: "g/hot_tub_0/set".into(),
        payload: br#"{"locked": true, "transaction": 1}"#.to_vec(),
        retained: false,
        reply: None,
    }));
    universe.run_for(15);
    assert_eq!(universe.results.len(), result + 1, "no result within 15 s");
    assert_eq!(universe.results[&1][0]["confirmed"], true);
}

#[test]
fn one_device_that_always_fails_starves_nobody() {
    for fault in [
        json!({ "path": format!("/app/devdata/{SPA}"), "kind": "http_502", "count": 100_000 }),
        json!({ "path": "/app/bindings", "kind": "error", "code": 9008, "count": 100_000 }),
    ] {
        let mut universe = Universe::new(9, still());
        universe.run_for(60);
        universe.sim("faults", &fault);
        universe.sim(
            "devices/DemoMeter0000000000005/attrs",
            &json!({ "pH": 7.05 }),
        );
        universe.run_for(HOUR);
        assert_eq!(universe.retained["g/pool_meter/pH"], b"7.05");
        assert_eq!(universe.retained["g/pool_meter/availability"], b"online");
    }
}

#[test]
fn polling_everything_at_once_leaves_room_for_commands() {
    let mut universe = Universe::new(3, Scenario::with_devices(200));
    universe.run_for(1800);
    universe.request("refresh");
    universe.run_for(50);
    universe.order("g/hot_tub_0/set", json!({ "locked": true }));
    let is_command = |flight: &Flight| flight.what.starts_with("command");
    assert!(
        universe.here.flights.iter().any(is_command),
        "it has to wait"
    );
}

#[test]
fn in_a_long_outage_nothing_is_shown_as_true() {
    let mut universe = Universe::new(4, still());
    universe.run_for(120);
    universe.cloud_is_reachable = false;
    universe.run_for(HOUR);
    let online: Vec<&String> = universe
        .retained
        .iter()
        .filter(|(topic, payload)| {
            topic.ends_with("/availability") && payload.as_slice() == b"online"
        })
        .map(|(topic, _)| topic)
        .collect();
    assert!(online.is_empty(), "{online:?}");
    let info = universe.retained_json("g/bridge/info");
    assert_eq!(info["accounts"]["home"]["state"], "unreachable");
    universe.cloud_is_reachable = true;
    universe.run_for(180);
    universe.check_truth();
}
