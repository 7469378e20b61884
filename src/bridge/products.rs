//! The schemas in use, and those that are being asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::ids::{AttrName, ProductKey};
use crate::model::{Attrs, ProductSchema, infer};
use crate::retry::{Retry, RetryPolicy};

/// Most attributes whose misreading is told once each.
const MAX_TOLD: usize = 1000;

/// Between two tries to get a schema that did not come.
const ASK_AGAIN: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(60),
    factor: 2.0,
    longest: Duration::from_secs(60 * 60),
};
/// A product that is not known (9002), a call that the application may not make (9039), or that is gone
/// (9045): there is no schema to be had.
const NO_SCHEMA: [u16; 3] = [9002, 9039, 9045];
/// A refusal with any other code counts as such when it has come so often in a row.
const REFUSED_FOR_GOOD: u32 = 3;

#[derive(Debug)]
struct Product {
    schema: Arc<ProductSchema>,
    settled: bool,
    /// The cloud sent this schema in this run; one of an earlier run may be old.
    is_fresh: bool,
    retry: Retry,
    /// When it is asked for again.
    ask_at: Option<Duration>,
    /// Refusals in a row that may mean that there is none.
    refusals: u32,
}

impl Product {
    fn new(schema: Arc<ProductSchema>, settled: bool, is_fresh: bool) -> Self {
        Self {
            schema,
            settled,
            is_fresh,
            retry: Retry::new(ASK_AGAIN),
            ask_at: None,
            refusals: 0,
        }
    }
}

/// What it means that a schema did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// Nothing new.
    Known,
    /// It is expected all the same, and asked for again after this time.
    Later(Duration),
    /// The cloud has none: types come from what the devices report.
    Final,
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
        let products = schemas
            .into_iter()
            .map(|(key, schema)| (key, Product::new(schema, true, false)))
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
        let product = Product::new(Arc::new(schema), false, false);
        self.products.insert(product_key.clone(), product);
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

    /// The schema came; true when it is news. What only reports showed until now stays.
    pub(super) fn loaded(&mut self, product_key: ProductKey, schema: Arc<ProductSchema>) -> bool {
        let known = self.products.get(product_key.as_str());
        let wider = known.and_then(|known| infer::keep(&schema, &known.schema));
        let schema = wider.map_or(schema, Arc::new);
        let is_news = known.is_none_or(|known| !known.settled || known.schema != schema);
        let product = Product::new(schema, true, true);
        self.products.insert(product_key, product);
        is_news
    }

    /// The schema did not come. `code` is the cloud's, where it answered with a refusal.
    pub(super) fn did_not_come(
        &mut self,
        product_key: &ProductKey,
        code: Option<u16>,
        now: Duration,
        chance: f64,
    ) -> Absence {
        let product = self.products.get_mut(product_key.as_str());
        let Some(product) = product.filter(|product| !product.settled) else {
            return Absence::Known;
        };
        product.refusals = code.map_or(0, |_| product.refusals.saturating_add(1));
        let is_final = code.is_some_and(|code| NO_SCHEMA.contains(&code));
        if is_final || product.refusals >= REFUSED_FOR_GOOD {
            product.settled = true;
            product.ask_at = None;
            return Absence::Final;
        }
        if product.ask_at.is_some_and(|at| now < at) {
            // Another account was not answered either.
            return Absence::Known;
        }
        let wait = product.retry.failed(chance);
        product.ask_at = Some(now + wait);
        Absence::Later(wait)
    }

    /// Products whose schema is to be asked for again now.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<ProductKey> {
        let products = self.products.iter_mut();
        products
            .filter_map(|(key, product)| {
                let due = product.ask_at.take_if(|at| now >= *at);
                due.map(|_| key.clone())
            })
            .collect()
    }

    /// When [`Self::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.products.values().filter_map(|of| of.ask_at).min()
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
