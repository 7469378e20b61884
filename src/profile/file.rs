//! A profile as it is written: the YAML shape, and nothing of what it means.
//!
//! The types describe themselves to editors as well: `gizwits2mqtt profile schema` prints the JSON
//! Schema that is made of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::ordered::Ordered;
use super::platform::{Platform, Role};

/// One product family: which products it is for, and the entities that they become.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    /// Its id, lower case with dashes, as in `devices.DID.profile`.
    pub profile: String,
    /// What a person calls the family.
    pub title: String,
    /// Who makes it, as Home Assistant shows it.
    #[serde(default)]
    pub manufacturer: Option<String>,
    /// Which products it is for: any of these.
    #[serde(rename = "match")]
    pub matches: MatchFile,
    /// The entities by their keys. A key is the end of the entity's unique id: never change one.
    pub entities: Ordered<EntityFile>,
    /// Attributes that become nothing; `*` stands for any characters.
    #[serde(default)]
    pub hide: Vec<String>,
    /// What becomes of the attributes that no entity uses.
    #[serde(default)]
    pub rest: Rest,
}

/// What becomes of attributes that a profile says nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    /// Entities by the schema, as for a product without a profile.
    Show,
    /// The same, switched off until a person wants them.
    #[default]
    Disable,
    /// Nothing.
    Hide,
}

/// Which products a profile is for. One that fits by key comes before one that fits by name, that
/// before one that fits by attributes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchFile {
    /// Any of these products.
    #[serde(default)]
    pub product_keys: Vec<String>,
    /// Any product with one of these names, case aside.
    #[serde(default)]
    pub product_names: Vec<String>,
    /// Any product that has all of these attributes.
    #[serde(default)]
    pub attributes: Vec<String>,
}

/// One entity.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityFile {
    /// What it is.
    pub platform: Platform,
    /// Its name beside the device's, in sentence case; by default its key in words.
    #[serde(default)]
    pub name: Option<String>,
    /// The device's main feature: it takes the device's name.
    #[serde(default)]
    pub main: bool,
    /// `mdi:…`
    #[serde(default)]
    pub icon: Option<String>,
    /// Home Assistant's device class.
    #[serde(default)]
    pub class: Option<String>,
    /// Where it stands on the device's page.
    #[serde(default)]
    pub category: CategoryFile,
    /// False: switched off until a person wants it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What long-term statistics make of it.
    #[serde(default)]
    pub statistics: Option<StatisticsFile>,
    /// The one value of a simple entity; on/off of a fan, a light, a humidifier.
    #[serde(default)]
    pub state: Option<PartFile>,
    /// What pressing sets.
    #[serde(default)]
    pub press: Option<PartFile>,
    /// `off`, `heat`, …
    #[serde(default)]
    pub mode: Option<PartFile>,
    /// `heating`, `idle`, …
    #[serde(default)]
    pub action: Option<PartFile>,
    /// A preset such as `eco`.
    #[serde(default)]
    pub preset: Option<PartFile>,
    /// A fan's speed in words.
    #[serde(default)]
    pub fan_mode: Option<PartFile>,
    /// Where the air goes.
    #[serde(default)]
    pub swing_mode: Option<PartFile>,
    /// On/off beside the mode.
    #[serde(default)]
    pub power: Option<PartFile>,
    /// The temperature that is wanted.
    #[serde(default)]
    pub target_temperature: Option<PartFile>,
    /// The temperature that is.
    #[serde(default)]
    pub current_temperature: Option<PartFile>,
    /// The humidity that is wanted.
    #[serde(default)]
    pub target_humidity: Option<PartFile>,
    /// The humidity that is.
    #[serde(default)]
    pub current_humidity: Option<PartFile>,
    /// A speed as a number.
    #[serde(default)]
    pub speed: Option<PartFile>,
    /// Swings or not.
    #[serde(default)]
    pub oscillation: Option<PartFile>,
    /// How bright.
    #[serde(default)]
    pub brightness: Option<PartFile>,
    /// Kelvin.
    #[serde(default)]
    pub color_temperature: Option<PartFile>,
    /// A light's programme.
    #[serde(default)]
    pub effect: Option<PartFile>,
    /// How far open.
    #[serde(default)]
    pub position: Option<PartFile>,
    /// Red, green and blue.
    #[serde(default)]
    pub rgb: Option<PartFile>,
}

const fn yes() -> bool {
    true
}

/// Where an entity stands on its device's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CategoryFile {
    /// Among the controls and sensors.
    #[default]
    Main,
    /// Among the settings; not for a sensor.
    Config,
    /// Among the facts for a person who looks for a fault.
    Diagnostic,
}

/// What long-term statistics make of a sensor's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatisticsFile {
    /// A quantity that goes up and down.
    Measurement,
    /// A counter that only rises, apart from a reset.
    TotalIncreasing,
}

/// Where a role's value comes from and what a command to it sets: the name of an attribute, or more.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FullPart {
    /// The attribute that it reads, and sets where that can be set.
    pub attr: Option<String>,
    /// Words for the attribute's values: the word, and the value or the values that read so. Of several the
    /// first is what choosing the word sets.
    pub map: Option<Ordered<OneOrMany>>,
    /// Two attributes of one byte each, high before low, that are one number.
    pub bytes: Option<[String; 2]>,
    /// Red, green and blue: three attributes, each from 0 to its largest value. `set` has what goes along.
    pub channels: Option<[String; 3]>,
    /// The value or values of `attr` that mean that there is none.
    pub unset: Option<OneOrMany>,
    /// What is shown is the number times this.
    pub scale: Option<f64>,
    /// And plus this.
    pub offset: Option<f64>,
    /// On when any of these attributes is (true, or not 0); `*` stands for any characters.
    pub any: Vec<String>,
    /// But not these.
    pub except: Vec<String>,
    /// Words for attributes that are faults: those that are on are shown, joined by `; `.
    pub faults: Option<Ordered<String>>,
    /// The word when no fault is on.
    pub none: Option<String>,
    /// Cases: the first that holds is what is shown.
    pub read: Vec<CaseFile>,
    /// What choosing a word sets; for an on/off role `on` and `off`.
    pub write: Option<Ordered<Steps>>,
    /// What a number sets, `$value` where it goes; what a button sets.
    pub set: Option<Steps>,
    /// The words to choose from, in order; by default those of `map` or `write`.
    pub options: Vec<String>,
    /// Only shown, though the attribute can be set.
    pub read_only: bool,
    /// What it sets falls back by itself, and setting it twice does a thing twice, so that it is sent
    /// once whatever happens. What a button presses always is.
    pub momentary: bool,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// The distance of two values.
    pub step: Option<f64>,
    /// In Home Assistant's spelling.
    pub unit: Option<String>,
    /// Limits and units that hold under a condition; the first that holds counts, before those above.
    pub ranges: Vec<RangeFile>,
    /// Instead of an attribute: which part it is under which condition; the first that holds counts. What
    /// limits and unit a variant lacks, those above are.
    pub variants: Vec<VariantFile>,
}

/// What a role is under a condition.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantFile {
    /// All of these attributes are as given.
    #[serde(default)]
    pub when: BTreeMap<String, TestFile>,
    /// The part that it is then.
    #[serde(rename = "use")]
    pub part: PartFile,
}

/// [`FullPart`], or an attribute's name alone.
#[derive(Debug, Clone, PartialEq)]
pub struct PartFile(pub FullPart);

/// A case: `is` when the condition holds; without a condition always.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// All of these attributes are as given.
    #[serde(default)]
    pub when: BTreeMap<String, TestFile>,
    /// The word, the number, true or false that is shown.
    pub is: Value,
}

/// Limits and unit of a number under a condition.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeFile {
    /// All of these attributes are as given.
    #[serde(default)]
    pub when: BTreeMap<String, TestFile>,
    /// Smallest value.
    #[serde(default)]
    pub min: Option<f64>,
    /// Largest value.
    #[serde(default)]
    pub max: Option<f64>,
    /// The distance of two values.
    #[serde(default)]
    pub step: Option<f64>,
    /// In Home Assistant's spelling.
    #[serde(default)]
    pub unit: Option<String>,
}

/// What an attribute is held against: a value, a list of values, or `above` and `below`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TestFile {
    /// Any of these. Stands first: as limits, a list of two numbers would be `above` and `below`.
    Many(Vec<Value>),
    /// A number beyond or below limits, which do not count themselves.
    Between(Between),
    /// This.
    One(Value),
}

/// Limits that do not count themselves.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// More than this.
    #[serde(default)]
    pub above: Option<f64>,
    /// Less than this.
    #[serde(default)]
    pub below: Option<f64>,
}

/// One value or several.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// Several.
    Many(Vec<Value>),
    /// One.
    One(Value),
}

/// Attributes to set in one control call, or a list of such calls that go out in order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Steps {
    /// One call.
    One(BTreeMap<String, Value>),
    /// Several, each after the one before was taken.
    Many(Vec<BTreeMap<String, Value>>),
}

impl EntityFile {
    /// The roles that are written, in no order that means anything.
    pub fn parts(&self) -> impl Iterator<Item = (Role, &FullPart)> {
        let parts = Role::ALL.into_iter();
        parts.filter_map(|role| Some((role, &self.part(role)?.0)))
    }

    const fn part(&self, role: Role) -> Option<&PartFile> {
        match role {
            Role::State => self.state.as_ref(),
            Role::Press => self.press.as_ref(),
            Role::Mode => self.mode.as_ref(),
            Role::Action => self.action.as_ref(),
            Role::Preset => self.preset.as_ref(),
            Role::FanMode => self.fan_mode.as_ref(),
            Role::SwingMode => self.swing_mode.as_ref(),
            Role::Power => self.power.as_ref(),
            Role::TargetTemperature => self.target_temperature.as_ref(),
            Role::CurrentTemperature => self.current_temperature.as_ref(),
            Role::TargetHumidity => self.target_humidity.as_ref(),
            Role::CurrentHumidity => self.current_humidity.as_ref(),
            Role::Speed => self.speed.as_ref(),
            Role::Oscillation => self.oscillation.as_ref(),
            Role::Brightness => self.brightness.as_ref(),
            Role::ColorTemperature => self.color_temperature.as_ref(),
            Role::Rgb => self.rgb.as_ref(),
            Role::Effect => self.effect.as_ref(),
            Role::Position => self.position.as_ref(),
        }
    }
}

impl OneOrMany {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<&Value> {
        match self {
            Self::Many(values) => values.iter().collect(),
            Self::One(value) => vec![value],
        }
    }
}

impl Steps {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<&BTreeMap<String, Value>> {
        match self {
            Self::Many(steps) => steps.iter().collect(),
            Self::One(step) => vec![step],
        }
    }
}
