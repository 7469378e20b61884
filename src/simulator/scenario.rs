//! What a simulated cloud starts with: users, products, devices. Read from YAML.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::yaml::{self, YamlError};

/// A whole cloud.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Application ids that are known; all others answer 9003.
    pub app_ids: Vec<String>,
    /// Who can log in.
    pub users: Vec<User>,
    /// What devices are of.
    pub products: Vec<Product>,
    /// The devices, in the order of the bindings list.
    pub devices: Vec<Device>,
    /// How long a device takes to report what a control call changed, in seconds.
    #[serde(default)]
    pub report_delay_s: f64,
}

/// A user: by name and password, or anonymous by a phone id.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// A name, e-mail or phone number, or the phone id of an anonymous user.
    pub name: String,
    /// `null`: an anonymous user.
    #[serde(default)]
    pub password: Option<String>,
}

/// A product.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its key.
    pub product_key: String,
    /// What stands in the bindings as `product_name`.
    pub name: String,
    /// As the cloud's schema document spells them; `null`: the schema cannot be had.
    #[serde(default)]
    pub datapoints: Option<Vec<Value>>,
    /// What the device does of itself when it is told something.
    #[serde(default)]
    pub implies: Vec<Implication>,
    /// What changes with time.
    #[serde(default)]
    pub live: Vec<Change>,
}

/// "When it is told this, it does that, too."
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Implication {
    /// Values in a command.
    pub when: Map<String, Value>,
    /// Values that follow.
    pub then: Map<String, Value>,
}

/// A value that moves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Which.
    pub attr: String,
    /// By how much.
    #[serde(default = "one")]
    pub step: f64,
    /// How often, in seconds.
    pub every_s: u32,
    /// Only while these hold.
    #[serde(default)]
    pub when: Map<String, Value>,
    /// It moves toward the value of this attribute,
    #[serde(default)]
    pub toward: Option<String>,
    /// or it wanders between these limits.
    #[serde(default)]
    pub between: Option<(f64, f64)>,
}

const fn one() -> f64 {
    1.0
}

/// A device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its id.
    pub did: String,
    /// Its product.
    pub product_key: String,
    /// Its mac.
    pub mac: String,
    /// What its users called it.
    #[serde(default)]
    pub alias: String,
    /// Is it connected?
    #[serde(default = "yes")]
    pub online: bool,
    /// Blocked by its vendor.
    #[serde(default)]
    pub disabled: bool,
    /// Has it ever reported?
    #[serde(default = "yes")]
    pub reported: bool,
    /// Its values.
    #[serde(default)]
    pub attrs: Map<String, Value>,
    /// Names of the users that have bound it.
    pub users: Vec<String>,
}

const fn yes() -> bool {
    true
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`YamlError`] with the line of the first fault.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        yaml::typed(text)
    }

    /// The scenario of `demo`, and of `simulate` without a file.
    #[must_use]
    pub fn standard() -> Self {
        Self::parse(include_str!("standard.yaml")).expect("a unit test reads it")
    }

    /// The standard scenario with `count` devices instead of its own, of its products in turn.
    #[must_use]
    pub fn with_devices(count: usize) -> Self {
        let mut scenario = Self::standard();
        let models: Vec<Device> = std::mem::take(&mut scenario.devices);
        let models = models.iter().filter(|device| device.online).cycle();
        scenario.devices = models
            .take(count)
            .enumerate()
            .map(|(at, model)| Device {
                did: format!("simulated{at:013}"),
                mac: format!("{at:012x}"),
                alias: format!("{} {at}", model.alias),
                ..model.clone()
            })
            .collect();
        scenario
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_standard_scenario_holds_together() {
        let scenario = Scenario::standard();
        assert!(scenario.devices.len() >= 8);
        let products: BTreeSet<&str> = scenario
            .products
            .iter()
            .map(|p| p.product_key.as_str())
            .collect();
        let users: BTreeSet<&str> = scenario.users.iter().map(|u| u.name.as_str()).collect();
        let dids: BTreeSet<&str> = scenario.devices.iter().map(|d| d.did.as_str()).collect();
        assert_eq!(dids.len(), scenario.devices.len());
        for device in &scenario.devices {
            assert!(
                products.contains(device.product_key.as_str()),
                "{}",
                device.did
            );
            assert!(
                device
                    .users
                    .iter()
                    .all(|user| users.contains(user.as_str()))
            );
        }
    }

    #[test]
    fn any_number_of_devices_can_be_had() {
        let scenario = Scenario::with_devices(30);
        let dids: BTreeSet<&str> = scenario.devices.iter().map(|d| d.did.as_str()).collect();
        assert_eq!(dids.len(), 30);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_line() {
        let error = Scenario::parse("app_ids: []\nuser: []\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown field `user`"), "{error}");
    }
}
