//! Units, classes and packed data that a datapoint's name gives away.
//!
//! A wrong unit is worse than none: Home Assistant keeps statistics under it. So a guess is made
//! only where name and range agree, and never where the device itself switches between °C and °F.

use crate::model::{DataType, Datapoint, NumberSpec, ProductSchema};

use super::rules::Meaning;

/// What a number measures, if that is plain.
#[must_use]
pub fn meaning(schema: &ProductSchema, datapoint: &Datapoint, spec: &NumberSpec) -> Meaning {
    let words = Words::of(datapoint);
    let within = |min: f64, max: f64| min <= spec.min && spec.max <= max;
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
    if is_temperature(&words) && within(-60.0, 150.0) && !switches_unit(schema) {
        return class("temperature", Some("°C"));
    }
    if words.any(&["timer_min", "appm_min"]) {
        return class("duration", Some("min"));
    }
    Meaning::default()
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

/// Seen: `temp_set_unit`, `Tunit`, `C_F`.
fn switches_unit(schema: &ProductSchema) -> bool {
    schema.datapoints().iter().any(|datapoint| {
        let name = datapoint.name.as_str().to_lowercase();
        name.ends_with("unit") || name == "c_f"
    })
}

/// Packed schedules, clocks and internals, of no use as an entity unless somebody asks for it:
/// `p1_data1` (Heatzy), `time_week`, `ee…`, `word0`, `option0`, `bit2` (Bestway).
#[must_use]
pub fn is_internal(datapoint: &Datapoint) -> bool {
    let name = datapoint.name.as_str().to_lowercase();
    let numbered = |prefix: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let plan = name.starts_with('p') && name.contains("_data");
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
    words.any(&[
        "timer", "calib", "calset", "unit", "interval", "lock", "reset", "校准", "定时",
    ])
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
