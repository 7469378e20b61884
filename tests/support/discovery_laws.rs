//! What Home Assistant refuses, drops or complains about, as laws that every discovery message keeps. Read
//! in its sources (2026.11); `tests/home_assistant` asks the real one.

use std::collections::BTreeSet;

use serde_json::Value;

/// A broker may refuse more (Mosquitto 2.1: 2,000,000 bytes).
const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;
/// A longer state is not taken, and an option is one.
const MAX_STATE_CHARS: usize = 255;

/// The first law that a message breaks.
///
/// # Errors
/// Which, and by what.
pub(crate) fn check(payload: &[u8]) -> Result<(), String> {
    if payload.len() >= MAX_PAYLOAD_BYTES {
        return Err(format!("{} bytes are too many", payload.len()));
    }
    let message: Value = serde_json::from_slice(payload).map_err(|err| err.to_string())?;
    // One unknown key here makes Home Assistant refuse the message.
    only_keys(
        &message,
        &[
            "device",
            "origin",
            "components",
            "availability",
            "availability_mode",
            "qos",
        ],
    )?;
    only_keys(&message["origin"], &["name", "sw_version"])?;
    only_keys(
        &message["device"],
        &[
            "identifiers",
            "name",
            "manufacturer",
            "model",
            "model_id",
            "serial_number",
            "sw_version",
            "via_device",
        ],
    )?;
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (key, component) in members(&message["components"]) {
        component_is_right(component).map_err(|why| format!("{key:?}: {why} in {component}"))?;
        if !ids.insert(component["unique_id"].to_string()) {
            return Err(format!("{} stands twice", component["unique_id"]));
        }
        // Two of one name are told apart by nobody.
        let name = component["name"].to_string().to_lowercase();
        if !names.insert(name) {
            return Err(format!("two entities are called {}", component["name"]));
        }
    }
    Ok(())
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn only_keys(object: &Value, known: &[&str]) -> Result<(), String> {
    let mut keys = members(object).map(|(key, _)| key);
    match keys.find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{key} is no key of {object}")),
        None => Ok(()),
    }
}

fn component_is_right(component: &Value) -> Result<(), String> {
    keys(component)?;
    let platform = component["platform"].as_str().unwrap_or_default();
    let name = component["name"].as_str();
    let is_named = name.is_some_and(|name| !name.trim().is_empty());
    if !is_named && !component["name"].is_null() {
        return Err(format!("{} is no name", component["name"]));
    }
    let shows = matches!(platform, "sensor" | "binary_sensor");
    if shows && component["entity_category"] == "config" {
        return Err("what only shows is no setting".into());
    }
    for (key, topic) in members(component).filter(|(key, _)| key.ends_with("_topic")) {
        topic_is_right(topic).map_err(|why| format!("{key} {why}"))?;
    }
    for list in [
        "options",
        "modes",
        "preset_modes",
        "fan_modes",
        "swing_modes",
        "effect_list",
    ] {
        let has_topic = ["preset_mode", "fan_mode", "swing_mode", "mode"]
            .iter()
            .any(|of| {
                list == format!("{of}s") && component.get(format!("{of}_command_topic")).is_some()
            });
        match component[list].as_array() {
            Some(options) => {
                options_are_right(platform, options).map_err(|why| format!("{list} {why}"))?;
            }
            None if has_topic => return Err(format!("{list} is missing")),
            None => {}
        }
    }
    let is_control = matches!(
        platform,
        "button" | "fan" | "humidifier" | "light" | "number" | "select" | "switch" | "text"
    );
    let lacks = |key: &str| component[key].is_null();
    if is_control && lacks("command_topic") {
        return Err("nothing to set".into());
    }
    if platform == "humidifier" && lacks("target_humidity_command_topic") {
        return Err("no humidity to set".into());
    }
    if !lacks("preset_modes") && lacks("preset_mode_command_topic") {
        return Err("presets that cannot be set".into());
    }
    if platform == "humidifier" && !lacks("modes") && lacks("mode_command_topic") {
        return Err("modes that cannot be set".into());
    }
    match platform {
        "select" if component["options"].is_null() => Err("a select without options".into()),
        "sensor" => sensor_is_right(component),
        _ => ranges_are_right(platform, component),
    }
}

fn topic_is_right(topic: &Value) -> Result<(), String> {
    let topic = topic.as_str().unwrap_or_default();
    let breaks = |c: char| {
        c.is_control()
            || matches!(c, '+' | '#' | '\u{fdd0}'..='\u{fdef}')
            || u32::from(c) & 0xfffe == 0xfffe
    };
    if topic.is_empty() || topic.len() > 65_535 || topic.contains(breaks) {
        return Err(format!("{topic:?} is no topic"));
    }
    Ok(())
}

fn options_are_right(platform: &str, options: &[Value]) -> Result<(), String> {
    let mut known = BTreeSet::new();
    for option in options {
        let text = option.as_str().unwrap_or_default();
        let is_bad = text.trim().is_empty()
            || text.chars().count() > MAX_STATE_CHARS
            || is_taken(platform, text);
        if is_bad || !known.insert(text) {
            return Err(format!("cannot have {option}"));
        }
    }
    if options.is_empty() {
        return Err("is empty".into());
    }
    Ok(())
}

/// Is it a state that means something else?
fn is_taken(platform: &str, option: &str) -> bool {
    match platform {
        "sensor" => matches!(option, "None" | "unknown" | "unavailable"),
        "select" => {
            matches!(option, "unknown" | "unavailable") || option.eq_ignore_ascii_case("none")
        }
        _ => option.eq_ignore_ascii_case("none"),
    }
}

/// Class and unit, and what statistics suit: the pairs of Home Assistant that a schema can lead to.
fn sensor_is_right(sensor: &Value) -> Result<(), String> {
    let text = |key: &str| sensor[key].as_str();
    let (class, unit, state_class) = (
        text("device_class"),
        text("unit_of_measurement"),
        text("state_class"),
    );
    let units: &[Option<&str>] = match class {
        None => return Ok(()),
        Some("temperature" | "temperature_delta") => &[Some("°C"), Some("°F"), Some("K")],
        Some("humidity" | "battery" | "moisture") => &[Some("%")],
        Some("power") => &[Some("W"), Some("kW")],
        Some("energy") => &[Some("Wh"), Some("kWh")],
        Some("voltage") => &[Some("V"), Some("mV")],
        Some("current") => &[Some("A"), Some("mA")],
        Some("frequency") => &[Some("Hz")],
        Some("signal_strength") => &[Some("dB"), Some("dBm")],
        Some("duration") => &[Some("d"), Some("h"), Some("min"), Some("s"), Some("ms")],
        Some("ph" | "aqi" | "enum" | "timestamp") => &[None],
        Some("power_factor") => &[None, Some("%")],
        Some("pressure") => &[
            Some("Pa"),
            Some("hPa"),
            Some("kPa"),
            Some("bar"),
            Some("psi"),
        ],
        Some("volume_flow_rate") => &[Some("m³/h"), Some("L/h"), Some("L/min")],
        Some("water") => &[Some("L"), Some("m³")],
        Some("carbon_dioxide") => &[Some("ppm")],
        Some("pm25" | "pm10") => &[Some("μg/m³")],
        Some("conductivity") => &[Some("mS/cm"), Some("μS/cm")],
        Some("illuminance") => &[Some("lx")],
        Some("weight") => &[Some("kg"), Some("g")],
        Some(other) => return Err(format!("{other} is no class that is known here")),
    };
    if !units.contains(&unit) {
        return Err(format!("{class:?} cannot have the unit {unit:?}"));
    }
    let suits: &[&str] = match class {
        Some("enum" | "timestamp") => &[],
        Some("energy" | "water") => &["total", "total_increasing"],
        _ => &["measurement"],
    };
    match state_class {
        Some(state_class) if !suits.contains(&state_class) => Err(format!(
            "{class:?} cannot have the statistics {state_class}"
        )),
        _ if class == Some("enum") && sensor["options"].is_null() => {
            Err("an enumeration without options".into())
        }
        _ => Ok(()),
    }
}

fn ranges_are_right(platform: &str, component: &Value) -> Result<(), String> {
    let number = |key: &str| component[key].as_f64();
    let is_whole = |number: f64| number.fract() == 0.0;
    let is_right = match platform {
        "number" => {
            let step = number("step").unwrap_or(1.0);
            number("min") <= number("max") && number("min").is_some() && step >= 0.001
        }
        "climate" | "water_heater" => {
            number("min_temp").unwrap_or(7.0) <= number("max_temp").unwrap_or(35.0)
                && number("temp_step").unwrap_or(1.0) > 0.0
        }
        "fan" => {
            let (min, max) = (number("speed_range_min"), number("speed_range_max"));
            let (min, max) = (min.unwrap_or(1.0), max.unwrap_or(100.0));
            is_whole(min) && is_whole(max) && 1.0 <= min && min < max
        }
        "light" => number("brightness_scale").is_none_or(|full| is_whole(full) && full >= 1.0),
        "humidifier" => {
            let (min, max) = (number("min_humidity"), number("max_humidity"));
            let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(100.0));
            0.0 <= min && min < max && max <= 100.0
        }
        _ => true,
    };
    if is_right {
        Ok(())
    } else {
        Err("limits that cannot be".into())
    }
}

/// One that Home Assistant does not know is dropped silently.
fn keys(component: &Value) -> Result<(), String> {
    let common = [
        "platform",
        "name",
        "unique_id",
        "default_entity_id",
        "json_attributes_topic",
        "json_attributes_template",
        "icon",
        "device_class",
        "entity_category",
        "enabled_by_default",
        "availability",
    ];
    let own: &[&str] = match component["platform"].as_str().unwrap_or_default() {
        "binary_sensor" => &["state_topic", "payload_on", "payload_off"],
        "climate" => &[
            "temperature_state_topic",
            "temperature_command_topic",
            "current_temperature_topic",
            "mode_state_topic",
            "mode_command_topic",
            "mode_state_template",
            "mode_command_template",
            "modes",
            "fan_mode_state_topic",
            "fan_mode_command_topic",
            "fan_mode_state_template",
            "fan_mode_command_template",
            "fan_modes",
            "current_humidity_topic",
            "current_humidity_template",
            "action_topic",
            "preset_mode_state_topic",
            "preset_mode_command_topic",
            "preset_mode_value_template",
            "preset_mode_command_template",
            "preset_modes",
            "temperature_unit",
            "min_temp",
            "max_temp",
            "temp_step",
        ],
        "fan" => &[
            "state_topic",
            "command_topic",
            "payload_on",
            "payload_off",
            "percentage_state_topic",
            "percentage_command_topic",
            "percentage_value_template",
            "speed_range_min",
            "speed_range_max",
            "preset_mode_state_topic",
            "preset_mode_command_topic",
            "preset_mode_value_template",
            "preset_mode_command_template",
            "preset_modes",
        ],
        "button" => &["command_topic", "payload_press"],
        "light" => &[
            "state_topic",
            "command_topic",
            "payload_on",
            "payload_off",
            "brightness_state_topic",
            "brightness_command_topic",
            "brightness_value_template",
            "brightness_scale",
            "color_temp_state_topic",
            "color_temp_command_topic",
            "color_temp_value_template",
            "color_temp_kelvin",
            "min_kelvin",
            "max_kelvin",
            "rgb_state_topic",
            "rgb_command_topic",
            "rgb_value_template",
            "effect_state_topic",
            "effect_command_topic",
            "effect_list",
        ],
        "humidifier" => &[
            "state_topic",
            "command_topic",
            "payload_on",
            "payload_off",
            "target_humidity_state_topic",
            "target_humidity_command_topic",
            "target_humidity_state_template",
            "min_humidity",
            "max_humidity",
            "current_humidity_topic",
            "current_humidity_template",
            "mode_state_topic",
            "mode_command_topic",
            "mode_state_template",
            "mode_command_template",
            "modes",
        ],
        "number" => &[
            "state_topic",
            "command_topic",
            "value_template",
            "min",
            "max",
            "step",
            "mode",
            "unit_of_measurement",
            "command_template",
        ],
        "select" => &[
            "state_topic",
            "command_topic",
            "options",
            "value_template",
            "command_template",
        ],
        "sensor" => &[
            "state_topic",
            "value_template",
            "unit_of_measurement",
            "state_class",
            "options",
            "suggested_display_precision",
        ],
        "switch" => &["state_topic", "command_topic", "payload_on", "payload_off"],
        "text" => &["state_topic", "command_topic", "value_template", "pattern"],
        other => return Err(format!("{other:?} is no platform of ours")),
    };
    only_keys(component, &[&common, own].concat())
}
