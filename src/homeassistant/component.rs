//! The kinds of entity that Home Assistant knows, and what identifies one.

use serde_json::{Value, json};

use crate::ids::Did;

/// A platform of Home Assistant's MQTT integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Read-only on/off.
    BinarySensor,
    /// Something to press.
    Button,
    /// A number to set.
    Number,
    /// A label to choose.
    Select,
    /// A value to look at.
    Sensor,
    /// On/off to set.
    Switch,
    /// Characters to set.
    Text,
}

impl Platform {
    /// As Home Assistant spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BinarySensor => "binary_sensor",
            Self::Button => "button",
            Self::Number => "number",
            Self::Select => "select",
            Self::Sensor => "sensor",
            Self::Switch => "switch",
            Self::Text => "text",
        }
    }

    /// The key in `components`. It holds the platform, since Home Assistant cannot move a key from
    /// one platform to another, and a schema may change what an attribute is.
    #[must_use]
    pub fn key(self, name: &str) -> String {
        format!("{}_{name}", self.as_str())
    }
}

/// The `unique_id` of a device's entity. Dashboards and automations hang on it.
#[must_use]
pub fn unique_id(did: &Did, name: &str) -> String {
    format!("gizwits2mqtt_{did}_{name}")
}

/// What stays of a component that is gone: this alone makes Home Assistant remove it.
#[must_use]
pub fn stub(platform: &str) -> Value {
    json!({ "platform": platform })
}
