//! The schemas in use, and those that are being asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::ids::{AttrName, ProductKey};
use crate::model::{Attrs, ProductSchema, infer};

/// Most attributes whose misreading is told once each.
const MAX_TOLD: usize = 1000;

#[derive(Debug)]
struct Product {
    schema: Arc<ProductSchema>,
    settled: bool,
    /// The cloud sent this schema in this run; one of an earlier run may be old.
    is_fresh: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Products {
    products: BTreeMap<ProductKey, Product>,
    told: BTreeSet<(ProductKey, String)>,
}

impl Products {
    /// Schemas of an earlier run count as settled.
    pub(super) fn new(schemas: BTreeMap<ProductKey, Arc<ProductSchema>>) -> Self {
        let known = |schema| Product {
            schema,
            settled: true,
            is_fresh: false,
        };
        let products = schemas
            .into_iter()
            .map(|(key, schema)| (key, known(schema)))
            .collect();
        Self {
            products,
            told: BTreeSet::new(),
        }
    }

    /// Its schema will be asked for; from now on it has a place here.
    pub(super) fn expect(&mut self, product_key: &ProductKey) {
        if self.products.contains_key(product_key) {
            return;
        }
        let schema = ProductSchema::new(product_key.clone(), String::new(), true, Vec::new());
        self.products.insert(
            product_key.clone(),
            Product {
                schema: Arc::new(schema),
                settled: false,
                is_fresh: false,
            },
        );
    }

    pub(super) fn get(&self, product_key: &ProductKey) -> Option<&Arc<ProductSchema>> {
        self.products
            .get(product_key.as_str())
            .map(|product| &product.schema)
    }

    /// The schema is here, or is known not to come: devices may be announced with what there is.
    pub(super) fn is_settled(&self, product_key: &ProductKey) -> bool {
        self.products
            .get(product_key.as_str())
            .is_some_and(|product| product.settled)
    }

    /// The schema came; true when it is news.
    pub(super) fn loaded(&mut self, product_key: ProductKey, schema: Arc<ProductSchema>) -> bool {
        let known = self.products.get(product_key.as_str());
        let is_news = known.is_none_or(|known| !known.settled || known.schema != schema);
        let product = Product {
            schema,
            settled: true,
            is_fresh: true,
        };
        self.products.insert(product_key, product);
        is_news
    }

    /// The cloud has no schema for it. Types come from what the devices report.
    pub(super) fn unavailable(&mut self, product_key: &ProductKey) {
        if let Some(product) = self.products.get_mut(product_key.as_str()) {
            product.settled = true;
        }
    }

    /// Products whose schema is of an earlier run (firmware adds datapoints), or could not be had: it is
    /// worth asking now and then.
    pub(super) fn worth_asking(&self) -> Vec<ProductKey> {
        self.products
            .iter()
            .filter(|(_, product)| product.settled && !product.is_fresh)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Makes room for attributes that a report shows and the schema does not know (firmware adds
    /// some). True when that changed the schema.
    pub(super) fn widen(&mut self, product_key: &ProductKey, report: &Map<String, Value>) -> bool {
        let Some(product) = self.products.get_mut(product_key.as_str()) else {
            return false;
        };
        // Before it is settled the true schema may still come.
        let wider = product
            .settled
            .then(|| infer::widen(&product.schema, report))
            .flatten();
        let changed = wider.is_some();
        if let Some(schema) = wider {
            product.schema = Arc::new(schema);
        }
        changed
    }

    /// Reads a report. The second value has one line for each attribute that cannot be read and was
    /// not told before; the third names all that cannot be read.
    pub(super) fn decode(
        &mut self,
        product_key: &ProductKey,
        report: &Map<String, Value>,
    ) -> (Attrs, Vec<String>, Vec<AttrName>) {
        let Some(schema) = self.get(product_key).cloned() else {
            return (Attrs::default(), Vec::new(), Vec::new());
        };
        let (mut attrs, mut news, mut unreadable) = (Attrs::default(), Vec::new(), Vec::new());
        for (name, json) in report {
            let Some(datapoint) = schema.get(name) else {
                continue;
            };
            match crate::model::AttrValue::decode(datapoint, json) {
                Ok(value) => {
                    attrs.insert(datapoint.name.clone(), value);
                }
                Err(err) => {
                    unreadable.push(datapoint.name.clone());
                    let key = (product_key.clone(), name.clone());
                    if self.told.len() < MAX_TOLD && self.told.insert(key) {
                        news.push(format!("{name}: {err}"));
                    }
                }
            }
        }
        (attrs, news, unreadable)
    }
}
