//! The bridge as a device of its own, which the others name with `via_device`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ids::AccountName;

use crate::profile::platform::Platform;

use super::component;
use super::discovery::{Announcement, Components, Message};
use super::topic::Topics;

/// The states that an account can be in, see `bridge/info`.
pub const ACCOUNT_STATES: [&str; 5] = [
    "ok",
    "logging_in",
    "throttled",
    "auth_failed",
    "unreachable",
];

/// The states of push, see `bridge/info`: switched off; no device names a host; some of several
/// connections are up.
pub const PUSH_STATES: [&str; 6] = ["off", "none", "ok", "partial", "connecting", "down"];

/// The message for the bridge: its connection, each account's state, a button to refresh. `earlier`
/// as in [`super::discovery::announce`].
#[must_use]
pub fn announce_bridge(
    topics: &Topics,
    version: &str,
    accounts: &[AccountName],
    earlier: &Components,
) -> Announcement {
    let id = topics.bridge_id();
    let mut bodies = BTreeMap::from([
        component(
            Platform::BinarySensor,
            &id,
            "connection",
            connection(topics),
        ),
        component(Platform::Button, &id, "refresh", refresh(topics)),
        component(Platform::Sensor, &id, "push", push(topics)),
    ]);
    let sensors = accounts.iter().map(|account| {
        let name = format!("account_{account}");
        component(Platform::Sensor, &id, &name, account_state(topics, account))
    });
    bodies.extend(sensors);
    let name = topics.index().map_or_else(
        || "Gizwits bridge".to_owned(),
        |index| format!("Gizwits bridge {index}"),
    );
    let device = json!({
        "identifiers": [id],
        "name": name,
        "model": "gizwits2mqtt",
        "sw_version": version,
    });
    let message = Message {
        topic: topics.bridge_discovery(),
        device: device.as_object().cloned().unwrap_or_default(),
        // Its own connection is what it tells; the others say themselves that they need it.
        availability: &[],
        bodies,
    };
    message.render(version, earlier)
}

fn component(
    platform: Platform,
    id: &str,
    name: &str,
    body: Value,
) -> (String, Map<String, Value>) {
    let mut body = body.as_object().cloned().unwrap_or_default();
    body.insert("platform".into(), platform.as_str().into());
    body.insert("unique_id".into(), format!("{id}_{name}").into());
    (component::key(platform, name), body)
}

fn connection(topics: &Topics) -> Value {
    json!({
        "name": "Connection",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topics.bridge("state"),
        "payload_on": "online",
        "payload_off": "offline",
    })
}

fn refresh(topics: &Topics) -> Value {
    json!({
        "name": "Refresh",
        "entity_category": "config",
        "command_topic": topics.bridge("request/refresh"),
        "payload_press": "{}",
        "availability": [{ "topic": topics.bridge("state") }],
    })
}

fn push(topics: &Topics) -> Value {
    json!({
        "name": "Push",
        "device_class": "enum",
        "entity_category": "diagnostic",
        "options": PUSH_STATES,
        "state_topic": topics.bridge("info"),
        "value_template": "{{ value_json.push.state }}",
        "availability": [{ "topic": topics.bridge("state") }],
    })
}

fn account_state(topics: &Topics, account: &AccountName) -> Value {
    // As a Jinja text: JSON's escapes are Jinja's. An account that was taken out of the
    // configuration is unknown, not an error on every message.
    let name = Value::String(account.to_string());
    let of = |key: &str| format!("value_json.accounts.get({name}, {{}}).get('{key}')");
    let (state, reason, region) = (of("state"), of("reason"), of("region"));
    json!({
        "name": format!("Account {account}"),
        "device_class": "enum",
        "entity_category": "diagnostic",
        "options": ACCOUNT_STATES,
        "state_topic": topics.bridge("info"),
        "value_template": format!("{{{{ {state} }}}}"),
        "json_attributes_topic": topics.bridge("info"),
        "json_attributes_template":
            format!("{{{{ {{'reason': {reason}, 'region': {region}}} | tojson }}}}"),
        "availability": [{ "topic": topics.bridge("state") }],
    })
}
