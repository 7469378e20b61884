//! What a simulated cloud starts with: users, products, devices. Read from YAML.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::yaml::{self, TextLimits, YamlError};

use super::faults::Fault;
use super::limits::Limits;
use super::quirks::Quirks;

/// A whole cloud.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Application ids that are known; all others answer 9003.
    pub app_ids: Vec<String>,
    /// What applications prove themselves with, by their ids.
    #[serde(default)]
    pub app_secrets: BTreeMap<String, String>,
    /// Applications whose users may come by QQ; others answer 9031.
    #[serde(default)]
    pub qq_app_ids: Vec<String>,
    /// Who can log in.
    pub users: Vec<User>,
    /// What devices are of.
    pub products: Vec<Product>,
    /// The devices, in the order of the bindings list.
    pub devices: Vec<Device>,
    /// Calls a minute that are too many; by default none are.
    #[serde(default)]
    pub limits: Limits,
    /// How long a device takes to report what a control call changed, in seconds.
    #[serde(default)]
    pub report_delay_s: f64,
    /// Calls that fail or are slow from the start, as `POST /_sim/faults` spells them.
    #[serde(default)]
    pub faults: Vec<Fault>,
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
    /// Signs bindings by mac; `null`: none is right.
    #[serde(default)]
    pub secret: Option<String>,
    /// As the cloud's schema document spells them; `null`: the schema cannot be had.
    #[serde(default)]
    pub datapoints: Option<Vec<Map<String, Value>>>,
    /// Over push it reports only what changed; others always report everything.
    #[serde(default)]
    pub var_len: bool,
    /// What the device does of itself when it is told something.
    #[serde(default)]
    pub implies: Vec<Implication>,
    /// What all devices of it do of their own accord.
    #[serde(default)]
    pub quirks: Quirks,
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
    /// or it wanders between these limits, which may lie beyond those of the schema,
    #[serde(default)]
    pub between: Option<(f64, f64)>,
    /// or it drifts, at most so far away from what was written last.
    #[serde(default)]
    pub within: Option<f64>,
}

const fn one() -> f64 {
    1.0
}

impl Change {
    /// Why nothing would move, or not as meant.
    fn fault(&self) -> Option<&'static str> {
        let ways = [
            self.toward.is_some(),
            self.between.is_some(),
            self.within.is_some(),
        ];
        match (ways.iter().filter(|way| **way).count(), self.between) {
            (0, _) => Some("`toward`, `between` or `within` says where the value moves"),
            (2.., _) => Some("only one of `toward`, `between` and `within`"),
            (_, Some((low, high))) if (low..=high).is_empty() => {
                Some("`between` is [lower, upper]")
            }
            _ if (0.0..self.step).is_empty() => Some("`step` is more than 0"),
            _ => None,
        }
    }
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
    /// Who knows it may bind the device.
    #[serde(default = "passcode")]
    pub passcode: String,
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
    /// At which of the cloud's M2M hosts it is spoken to over push: 0 or 1.
    #[serde(default)]
    pub m2m: usize,
    /// What bindings show as its push host instead of this cloud's own; nothing of this cloud is there.
    #[serde(default)]
    pub host: Option<String>,
    /// The same for the port of `ws://`.
    #[serde(default)]
    pub ws_port: Option<u16>,
    /// The same for the port of `wss://`.
    #[serde(default)]
    pub wss_port: Option<u16>,
    /// What it does of its own accord; the quirks of its product count less.
    #[serde(default)]
    pub quirks: Quirks,
    /// Its values. The schema need not know or allow them.
    #[serde(default)]
    pub attrs: Map<String, Value>,
    /// Names of the users that have bound it.
    pub users: Vec<String>,
}

fn passcode() -> String {
    "SIMULATEDX".into()
}

const fn yes() -> bool {
    true
}

impl Device {
    /// What it refers to that is not there: the key that says so, and why that cannot be.
    pub(super) fn fault(
        &self,
        is_product: impl Fn(&str) -> bool,
        is_user: impl Fn(&str) -> bool,
    ) -> Option<(&'static str, String)> {
        if !is_product(&self.product_key) {
            return Some(("product_key", format!("no product {:?}", self.product_key)));
        }
        if self.m2m > 1 {
            return Some(("m2m", "m2m is 0 or 1".into()));
        }
        let stranger = self.users.iter().find(|user| !is_user(user.as_str()))?;
        Some(("users", format!("no user {stranger:?}")))
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`YamlError`] with the line of the first fault.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        let scenario: Self = yaml::typed(text, TextLimits::SCENARIO)?;
        let Some((path, message)) = scenario.fault() else {
            return Ok(scenario);
        };
        let lines = yaml::parse(text, TextLimits::SCENARIO)?.lines;
        let line = lines.get(&path).copied().unwrap_or_default();
        Err(YamlError { line, message })
    }

    /// What does not fit together: its path, as in `devices.0.users`, and why.
    fn fault(&self) -> Option<(String, String)> {
        for (list, named) in [
            ("app_secrets", self.app_secrets.keys().collect()),
            ("qq_app_ids", self.qq_app_ids.iter().collect::<Vec<_>>()),
        ] {
            if let Some(stranger) = named.iter().find(|app_id| !self.app_ids.contains(app_id)) {
                return Some((list.to_owned(), format!("no application {stranger:?}")));
            }
        }
        let mut keys = BTreeSet::new();
        for (at, product) in self.products.iter().enumerate() {
            if !keys.insert(product.product_key.as_str()) {
                let twice = format!("{:?} stands twice", product.product_key);
                return Some((format!("products.{at}.product_key"), twice));
            }
            let faults = product.live.iter().map(Change::fault).enumerate();
            if let Some((n, why)) = faults.filter_map(|(n, why)| Some((n, why?))).next() {
                return Some((format!("products.{at}.live.{n}"), why.to_owned()));
            }
        }
        let users: BTreeSet<&str> = self.users.iter().map(|user| user.name.as_str()).collect();
        let mut dids = BTreeSet::new();
        for (at, device) in self.devices.iter().enumerate() {
            if !dids.insert(device.did.as_str()) {
                let twice = format!("{:?} stands twice", device.did);
                return Some((format!("devices.{at}.did"), twice));
            }
            if let Some((key, why)) =
                device.fault(|key| keys.contains(key), |user| users.contains(user))
            {
                return Some((format!("devices.{at}.{key}"), why));
            }
        }
        None
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
    fn the_standard_scenario_has_devices_of_several_brands() {
        let scenario = Scenario::standard();
        let products: BTreeSet<&str> = scenario
            .devices
            .iter()
            .map(|device| device.product_key.as_str())
            .collect();
        assert!(products.len() >= 8, "{products:?}");
    }

    #[test]
    fn any_number_of_devices_can_be_had() {
        let scenario = Scenario::with_devices(30);
        let dids: BTreeSet<&str> = scenario.devices.iter().map(|d| d.did.as_str()).collect();
        assert_eq!(dids.len(), 30);
    }

    #[test]
    fn the_documented_scenario_can_be_had() {
        let page = include_str!("../../docs/SIMULATOR.md");
        let (_, rest) = page.split_once("```yaml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        assert_eq!(Scenario::parse(example).unwrap().devices.len(), 1);
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        let good = "app_ids: [a]\n\
                    users: [{ name: u }]\n\
                    products:\n\
                    \x20 - product_key: p\n\
                    \x20   name: P\n\
                    \x20   datapoints: [{ name: t }]\n\
                    \x20   live: [{ attr: t, every_s: 1, between: [1, 2] }]\n\
                    devices:\n\
                    \x20 - { did: d, product_key: p, mac: m, users: [u] }\n\
                    \x20 - did: e\n\
                    \x20   product_key: p\n\
                    \x20   mac: m\n\
                    \x20   users: [u]\n";
        Scenario::parse(good).unwrap();
        for (from, to, line, message) in [
            ("users: [{ name", "user: [{ name", 2, "unknown field `user`"),
            ("[{ name: t }]", "[t]", 6, "expected a map"),
            ("between: [1, 2]", "between: [2, 1]", 7, "[lower, upper]"),
            (
                ", between: [1, 2]",
                "",
                7,
                "`toward`, `between` or `within`",
            ),
            (" between: [1", " within: 1, between: [1", 7, "only one of"),
            (
                "    name: P\n",
                "    name: P\n    quirks: { momentry: { t: 1 } }\n",
                6,
                "momentry",
            ),
            ("between: [1", "step: 0, between: [1", 7, "more than 0"),
            ("did: e", "did: d", 10, "\"d\" stands twice"),
            (
                "  product_key: p\n    mac",
                "  product_key: q\n    mac",
                11,
                "no product \"q\"",
            ),
            ("  mac: m\n", "  mac: m\n    m2m: 2\n", 13, "m2m is 0 or 1"),
            ("  users: [u]\n", "  users: [u, v]\n", 13, "no user \"v\""),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let error = Scenario::parse(&text).unwrap_err();
            assert!(error.message.contains(message), "{to}: {error}");
            assert_eq!(error.line, line, "{to}: {error}");
        }
    }
}
