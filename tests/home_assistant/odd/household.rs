//! All devices of a test, and the cloud that they are in.

use std::ops::Range;

use gizwits2mqtt::ids::ProductKey;
use gizwits2mqtt::model::ProductSchema;
use gizwits2mqtt::profile::catalog::{Catalog, Plan, Product};
use gizwits2mqtt::profile::entity::Reading;
use serde_json::{Value, json};

use crate::standard;
use crate::support::odd_schemas::{OddPoint, OddProduct};

pub(super) struct Household {
    pub(super) members: Vec<Member>,
}

/// A product with its one device.
pub(super) struct Member {
    pub(super) product: OddProduct,
    pub(super) did: String,
    schema: ProductSchema,
    left_out: Vec<String>,
    plan: Plan,
}

impl Household {
    pub(super) fn of(seeds: Range<u64>) -> Self {
        Self {
            members: seeds.map(Member::of).collect(),
        }
    }

    /// The standard one with other products and devices.
    pub(super) fn scenario(&self) -> Value {
        let mut scenario = standard();
        let products = self.members.iter().map(|member| {
            json!({
                "product_key": member.product_key(),
                "name": member.product.name,
                "datapoints": member.product.datapoints(),
            })
        });
        scenario["products"] = products.collect();
        let devices = self.members.iter().map(|member| {
            let seed = member.product.seed;
            // Half of them begin with what cannot be.
            let mut chance = fastrand::Rng::with_seed(seed);
            let attrs = match seed % 4 {
                0 | 1 => member.product.right(&mut chance),
                _ => member.product.wrong(&mut chance),
            };
            json!({
                "did": member.did,
                "product_key": member.product_key(),
                "mac": format!("{seed:012x}"),
                "alias": member.product.alias,
                "attrs": attrs,
                "users": ["demo@example.com"],
            })
        });
        scenario["devices"] = devices.collect();
        scenario
    }
}

impl Member {
    fn of(seed: u64) -> Self {
        let product = OddProduct::of(seed);
        let key = ProductKey::new("pk").unwrap();
        let (schema, left_out) = ProductSchema::parse(&key, &product.document()).unwrap();
        let plan = Catalog::default().plan(Product {
            schema: &schema,
            name: &product.name,
            chosen: None,
        });
        Self {
            product,
            plan,
            left_out,
            did: format!("Odd{seed:019}"),
            schema,
        }
    }

    fn product_key(&self) -> String {
        format!("{:032x}", self.product.seed)
    }

    /// What the bridge's log does not say just once of what it cannot read of the schema.
    pub(super) fn not_said_once(&self, log: &str) -> Option<String> {
        let key = format!("product_key={} ", self.product_key());
        let said = log.lines().filter(|line| line.contains(&key));
        let said = said.filter(|line| line.contains("a datapoint of the schema cannot be read"));
        let (said, left_out) = (said.count(), self.left_out.len());
        let seed = self.product.seed;
        (said != left_out).then(|| format!("seed {seed}: {said} of {left_out} told"))
    }

    /// The attribute whose topic has this level, if its values are known.
    pub(super) fn at_level(&self, level: &str) -> Option<&OddPoint> {
        let datapoint = self.schema.at_level(level)?;
        self.product.get(datapoint.name.as_str())
    }

    /// The attribute that a role of an entity reads and sets, if it is one and its values are known.
    pub(super) fn of_role(&self, key: &str, role: &str) -> Option<&OddPoint> {
        let mut entities = self.plan.entities.iter();
        let entity = entities.find(|entity| entity.key == key)?;
        let mut parts = entity.parts.iter();
        let (_, part) = parts.find(|(known, _)| known.as_str() == role)?;
        let name = if let Reading::Attr(name) = part.reads.as_ref()? {
            name
        } else if let Reading::Cases(cases) = part.reads.as_ref()? {
            &cases.first()?.when.0.first()?.0
        } else {
            return None;
        };
        self.product.get(name.as_str())
    }
}
