//! `EntityRule`: what one datapoint shall be to a person.

/// How a datapoint is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bool to set.
    Switch,
    /// A bool to look at.
    BinarySensor,
    /// A value to look at.
    Sensor,
    /// A number to set.
    Number,
    /// A label to choose.
    Select,
    /// Bytes to set, as hex.
    Text,
}

/// Where an entity stands on its device's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Among the controls and sensors.
    Main,
    /// Among the settings.
    Config,
    /// Among the facts for a person who looks for a fault.
    Diagnostic,
}

/// What a number or a bool measures, in Home Assistant's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meaning {
    /// `temperature`, `problem`, …
    pub device_class: Option<&'static str>,
    /// A unit that the class allows.
    pub unit: Option<&'static str>,
}

/// How one datapoint becomes an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityRule {
    /// What it becomes.
    pub kind: Kind,
    /// Its name beside the device's; sentence case.
    pub name: String,
    /// What it measures.
    pub meaning: Meaning,
    /// Where it stands.
    pub category: Category,
    /// False: made, but switched off until a person wants it.
    pub enabled: bool,
    /// A quantity that statistics make sense of.
    pub statistics: bool,
}
