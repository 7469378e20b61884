//! Units, classes and packed data that a datapoint's name gives away.
//!
//! A wrong unit is worse than none: Home Assistant keeps statistics under it. So a guess is made
//! only where name and range agree, and never where the device itself switches between °C and °F.

use crate::ids::AttrName;
use crate::model::{AttrValue, DataType, Datapoint, NumberSpec, ProductSchema};

/// What a number or a bool measures, in Home Assistant's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meaning {
    /// `temperature`, `problem`, …
    pub device_class: Option<&'static str>,
    /// A unit that the class allows.
    pub unit: Option<&'static str>,
}

/// What a number measures, if that is plain.
#[must_use]
pub fn meaning(schema: &ProductSchema, datapoint: &Datapoint, spec: &NumberSpec) -> Meaning {
    let words = Words::of(datapoint);
    let within = |min: f64, max: f64| min <= spec.min && spec.max <= max;
    // Up to 200 may be a sauna in °F, unless the range begins below zero (the pet house: -13 to 187).
    let degrees = within(-60.0, 150.0) || (spec.min < 0.0 && within(-60.0, 200.0));
    let class = |device_class, unit| Meaning {
        device_class: Some(device_class),
        unit,
    };
    if words.name == "ph" && within(0.0, 14.0) {
        return class("ph", None);
    }
    if words.name == "mv" {
        return class("voltage", Some("mV"));
    }
    if words.any(&["humi", "湿度"]) && within(0.0, 100.0) {
        return class("humidity", Some("%"));
    }
    if words.any(&["battery", "电量"]) && within(0.0, 100.0) {
        return class("battery", Some("%"));
    }
    if is_temperature(&words) && degrees && !switches_unit(schema) {
        return class("temperature", Some("°C"));
    }
    if words.any(&["timer_min", "appm_min"]) {
        return class("duration", Some("min"));
    }
    Meaning::default()
}

/// A temperature, whatever its unit.
#[must_use]
pub fn is_temperature_of(datapoint: &Datapoint) -> bool {
    is_temperature(&Words::of(datapoint))
}

/// Does a name or a label hold one of these, in lower case?
#[must_use]
pub fn named(datapoint: &Datapoint, parts: &[&str]) -> bool {
    Words::of(datapoint).any(parts)
}

/// What switches the whole device. `heat_power` switches a part of it.
#[must_use]
pub fn is_power(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    let whole = [
        "power",
        "switch",
        "switchon",
        "on_off",
        "onoff",
        "power_switch",
        "开关",
        "电源",
    ];
    whole.contains(&words.name.as_str()) || ["开关", "电源"].contains(&words.display_name.as_str())
}

/// How fast it turns or flows.
#[must_use]
pub fn is_speed(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    words.any(&["speed", "风速", "转速"]) || ["flow", "流量"].contains(&words.name.as_str())
}

/// How it works.
#[must_use]
pub fn is_mode(datapoint: &Datapoint) -> bool {
    let name = datapoint.name.as_str().to_lowercase();
    ["mode", "work_mode", "workmode", "模式"].contains(&name.as_str())
}

/// The attribute that switches to °F, and its value then, where its labels say so.
#[must_use]
pub fn fahrenheit_when(schema: &ProductSchema) -> Option<(AttrName, AttrValue)> {
    schema.datapoints().iter().find_map(|datapoint| {
        let DataType::Enum(labels) = &datapoint.data_type else {
            return None;
        };
        let is_fahrenheit =
            |label: &&String| label.contains("华氏") || label.contains("°F") || *label == "F";
        let label = labels.iter().find(is_fahrenheit)?;
        Some((
            datapoint.name.clone(),
            AttrValue::Enum(label.as_str().into()),
        ))
    })
}

/// A colour temperature is no warmth, an offset no temperature.
fn is_temperature(words: &Words) -> bool {
    words.any(&["temp", "tnow", "tset", "温度"])
        && !words.any(&[
            "color",
            "colour",
            "色温",
            "com_temp",
            "compensat",
            "offset",
            "diff",
            "hyst",
            "temph",
            "templ",
            "补偿",
            "回差",
        ])
}

/// Seen: `temp_set_unit`, `Tunit`, `C_F`, and the labels 摄氏 and 华氏.
fn switches_unit(schema: &ProductSchema) -> bool {
    schema.datapoints().iter().any(|datapoint| {
        let words = Words::of(datapoint);
        let labels = match &datapoint.data_type {
            DataType::Enum(labels) => labels.as_slice(),
            DataType::Bool | DataType::Number(_) | DataType::Binary { .. } | DataType::Text => &[],
        };
        words.any(&["unit", "fahrenheit", "单位", "华氏"])
            || ["c_f", "f_c", "cf"].contains(&words.name.as_str())
            || labels
                .iter()
                .any(|label| label.contains("华氏") || label.contains("°F"))
    })
}

/// Packed schedules, clocks and internals, of no use as an entity unless somebody asks for it:
/// `p1_data1` (Heatzy), `time_week`, `ee…`, `word0`, `option0`, `bit2` (Bestway).
#[must_use]
pub fn is_internal(datapoint: &Datapoint) -> bool {
    let name = datapoint.name.as_str().to_lowercase();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let numbered = |prefix: &str| name.strip_prefix(prefix).is_some_and(is_number);
    let plan = name
        .strip_prefix('p')
        .and_then(|rest| rest.split_once("_data"))
        .is_some_and(|(day, slot)| is_number(day) && is_number(slot));
    let clock = [
        "time_week",
        "time_hour",
        "time_min",
        "week",
        "hour",
        "minute",
    ];
    plan || clock.contains(&name.as_str())
        || ["word", "option", "bit", "ee"]
            .iter()
            .any(|prefix| numbered(prefix))
        || (numbered("timer") && datapoint.data_type != DataType::Bool)
}

/// Something that is set once, not day by day.
#[must_use]
pub fn is_setting(datapoint: &Datapoint) -> bool {
    let words = Words::of(datapoint);
    // A preset is what a person chooses every day.
    let preset = words.any(&["preset"]);
    words.any(&[
        "timer", "calib", "calset", "unit", "interval", "lock", "校准", "定时",
    ]) || (words.any(&["reset"]) && !preset)
}

/// The texts of a datapoint, in lower case.
struct Words {
    name: String,
    display_name: String,
}

impl Words {
    fn of(datapoint: &Datapoint) -> Self {
        Self {
            name: datapoint.name.as_str().to_lowercase(),
            display_name: datapoint.display_name.to_lowercase(),
        }
    }

    fn any(&self, parts: &[&str]) -> bool {
        parts
            .iter()
            .any(|part| self.name.contains(part) || self.display_name.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ids::ProductKey;

    fn schema(attrs: &Value) -> ProductSchema {
        let document = json!({ "entities": [{ "attrs": attrs }] });
        let product_key = ProductKey::new("pk").unwrap();
        ProductSchema::parse(&product_key, &document).unwrap().0
    }

    fn number(name: &str, min: i32, max: i32) -> Value {
        json!({ "name": name, "data_type": "int16", "uint_spec": { "min": min, "max": max } })
    }

    fn unit(attrs: &Value) -> Option<&'static str> {
        let schema = schema(attrs);
        let datapoint = &schema.datapoints()[0];
        let DataType::Number(spec) = &datapoint.data_type else {
            panic!("{datapoint:?}")
        };
        meaning(&schema, datapoint, spec).unit
    }

    #[test]
    fn a_temperature_has_a_unit_only_where_it_cannot_be_fahrenheit() {
        let water = number("temp_now", 0, 60);
        for (attrs, want) in [
            (json!([water]), Some("°C")),
            (json!([number("Temperature", -13, 187)]), Some("°C")),
            (json!([number("temp", 32, 212)]), None),
            (json!([number("color_temp", 0, 100)]), None),
            (
                json!([water, { "name": "Tunit", "data_type": "bool" }]),
                None,
            ),
            (json!([water, { "name": "C_F", "data_type": "bool" }]), None),
            (
                json!([water, { "name": "scale", "data_type": "enum", "enum": ["摄氏", "华氏"] }]),
                None,
            ),
            (
                json!([water, { "name": "unit_sel", "data_type": "bool" }]),
                None,
            ),
        ] {
            assert_eq!(unit(&attrs), want, "{attrs}");
        }
    }

    #[test]
    fn plans_and_internals_are_told_from_what_only_sounds_so() {
        for (name, internal, setting) in [
            ("p1_data12", true, false),
            ("pump_data", false, false),
            ("word7", true, false),
            ("wording", false, false),
            ("Timer3", true, true),
            ("time_week", true, false),
            ("Preset_mode", false, false),
            ("Reset_set", false, true),
            ("lock_switch", false, true),
        ] {
            let schema = schema(&json!([number(name, 0, 9)]));
            let datapoint = schema.get(name).unwrap();
            assert_eq!(is_internal(datapoint), internal, "{name}");
            assert_eq!(is_setting(datapoint), setting, "{name}");
        }
    }
}
