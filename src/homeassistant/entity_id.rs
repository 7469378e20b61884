//! The id that Home Assistant gives an entity, where its own would fail: it makes one of the device's and the
//! entity's names, cuts it at 255 characters, and may then end in an underscore that it refuses.

use serde_json::{Map, Value};

/// With room for the domain and a number.
const MAX_CHARS: usize = 230;
/// So many Latin letters Home Assistant may make of another one, with the blank after it.
const LETTERS_OF_ONE: usize = 8;

/// The `default_entity_id` of a component; `None` where Home Assistant's own is short enough.
pub(super) fn of(device_name: &str, body: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    if length(device_name) + 1 + length(text("name")) <= MAX_CHARS {
        return None;
    }
    let id = slug(text("unique_id"));
    Some(format!("{}.{id}", text("platform")))
}

/// How long Home Assistant's id may become at most.
fn length(name: &str) -> usize {
    let of = |c: char| if c.is_ascii() { 1 } else { LETTERS_OF_ONE };
    name.chars().map(of).sum()
}

/// Small letters, digits, and single underscores between them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().take(MAX_CHARS) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_long_names_need_an_id() {
        let long = "Pool ".repeat(50);
        for (device, name, unique_id, want) in [
            ("Pool", json!("Power"), "gizwits2mqtt_d_power", None),
            (
                &long,
                json!(null),
                "gizwits2mqtt_Ab1_fan",
                Some("switch.gizwits2mqtt_ab1_fan"),
            ),
            (
                "泳池",
                json!("温度".repeat(14)),
                "gizwits2mqtt_d_温 /x_",
                Some("switch.gizwits2mqtt_d_x"),
            ),
            ("泳池", json!("温度".repeat(10)), "gizwits2mqtt_d_温", None),
        ] {
            let body = json!({ "platform": "switch", "name": name, "unique_id": unique_id });
            let found = of(device, body.as_object().unwrap());
            assert_eq!(found.as_deref(), want, "{device} {name}");
        }
    }
}
