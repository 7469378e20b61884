//! Commands to an entity of a whole bridge: what one tap sends in several messages.

use std::sync::Arc;

use serde_json::{Value, json};

use super::tests::{Town, settings};
use super::*;
use crate::bridge::settings::Settings;
use crate::profile::catalog::Catalog;
use crate::profile::load;

#[test]
fn what_an_order_sets_decides_on_the_rest_of_it() {
    let profile = "\
profile: spa
title: Spa
match: { product_keys: [pk] }
entities:
  spa:
    platform: climate
    mode: { attr: wave, map: { off: 0, heat: 1 } }
    target_temperature: { variants: [{ when: { wave: 1 }, use: temp_set }] }
";
    let profile = load::read(profile).unwrap();
    let profiles = Arc::new(Catalog::new(vec![profile]));
    let of = Settings {
        profiles,
        ..settings()
    };
    let mut town = Town::of(of);
    town.message("entity/spa/target_temperature/set", "40.0");
    assert!(
        town.result()["error"]
            .as_str()
            .unwrap()
            .contains("cannot be set")
    );
    // Home Assistant sends mode and temperature of one tap as two messages.
    town.message("entity/spa/mode/set", "heat");
    town.message("entity/spa/target_temperature/set", "40.0");
    assert_eq!(town.published("g/spa/result"), [""; 0]);
    town.run_for(100);
    let [SocketOrder::Write { attrs, serial, .. }] = &town.orders[..] else {
        panic!("{:?}", town.orders)
    };
    let (wanted, serial) = (json!({ "temp_set": 40, "wave": 1 }), *serial);
    assert_eq!(Value::Object(attrs.to_json()), wanted);
    // Also while the device was told, and nothing shows it yet.
    town.acknowledge(serial);
    town.message("entity/spa/target_temperature/set", "39.0");
    assert_eq!(town.published("g/spa/result"), [""; 0]);
}
