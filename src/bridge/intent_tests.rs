//! When a command is done, of a whole bridge: by the reading of its entity, and in one form of its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::tests::{START, Town, settings, spa};
use crate::bridge::SocketOrder;
use crate::bridge::settings::{DeviceSettings, Settings};
use crate::ids::ProductKey;
use crate::model::ProductSchema;
use crate::profile::catalog::Catalog;
use crate::profile::load;

/// Products with a report of a real device each.
const FIXTURES: [(&str, &str); 5] = [
    (
        "airjet-v01",
        include_str!("../../tests/fixtures/profiles/airjet-v01.json"),
    ),
    (
        "hydrojet",
        include_str!("../../tests/fixtures/profiles/hydrojet.json"),
    ),
    (
        "gyre",
        include_str!("../../tests/fixtures/profiles/gyre.json"),
    ),
    (
        "heatzy-pilote2",
        include_str!("../../tests/fixtures/profiles/heatzy-pilote2.json"),
    ),
    (
        "hy09rf",
        include_str!("../../tests/fixtures/profiles/hy09rf.json"),
    ),
];

/// A device of a product of `tests/fixtures/profiles`, with values that differ from its report.
fn town(fixture: &str, profile: &str, differs: &str) -> Town {
    let (_, text) = FIXTURES.iter().find(|(name, _)| *name == fixture).unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    let entities = json!({ "entities": [{ "attrs": document["attrs"] }] });
    let schema = ProductSchema::parse(&ProductKey::new("pk").unwrap(), &entities);
    let mut report = document["report"].clone();
    merge(&mut report, differs);
    let device = DeviceSettings {
        profile: Some(profile.into()),
        ..DeviceSettings::default()
    };
    let settings = Settings {
        devices: BTreeMap::from([(spa(), device)]),
        ..settings()
    };
    Town::of_product(settings, schema.unwrap().0, report)
}

fn merge(into: &mut Value, values: &str) {
    let values: Map<String, Value> = serde_json::from_str(values).unwrap();
    into.as_object_mut().unwrap().extend(values);
}

/// The device acknowledges one call after the other.
fn is_carried_out(town: &mut Town) -> usize {
    let mut calls = 0;
    while let Some(serial) = town.orders.iter().find_map(serial) {
        calls += 1;
        town.acknowledge(serial);
    }
    calls
}

fn serial(order: &SocketOrder) -> Option<u64> {
    if let SocketOrder::Write { serial, .. } = order {
        return Some(*serial);
    }
    None
}

/// Fixture | profile | what differs from its report before | entity and role | command | what the device
/// reports then, which is not what was written.
const EQUAL: &str = r#"
airjet-v01 | bestway-airjet-v01 | {"wave": 0} | bubbles/state | Medium | {"wave": 40}
airjet-v01 | bestway-airjet-v01 | {"wave": 0} | bubbles/state | Medium | {"wave": 41}
airjet-v01 | bestway-airjet-v01 | {"wave": 0} | bubbles/state | Medium | {"wave": 51}
airjet-v01 | bestway-airjet-v01 | {"power": 0, "heat": 0} | spa/mode | heat | {"power": 1, "heat": 4}
airjet-v01 | bestway-airjet-v01 | {"power": 0, "heat": 0} | spa/mode | heat | {"power": 1, "heat": 5}
airjet-v01 | bestway-airjet-v01 | {"power": 0, "heat": 0} | spa/mode | heat | {"power": 1, "heat": 6}
airjet-v01 | bestway-airjet-v01 | {"filter": 0} | filter_pump/state | on | {"filter": 1}
hydrojet | bestway-hydrojet | {"wave": 0} | bubbles/state | Medium | {"wave": 41}
hydrojet | bestway-hydrojet | {"wave": 0} | bubbles/state | Medium | {"wave": 42}
hydrojet | bestway-hydrojet | {"wave": 0} | bubbles/state | Medium | {"wave": 43}
hydrojet | bestway-hydrojet | {"power": 0, "heat": 0} | spa/mode | heat | {"power": 1, "heat": 4}
hydrojet | bestway-hydrojet | {"filter": 0} | filter_pump/state | on | {"filter": 1}
gyre | maxspect-gyre | {"Mode": 3} | pump/state | on | {"Mode": 0}
gyre | maxspect-gyre | {"Mode": 3} | pump/state | on | {"Mode": 1}
gyre | maxspect-gyre | {"Mode": 3} | pump/state | on | {"Mode": 2}
heatzy-pilote2 | heatzy-pilote | {"mode": "stop"} | heater/mode | heat | {"timer_switch": 0, "mode": "cft1"}
hy09rf | hy09rf | {"power": 0} | thermostat/mode | heat | {"power": 1, "work_mode": 2}
"#;

#[test]
fn what_a_profile_knows_to_be_equal_confirms_a_command_to_the_entity() {
    for line in EQUAL.lines().filter(|line| !line.is_empty()) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [fixture, profile, before, of, payload, report] = columns[..] else {
            panic!("{line}")
        };
        let mut town = town(fixture, profile, before);
        town.message(&format!("entity/{of}/set"), payload);
        assert_eq!(town.published("g/spa/result"), [""; 0], "{line}");
        town.run_for(100);
        assert!(is_carried_out(&mut town) > 0, "{line}");
        town.push(serde_json::from_str(report).unwrap());
        assert_eq!(town.result()["status"], "ok", "{line}");
        assert_eq!(town.result()["confirmed"], true, "{line}");
        // No second write, no error, and what was before is an echo.
        town.run_for(60_000);
        assert_eq!(is_carried_out(&mut town), 0, "{line}");
        assert_eq!(town.controls(), 0, "{line}");
        assert_eq!(town.published("g/spa/result"), [""; 0], "{line}");
    }
}

#[test]
fn another_reading_than_what_was_asked_for_confirms_nothing() {
    for (of, payload, report, error) in [
        (
            "bubbles/state",
            "Medium",
            json!({ "wave": 100 }),
            "wave 100",
        ),
        (
            "filter_pump/state",
            "off",
            json!({ "filter": 1 }),
            "filter 1",
        ),
        (
            "spa/target_temperature",
            "90",
            json!({ "Tset": 91 }),
            "Tset 91",
        ),
    ] {
        let mut town = town("airjet-v01", "bestway-airjet-v01", "{}");
        town.message(&format!("entity/{of}/set"), payload);
        town.run_for(100);
        assert_eq!(is_carried_out(&mut town), 1, "{of}");
        town.push(report);
        assert_eq!(town.published("g/spa/result"), [""; 0], "{of}");
        town.run_for(40_000);
        let reason = town.result()["error"].to_string();
        assert!(reason.contains(error), "{of}: {reason}");
    }
}

#[test]
fn a_newer_value_of_its_attribute_is_not_what_the_entity_was_asked_for() {
    let mut town = town("airjet-v01", "bestway-airjet-v01", r#"{"wave": 0}"#);
    town.message("entity/bubbles/state/set", "Medium");
    town.message("set", r#"{"wave": 100}"#);
    town.run_for(100);
    assert_eq!(is_carried_out(&mut town), 1);
    town.push(json!({ "wave": 41 }));
    assert_eq!(town.published("g/spa/result"), [""; 0]);
    town.push(json!({ "wave": 100 }));
    assert_eq!(town.published("g/spa/result").len(), 2);
}

#[test]
fn a_bool_is_confirmed_by_the_number_that_a_product_without_schema_reports() {
    let product_key = ProductKey::new("pk").unwrap();
    let empty = ProductSchema::new(product_key, String::new(), true, Vec::new());
    for (wish, reports) in [
        (
            json!({ "on": true }),
            [json!({ "on": 0 }), json!({ "on": 1 })],
        ),
        (
            json!({ "on": 1 }),
            [json!({ "on": false }), json!({ "on": true })],
        ),
    ] {
        let [before, after] = reports;
        let mut town = Town::of_product(settings(), empty.clone(), before.clone());
        town.message("set", &wish.to_string());
        let serial = town.written();
        town.acknowledge(serial);
        town.push(after.clone());
        assert_eq!(town.result()["confirmed"], true, "{wish}");
        // The value from before is an echo, as with a schema.
        town.push(before);
        assert_eq!(town.published("g/spa/on"), [""; 0], "{wish}");
        town.push(after);
        town.run_for(60_000);
        assert_eq!(town.controls(), 0, "{wish}");

        // And a poll that shows it misses nothing.
        let mut town = Town::of_product(settings(), empty.clone(), json!({ "on": 0 }));
        town.message("set", r#"{"on": true}"#);
        let serial = town.written();
        town.acknowledge(serial);
        town.run_for(12_000);
        town.poll_shows(START + 20, json!({ "on": 1 }));
        assert_eq!(town.result()["confirmed"], true);
        assert_eq!(town.controls(), 0);
    }
}

#[test]
fn an_order_that_sets_an_attribute_twice_is_shown_as_the_device_tells_it() {
    let profile = "\
profile: spa
title: Spa
match: { product_keys: [pk] }
entities:
  bubbles:
    platform: select
    state: { attr: wave, map: { Low: 1, High: 2 }, write: { Low: [{ wave: 9 }, { wave: 1 }] } }
";
    let profile = load::read(profile).unwrap();
    for before in [0, 1] {
        let mut town = Town::of(Settings {
            profiles: Arc::new(Catalog::new(vec![profile.clone()])),
            ..settings()
        });
        town.push(json!({ "temp_set": 38, "wave": before }));
        town.message("entity/bubbles/state/set", "Low");
        town.run_for(100);
        let first = town.written();
        town.acknowledge(first);
        let second = town.written();
        for wave in ["9", "1"] {
            town.push(json!({ "wave": wave }));
            assert_eq!(town.published("g/spa/wave"), [wave], "before {before}");
        }
        assert_eq!(town.result()["confirmed"], true, "before {before}");
        town.acknowledge(second);
        // A hand on the device is shown, and so is what the order passed through.
        town.run_for(1_000);
        town.push(json!({ "wave": 5 }));
        assert_eq!(town.published("g/spa/wave"), ["5"], "before {before}");
    }
}
