//! What devices report, at once or some time after they were told something.

use serde_json::{Map, Value};

use super::quirks::{self, Change, Quirks};
use super::scenario::Product;
use super::world::World;

/// Reports that are on their way; what more commands lead to is lost.
const MAX_COMING: usize = 10_000;

/// A report on its way.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) at_ms: i64,
    did: String,
    attrs: Map<String, Value>,
    /// It comes only while these still hold.
    from: Option<Map<String, Value>>,
}

impl World {
    /// The device takes a command and will report.
    pub(super) fn command(&mut self, now_ms: i64, did: &str, taken: Map<String, Value>) {
        for change in self.changes(did, taken) {
            let at_ms = now_ms.saturating_add(change.after_ms);
            if at_ms <= now_ms {
                self.report(now_ms, did, change.attrs);
            } else if self.reports.len() < MAX_COMING {
                self.reports.push(Coming {
                    at_ms,
                    did: did.to_owned(),
                    attrs: change.attrs,
                    from: change.from,
                });
            }
        }
    }

    /// What a command leads to. The first change is kept as what was written last.
    fn changes(&mut self, did: &str, taken: Map<String, Value>) -> Vec<Change> {
        let (otherwise_ms, products) = (self.report_delay_ms, &self.products);
        let Some(device) = self.devices.iter_mut().find(|device| device.did == did) else {
            return Vec::new();
        };
        let product = products.get(&device.product_key);
        let rest = |attr: &str, value: &Value| {
            quirks::at_rest(product.and_then(|product| product.datapoint(attr)), value)
        };
        let of_product = product.map_or_else(Quirks::default, |product| product.quirks.clone());
        let all = device.quirks.with(&of_product);
        let changes = all.follow(taken, otherwise_ms, rest);
        if let Some(first) = changes.first() {
            device.written.extend(first.attrs.clone());
        }
        changes
    }

    /// The device reports now.
    pub(super) fn report(&mut self, now_ms: i64, did: &str, attrs: Map<String, Value>) {
        if let Some(device) = self.device(did) {
            device.report(now_ms, attrs.clone());
            self.push_report(now_ms, did, &attrs);
        }
    }

    /// A report arrives, unless what it speaks of has changed meanwhile.
    pub(super) fn arrive(&mut self, report: Coming) {
        let holds = self.device(&report.did).is_some_and(|device| {
            let mut from = report.from.iter().flatten();
            from.all(|(attr, value)| device.attrs.get(attr) == Some(value))
        });
        if holds {
            self.report(report.at_ms, &report.did, report.attrs);
        }
    }

    /// When the next report arrives.
    pub(super) fn reports_due(&self) -> Option<i64> {
        self.reports.iter().map(|report| report.at_ms).min()
    }
}

impl Product {
    /// The datapoint of this name in the schema.
    pub(super) fn datapoint(&self, name: &str) -> Option<&Map<String, Value>> {
        let mut datapoints = self.datapoints.iter().flatten();
        datapoints.find(|datapoint| datapoint.get("name").and_then(Value::as_str) == Some(name))
    }
}
