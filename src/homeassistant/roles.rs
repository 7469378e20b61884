//! The keys of a discovery message that each role of each platform has.

use crate::profile::platform::{Platform, Role};

/// Where a role's topics, its list and its limits go; `None`: Home Assistant has no such key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keys {
    pub(super) state: Option<&'static str>,
    pub(super) command: Option<&'static str>,
    pub(super) options: Option<&'static str>,
    pub(super) min: Option<&'static str>,
    pub(super) max: Option<&'static str>,
    pub(super) step: Option<&'static str>,
}

const fn both(state: &'static str, command: &'static str) -> Keys {
    Keys {
        state: Some(state),
        command: Some(command),
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

const MODE: Keys = list(both("mode_state_topic", "mode_command_topic"), "modes");
const PRESET: Keys = list(
    both("preset_mode_state_topic", "preset_mode_command_topic"),
    "preset_modes",
);
const TEMPERATURE: Keys = limits(
    both("temperature_state_topic", "temperature_command_topic"),
    "min_temp",
    "max_temp",
);
const HUMIDITY: Keys = limits(
    both(
        "target_humidity_state_topic",
        "target_humidity_command_topic",
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
            both("fan_mode_state_topic", "fan_mode_command_topic"),
            "fan_modes",
        ),
        (P::Climate, Role::SwingMode) => list(
            both("swing_mode_state_topic", "swing_mode_command_topic"),
            "swing_modes",
        ),
        (P::Climate | P::WaterHeater, Role::Power) => Keys {
            state: None,
            ..both("", "power_command_topic")
        },
        (P::Climate | P::Humidifier, Role::TargetHumidity) => HUMIDITY,
        (P::Climate | P::Humidifier, Role::CurrentHumidity) => shown("current_humidity_topic"),
        (P::Fan, Role::Speed) => limits(
            both("percentage_state_topic", "percentage_command_topic"),
            "speed_range_min",
            "speed_range_max",
        ),
        (P::Fan, Role::Oscillation) => both("oscillation_state_topic", "oscillation_command_topic"),
        (P::Light, Role::Brightness) => Keys {
            max: Some("brightness_scale"),
            ..both("brightness_state_topic", "brightness_command_topic")
        },
        (P::Light, Role::ColorTemperature) => limits(
            both("color_temp_state_topic", "color_temp_command_topic"),
            "min_kelvin",
            "max_kelvin",
        ),
        (P::Light, Role::Rgb) => both("rgb_state_topic", "rgb_command_topic"),
        (P::Light, Role::Effect) => list(
            both("effect_state_topic", "effect_command_topic"),
            "effect_list",
        ),
        (P::Number, Role::State) => Keys {
            min: Some("min"),
            max: Some("max"),
            step: Some("step"),
            ..both("state_topic", "command_topic")
        },
        (P::Select | P::Sensor, Role::State) => {
            list(both("state_topic", "command_topic"), "options")
        }
        (_, Role::Press) => Keys {
            state: None,
            ..both("", "command_topic")
        },
        // On/off of everything else, and how far a valve is open.
        _ => both("state_topic", "command_topic"),
    }
}
