//! What is tried: a device of each family, as the tests of profiles know them, and of some products
//! without a profile.

use gizwits2mqtt::ids::{Did, ProductKey};
use gizwits2mqtt::model::{AttrValue, Attrs, ProductSchema};
use gizwits2mqtt::profile::catalog::{Catalog, NO_PROFILE, Plan, Product};
use gizwits2mqtt::profile::load;
use serde_json::{Map, Value, json};

/// A profile that fills every role; the bridge gets it as a user's.
pub(crate) const EVERYTHING: &str = include_str!("everything.yaml");
/// Families that live a second time, with their profiles switched off.
const WITHOUT_PROFILE: [&str; 3] = ["feeder", "ph-803w", "wavemaker"];

/// One device, and what the library makes of its product.
pub(crate) struct Family {
    /// The name of its fixture; the device's name, too.
    pub(crate) name: String,
    pub(crate) did: Did,
    pub(crate) product: String,
    /// `devices.DID.profile` of the bridge's settings.
    pub(crate) chosen: Option<&'static str>,
    pub(crate) schema: ProductSchema,
    pub(crate) plan: Plan,
    pub(crate) report: Map<String, Value>,
    datapoints: Vec<Value>,
}

impl Family {
    fn of(
        (name, product, key): (&str, &str, &str),
        datapoints: &Value,
        report: &Value,
        number: usize,
        chosen: Option<&'static str>,
    ) -> Self {
        let key = ProductKey::new(key).unwrap();
        let document = json!({ "entities": [{ "attrs": datapoints }] });
        let (schema, faults) = ProductSchema::parse(&key, &document).unwrap();
        assert!(faults.is_empty(), "{name}: {faults:?}");
        let catalog = Catalog::new(vec![load::read(EVERYTHING).unwrap()]);
        let plan = catalog.plan(Product {
            schema: &schema,
            name: product,
            chosen,
        });
        Self {
            name: name.to_owned(),
            did: Did::new(format!("Family{number:016}")).unwrap(),
            product: product.to_owned(),
            chosen,
            schema,
            plan,
            report: report.as_object().unwrap().clone(),
            datapoints: datapoints.as_array().unwrap().clone(),
        }
    }

    /// Values as the cloud has them.
    pub(crate) fn attrs(&self, values: &Map<String, Value>) -> Attrs {
        let known = values.iter().filter_map(|(name, value)| {
            let datapoint = self.schema.get(name)?;
            let value = AttrValue::decode(datapoint, value).ok()?;
            Some((datapoint.name.clone(), value))
        });
        known.collect()
    }

    /// Its level in topics.
    pub(crate) fn level(&self) -> String {
        gizwits2mqtt::homeassistant::slug::level(&self.name, None, &self.did)
    }

    /// How a failure begins.
    pub(crate) fn at(&self, what: &str) -> String {
        format!("{} {what}", self.name)
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Family> {
    let mut families = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/profiles");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for path in files {
        let fixture: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = |key: &str| fixture[key].as_str().unwrap();
        let product = (name, text("name"), text("product_key"));
        let mut add = |name: &str, chosen| {
            let product = (name, product.1, product.2);
            let number = families.len() + 1;
            let family = Family::of(
                product,
                &fixture["attrs"],
                &fixture["report"],
                number,
                chosen,
            );
            families.push(family);
        };
        add(name, None);
        if WITHOUT_PROFILE.contains(&name) {
            add(&format!("plain {name}"), Some(NO_PROFILE));
        }
    }
    let products: Vec<Value> = serde_yaml::from_str(include_str!("products.yaml")).unwrap();
    for product in products {
        let number = families.len() + 1;
        let key = format!("{:032x}", 0xb00 + number);
        let text = |key: &str| product[key].as_str().unwrap();
        let of = (text("name"), text("product"), key.as_str());
        let (points, report) = (&product["datapoints"], &product["report"]);
        families.push(Family::of(of, points, report, number, None));
    }
    families
}

/// The simulated cloud with all of them.
pub(crate) fn scenario(families: &[Family]) -> Value {
    let mut scenario = crate::standard();
    let mut products: Vec<Value> = Vec::new();
    for family in families {
        let key = family.schema.product_key.as_str();
        let is_there = products.iter().any(|product| product["product_key"] == key);
        if !is_there {
            products.push(json!({
                "product_key": key, "name": family.product, "datapoints": family.datapoints,
            }));
        }
    }
    let devices = families.iter().enumerate().map(|(number, family)| {
        json!({
            "did": family.did, "product_key": family.schema.product_key,
            "mac": format!("{:012X}", 0x0200_0000_0000_u64 + number as u64), "alias": family.name,
            "users": ["demo@example.com"], "attrs": family.report,
        })
    });
    scenario["devices"] = devices.collect();
    scenario["products"] = products.into();
    scenario
}
