//! The keys of a discovery message that each role of each platform has.

use crate::profile::platform::{Platform, Role};

/// Where a role's topics, the template of its state, its list and its limits go; `None`: Home Assistant has
/// no such key, or needs no template there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keys {
    pub(super) state: Option<&'static str>,
    pub(super) command: Option<&'static str>,
    pub(super) template: Option<&'static str>,
    pub(super) options: Option<&'static str>,
    pub(super) min: Option<&'static str>,
    pub(super) max: Option<&'static str>,
    pub(super) step: Option<&'static str>,
}

const fn both(state: &'static str, command: &'static str) -> Keys {
    Keys {
        state: Some(state),
        command: Some(command),
        template: None,
        options: None,
        min: None,
        max: None,
        step: None,
    }
}

const fn shown(state: &'static str) -> Keys {
    Keys {
        state: Some(state),
        command: None,
        template: None,
        options: None,
        min: None,
        max: None,
        step: None,
    }
}

const fn limits(keys: Keys, min: &'static str, max: &'static str) -> Keys {
    Keys {
        min: Some(min),
        max: Some(max),
        ..keys
    }
}

const fn list(keys: Keys, options: &'static str) -> Keys {
    Keys {
        options: Some(options),
        ..keys
    }
}

const fn rendered(keys: Keys, template: &'static str) -> Keys {
    Keys {
        template: Some(template),
        ..keys
    }
}

const MODE: Keys = list(
    rendered(
        both("mode_state_topic", "mode_command_topic"),
        "mode_state_template",
    ),
    "modes",
);
const PRESET: Keys = list(
    rendered(
        both("preset_mode_state_topic", "preset_mode_command_topic"),
        "preset_mode_value_template",
    ),
    "preset_modes",
);
const TEMPERATURE: Keys = limits(
    both("temperature_state_topic", "temperature_command_topic"),
    "min_temp",
    "max_temp",
);
const HUMIDITY: Keys = limits(
    rendered(
        both(
            "target_humidity_state_topic",
            "target_humidity_command_topic",
        ),
        "target_humidity_state_template",
    ),
    "min_humidity",
    "max_humidity",
);

/// See the module.
pub(super) const fn keys(platform: Platform, role: Role) -> Keys {
    use Platform as P;
    match (platform, role) {
        (P::Climate, Role::TargetTemperature) => Keys {
            step: Some("temp_step"),
            ..TEMPERATURE
        },
        (P::WaterHeater, Role::TargetTemperature) => TEMPERATURE,
        (P::Climate | P::WaterHeater, Role::CurrentTemperature) => {
            shown("current_temperature_topic")
        }
        (P::Climate | P::WaterHeater | P::Humidifier, Role::Mode) => MODE,
        (P::Climate | P::Humidifier, Role::Action) => shown("action_topic"),
        (P::Climate | P::Fan, Role::Preset) => PRESET,
        (P::Climate, Role::FanMode) => list(
            rendered(
                both("fan_mode_state_topic", "fan_mode_command_topic"),
                "fan_mode_state_template",
            ),
            "fan_modes",
        ),
        (P::Climate, Role::SwingMode) => list(
            rendered(
                both("swing_mode_state_topic", "swing_mode_command_topic"),
                "swing_mode_state_template",
            ),
            "swing_modes",
        ),
        (P::Climate | P::WaterHeater, Role::Power) => Keys {
            state: None,
            ..both("", "power_command_topic")
        },
        (P::Climate | P::Humidifier, Role::TargetHumidity) => HUMIDITY,
        (P::Climate | P::Humidifier, Role::CurrentHumidity) => {
            rendered(shown("current_humidity_topic"), "current_humidity_template")
        }
        (P::Fan, Role::Speed) => limits(
            rendered(
                both("percentage_state_topic", "percentage_command_topic"),
                "percentage_value_template",
            ),
            "speed_range_min",
            "speed_range_max",
        ),
        (P::Fan, Role::Oscillation) => both("oscillation_state_topic", "oscillation_command_topic"),
        (P::Light, Role::Brightness) => Keys {
            max: Some("brightness_scale"),
            template: Some("brightness_value_template"),
            ..both("brightness_state_topic", "brightness_command_topic")
        },
        (P::Light, Role::ColorTemperature) => limits(
            rendered(
                both("color_temp_state_topic", "color_temp_command_topic"),
                "color_temp_value_template",
            ),
            "min_kelvin",
            "max_kelvin",
        ),
        (P::Light, Role::Rgb) => rendered(
            both("rgb_state_topic", "rgb_command_topic"),
            "rgb_value_template",
        ),
        (P::Light, Role::Effect) => list(
            both("effect_state_topic", "effect_command_topic"),
            "effect_list",
        ),
        (P::Number, Role::State) => Keys {
            min: Some("min"),
            max: Some("max"),
            step: Some("step"),
            template: Some("value_template"),
            ..both("state_topic", "command_topic")
        },
        (P::Select | P::Sensor, Role::State) => {
            let keys = both("state_topic", "command_topic");
            list(rendered(keys, "value_template"), "options")
        }
        (_, Role::Press) => Keys {
            state: None,
            ..both("", "command_topic")
        },
        (P::Text, Role::State) => rendered(both("state_topic", "command_topic"), "value_template"),
        // On/off of everything else, and how far a valve is open.
        _ => both("state_topic", "command_topic"),
    }
}
