//! Where Home Assistant shows a role of an entity, and how it reads what stands on the role's topic.

use gizwits2mqtt::profile::platform::{Platform, Role};
use serde_json::Value;

/// Rounded to a tenth of a degree.
const TENTH: f64 = 0.051;
/// Home Assistant rounds what it turned from °F into °C as the value was: to whole degrees, often.
const CONVERTED: f64 = 0.51;
/// A step of brightness or colour.
const SHADE: f64 = 1.6;
const EXACTLY: f64 = 1e-6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OnOff,
    Bool,
    OpenClosed,
    Words,
    Preset,
    Number,
    Degrees,
    Percent,
    Brightness,
    Colour,
}

/// What Home Assistant shows of a role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    Text(String),
    /// A number, and how far off it may be.
    Near(f64, f64),
    Colour([f64; 3]),
    /// Unknown.
    Nothing,
}

/// The key of its topic in the announcement, the attribute of the state (the state itself where it is
/// empty), and the kind of value.
const fn place(platform: Platform, role: Role) -> Option<(&'static str, &'static str, Kind)> {
    use Platform as P;
    Some(match (platform, role) {
        (P::BinarySensor | P::Switch | P::Fan | P::Light | P::Humidifier, Role::State) => {
            ("state_topic", "", Kind::OnOff)
        }
        (P::Valve, Role::State) => ("state_topic", "", Kind::OpenClosed),
        (P::Valve, Role::Position) => ("state_topic", "current_position", Kind::Number),
        (P::Number, Role::State) => ("state_topic", "", Kind::Degrees),
        (P::Sensor, Role::State) => ("state_topic", "", Kind::Degrees),
        (P::Select | P::Text, Role::State) => ("state_topic", "", Kind::Words),
        (P::Climate | P::WaterHeater, Role::Mode) => ("mode_state_topic", "", Kind::Words),
        (P::Humidifier, Role::Mode) => ("mode_state_topic", "mode", Kind::Words),
        (P::Climate, Role::Action) => ("action_topic", "hvac_action", Kind::Words),
        (P::Humidifier, Role::Action) => ("action_topic", "action", Kind::Words),
        (P::Climate | P::Fan, Role::Preset) => {
            ("preset_mode_state_topic", "preset_mode", Kind::Preset)
        }
        (P::Climate, Role::FanMode) => ("fan_mode_state_topic", "fan_mode", Kind::Words),
        (P::Climate, Role::SwingMode) => ("swing_mode_state_topic", "swing_mode", Kind::Words),
        (P::Climate | P::WaterHeater, Role::TargetTemperature) => {
            ("temperature_state_topic", "temperature", Kind::Degrees)
        }
        (P::Climate | P::WaterHeater, Role::CurrentTemperature) => (
            "current_temperature_topic",
            "current_temperature",
            Kind::Degrees,
        ),
        (P::Climate | P::Humidifier, Role::TargetHumidity) => {
            ("target_humidity_state_topic", "humidity", Kind::Number)
        }
        (P::Climate | P::Humidifier, Role::CurrentHumidity) => {
            ("current_humidity_topic", "current_humidity", Kind::Number)
        }
        (P::Fan, Role::Speed) => ("percentage_state_topic", "percentage", Kind::Percent),
        (P::Fan, Role::Oscillation) => ("oscillation_state_topic", "oscillating", Kind::Bool),
        (P::Light, Role::Brightness) => ("brightness_state_topic", "brightness", Kind::Brightness),
        (P::Light, Role::ColorTemperature) => {
            ("color_temp_state_topic", "color_temp_kelvin", Kind::Number)
        }
        (P::Light, Role::Rgb) => ("rgb_state_topic", "rgb_color", Kind::Colour),
        (P::Light, Role::Effect) => ("effect_state_topic", "effect", Kind::Words),
        _ => return None,
    })
}

/// The topic that carries a role, by its component of the announcement.
pub(crate) fn topic(body: &Value, platform: Platform, role: Role) -> Option<&str> {
    let (topic, _, _) = place(platform, role)?;
    body[topic].as_str()
}

/// What Home Assistant shows when this stands on the role's topic.
pub(crate) fn read(body: &Value, platform: Platform, role: Role, payload: &str) -> Shown {
    let Some((_, _, kind)) = place(platform, role) else {
        return Shown::Nothing;
    };
    if payload == "None" && kind == Kind::Preset && platform == Platform::Climate {
        return Shown::Text("none".into());
    }
    let number = payload.parse().ok();
    let limit = |key: &str, default: f64| body[key].as_f64().unwrap_or(default);
    let text = |text: &str| Shown::Text(text.to_owned());
    match (kind, number) {
        _ if payload == "None" => Shown::Nothing,
        (Kind::OnOff, _) => text(if payload == "true" { "on" } else { "off" }),
        (Kind::OpenClosed, _) => text(if payload == "true" { "open" } else { "closed" }),
        (Kind::Degrees, Some(number)) => degrees(body, platform, number),
        (Kind::Number, Some(number)) => Shown::Near(number, EXACTLY),
        (Kind::Percent, Some(number)) => {
            let (min, max) = (
                limit("speed_range_min", 1.0),
                limit("speed_range_max", 100.0),
            );
            let share = (number - min + 1.0) * 100.0 / (max - min + 1.0);
            Shown::Near(share.floor(), EXACTLY)
        }
        (Kind::Brightness, Some(number)) => {
            Shown::Near(number / limit("brightness_scale", 255.0) * 255.0, SHADE)
        }
        (Kind::Colour, _) => {
            let mut colours = payload.split(',').map(|colour| colour.parse().unwrap());
            Shown::Colour(std::array::from_fn(|_| colours.next().unwrap()))
        }
        // Home Assistant knows no option of that name.
        (Kind::Degrees | Kind::Words, None) if payload.eq_ignore_ascii_case("none") => {
            text("(none)")
        }
        _ => text(payload),
    }
}

fn degrees(body: &Value, platform: Platform, number: f64) -> Shown {
    let celsius = (number - 32.0) / 1.8;
    match platform {
        Platform::Climate | Platform::WaterHeater if body["temperature_unit"] == "F" => {
            Shown::Near(celsius, TENTH)
        }
        Platform::Climate | Platform::WaterHeater => Shown::Near(number, TENTH),
        _ if body["unit_of_measurement"] == "°F" && body["device_class"] == "temperature" => {
            Shown::Near(celsius, CONVERTED)
        }
        _ => Shown::Near(number, EXACTLY),
    }
}

/// Is this what Home Assistant shows of the role?
pub(crate) fn suits(wanted: &Shown, state: &Value, platform: Platform, role: Role) -> bool {
    let shown = now(state, platform, role);
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    match wanted {
        Shown::Text(text) => match &shown {
            Value::String(shown) => shown == text,
            Value::Bool(on) => on.to_string() == *text,
            _ => false,
        },
        Shown::Near(wanted, off) => {
            number(&shown).is_some_and(|number: f64| (number - wanted).abs() <= *off)
        }
        Shown::Nothing => shown.is_null() || shown == "unknown",
        Shown::Colour(wanted) => {
            let share = number(&state["attributes"]["brightness"]).unwrap_or(255.0) / 255.0;
            let is_near = |(index, wanted): (usize, &f64)| {
                let colour = number(&shown[index]);
                colour.is_some_and(|colour: f64| (colour * share - wanted).abs() <= SHADE)
            };
            wanted.iter().enumerate().all(is_near)
        }
    }
}

/// What Home Assistant shows of the role.
pub(crate) fn now(state: &Value, platform: Platform, role: Role) -> Value {
    match place(platform, role) {
        Some((_, "", _)) => state["state"].clone(),
        Some((_, attribute, _)) => state["attributes"][attribute].clone(),
        None => Value::Null,
    }
}
