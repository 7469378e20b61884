//! What Home Assistant is told about real products, and the rules that every message keeps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/discovery_laws.rs"]
mod laws;

use std::collections::{BTreeMap, BTreeSet};

use gizwits2mqtt::homeassistant::bridge_device::announce_bridge;
use gizwits2mqtt::homeassistant::discovery::{Announcement, Components, DeviceView, announce};
use gizwits2mqtt::homeassistant::topic::Topics;
use gizwits2mqtt::ids::{AccountName, AttrName, Did, Mac, ProductKey};
use gizwits2mqtt::model::{Attrs, Device, ProductSchema, infer};
use gizwits2mqtt::profile::catalog::{Catalog, NO_PROFILE, Product};
use serde_json::{Value, json};

fn topics() -> Topics {
    Topics::new("gizwits2mqtt", "homeassistant", "homeassistant/status")
}

/// Product keys of the schemas under `tests/fixtures/schemas`.
fn products() -> Vec<ProductKey> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schemas");
    let mut keys: Vec<ProductKey> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .parse()
                .unwrap()
        })
        .collect();
    keys.sort();
    assert!(keys.len() >= 6, "the fixtures are gone");
    keys
}

fn schema(product_key: &ProductKey) -> ProductSchema {
    let path = format!(
        "{}/tests/fixtures/schemas/{product_key}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    ProductSchema::parse(product_key, &document).unwrap().0
}

fn device(product_key: &ProductKey) -> Device {
    Device {
        did: Did::new("did1").unwrap(),
        product_key: product_key.clone(),
        mac: Some(Mac::new("aabbccddeeff").unwrap()),
        alias: "Pool".into(),
        product_name: String::new(),
        is_online: true,
        is_disabled: false,
        wifi_version: "04020028".into(),
        mcu_version: String::new(),
        push: None,
    }
}

fn message(
    schema: &ProductSchema,
    observed: &BTreeMap<AttrName, (f64, f64)>,
    earlier: &Components,
) -> Announcement {
    announcement(schema, None, observed, earlier)
}

fn announcement(
    schema: &ProductSchema,
    chosen: Option<&str>,
    observed: &BTreeMap<AttrName, (f64, f64)>,
    earlier: &Components,
) -> Announcement {
    let product = Product {
        schema,
        name: "",
        chosen,
    };
    let view = DeviceView {
        device: &device(&schema.product_key),
        schema,
        plan: &Catalog::default().plan(product),
        attrs: &Attrs::default(),
        name: "Pool",
        level: "pool",
        observed,
    };
    announce(&topics(), view, earlier)
}

fn first(schema: &ProductSchema) -> Announcement {
    message(schema, &BTreeMap::new(), &Components::new())
}

fn body(announcement: &Announcement) -> Value {
    serde_json::from_slice(&announcement.payload).unwrap()
}

#[test]
fn real_products_are_announced_as_before() {
    for product_key in products() {
        let body = body(&first(&schema(&product_key)));
        insta::assert_json_snapshot!(product_key.to_string(), body);
    }
    let accounts = [AccountName::new("home").unwrap()];
    insta::assert_json_snapshot!(
        "bridge",
        body(&announce_bridge(
            &topics(),
            "1.2.3",
            &accounts,
            &Components::new()
        ))
    );
}

/// What the schema alone gives away of them.
#[test]
fn real_products_are_readable_without_a_profile() {
    for product_key in products() {
        let schema = schema(&product_key);
        let (observed, earlier) = (BTreeMap::new(), Components::new());
        let message = announcement(&schema, Some(NO_PROFILE), &observed, &earlier);
        laws::check(&message.payload).unwrap();
        let body = body(&message);
        let components = body["components"].as_object().unwrap();
        let known = ["name", "device_class", "unit_of_measurement", "state_class"];
        let more = ["entity_category", "icon", "options", "enabled_by_default"];
        let line = |(key, body): (&String, &Value)| {
            let facts = known.iter().chain(&more).map(|fact| &body[*fact]);
            let facts: Vec<String> = facts
                .filter(|f| !f.is_null())
                .map(Value::to_string)
                .collect();
            format!("{key}: {}", facts.join(" "))
        };
        let table: Vec<String> = components.iter().map(line).collect();
        insta::assert_snapshot!(format!("{product_key}_alone"), table.join("\n"));
    }
}

#[test]
fn real_products_and_the_bridge_keep_the_rules() {
    let accounts = [AccountName::new("home").unwrap()];
    let bridge = announce_bridge(&topics(), "1", &accounts, &Components::new());
    laws::check(&bridge.payload).unwrap();
    for product in products() {
        laws::check(&first(&schema(&product)).payload).unwrap();
    }
}

#[test]
fn every_entity_has_an_identity_of_its_own_that_begins_with_the_device() {
    for product_key in products() {
        let body = body(&first(&schema(&product_key)));
        let components = body["components"].as_object().unwrap();
        let ids: BTreeSet<&str> = components
            .values()
            .map(|c| c["unique_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), components.len());
        assert!(ids.iter().all(|id| id.starts_with("gizwits2mqtt_did1_")));
        assert!(
            components
                .iter()
                .all(|(key, c)| key.starts_with(c["platform"].as_str().unwrap()))
        );
    }
}

#[test]
fn what_is_gone_stays_as_a_stub_and_is_not_announced_again() {
    let schema = schema(&products()[0]);
    let earlier = Components::from([("switch_old".into(), "switch".into())]);
    let announcement = message(&schema, &BTreeMap::new(), &earlier);
    assert_eq!(
        body(&announcement)["components"]["switch_old"],
        json!({ "platform": "switch" })
    );
    assert_eq!(announcement.components, first(&schema).components);
    assert!(!announcement.components.contains_key("switch_old"));
}

fn one(attr: Value) -> ProductSchema {
    let document = json!({ "name": "x", "entities": [{ "attrs": [attr] }] });
    ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document)
        .unwrap()
        .0
}

#[test]
fn a_number_widens_to_what_was_seen() {
    let schema = one(
        json!({ "name": "t", "type": "status_writable", "data_type": "uint8",
        "uint_spec": { "min": 10, "max": 20, "ratio": 0.5, "addition": 0 } }),
    );
    let seen = BTreeMap::from([(AttrName::new("t").unwrap(), (2.0, 30.5))]);
    let body = body(&message(&schema, &seen, &Components::new()));
    let number = &body["components"]["number_t"];
    assert_eq!(
        (&number["min"], &number["max"], &number["step"]),
        (&json!(2), &json!(30.5), &json!(0.5))
    );
}

/// Of a fan 100 % is its fastest speed, and what it reports once does not move that.
#[test]
fn a_fan_keeps_its_limits() {
    let document = json!({ "name": "x", "entities": [{ "attrs": [
        { "name": "power", "type": "status_writable", "data_type": "bool" },
        { "name": "speed", "type": "status_writable", "data_type": "uint8",
            "uint_spec": { "min": 0, "max": 5 } },
    ] }] });
    let key = ProductKey::new("pk").unwrap();
    let (schema, _) = ProductSchema::parse(&key, &document).unwrap();
    let seen = BTreeMap::from([(AttrName::new("speed").unwrap(), (0.0, 200.0))]);
    let body = body(&message(&schema, &seen, &Components::new()));
    let fan = &body["components"]["fan_fan"];
    assert_eq!(
        (&fan["speed_range_min"], &fan["speed_range_max"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(
        fan["percentage_value_template"],
        "{{ value | float | round | int if value | is_number and 0 <= value | float <= 5 else 'None' }}"
    );
}

/// Home Assistant converts what a person sets in another unit, which then lies between two steps.
#[test]
fn a_number_with_a_unit_is_rounded_to_its_step() {
    let schema = one(
        json!({ "name": "temp_set", "type": "status_writable", "data_type": "uint8",
        "uint_spec": { "min": 0, "max": 80, "ratio": 0.5, "addition": -10 } }),
    );
    let body = body(&first(&schema));
    let number = &body["components"]["number_temp_set"];
    assert_eq!(number["unit_of_measurement"], "°C");
    assert_eq!(
        number["command_template"],
        "{{ ((value - -10) / 0.5) | round * 0.5 + -10 }}"
    );
}

#[test]
fn a_label_that_home_assistant_takes_for_no_label_is_shown_in_brackets() {
    let schema = one(
        json!({ "name": "m", "type": "status_writable", "data_type": "enum",
        "enum": ["None", "a", "", "a", " b "] }),
    );
    let body = body(&first(&schema));
    let select = &body["components"]["select_m"];
    assert_eq!(select["options"], json!(["(none)", "a", "b"]));
    assert_eq!(
        select["value_template"],
        r#"{{ {" b ":"b","None":"(none)","a":"a"}.get(value, 'None') }}"#
    );
    assert_eq!(
        select["command_template"],
        r#"{{ {"(none)":"None","b":" b "}.get(value, value) | to_json }}"#
    );
}

/// Home Assistant logs a longer one as a fault.
#[test]
fn a_text_that_is_no_state_is_not_told() {
    let described = one(json!({ "name": "x", "data_type": "float" }));
    let empty = ProductSchema::new(described.product_key.clone(), String::new(), true, vec![]);
    // A number today may be a text tomorrow.
    let report = json!({ "x": 1 });
    let guessed = infer::widen(&empty, report.as_object().unwrap()).unwrap();
    for schema in [described, guessed] {
        let body = body(&first(&schema));
        assert_eq!(
            body["components"]["sensor_x"]["value_template"],
            "{{ value if value | length <= 255 else 'None' }}"
        );
    }
}

#[test]
fn no_empty_fact_about_the_device_is_told() {
    let body = body(&first(&one(json!({ "name": "p", "data_type": "bool" }))));
    let device = body["device"].as_object().unwrap();
    assert!(device.values().all(|value| value != ""), "{device:?}");
    assert_eq!(device["sw_version"], "Wi-Fi 04020028");
    assert_eq!(device["via_device"], "gizwits2mqtt_bridge");
}
