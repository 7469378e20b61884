//! Days of trouble in seconds: the core against the simulated cloud on virtual time. `SEED=n` repeats
//! or adds a run; a failing one names its seed and the last steps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod cloud;
mod nonsense;
mod universe;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Announced;
use gizwits2mqtt::bridge::input::Message;
use gizwits2mqtt::bridge::settings::{Account, HomeAssistant, Shard};
use gizwits2mqtt::bridge::{Input, Restored, Settings};
use gizwits2mqtt::ids::{AccountName, Did};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::simulator::Scenario;
use serde_json::{Value, json};

use universe::{Flight, SPA, Universe};

const PER_MINUTE: u32 = 30;
const HOUR: u64 = 3600;

fn settings() -> Settings {
    let account = Account {
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
        poll_interval: Duration::from_secs(60),
        bindings_interval: Duration::from_secs(600),
        requests_per_minute: PER_MINUTE,
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
        Err(_) => (1..=12).collect(),
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
        let mut universe = Universe::new(seed, still());
        universe.run_for(120);
        for _ in 0..150 {
            universe.trouble();
        }
        universe.calm();
        universe.check_truth();
        universe.check_commands();
        let hours = universe.now.as_secs() / HOUR;
        eprintln!(
            "seed {seed}: {hours} h, {} calls, {} commands",
            universe.calls, universe.commands
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
fn an_unbound_device_takes_its_topics_along_even_without_home_assistant() {
    let without = Settings {
        homeassistant: None,
        ..settings()
    };
    let mut universe = Universe::prepare(5, still(), without, Restored::default());
    universe.start();
    universe.run_for(60);
    assert!(universe.retained.contains_key("g/hot_tub/temp_set"));
    universe.control("DELETE", &format!("devices/{SPA}"), &Value::Null);
    universe.run_for(3600);
    let left: Vec<&String> = universe
        .retained
        .keys()
        .filter(|topic| topic.starts_with("g/hot_tub"))
        .collect();
    assert_eq!(left, Vec::<&String>::new());
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
fn a_first_listing_that_fails_is_soon_repeated() {
    let mut universe = Universe::prepare(9, still(), settings(), Restored::default());
    universe.sim(
        "faults",
        &json!({ "path": "/app/bindings", "kind": "error", "code": 9008, "count": 3 }),
    );
    universe.start();
    universe.run_for(180);
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"38");
}

#[test]
fn what_an_earlier_run_said_counts_for_nothing_until_it_is_known_again() {
    let announced = |account: &str, level: &str| Announced {
        account: account.into(),
        level: level.into(),
        attrs: vec!["power".into()],
        ..Announced::default()
    };
    let restored = Restored {
        announced: BTreeMap::from([
            (Did::new(SPA).unwrap(), announced("home", "old_name")),
            (Did::new("another").unwrap(), announced("gone", "ghost")),
        ]),
        ..Restored::default()
    };
    let mut universe = Universe::prepare(4, still(), settings(), restored);
    universe.retained = [
        "g/old_name/power",
        "g/old_name/availability",
        "g/ghost/power",
    ]
    .map(|topic| (topic.to_owned(), b"online".to_vec()))
    .into();
    universe.cloud_is_reachable = false;
    universe.start();
    universe.run_for(60);
    assert_eq!(universe.retained["g/old_name/availability"], b"offline");
    assert!(
        !universe.retained.contains_key("g/ghost/power"),
        "its account is not configured"
    );
    universe.cloud_is_reachable = true;
    universe.run_for(300);
    assert_eq!(universe.retained["g/hot_tub/availability"], b"online");
    assert!(
        !universe.retained.contains_key("g/old_name/power"),
        "it has another topic now"
    );
}

#[test]
fn a_reload_in_the_middle_of_a_command_ends_it_with_a_result() {
    let mut universe = Universe::new(6, still());
    universe.run_for(60);
    universe.command();
    assert!(!universe.flights.is_empty(), "the call is under way");
    let mut changed = settings();
    for account in changed.accounts.values_mut() {
        account.regions = vec![Region::Eu];
    }
    universe.tell(Input::Reconfigure(Box::new(changed)));
    universe.run_for(60);
    assert_eq!(universe.results[&1].len(), 1);
    universe.command();
    universe.run_for(60);
    assert_eq!(universe.results[&2][0]["confirmed"], true);
}

#[test]
fn a_chosen_topic_belongs_to_its_device_alone() {
    let mut universe = Universe::new(8, still());
    universe.run_for(60);
    let mut changed = settings();
    let topic = |topic: &str| gizwits2mqtt::bridge::settings::DeviceSettings {
        name: None,
        topic: Some(topic.into()),
    };
    // Each takes the level that the other has.
    changed.devices = BTreeMap::from([
        (Did::new(SPA).unwrap(), topic("pool_meter")),
        (
            Did::new("DemoMeter0000000000005").unwrap(),
            topic("hot_tub"),
        ),
        (Did::new("DemoPets00000000000007").unwrap(), topic("reef")),
    ]);
    universe.tell(Input::Reconfigure(Box::new(changed)));
    universe.run_for(120);
    assert_eq!(universe.retained["g/pool_meter/temp_set"], b"38");
    assert_eq!(universe.retained["g/hot_tub/pH"], b"7.32");
    assert!(!universe.retained.contains_key("g/hot_tub/temp_set"));
    assert!(
        !universe.retained.contains_key("g/reef/Flow"),
        "the pump gave it up"
    );
    let set = |topic: &str, payload: &str| {
        Input::Message(Message {
            topic: topic.into(),
            payload: payload.as_bytes().to_vec(),
            retained: false,
            reply: None,
        })
    };
    universe.tell(set(
        "g/pool_meter/set",
        r#"{"temp_set": 30, "transaction": 1}"#,
    ));
    universe.tell(set("g/reef/set", r#"{"LED_R": 99, "transaction": 2}"#));
    universe.run_for(60);
    for transaction in [1, 2] {
        assert_eq!(
            universe.results[&transaction][0]["confirmed"], true,
            "{transaction}"
        );
    }
}

#[test]
fn devices_are_found_in_the_region_that_has_them() {
    let mut wide = settings();
    for account in wide.accounts.values_mut() {
        account.regions = vec![Region::Eu, Region::Us, Region::Cn];
    }
    let mut universe = Universe::prepare(2, still(), wide, Restored::default());
    universe.empty_region = Some(Region::Eu);
    universe.start();
    universe.run_for(60);
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"38");
    let info: Value = serde_json::from_slice(&universe.retained["g/bridge/info"]).unwrap();
    assert_eq!(info["accounts"]["home"]["region"], "us");
}

#[test]
fn polling_everything_at_once_leaves_room_for_commands() {
    let mut universe = Universe::new(3, Scenario::with_devices(200));
    universe.run_for(1800);
    universe.request("refresh");
    universe.run_for(50);
    universe.order(
        "g/hot_tub_0/set",
        &json!({ "locked": true, "transaction": 1 }),
    );
    let is_command = |flight: &Flight| flight.what.starts_with("command");
    assert!(universe.flights.iter().any(is_command), "it has to wait");
}

#[test]
fn wrong_credentials_are_tried_once_and_each_reload_counts() {
    let mut universe = Universe::prepare(2, still(), settings(), Restored::default());
    universe.password = "wrong";
    universe.start();
    universe.run_for(12 * HOUR);
    assert_eq!(universe.calls, 1);
    let info = universe.retained_json("g/bridge/info");
    assert_eq!(info["accounts"]["home"]["state"], "auth_failed");
    for _ in 0..2 * PER_MINUTE {
        universe.tell(Input::Reconfigure(Box::new(settings())));
        universe.run_for(1);
    }
    universe.password = "demo-password";
    universe.run_for(60);
    universe.tell(Input::Reconfigure(Box::new(settings())));
    universe.run_for(120);
    universe.check_truth();
}

#[test]
fn one_account_does_not_wait_for_the_schema_that_another_asks_for() {
    let mut both = settings();
    let account = |did: &str| Account {
        regions: vec![Region::Custom],
        include: Some(BTreeSet::from([Did::new(did).unwrap()])),
        exclude: BTreeSet::new(),
    };
    let scenario = Scenario::with_devices(20);
    let tub = |alias: &str| {
        let mut devices = scenario.devices.iter();
        devices.find(|device| device.alias == alias).unwrap()
    };
    let (first, second) = (tub("Hot tub 0"), tub("Hot tub 8"));
    assert_eq!(first.product_key, second.product_key);
    both.accounts = BTreeMap::from([
        (AccountName::new("a").unwrap(), account(&first.did)),
        (AccountName::new("b").unwrap(), account(&second.did)),
    ]);
    let mut universe = Universe::prepare(3, scenario, both, Restored::default());
    universe.cut = Some(("a", "schema"));
    universe.start();
    universe.run_for(60);
    assert_eq!(universe.retained["g/hot_tub_8/temp_set"], b"38");
}

#[test]
fn a_command_for_a_device_that_is_not_known_well_enough_is_told_so() {
    let mut universe = Universe::prepare(3, still(), settings(), Restored::default());
    universe.cut = Some(("home", "schema"));
    universe.start();
    universe.run_for(60);
    universe.order(
        "g/hot_tub/set",
        &json!({ "temp_set": 30, "transaction": 1 }),
    );
    universe.order("g/nobody/set", &json!({ "temp_set": 30, "transaction": 2 }));
    for (transaction, words) in [(1, "not known yet"), (2, "no device")] {
        let error = universe.results[&transaction][0]["error"].as_str().unwrap();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_control_falls_back_once_however_many_asked() {
    let mut slow = still();
    slow.report_delay_s = 3600.0;
    let mut universe = Universe::new(3, slow);
    universe.run_for(60);
    for _ in 0..20 {
        universe.command();
    }
    universe.run_for(120);
    universe.check_commands();
    // 12 attributes and the state of the device.
    assert_eq!(universe.repeated, 13);
}

#[test]
fn a_value_of_an_earlier_run_that_no_report_shows_is_taken_back() {
    let announced = Announced {
        account: "home".into(),
        level: "hot_tub".into(),
        attrs: vec!["power".into(), "bubbles".into()],
        ..Announced::default()
    };
    let restored = Restored {
        announced: BTreeMap::from([(Did::new(SPA).unwrap(), announced)]),
        ..Restored::default()
    };
    let mut universe = Universe::prepare(4, still(), settings(), restored);
    universe.retained = ["g/hot_tub/power", "g/hot_tub/bubbles"]
        .map(|topic| (topic.to_owned(), b"7".to_vec()))
        .into();
    universe.start();
    universe.run_for(60);
    assert_eq!(universe.retained["g/hot_tub/power"], b"true");
    assert!(!universe.retained.contains_key("g/hot_tub/bubbles"));
}

#[test]
fn a_device_without_data_is_announced_as_offline() {
    for code in [9029, 9042] {
        let mut universe = Universe::prepare(4, still(), settings(), Restored::default());
        universe.sim(
            "faults",
            &json!({ "path": format!("/app/devdata/{SPA}"), "kind": "http_502", "count": 2 }),
        );
        universe.sim(
            "faults",
            &json!({ "path": format!("/app/devdata/{SPA}"), "kind": "error", "code": code, "count": 100_000 }),
        );
        universe.start();
        universe.run_for(300);
        let config =
            universe.retained_json(&format!("homeassistant/device/gizwits2mqtt_{SPA}/config"));
        assert!(config.is_object(), "{code}: not announced");
        assert_eq!(universe.retained["g/hot_tub/availability"], b"offline");
    }
}

#[test]
fn a_listing_that_loses_its_token_twice_is_soon_repeated() {
    let mut universe = Universe::prepare(4, still(), settings(), Restored::default());
    universe.sim(
        "faults",
        &json!({ "path": "/app/bindings", "kind": "error", "code": 9004, "count": 2 }),
    );
    universe.start();
    universe.run_for(240);
    universe.check_truth();
}

#[test]
fn a_device_that_the_cloud_denies_costs_no_listing_each_minute() {
    let mut universe = Universe::new(4, still());
    universe.run_for(60);
    universe.sim(
        "faults",
        &json!({ "path": format!("/app/devdata/{SPA}"), "kind": "error", "code": 9014, "count": 100_000 }),
    );
    universe.run_for(HOUR);
    let requests = universe.cloud.requests();
    let listings = requests
        .iter()
        .filter(|call| call["path"] == "/app/bindings");
    let listings = listings.count();
    assert!(listings <= 10, "{listings} listings");
    assert_eq!(universe.retained["g/hot_tub/availability"], b"offline");
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

#[test]
fn an_account_that_is_taken_out_takes_its_sensor_along() {
    let mut both = settings();
    let spare = both.accounts.values().next().unwrap().clone();
    both.accounts
        .insert(AccountName::new("spare").unwrap(), spare);
    let mut universe = Universe::prepare(4, still(), both, Restored::default());
    universe.start();
    universe.run_for(30);
    universe.tell(Input::Reconfigure(Box::new(settings())));
    universe.run_for(30);
    let topics = universe.retained.keys();
    let mut topics = topics.filter(|topic| topic.contains("gizwits2mqtt_bridge"));
    let components = &universe.retained_json(topics.next().unwrap())["components"];
    let key = "account_spare";
    let component = components.as_object().unwrap().iter();
    let mut component = component.filter(|(name, _)| name.contains(key));
    let (_, stub) = component.next().unwrap();
    assert_eq!(*stub, json!({ "platform": "sensor" }));
    assert!(component.next().is_none());
}
