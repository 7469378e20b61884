//! One attribute's value: read from the cloud's JSON, checked when a command names it, written out.

use std::borrow::Cow;

use serde_json::Value;

use super::{Access, DataType, Datapoint, hex};

/// A value in the unit and words that people see.
#[derive(Debug, Clone, PartialEq)]
pub enum AttrValue {
    /// A switch.
    Bool(bool),
    /// A label of an enumeration.
    Enum(Box<str>),
    /// A number after ratio and addition.
    Number(f64),
    /// Bytes; shown as lower-case hex.
    Binary(Box<[u8]>),
    /// A value without a schema that is neither a bool nor a number.
    Text(Box<str>),
}

/// Why a value does not fit its datapoint; the text tells what was given and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

impl AttrValue {
    /// Reads a value from a report, with every quirk that real devices show: 0/1 for bool, an
    /// index or a label for enum, a bool for either number or enum, numbers as text, bytes as hex
    /// or as a list.
    ///
    /// # Errors
    /// [`ValueError`] when the value cannot be of this datapoint at all. A number beyond its
    /// limits is no error: devices report what they measure.
    pub fn decode(datapoint: &Datapoint, json: &Value) -> Result<Self, ValueError> {
        let read = match &datapoint.data_type {
            DataType::Bool => read_bool(json).map(Self::Bool),
            DataType::Enum(labels) => read_label(labels, &as_integer(json)).map(Self::from_label),
            DataType::Number(spec) => {
                read_number(&as_integer(json)).map(|number| Self::Number(spec.tidy(number)))
            }
            DataType::Binary { .. } => read_bytes(json).ok().map(Self::from_bytes),
            DataType::Text => read_text(json).map(|text| Self::Text(text.into())),
        };
        read.ok_or_else(|| {
            let (name, kind) = (&datapoint.name, kind(&datapoint.data_type));
            ValueError(format!("{name}: {} is no {kind}", shorten(json)))
        })
    }

    /// Checks a value from a command: type, range, step, labels, length.
    ///
    /// # Errors
    /// [`ValueError`] says what was given and what is accepted.
    pub fn accept(datapoint: &Datapoint, json: &Value) -> Result<Self, ValueError> {
        let name = &datapoint.name;
        if !datapoint.is_settable() {
            return Err(ValueError(format!("{name} is read-only")));
        }
        let refuse = |accepted: String| {
            let given = shorten(json);
            ValueError(format!("{name}: {given} is refused; accepted: {accepted}"))
        };
        if datapoint.access == Access::Inferred {
            return accept_unknown(json).ok_or_else(|| refuse("a bool, a number or a text".into()));
        }
        match &datapoint.data_type {
            DataType::Bool => read_bool(json)
                .map(Self::Bool)
                .ok_or_else(|| refuse("true, false, on, off, 1, 0".into())),
            DataType::Enum(labels) => read_label(labels, json)
                .filter(|label| labels.iter().any(|known| known == label))
                .map(Self::from_label)
                .ok_or_else(|| refuse(labels.join(", "))),
            DataType::Number(spec) => read_number(json)
                .filter(|number| spec.takes(*number))
                .map(|number| Self::Number(spec.round(number)))
                .ok_or_else(|| refuse(spec.to_string())),
            DataType::Binary { len } => match read_bytes(json) {
                Ok(bytes) if bytes.len() == *len => Ok(Self::from_bytes(bytes)),
                Ok(bytes) => Err(refuse(format!(
                    "exactly {len} bytes as hex ({} digits), not {}",
                    len * 2,
                    bytes.len()
                ))),
                Err(fault) => Err(refuse(format!("exactly {len} bytes as hex; {fault}"))),
            },
            // Not settable, which was said above.
            DataType::Text => Err(refuse("nothing".into())),
        }
    }

    /// The value as a report of the datapoint would have it: what a command asks for may be of another
    /// type where types are guessed. One that the datapoint cannot have stays as it is.
    #[must_use]
    pub fn normal(&self, datapoint: &Datapoint) -> Self {
        Self::decode(datapoint, &self.to_json()).unwrap_or_else(|_| self.clone())
    }

    fn from_label(label: &str) -> Self {
        Self::Enum(label.into())
    }

    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }

    /// The JSON form, the same towards MQTT and in a control call: bool, label, number (an integer
    /// where it is whole), lower-case hex.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(on) => Value::Bool(*on),
            Self::Enum(text) | Self::Text(text) => Value::String(text.to_string()),
            Self::Number(number) => number_to_json(*number),
            Self::Binary(bytes) => Value::String(hex::encode(bytes)),
        }
    }

    /// The bare payload of an attribute topic: as [`Self::to_json`], without quotes.
    #[must_use]
    pub fn to_bare(&self) -> String {
        match self.to_json() {
            Value::String(text) => text,
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => other.to_string(),
        }
    }
}

/// Home Assistant and the cloud both want `21`, not `21.0`.
fn number_to_json(number: f64) -> Value {
    // Beyond 2^53 an integer would pretend to digits that it does not have.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Value::from(number as i64);
    }
    serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Seen: `true`, `1`, `"1"`, and what people type.
fn read_bool(json: &Value) -> Option<bool> {
    match json {
        Value::Bool(on) => Some(*on),
        Value::Number(number) => match number.as_f64()? {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Some(true),
            "false" | "off" | "0" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Seen: a bool where the schema says uint8. In a report that is a quirk, in a command a mistake.
fn as_integer(json: &Value) -> Cow<'_, Value> {
    match json.as_bool() {
        Some(on) => Cow::Owned(Value::from(u8::from(on))),
        None => Cow::Borrowed(json),
    }
}

/// A label as it is, or the label at an index. A text that is no label is kept in reports (vendors
/// add labels with new firmware) and judged by the caller in commands.
fn read_label<'a>(labels: &'a [String], json: &'a Value) -> Option<&'a str> {
    let at = |index: u64| labels.get(usize::try_from(index).ok()?).map(String::as_str);
    match json {
        Value::String(text) => {
            let exact = labels.iter().find(|label| *label == text);
            // A bare payload loses the blanks around a label that has some.
            let same = || labels.iter().find(|label| label.trim() == text.trim());
            if let Some(label) = exact.or_else(same) {
                return Some(label);
            }
            match text.trim().parse() {
                Ok(index) => at(index),
                Err(_) => Some(text),
            }
        }
        Value::Number(number) => at(number.as_u64()?),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn read_number(json: &Value) -> Option<f64> {
    let number = match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

/// Hex over HTTP, a list of bytes over the WebSocket (documented).
fn read_bytes(json: &Value) -> Result<Vec<u8>, String> {
    match json {
        Value::String(text) => hex::decode(text.trim()).map_err(|err| err.to_string()),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok()))
            .collect::<Option<_>>()
            .ok_or_else(|| "a list may hold only numbers from 0 to 255".into()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            Err("it is neither hex nor a list of bytes".into())
        }
    }
}

fn read_text(json: &Value) -> Option<String> {
    match json {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Some(json.to_string())
        }
        Value::Null => None,
    }
}

/// Without a schema only the cloud can judge; whatever it may understand is let through.
fn accept_unknown(json: &Value) -> Option<AttrValue> {
    match json {
        Value::Bool(on) => Some(AttrValue::Bool(*on)),
        Value::Number(number) => number.as_f64().map(AttrValue::Number),
        Value::String(text) => Some(AttrValue::Text(text.as_str().into())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

const fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Bool => "bool",
        DataType::Enum(_) => "label or index of the enumeration",
        DataType::Number(_) => "number",
        DataType::Binary { .. } => "hex text",
        DataType::Text => "text",
    }
}

/// A value in a message for people: a megabyte of it helps nobody.
fn shorten(json: &Value) -> String {
    const MOST: usize = 60;
    let text = json.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ids::AttrName;
    use crate::model::NumberSpec;

    fn datapoint(access: Access, data_type: DataType) -> Datapoint {
        Datapoint {
            id: 0,
            name: AttrName::new("x").unwrap(),
            display_name: String::new(),
            desc: String::new(),
            access,
            data_type,
        }
    }

    fn writable(data_type: DataType) -> Datapoint {
        datapoint(Access::Writable, data_type)
    }

    fn labels() -> DataType {
        DataType::Enum(vec!["cft".into(), "eco".into(), "停止".into()])
    }

    const fn number(min: f64, max: f64, ratio: f64, addition: f64) -> DataType {
        DataType::Number(NumberSpec {
            min,
            max,
            ratio,
            addition,
        })
    }

    #[test]
    fn every_quirk_of_a_report_decodes() {
        let bytes = DataType::Binary { len: 2 };
        for (data_type, json, bare) in [
            (DataType::Bool, json!(1), "true"),
            (DataType::Bool, json!(0), "false"),
            (DataType::Bool, json!("1"), "true"),
            (DataType::Bool, json!(true), "true"),
            (labels(), json!("eco"), "eco"),
            (labels(), json!(2), "停止"),
            (labels(), json!("1"), "eco"),
            (labels(), json!("brand new"), "brand new"),
            (number(0.0, 14.0, 0.01, 0.0), json!(7.32), "7.32"),
            (number(0.0, 14.0, 0.01, 0.0), json!(7.320_000_000_1), "7.32"),
            (number(0.0, 40.0, 1.0, 0.0), json!("21"), "21"),
            (number(0.0, 40.0, 1.0, 0.0), json!(106), "106"),
            (number(0.0, 40.0, 1.0, 0.0), json!(20.6), "20.6"),
            (number(0.0, 40.0, 0.5, 0.0), json!(20.25), "20.25"),
            (number(0.0, 1.0, 1.0, 0.0), json!(true), "1"),
            (labels(), json!(true), "eco"),
            (bytes.clone(), json!("00FF"), "00ff"),
            (bytes.clone(), json!([0, 255]), "00ff"),
            (bytes, json!("00"), "00"),
            (DataType::Text, json!([1, 2]), "[1,2]"),
        ] {
            let datapoint = datapoint(Access::ReadOnly, data_type);
            let value = AttrValue::decode(&datapoint, &json);
            assert_eq!(value.unwrap().to_bare(), bare, "{json} {datapoint:?}");
        }
    }

    #[test]
    fn what_cannot_be_the_datapoint_is_refused_with_its_name() {
        for (data_type, json) in [
            (DataType::Bool, json!(2)),
            (DataType::Bool, json!(null)),
            (labels(), json!(3)),
            (labels(), json!(-1)),
            (labels(), json!({})),
            (number(0.0, 1.0, 1.0, 0.0), json!("warm")),
            (number(0.0, 1.0, 1.0, 0.0), json!("NaN")),
            (DataType::Binary { len: 1 }, json!([256])),
            (DataType::Binary { len: 1 }, json!("xyz")),
            (DataType::Text, json!(null)),
        ] {
            let fault = AttrValue::decode(&datapoint(Access::ReadOnly, data_type), &json);
            assert!(fault.unwrap_err().0.starts_with("x: "), "{json}");
        }
    }

    #[test]
    fn a_command_is_checked_for_type_range_step_label_and_length() {
        let tenths = number(5.0, 30.0, 0.5, 0.0);
        for (data_type, json, want) in [
            (DataType::Bool, json!("ON"), Ok("true")),
            (DataType::Bool, json!("perhaps"), Err("true, false")),
            (DataType::Bool, json!(3), Err("true, false")),
            (labels(), json!("eco"), Ok("eco")),
            (labels(), json!(0), Ok("cft")),
            (labels(), json!("warm"), Err("cft, eco, 停止")),
            (tenths.clone(), json!(21.5), Ok("21.5")),
            (tenths.clone(), json!("21.0"), Ok("21")),
            (tenths.clone(), json!(21.3), Err("steps of 0.5")),
            (tenths.clone(), json!(4), Err("5 to 30")),
            (
                number(0.0, 9.0, 1.0, 0.0),
                json!(true),
                Err("true is refused"),
            ),
            (labels(), json!(true), Err("true is refused")),
            (tenths, json!(31), Err("5 to 30")),
            (DataType::Binary { len: 2 }, json!("00ff"), Ok("00ff")),
            (
                DataType::Binary { len: 2 },
                json!("00"),
                Err("exactly 2 bytes"),
            ),
            (
                DataType::Binary { len: 2 },
                json!("zz"),
                Err("'z' is not a hex digit"),
            ),
        ] {
            let accepted = AttrValue::accept(&writable(data_type), &json);
            match (accepted, want) {
                (Ok(value), Ok(bare)) => assert_eq!(value.to_bare(), bare),
                (Err(fault), Err(hint)) => assert!(fault.0.contains(hint), "{fault}"),
                (got, want) => panic!("{json}: {got:?}, wanted {want:?}"),
            }
        }
    }

    #[test]
    fn only_writable_datapoints_accept() {
        for access in [Access::ReadOnly, Access::Alert, Access::Fault] {
            let fault = AttrValue::accept(&datapoint(access, DataType::Bool), &json!(true));
            assert_eq!(fault.unwrap_err().0, "x is read-only");
        }
        let unknown = datapoint(Access::Inferred, DataType::Bool);
        assert!(
            AttrValue::accept(&unknown, &json!(7)).is_ok(),
            "the cloud is the judge"
        );
        assert!(AttrValue::accept(&unknown, &json!({})).is_err());
    }

    #[test]
    fn a_fault_never_repeats_a_huge_value() {
        let huge = json!("x".repeat(1 << 20));
        let fault = AttrValue::accept(&writable(DataType::Bool), &huge).unwrap_err();
        assert!(fault.0.chars().count() < 200);
    }

    fn any_data_type() -> impl Strategy<Value = DataType> {
        prop_oneof![
            Just(DataType::Bool),
            Just(labels()),
            (1_usize..9).prop_map(|len| DataType::Binary { len }),
            (
                prop_oneof![Just(1.0), Just(0.1), Just(0.01), Just(0.5), Just(10.0)],
                -100_i32..100
            )
                .prop_map(|(ratio, addition)| {
                    let addition = f64::from(addition);
                    number(addition, ratio * 255.0 + addition, ratio, addition)
                }),
        ]
    }

    fn value_of(data_type: &DataType, raw: u8) -> AttrValue {
        match data_type {
            DataType::Bool => AttrValue::Bool(raw.is_multiple_of(2)),
            DataType::Enum(labels) => {
                AttrValue::from_label(&labels[usize::from(raw) % labels.len()])
            }
            DataType::Number(spec) => {
                AttrValue::Number(spec.round(f64::from(raw) * spec.ratio + spec.addition))
            }
            DataType::Binary { len } => AttrValue::from_bytes(vec![raw; *len]),
            DataType::Text => AttrValue::Text("t".into()),
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_and_is_accepted_as_the_same(data_type in any_data_type(), raw: u8) {
            let value = value_of(&data_type, raw);
            let datapoint = writable(data_type);
            prop_assert_eq!(AttrValue::decode(&datapoint, &value.to_json()).unwrap(), value.clone());
            prop_assert_eq!(AttrValue::accept(&datapoint, &value.to_json()).unwrap(), value.clone());
            let bare = Value::String(value.to_bare());
            prop_assert_eq!(AttrValue::accept(&datapoint, &bare).unwrap(), value);
        }

        #[test]
        fn no_text_and_no_number_breaks_the_reader(data_type in any_data_type(), text: String, n: f64) {
            let datapoint = writable(data_type);
            for json in [Value::String(text), json!(n)] {
                if let Ok(value) = AttrValue::accept(&datapoint, &json) {
                    prop_assert_eq!(AttrValue::decode(&datapoint, &value.to_json()), Ok(value));
                }
            }
        }
    }
}
