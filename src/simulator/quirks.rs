//! What real devices do that a mere store of values does not: values that fall back by themselves, values
//! that read back otherwise than they were written, and devices that take their time to follow.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::faults::millis;

/// What a product or one device does of its own accord with what it is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Attributes whose value falls back by itself, with the seconds after which it does. With 0 no report
    /// ever shows the value that was written.
    pub momentary: BTreeMap<String, f64>,
    /// Values that read back otherwise than they were written.
    pub reads_as: Vec<ReadsAs>,
    /// How long it takes to follow a command, in seconds; the scenario's `report_delay_s` without it.
    pub follows_after_s: Option<f64>,
}

/// A value that reads back as another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadsAs {
    /// The attribute.
    pub attr: String,
    /// The value in a command.
    pub written: Value,
    /// The value in reports; the schema need not allow it.
    pub reads: Value,
    /// For how many seconds reports show the written value first.
    #[serde(default)]
    pub after_s: f64,
}

/// A change that a command leads to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// How long after the command it happens.
    pub(super) after_ms: i64,
    pub(super) attrs: Map<String, Value>,
    /// It happens only to attributes that still have these values.
    pub(super) from: Option<Map<String, Value>>,
}

impl Quirks {
    /// The quirks of a device and those of its product, which count less.
    pub(super) fn with(&self, product: &Self) -> Self {
        let mut both = self.clone();
        for (attr, after_s) in &product.momentary {
            both.momentary.entry(attr.clone()).or_insert(*after_s);
        }
        both.reads_as.extend(product.reads_as.iter().cloned());
        both.follows_after_s = self.follows_after_s.or(product.follows_after_s);
        both
    }

    /// What follows from a command, in its order. `rest` is the value that a momentary attribute falls back to.
    pub(super) fn follow(
        &self,
        mut taken: Map<String, Value>,
        otherwise_after_ms: i64,
        rest: impl Fn(&str, &Value) -> Value,
    ) -> Vec<Change> {
        let first_ms = self.follows_after_s.map_or(otherwise_after_ms, millis);
        let mut later = Vec::new();
        for (attr, value) in &mut taken {
            let (then, after_s) = if let Some(after_s) = self.momentary.get(attr) {
                (rest(attr, value), *after_s)
            } else if let Some(other) = self.reads_as.iter().find(|other| other.is_of(attr, value))
            {
                (other.reads.clone(), other.after_s)
            } else {
                continue;
            };
            let after_ms = millis(after_s);
            if after_ms == 0 {
                *value = then;
            } else if *value != then {
                later.push(Change {
                    after_ms: first_ms.saturating_add(after_ms),
                    attrs: Map::from_iter([(attr.clone(), then)]),
                    from: Some(Map::from_iter([(attr.clone(), value.clone())])),
                });
            }
        }
        later.sort_by_key(|change| change.after_ms);
        let first = Change {
            after_ms: first_ms,
            attrs: taken,
            from: None,
        };
        std::iter::once(first).chain(later).collect()
    }
}

impl ReadsAs {
    /// A bool may stand for 0 or 1, as it does over HTTP.
    fn is_of(&self, attr: &str, value: &Value) -> bool {
        let number = |value: &Value| {
            let on = value.as_bool().map(|on| f64::from(u8::from(on)));
            on.or_else(|| value.as_f64())
        };
        self.attr == attr
            && (self.written == *value
                || number(value).is_some() && number(&self.written) == number(value))
    }
}

/// Off, 0, or the first label: what a momentary attribute has when nobody presses it.
pub(super) fn at_rest(datapoint: Option<&Map<String, Value>>, value: &Value) -> Value {
    let labels = datapoint.and_then(|datapoint| datapoint.get("enum")?.as_array());
    match value {
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => labels
            .and_then(|labels| labels.first().cloned())
            .unwrap_or_else(|| "".into()),
        Value::Null | Value::Array(_) | Value::Object(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_device_does_with_a_command_what_it_and_its_product_are_known_for() {
        let product: Quirks = serde_json::from_value(json!({
            "momentary": { "feed": 2, "reboot": 5 },
            "reads_as": [
                { "attr": "wave", "written": 50, "reads": 51 },
                { "attr": "on", "written": 1, "reads": 2 },
                { "attr": "heat", "written": 3, "reads": 4, "after_s": 1.5 },
            ],
            "follows_after_s": 8,
        }))
        .unwrap();
        let device: Quirks = serde_json::from_value(json!({
            "momentary": { "reboot": 0 },
            "reads_as": [{ "attr": "wave", "written": 50, "reads": 41 }],
        }))
        .unwrap();
        let both = device.with(&product);
        let change = |after_ms: i64, attrs: Value, from: Option<Value>| Change {
            after_ms,
            attrs: object(attrs),
            from: from.map(object),
        };
        for (wanted, want) in [
            (
                json!({ "mode": 1 }),
                vec![change(8000, json!({ "mode": 1 }), None)],
            ),
            (
                json!({ "wave": 50 }),
                vec![change(8000, json!({ "wave": 41 }), None)],
            ),
            (
                json!({ "on": true }),
                vec![change(8000, json!({ "on": 2 }), None)],
            ),
            (
                json!({ "reboot": true }),
                vec![change(8000, json!({ "reboot": false }), None)],
            ),
            (
                json!({ "feed": 1, "heat": 3 }),
                vec![
                    change(8000, json!({ "feed": 1, "heat": 3 }), None),
                    change(9500, json!({ "heat": 4 }), Some(json!({ "heat": 3 }))),
                    change(10_000, json!({ "feed": 0 }), Some(json!({ "feed": 1 }))),
                ],
            ),
            (
                json!({ "feed": 0 }),
                vec![change(8000, json!({ "feed": 0 }), None)],
            ),
        ] {
            let got = both.follow(object(wanted), 0, |_, value| at_rest(None, value));
            assert_eq!(got, want);
        }
    }

    #[test]
    fn a_label_falls_back_to_the_first_one() {
        let datapoint = object(json!({ "enum": ["idle", "feeding"] }));
        assert_eq!(at_rest(Some(&datapoint), &json!("feeding")), "idle");
    }
}
