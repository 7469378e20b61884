//! Products that nobody has seen before keep the rules of Home Assistant: each is announced, and held against
//! the laws of `support/discovery_laws.rs`. `SEED=n` repeats one, `SEEDS=first..last` tries others. `tests/home_assistant/odd.rs` shows them to
//! the real one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/discovery_laws.rs"]
mod laws;
#[path = "support/odd_schemas.rs"]
mod odd_schemas;

use std::collections::BTreeMap;

use gizwits2mqtt::homeassistant::discovery::{Components, DeviceView, announce};
use gizwits2mqtt::homeassistant::slug;
use gizwits2mqtt::homeassistant::topic::Topics;
use gizwits2mqtt::ids::{Did, ProductKey};
use gizwits2mqtt::model::{AttrValue, Attrs, DataType, Device, ProductSchema};
use gizwits2mqtt::profile::catalog::{Catalog, Plan, Product};
use serde_json::Value;

use odd_schemas::{OddProduct, seeds};

/// A few seconds of them, built for debugging.
const PRODUCTS: u64 = 1_000;
/// Sensors beside those of the schema: the last report and two of schedules.
const OF_EVERY_DEVICE: usize = 3;
/// Longer binaries are no state of Home Assistant.
const MAX_BINARY_BYTES: usize = 127;

#[test]
fn products_never_seen_before_keep_the_rules() {
    let catalog = Catalog::default();
    for seed in seeds(0..PRODUCTS) {
        let product = OddProduct::of(seed);
        if let Err(why) = keeps_the_rules(&catalog, &product) {
            panic!(
                "seed {seed}: {why}\n\
                 SEED={seed} cargo test --locked --test odd_schemas"
            );
        }
    }
}

fn keeps_the_rules(catalog: &Catalog, product: &OddProduct) -> Result<(), String> {
    let key = ProductKey::new("pk").unwrap();
    let (schema, _) = ProductSchema::parse(&key, &product.document()).unwrap();
    let did = Did::new("did1").unwrap();
    let device = Device {
        did: did.clone(),
        product_key: key,
        mac: None,
        alias: product.alias.clone(),
        product_name: product.name.clone(),
        is_online: true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
        push: None,
    };
    let plan = catalog.plan(Product {
        schema: &schema,
        name: &product.name,
        chosen: None,
    });
    let level = slug::level(&product.alias, None, &did);
    let view = DeviceView {
        device: &device,
        schema: &schema,
        plan: &plan,
        attrs: &Attrs::default(),
        name: &product.alias,
        level: &level,
        observed: &BTreeMap::new(),
    };
    let topics = Topics::new("gizwits2mqtt", "homeassistant", "homeassistant/status");
    let message = announce(&topics, view, &Components::new());
    laws::check(&message.payload)?;
    what_can_be_read_is_shown(product, &schema, &plan)?;
    let message: Value = serde_json::from_slice(&message.payload).unwrap();
    let announced = message["components"].as_object().unwrap().len();
    if announced != plan.entities.len() + OF_EVERY_DEVICE {
        let count = plan.entities.len();
        return Err(format!("of {count} entities {announced} are announced"));
    }
    Ok(())
}

fn what_can_be_read_is_shown(
    product: &OddProduct,
    schema: &ProductSchema,
    plan: &Plan,
) -> Result<(), String> {
    for point in product
        .points
        .iter()
        .filter(|point| !point.legal.is_empty())
    {
        let datapoint = schema.get(point.name());
        let datapoint = datapoint.ok_or_else(|| format!("{} is left out", point.spec))?;
        for value in &point.legal {
            AttrValue::decode(datapoint, value).map_err(|err| err.to_string())?;
            if datapoint.is_settable() {
                AttrValue::accept(datapoint, value).map_err(|err| err.to_string())?;
            }
        }
        let is_long =
            matches!(datapoint.data_type, DataType::Binary { len } if len > MAX_BINARY_BYTES);
        let mut entities = plan.entities.iter();
        let is_shown = entities.any(|entity| entity.attributes().contains(&&datapoint.name));
        if is_shown == is_long {
            return Err(format!("shown: {is_shown}, {datapoint:?}"));
        }
    }
    Ok(())
}
