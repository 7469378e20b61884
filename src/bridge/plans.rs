//! What each product becomes in Home Assistant, worked out once for all its devices.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ids::ProductKey;
use crate::model::{Device, ProductSchema};
use crate::profile::catalog::{Catalog, Plan, Product};

/// Product, its name in the bindings, and the profile that the user chose.
type Key = (ProductKey, String, Option<String>);

/// See the module. Bounded by nature: one for each product, name and choice.
#[derive(Debug, Default)]
pub(super) struct Plans {
    known: BTreeMap<Key, Arc<Plan>>,
}

impl Plans {
    /// The plan of a device.
    pub(super) fn of(
        &mut self,
        catalog: &Catalog,
        device: &Device,
        schema: &ProductSchema,
        chosen: Option<&str>,
    ) -> Arc<Plan> {
        let key = (
            device.product_key.clone(),
            device.product_name.clone(),
            chosen.map(str::to_owned),
        );
        let plan = self.known.entry(key).or_insert_with(|| {
            let product = Product {
                schema,
                name: &device.product_name,
                chosen,
            };
            Arc::new(catalog.plan(product))
        });
        Arc::clone(plan)
    }

    /// The schema of a product is another one.
    pub(super) fn forget(&mut self, product_key: &ProductKey) {
        self.known.retain(|(of, ..), _| of != product_key);
    }

    /// The profiles are others.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}
