//! The discovery message of a device, by the rules of `docs/HOME-ASSISTANT.md`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ids::{AttrName, Mac};
use crate::model::{Attrs, Device, ProductSchema};
use crate::profile::catalog::Plan;
use crate::profile::distinct::LAST_REPORT;
use crate::profile::platform::Platform;

use super::component;
use super::entity;
use super::entity_id;
use super::schedule_sensors;
use super::topic::Topics;

/// What the message tells of a device.
#[derive(Debug, Clone, Copy)]
pub struct DeviceView<'a> {
    /// Its row in the bindings.
    pub device: &'a Device,
    /// Its product.
    pub schema: &'a ProductSchema,
    /// The shown name.
    pub name: &'a str,
    /// Its topic level.
    pub level: &'a str,
    /// What its product became.
    pub plan: &'a Plan,
    /// What it last reported.
    pub attrs: &'a Attrs,
    /// Numbers that the device reported beyond their limits: Home Assistant ignores a state outside
    /// the announced range, so the range widens.
    pub observed: &'a BTreeMap<AttrName, (f64, f64)>,
}

/// Component keys with their platforms: the identity of entities, kept for ever.
pub type Components = BTreeMap<String, String>;

/// A retained discovery message.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Where it goes.
    pub topic: String,
    /// The JSON.
    pub payload: Vec<u8>,
    /// What it announces, without the retired ones.
    pub components: Components,
}

/// The message for a device. `earlier` holds what was announced before: those that are gone stay in
/// it as stubs, which is how Home Assistant learns to remove them.
#[must_use]
pub fn announce(topics: &Topics, view: DeviceView<'_>, earlier: &Components) -> Announcement {
    let mut bodies = BTreeMap::new();
    for entity in &view.plan.entities {
        let body = entity::component(topics, view, entity);
        bodies.insert(component::key(entity.platform, &entity.key), body);
    }
    bodies.insert(
        component::key(Platform::Sensor, LAST_REPORT.key),
        last_report(topics, view),
    );
    bodies.extend(schedule_sensors::sensors(topics, view));
    for body in bodies.values_mut() {
        if let Some(id) = entity_id::of(view.name, body) {
            body.insert("default_entity_id".into(), id.into());
        }
    }
    let availability = [
        topics.bridge("state"),
        topics.below_device(view.level, "availability"),
    ];
    let message = Message {
        topic: topics.discovery(&view.device.did),
        device: device(topics, view),
        availability: &availability,
        bodies,
    };
    message.render(env!("CARGO_PKG_VERSION"), earlier)
}

/// The parts of a discovery message, of a device or of the bridge.
pub(super) struct Message<'a> {
    pub(super) topic: String,
    pub(super) device: Map<String, Value>,
    pub(super) availability: &'a [String],
    pub(super) bodies: BTreeMap<String, Map<String, Value>>,
}

impl Message<'_> {
    pub(super) fn render(self, version: &str, earlier: &Components) -> Announcement {
        let platform = |body: &Map<String, Value>| {
            let platform = body.get("platform").and_then(Value::as_str);
            platform.unwrap_or_default().to_owned()
        };
        let components: Components = self
            .bodies
            .iter()
            .map(|(key, body)| (key.clone(), platform(body)))
            .collect();
        let gone = earlier
            .iter()
            .filter(|(key, _)| !components.contains_key(*key))
            .map(|(key, platform)| (key.clone(), component::stub(platform)));
        let bodies: Map<String, Value> = self
            .bodies
            .into_iter()
            .map(|(key, body)| (key, Value::Object(body)))
            .chain(gone)
            .collect();
        let mut payload = json!({
            "device": self.device,
            "origin": {
                "name": "gizwits2mqtt",
                "sw_version": version,
            },
            "qos": 1,
            "components": bodies,
        });
        if !self.availability.is_empty() {
            let topics = self
                .availability
                .iter()
                .map(|topic| json!({ "topic": topic }));
            payload["availability"] = topics.collect();
            payload["availability_mode"] = "all".into();
        }
        Announcement {
            topic: self.topic,
            payload: payload.to_string().into_bytes(),
            components,
        }
    }
}

fn device(topics: &Topics, view: DeviceView<'_>) -> Map<String, Value> {
    let row = view.device;
    let model = [row.product_name.as_str(), view.schema.name.as_str()]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default();
    let wifi = Some(&row.wifi_version).filter(|version| !version.is_empty());
    let wifi = wifi.map(|version| format!("Wi-Fi {version}"));
    let mcu = Some(row.mcu_version.clone()).filter(|version| !version.is_empty());
    let firmware = [mcu, wifi].into_iter().flatten().collect::<Vec<_>>();
    let firmware = firmware.join(", ");
    let words = [
        ("name", view.name),
        (
            "manufacturer",
            view.plan.manufacturer.as_deref().unwrap_or_default(),
        ),
        ("model", model),
        ("model_id", row.product_key.as_str()),
        ("serial_number", row.mac.as_ref().map_or("", Mac::as_str)),
        ("sw_version", firmware.as_str()),
    ];
    let mut device = Map::new();
    let identifier = format!("gizwits2mqtt_{}", row.did);
    device.insert("identifiers".into(), json!([identifier]));
    device.insert("via_device".into(), topics.bridge_id().into());
    // An empty text would be shown as a fact.
    let known = words.into_iter().filter(|(_, word)| !word.is_empty());
    device.extend(known.map(|(key, word)| (key.to_owned(), word.into())));
    device
}

/// When the device last reported: what tells a silent device from a quiet one.
fn last_report(topics: &Topics, view: DeviceView<'_>) -> Map<String, Value> {
    // A topic is emptied when its device gets another one, and then there is no JSON.
    let template = "{{ (value_json._meta.updated_at | as_datetime).isoformat() \
                    if value_json is defined and value_json._meta.updated_at else None }}";
    let body = json!({
        "platform": Platform::Sensor.as_str(),
        "name": LAST_REPORT.name,
        "unique_id": component::unique_id(&view.device.did, LAST_REPORT.key),
        "device_class": "timestamp",
        "entity_category": "diagnostic",
        "enabled_by_default": false,
        "state_topic": topics.device(view.level),
        "value_template": template,
    });
    body.as_object().cloned().unwrap_or_default()
}
