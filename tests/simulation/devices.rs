//! Devices that join, leave, are renamed, or have nothing to say; and what stands on their topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use gizwits2mqtt::bridge::effect::Announced;
use gizwits2mqtt::bridge::input::Message;
use gizwits2mqtt::bridge::{Input, Restored, Settings};
use gizwits2mqtt::ids::{Did, ProductKey};
use gizwits2mqtt::model::ProductSchema;
use serde_json::{Value, json};

use super::universe::{SPA, Universe};
use super::{HOUR, settings, still};

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

/// Home Assistant took it for unknown, since it was beyond the limits that were announced.
#[test]
fn a_number_beyond_its_limits_is_told_again_when_they_are_wider() {
    let mut universe = Universe::new(6, still());
    universe.run_for(120);
    let path = "devices/DemoWave00000000000004/attrs";
    for (value, is_told_again) in [(39, false), (70, true), (65, false)] {
        let before = universe.repeated;
        universe.sim(path, &json!({ "FeedTime": value }));
        universe.run_for(120);
        assert_eq!(universe.repeated > before, is_told_again, "{value}");
    }
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
        universe.retained.contains_key("g/ghost/power"),
        "another account may have it"
    );
    universe.cloud_is_reachable = true;
    universe.run_for(300);
    assert!(
        !universe.retained.contains_key("g/ghost/power"),
        "no account has it"
    );
    assert_eq!(universe.retained["g/hot_tub/availability"], b"online");
    assert!(
        !universe.retained.contains_key("g/old_name/power"),
        "it has another topic now"
    );
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
fn a_chosen_topic_belongs_to_its_device_alone() {
    let mut universe = Universe::new(8, still());
    universe.run_for(60);
    let mut changed = settings();
    let topic = |topic: &str| gizwits2mqtt::bridge::settings::DeviceSettings {
        name: None,
        topic: Some(topic.into()),
        profile: None,
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
fn a_command_for_a_device_that_is_not_known_well_enough_is_told_so() {
    let mut universe = Universe::prepare(3, still(), settings(), Restored::default());
    universe.cut = Some(("home", "schema"));
    universe.start();
    universe.run_for(60);
    universe.order("g/hot_tub/set", json!({ "temp_set": 30 }));
    universe.order("g/nobody/set", json!({ "temp_set": 30 }));
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
    // 13 attributes, the state of the device, and six topics of its profile's entities.
    assert_eq!(universe.repeated, 20);
}

#[test]
fn a_schema_of_an_earlier_run_serves_at_once_and_is_asked_for_anew_once() {
    let scenario = still();
    let mut devices = scenario.devices.iter();
    let spa = devices.find(|device| device.did == SPA).unwrap();
    let product_key = ProductKey::new(spa.product_key.clone()).unwrap();
    let power = json!({ "name": "power", "type": "status_writable", "data_type": "bool" });
    let document = json!({ "entities": [{ "attrs": [power] }] });
    let (old, _) = ProductSchema::parse(&product_key, &document).unwrap();
    let restored = Restored {
        schemas: BTreeMap::from([(product_key.clone(), Arc::new(old))]),
        ..Restored::default()
    };
    let mut universe = Universe::prepare(6, scenario, settings(), restored);
    universe.cut = Some(("home", "schema"));
    universe.start();
    universe.run_for(HOUR);
    assert_eq!(universe.retained["g/hot_tub/power"], b"true", "it serves");
    // The profile makes the same entities of a guess, so what the schema says of the attribute tells.
    let longest = |universe: &Universe| {
        let devices = universe.retained_json("g/bridge/devices");
        let mut devices = devices.as_array().unwrap().iter();
        let spa = devices.find(|device| device["did"] == SPA).unwrap();
        spa["attributes"]["heat_timer_min"]["max"].as_f64()
    };
    assert_ne!(
        longest(&universe),
        Some(59_940.0),
        "the old one knows no range"
    );
    universe.cut = None;
    universe.run_for(HOUR);
    assert_eq!(longest(&universe), Some(59_940.0));
    let asked = universe.cloud.requests().iter().filter(|call| {
        call["path"] == "/app/datapoint" && call["query"]["product_key"] == product_key.as_str()
    });
    // A listing that ends while the answer is on its way asks once more; the next ones do not.
    let asked = asked.count();
    assert!((1..=2).contains(&asked), "{asked} times");
}
