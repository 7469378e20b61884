//! The sensors of a device's schedules: disabled until somebody wants them, since few make schedules.

use serde_json::{Map, Value, json};

use crate::profile::distinct::{LAST_RESULT, NEXT_RUN};
use crate::profile::platform::Platform;

use super::component::{self, unique_id};
use super::discovery::DeviceView;
use super::topic::Topics;

/// How a run ended, in one word.
#[must_use]
pub const fn result_word(succeeded: bool) -> &'static str {
    if succeeded { "succeeded" } else { "failed" }
}

/// Component keys with their bodies.
pub(super) fn sensors(topics: &Topics, view: DeviceView<'_>) -> [(String, Map<String, Value>); 2] {
    // A topic is emptied when its device gets another one, and then there is no JSON.
    let template =
        |key: &str| format!("{{{{ value_json.{key} if value_json is defined else None }}}}");
    let next = json!({
        "name": NEXT_RUN.name,
        "device_class": "timestamp",
        "value_template": template("next_run"),
    });
    let last = json!({
        "name": LAST_RESULT.name,
        "device_class": "enum",
        "options": [result_word(true), result_word(false)],
        "value_template": template("last_result"),
    });
    let sensor = |key: &str, own: Value| {
        let mut body = own.as_object().cloned().unwrap_or_default();
        body.insert("platform".into(), Platform::Sensor.as_str().into());
        body.insert("unique_id".into(), unique_id(&view.device.did, key).into());
        body.insert("entity_category".into(), "diagnostic".into());
        body.insert("enabled_by_default".into(), false.into());
        let topic = topics.schedules(view.level);
        body.insert("state_topic".into(), topic.into());
        (component::key(Platform::Sensor, key), body)
    };
    [sensor(NEXT_RUN.key, next), sensor(LAST_RESULT.key, last)]
}
