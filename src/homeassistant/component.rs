//! What identifies an entity in a discovery message.

use serde_json::{Value, json};

use crate::ids::Did;
use crate::profile::platform::Platform;

/// The key in `components`. It holds the platform, since Home Assistant cannot move a key from one platform
/// to another, and a schema or a profile may change what an entity is.
#[must_use]
pub fn key(platform: Platform, name: &str) -> String {
    format!("{}_{name}", platform.as_str())
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
