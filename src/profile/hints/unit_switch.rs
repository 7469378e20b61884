//! The attribute by which a device changes between °C and °F.

use crate::ids::AttrName;
use crate::model::{AttrValue, DataType, Datapoint, ProductSchema};

use super::words::Words;

const CELSIUS: [&str; 4] = ["摄氏", "℃", "°c", "celsius"];
const FAHRENHEIT: [&str; 4] = ["华氏", "℉", "°f", "fahrenheit"];

/// Whether a device shows temperatures in the unit that a person chose.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitSwitch {
    /// It has no such thing.
    None,
    /// It has one, but which value means which unit is not said.
    Unclear,
    /// It has one, and °F holds while the attribute has this value.
    Known(AttrName, AttrValue),
}

/// The device's switch of units. Seen: `temp_set_unit`, `Tunit`, `C_F`, and the labels 摄氏 and 华氏.
#[must_use]
pub fn unit_switch(schema: &ProductSchema) -> UnitSwitch {
    let mut found = UnitSwitch::None;
    for datapoint in schema.datapoints() {
        match fahrenheit(datapoint) {
            Some(value) => return UnitSwitch::Known(datapoint.name.clone(), value),
            None if is_switch(datapoint) => found = UnitSwitch::Unclear,
            None => {}
        }
    }
    found
}

/// Does it switch units, or look as if it did?
#[must_use]
pub fn is_switch(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    let numbers = matches!(datapoint.data_type, DataType::Number(_));
    let says_both = |text: &str| one_of(text, &CELSIUS) && one_of(text, &FAHRENHEIT);
    let labels = labels(datapoint).join(" ").to_lowercase();
    words.any(&["*unit", "unit_*", "fahrenheit", "单位", "c_f", "f_c", "cf"])
        || (!numbers && (says_both(&labels) || says_both(&datapoint.display_name.to_lowercase())))
        || one_of(&labels, &FAHRENHEIT)
}

/// Its value for °F, where that is said.
fn fahrenheit(datapoint: &Datapoint) -> Option<AttrValue> {
    match &datapoint.data_type {
        DataType::Enum(labels) => {
            let label = only(labels, "f", &FAHRENHEIT)?;
            // Another label must say °C: one that stands alone may be no unit.
            only(labels, "c", &CELSIUS)?;
            Some(AttrValue::Enum(label.as_str().into()))
        }
        DataType::Bool => {
            let words = Words::of(datapoint);
            let (c, f) = (words.value_of(&CELSIUS), words.value_of(&FAHRENHEIT));
            match (c, f) {
                (Some('0'), Some('1')) => Some(AttrValue::Bool(true)),
                (Some('1'), Some('0')) => Some(AttrValue::Bool(false)),
                _ => words
                    .is(&["fahrenheit", "is_fahrenheit"])
                    .then_some(AttrValue::Bool(true)),
            }
        }
        DataType::Number(_) | DataType::Binary { .. } | DataType::Text => None,
    }
}

fn only<'a>(labels: &'a [String], letter: &str, words: &[&str]) -> Option<&'a String> {
    let says = |label: &&String| {
        let label = label.trim().to_lowercase();
        label == letter || one_of(&label, words)
    };
    let mut found = labels.iter().filter(says);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn labels(datapoint: &Datapoint) -> &[String] {
    match &datapoint.data_type {
        DataType::Enum(labels) => labels,
        DataType::Bool | DataType::Number(_) | DataType::Binary { .. } | DataType::Text => &[],
    }
}

fn one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::profile::hints::testing::schema;

    #[test]
    fn labels_and_explanations_say_which_value_is_fahrenheit() {
        let known = |name: &str, value| UnitSwitch::Known(AttrName::new(name).unwrap(), value);
        let label = |label: &str| AttrValue::Enum(label.into());
        let of = |name: &str, labels: Value| json!({ "name": name, "data_type": "enum", "enum": labels });
        let flag = |name: &str, label: &str, desc: &str| json!({ "name": name, "data_type": "bool", "display_name": label, "desc": desc });
        for (attr, want) in [
            (of("u", json!(["摄氏", "华氏"])), known("u", label("华氏"))),
            (of("u", json!(["°C", "°F"])), known("u", label("°F"))),
            (of("u", json!(["F", "C"])), known("u", label("F"))),
            (of("grade", json!(["A", "F"])), UnitSwitch::None),
            (of("unit", json!(["0", "1"])), UnitSwitch::Unclear),
            (flag("u", "0:℃ 1:℉", ""), known("u", AttrValue::Bool(true))),
            (
                flag("u", "温标", "1表示摄氏，0表示华氏"),
                known("u", AttrValue::Bool(false)),
            ),
            (
                flag("fahrenheit", "", ""),
                known("fahrenheit", AttrValue::Bool(true)),
            ),
            (flag("Tunit", "", ""), UnitSwitch::Unclear),
            (flag("C_F", "", ""), UnitSwitch::Unclear),
            (flag("united", "", ""), UnitSwitch::None),
        ] {
            assert_eq!(unit_switch(&schema(&json!([attr]))), want, "{attr}");
        }
    }
}
