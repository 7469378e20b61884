//! The service calls that a user interface makes for a role, by what Home Assistant offers for the entity.

use gizwits2mqtt::profile::platform::{Platform, Role};
use serde_json::{Value, json};

use super::place::Shown;

/// A device rounds a wish that was turned from °C into °F.
const CONVERTED: f64 = 0.6;
const EXACTLY: f64 = 1e-6;
/// Home Assistant counts brightness up to 255, many devices up to 100.
const SHADE: f64 = 2.6;

/// A service call, and what Home Assistant shows once the device has done it.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) service: String,
    pub(crate) data: Value,
    /// Where it is shown; on/off beside the mode is shown by the mode.
    pub(crate) at: Role,
    pub(crate) shown: Wanted,
}

#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    Is(Shown),
    /// Anything but this state.
    Not(&'static str),
    /// Home Assistant shows nothing: the device alone tells.
    Unseen,
}

impl Action {
    /// How a failure calls it: the service and what was asked.
    pub(crate) fn asked(&self) -> String {
        let data = self.data.as_object().unwrap();
        let values: Vec<String> = data.values().map(Value::to_string).collect();
        format!("{} {}", self.service, values.join(" "))
            .trim_end()
            .to_owned()
    }
}

/// All of them for a role.
pub(crate) fn actions(platform: Platform, role: Role, body: &Value, state: &Value) -> Vec<Action> {
    use Platform as P;
    let attributes = &state["attributes"];
    let words = |list: &str| -> Vec<String> {
        let words = attributes[list].as_array().into_iter().flatten();
        let words = words.map(|word| word.as_str().unwrap().to_owned());
        words.filter(|word| word != "none").collect()
    };
    let service = |service: &str| format!("{}.{service}", platform.as_str());
    let choose = |name: &str, key: &str, list: &str| -> Vec<Action> {
        let action = |word: String| Action {
            service: service(name),
            data: json!({ key: word }),
            at: role,
            shown: Wanted::Is(Shown::Text(word)),
        };
        words(list).into_iter().map(action).collect()
    };
    let number = |name: &str, key: &str, limits: (&str, &str, &str)| -> Vec<Action> {
        let is_fahrenheit = body["temperature_unit"] == "F" || body["unit_of_measurement"] == "°F";
        let action = |value: f64| Action {
            service: service(name),
            data: json!({ key: value }),
            at: role,
            shown: Wanted::Is(Shown::Near(
                value,
                if is_fahrenheit { CONVERTED } else { EXACTLY },
            )),
        };
        let values = three(attributes, limits);
        values.into_iter().map(action).collect()
    };
    let on_off = |on: &str, off: &str, at: Role, shown: [Wanted; 2]| -> Vec<Action> {
        let names = [off, on].into_iter().zip(shown);
        let action = |(name, shown)| Action {
            service: service(name),
            data: json!({}),
            at,
            shown,
        };
        names.map(action).collect()
    };
    let is = |text: &str| Wanted::Is(Shown::Text(text.to_owned()));
    match (platform, role) {
        (P::Switch | P::Fan | P::Light | P::Humidifier, Role::State) => {
            on_off("turn_on", "turn_off", role, [is("off"), is("on")])
        }
        (P::Valve, Role::State) => on_off(
            "open_valve",
            "close_valve",
            role,
            [is("closed"), is("open")],
        ),
        (P::Valve, Role::Position) => {
            let mut actions: Vec<Action> = [10, 75]
                .into_iter()
                .map(|position| Action {
                    service: service("set_valve_position"),
                    data: json!({ "position": position }),
                    at: role,
                    shown: Wanted::Is(Shown::Near(f64::from(position), EXACTLY)),
                })
                .collect();
            let near = |position| Wanted::Is(Shown::Near(position, EXACTLY));
            actions.extend(on_off(
                "open_valve",
                "close_valve",
                role,
                [near(0.0), near(100.0)],
            ));
            actions
        }
        (P::Number, _) => number("set_value", "value", ("min", "max", "step")),
        (P::Select, _) => choose("select_option", "option", "options"),
        (P::Text, _) => text(&state["state"], &service("set_value")),
        (P::Button, _) => vec![Action {
            service: service("press"),
            data: json!({}),
            at: role,
            shown: Wanted::Unseen,
        }],
        (P::Climate | P::WaterHeater, Role::TargetTemperature) => number(
            "set_temperature",
            "temperature",
            ("min_temp", "max_temp", "target_temp_step"),
        ),
        (P::Climate | P::Humidifier, Role::TargetHumidity) => number(
            "set_humidity",
            "humidity",
            ("min_humidity", "max_humidity", "target_humidity_step"),
        ),
        (P::Climate, Role::Mode) => {
            let mut actions = choose("set_hvac_mode", "hvac_mode", "hvac_modes");
            if words("hvac_modes").iter().any(|mode| mode == "off") {
                let shown = [is("off"), Wanted::Not("off")];
                actions.extend(on_off("turn_on", "turn_off", role, shown));
            }
            actions
        }
        (P::WaterHeater, Role::Mode) => {
            choose("set_operation_mode", "operation_mode", "operation_list")
        }
        (P::Climate | P::WaterHeater, Role::Power) => {
            let shown = [is("off"), Wanted::Not("off")];
            on_off("turn_on", "turn_off", Role::Mode, shown)
        }
        (P::Climate | P::Fan, Role::Preset) => {
            choose("set_preset_mode", "preset_mode", "preset_modes")
        }
        (P::Climate, Role::FanMode) => choose("set_fan_mode", "fan_mode", "fan_modes"),
        (P::Climate, Role::SwingMode) => choose("set_swing_mode", "swing_mode", "swing_modes"),
        (P::Humidifier, Role::Mode) => choose("set_mode", "mode", "available_modes"),
        (P::Fan, Role::Speed) => speeds(body, &service("set_percentage")),
        (P::Fan, Role::Oscillation) => [true, false]
            .map(|on| Action {
                service: service("oscillate"),
                data: json!({ "oscillating": on }),
                at: role,
                shown: is(&on.to_string()),
            })
            .into(),
        (P::Light, _) => light(role, attributes, &service("turn_on")),
        _ => Vec::new(),
    }
}

/// The smallest, the largest and one between.
fn three(attributes: &Value, (min, max, step): (&str, &str, &str)) -> Vec<f64> {
    let number = |key: &str| attributes[key].as_f64();
    let (Some(min), Some(max)) = (number(min), number(max)) else {
        return Vec::new();
    };
    let step = number(step).unwrap_or(1.0);
    let steps = ((max - min) / step + EXACTLY).floor();
    let at = |steps: f64| ((min + steps * step) * 1e6).round() / 1e6;
    vec![min, at(steps), at((steps / 2.0).floor())]
}

/// As many bytes as it shows now.
fn text(shown: &Value, service: &str) -> Vec<Action> {
    let bytes = shown.as_str().unwrap_or_default().len() / 2;
    ["0a", "f0"]
        .map(|byte| {
            let text = byte.repeat(bytes);
            Action {
                service: service.to_owned(),
                data: json!({ "value": text }),
                at: Role::State,
                shown: Wanted::Is(Shown::Text(text)),
            }
        })
        .into()
}

/// The slowest, the fastest and one between, each in the percentage that Home Assistant makes of it.
fn speeds(body: &Value, service: &str) -> Vec<Action> {
    let limit = |key: &str| body[key].as_f64().unwrap();
    let (min, max) = (limit("speed_range_min"), limit("speed_range_max"));
    [min, max, ((min + max) / 2.0).floor()]
        .map(|speed| {
            let percentage = ((speed - min + 1.0) * 100.0 / (max - min + 1.0)).floor();
            Action {
                service: service.to_owned(),
                data: json!({ "percentage": percentage }),
                at: Role::Speed,
                shown: Wanted::Is(Shown::Near(percentage, EXACTLY)),
            }
        })
        .into()
}

fn light(role: Role, attributes: &Value, service: &str) -> Vec<Action> {
    let action = |data: Value, shown: Shown| Action {
        service: service.to_owned(),
        data,
        at: role,
        shown: Wanted::Is(shown),
    };
    match role {
        Role::Brightness => [64.0, 255.0, 128.0]
            .map(|level| action(json!({ "brightness": level }), Shown::Near(level, SHADE)))
            .into(),
        Role::ColorTemperature => {
            let limits = ("min_color_temp_kelvin", "max_color_temp_kelvin", "");
            let kelvin = |kelvin: f64| {
                action(
                    json!({ "color_temp_kelvin": kelvin }),
                    Shown::Near(kelvin, EXACTLY),
                )
            };
            three(attributes, limits).into_iter().map(kelvin).collect()
        }
        Role::Rgb => [[255, 0, 0], [0, 255, 128], [255, 255, 255]]
            .map(|rgb| {
                let shown = Shown::Colour(rgb.map(f64::from));
                action(json!({ "rgb_color": rgb, "brightness": 255 }), shown)
            })
            .into(),
        Role::Effect => {
            let effects = attributes["effect_list"].as_array();
            let effects = effects.into_iter().flatten();
            let effect = |effect: &Value| {
                let text = effect.as_str().unwrap().to_owned();
                action(json!({ "effect": text }), Shown::Text(text))
            };
            effects.map(effect).collect()
        }
        _ => Vec::new(),
    }
}
