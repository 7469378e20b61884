//! A device that does what real ones do: presses that fall back, values that read back otherwise than they
//! were written, that drift, that lie beyond the schema or are not in it.

use std::sync::{Arc, LazyLock};

use gizwits2mqtt::profile::catalog::Catalog;
use gizwits2mqtt::profile::load;
use gizwits2mqtt::simulator::Scenario;
use serde_json::json;

use super::universe::Universe;

pub(crate) const TANK: &str = "DemoTank00000000000010";
/// Attributes whose values fall back by themselves.
pub(crate) const MOMENTARY: [&str; 3] = ["press", "gulp", "feed"];

const SCENARIO: &str = "
app_ids: [demo-app-id]
users: [{ name: demo@example.com }]
products:
  - product_key: 5a1a9d1de0f54a4e8b9f7b1c62d0b001
    name: Feeding tank
    datapoints:
      - { name: serial, type: status_writable, data_type: uint16, uint_spec: { min: 0, max: 60000, ratio: 1, addition: 0 } }
      - { name: press, type: status_writable, data_type: uint16, uint_spec: { min: 0, max: 60000, ratio: 1, addition: 0 } }
      - { name: gulp, type: status_writable, data_type: uint16, uint_spec: { min: 0, max: 60000, ratio: 1, addition: 0 } }
      - { name: feed, type: status_writable, data_type: bool }
      - { name: wave, type: status_writable, data_type: uint8, uint_spec: { min: 0, max: 100, ratio: 1, addition: 0 } }
      - { name: heat, type: status_writable, data_type: uint8, uint_spec: { min: 0, max: 10, ratio: 1, addition: 0 } }
      - { name: flow, type: status_writable, data_type: uint8, uint_spec: { min: 0, max: 100, ratio: 1, addition: 0 } }
      - { name: level, type: status_readonly, data_type: uint16, uint_spec: { min: 0, max: 100, ratio: 1, addition: 0 } }
    quirks:
      momentary: { press: 1.5, gulp: 0, feed: 3 }
      reads_as:
        - { attr: wave, written: 50, reads: 51 }
        - { attr: heat, written: 3, reads: 4, after_s: 20 }
    live: [{ attr: flow, every_s: 7, within: 2 }]
devices:
  - did: DemoTank00000000000010
    product_key: 5a1a9d1de0f54a4e8b9f7b1c62d0b001
    mac: 02000000aa10
    alias: Tank
    users: [demo@example.com]
    attrs: { serial: 0, press: 0, gulp: 0, feed: false, wave: 0, heat: 0, flow: 60, level: 40, extra: 7 }
";

const PROFILE: &str = "
profile: feeding-tank
title: Feeding tank
match: { product_names: [Feeding tank] }
entities:
  press: { platform: button, press: { set: { press: 1 } } }
  gulp: { platform: button, press: { set: { gulp: 1 } } }
  feed: { platform: button, press: { set: { feed: true } } }
  bubbles: { platform: select, state: { attr: wave, map: { \"Off\": 0, Medium: [50, 40, 41, 51], Max: 100 } } }
  heater: { platform: switch, state: { any: [heat], write: { \"on\": { heat: 3 }, \"off\": { heat: 0 } } } }
";

/// The scenario with the tank.
pub(crate) fn with_tank(mut scenario: Scenario) -> Scenario {
    let more = Scenario::parse(SCENARIO).unwrap();
    scenario.products.extend(more.products);
    scenario.devices.extend(more.devices);
    scenario
}

/// What a user wrote for it.
pub(crate) fn profiles() -> Arc<Catalog> {
    static READ: LazyLock<Arc<Catalog>> =
        LazyLock::new(|| Arc::new(Catalog::new(vec![load::read(PROFILE).unwrap()])));
    READ.clone()
}

impl Universe {
    /// Somebody uses the tank in one of the ways that there are.
    pub(crate) fn use_tank(&mut self, way: u32) {
        let transaction = self.commands + 1;
        let entity = |entity: &str| format!("g/tank/entity/{entity}/set");
        match way {
            0 => self.order("g/tank/set", json!({ "press": transaction })),
            1 => self.order("g/tank/set", json!({ "gulp": transaction })),
            2 => self.order("g/tank/set", json!({ "press": transaction, "wave": 100 })),
            3 => self.order("g/tank/set", json!({ "flow": 20 + transaction % 60 })),
            4 => {
                if self.is_heard() {
                    self.laws.presses += 1;
                    self.hears(&entity("feed/press"), b"PRESS".to_vec(), None);
                }
            }
            5 => self.hears(&entity("bubbles/state"), b"Medium".to_vec(), None),
            6 => self.hears(&entity("bubbles/state"), b"Max".to_vec(), None),
            7 => self.hears(&entity("heater/state"), b"true".to_vec(), None),
            _ => self.hears(&entity("heater/state"), b"false".to_vec(), None),
        }
    }
}
