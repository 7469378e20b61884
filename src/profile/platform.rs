//! The kinds of entity that Home Assistant knows, and what each can read and be told.

use serde::Deserialize;

/// A platform of Home Assistant's MQTT integration.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Read-only on/off.
    BinarySensor,
    /// Something to press.
    Button,
    /// Heating or cooling with a target temperature.
    Climate,
    /// A fan or a pump with speeds.
    Fan,
    /// A humidifier or a dehumidifier.
    Humidifier,
    /// A light.
    Light,
    /// A number to set.
    Number,
    /// A label to choose.
    Select,
    /// A value to look at.
    Sensor,
    /// On/off to set.
    Switch,
    /// Characters to set.
    Text,
    /// Something that opens and closes a flow.
    Valve,
    /// A boiler or a tank.
    WaterHeater,
}

/// What of an entity a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one value of simple entities; on/off of a fan, a light, a humidifier.
    State,
    /// What pressing does.
    Press,
    /// `off`, `heat`, …
    Mode,
    /// What it does now: `heating`, `idle`, …
    Action,
    /// A preset such as `eco`.
    Preset,
    /// A fan's speed in words.
    FanMode,
    /// Where the air goes.
    SwingMode,
    /// On/off beside the mode.
    Power,
    /// What is wanted.
    TargetTemperature,
    /// What is.
    CurrentTemperature,
    /// What is wanted.
    TargetHumidity,
    /// What is.
    CurrentHumidity,
    /// A speed as a number.
    Speed,
    /// Swings or not.
    Oscillation,
    /// How bright.
    Brightness,
    /// Kelvin.
    ColorTemperature,
    /// `R,G,B`.
    Rgb,
    /// A light's programme.
    Effect,
    /// How far open.
    Position,
}

/// What kind of value a role has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleKind {
    /// On or off.
    Bool,
    /// A number with limits.
    Number,
    /// One of some words.
    Words,
    /// Whatever the attribute is: the state of a sensor or a text.
    Any,
    /// Nothing to read.
    Press,
}

impl Role {
    /// As profiles and topics spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Press => "press",
            Self::Mode => "mode",
            Self::Action => "action",
            Self::Preset => "preset",
            Self::FanMode => "fan_mode",
            Self::SwingMode => "swing_mode",
            Self::Power => "power",
            Self::TargetTemperature => "target_temperature",
            Self::CurrentTemperature => "current_temperature",
            Self::TargetHumidity => "target_humidity",
            Self::CurrentHumidity => "current_humidity",
            Self::Speed => "speed",
            Self::Oscillation => "oscillation",
            Self::Brightness => "brightness",
            Self::ColorTemperature => "color_temperature",
            Self::Rgb => "rgb",
            Self::Effect => "effect",
            Self::Position => "position",
        }
    }

    /// Does Home Assistant only show it, whatever its attribute could take?
    #[must_use]
    pub const fn is_only_shown(self) -> bool {
        matches!(
            self,
            Self::Action | Self::CurrentTemperature | Self::CurrentHumidity
        )
    }

    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::State,
        Self::Press,
        Self::Mode,
        Self::Action,
        Self::Preset,
        Self::FanMode,
        Self::SwingMode,
        Self::Power,
        Self::TargetTemperature,
        Self::CurrentTemperature,
        Self::TargetHumidity,
        Self::CurrentHumidity,
        Self::Speed,
        Self::Oscillation,
        Self::Brightness,
        Self::ColorTemperature,
        Self::Rgb,
        Self::Effect,
        Self::Position,
    ];
}

impl Platform {
    /// As Home Assistant spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BinarySensor => "binary_sensor",
            Self::Button => "button",
            Self::Climate => "climate",
            Self::Fan => "fan",
            Self::Humidifier => "humidifier",
            Self::Light => "light",
            Self::Number => "number",
            Self::Select => "select",
            Self::Sensor => "sensor",
            Self::Switch => "switch",
            Self::Text => "text",
            Self::Valve => "valve",
            Self::WaterHeater => "water_heater",
        }
    }

    /// The roles it has, and what kind of value each is. The first ones are required, as many as
    /// [`Self::required`] says.
    #[must_use]
    pub const fn roles(self) -> &'static [(Role, RoleKind)] {
        use RoleKind as K;
        match self {
            Self::BinarySensor | Self::Switch => &[(Role::State, K::Bool)],
            Self::Button => &[(Role::Press, K::Press)],
            Self::Number => &[(Role::State, K::Number)],
            Self::Select => &[(Role::State, K::Words)],
            Self::Sensor | Self::Text => &[(Role::State, K::Any)],
            Self::Climate => &[
                (Role::TargetTemperature, K::Number),
                (Role::CurrentTemperature, K::Number),
                (Role::Mode, K::Words),
                (Role::Action, K::Words),
                (Role::Preset, K::Words),
                (Role::FanMode, K::Words),
                (Role::SwingMode, K::Words),
                (Role::Power, K::Bool),
                (Role::TargetHumidity, K::Number),
                (Role::CurrentHumidity, K::Number),
            ],
            Self::WaterHeater => &[
                (Role::TargetTemperature, K::Number),
                (Role::CurrentTemperature, K::Number),
                (Role::Mode, K::Words),
                (Role::Power, K::Bool),
            ],
            Self::Fan => &[
                (Role::State, K::Bool),
                (Role::Speed, K::Number),
                (Role::Preset, K::Words),
                (Role::Oscillation, K::Bool),
            ],
            Self::Light => &[
                (Role::State, K::Bool),
                (Role::Brightness, K::Number),
                (Role::ColorTemperature, K::Number),
                (Role::Rgb, K::Any),
                (Role::Effect, K::Words),
            ],
            Self::Humidifier => &[
                (Role::State, K::Bool),
                (Role::TargetHumidity, K::Number),
                (Role::CurrentHumidity, K::Number),
                (Role::Mode, K::Words),
                (Role::Action, K::Words),
            ],
            Self::Valve => &[(Role::State, K::Bool), (Role::Position, K::Number)],
        }
    }

    /// How many of its roles, from the first, it cannot be without. (A climate of modes alone is one.)
    #[must_use]
    pub const fn required(self) -> usize {
        match self {
            Self::Climate | Self::WaterHeater | Self::Valve => 0,
            Self::Humidifier => 2,
            Self::BinarySensor
            | Self::Switch
            | Self::Button
            | Self::Number
            | Self::Select
            | Self::Sensor
            | Self::Text
            | Self::Fan
            | Self::Light => 1,
        }
    }

    /// Has it several values that belong together?
    #[must_use]
    pub const fn is_composite(self) -> bool {
        matches!(
            self,
            Self::Climate
                | Self::WaterHeater
                | Self::Fan
                | Self::Humidifier
                | Self::Light
                | Self::Valve
        )
    }

    /// Can it be set at all?
    #[must_use]
    pub const fn is_control(self) -> bool {
        !matches!(self, Self::BinarySensor | Self::Sensor)
    }

    /// What kind of value a role has here; `None` where it has no such role.
    #[must_use]
    pub fn role(self, role: Role) -> Option<RoleKind> {
        let known = self.roles().iter().find(|(known, _)| *known == role);
        known.map(|(_, kind)| *kind)
    }
}
