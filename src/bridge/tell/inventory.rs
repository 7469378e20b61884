//! `BASE/bridge/devices`: all devices in one list; where that is too long for a broker, in several.

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::render;
use crate::bridge::registry::Entry;
use crate::clock::Now;
use crate::model::{DataType, Datapoint};

/// How the list of devices was published last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) struct Inventory {
    /// Topics that hold a part of it: `devices`, `devices/2`, `devices/3`, …
    pub(in crate::bridge) pages: usize,
    pub(in crate::bridge) with_attributes: bool,
}

impl Default for Inventory {
    fn default() -> Self {
        Self {
            pages: 1,
            with_attributes: true,
        }
    }
}

impl Bridge {
    /// `BASE/bridge/devices`. Attributes are left out where not all devices fit with them; what does not
    /// fit then stands on `BASE/bridge/devices/2` and so on.
    pub(in crate::bridge) fn publish_inventory(&mut self, _now: Now, out: &mut Vec<Effect>) {
        if !self.publisher.is_up() {
            return;
        }
        let whole = self.render_inventory(true, 1);
        let with_attributes = whole.is_some();
        let pages = whole
            .or_else(|| self.render_inventory(false, usize::MAX))
            .unwrap_or_default();
        let shown = Inventory {
            pages: pages.len(),
            with_attributes,
        };
        for (number, page) in (1..).zip(pages) {
            self.publisher.retain(self.page_topic(number), page, out);
        }
        let before = std::mem::replace(&mut self.inventory, shown);
        for number in shown.pages + 1..=before.pages {
            self.publisher.clear(self.page_topic(number), out);
        }
        if before != shown {
            if !shown.with_attributes {
                warn!(
                    pages = shown.pages,
                    devices = self.registry.len(),
                    "the list of devices is too long for one message: it stands without attributes on bridge/devices and its further pages"
                );
            }
            self.publish_info(out);
        }
    }

    fn page_topic(&self, number: usize) -> String {
        if number == 1 {
            self.topics.bridge("devices")
        } else {
            self.topics.bridge(&format!("devices/{number}"))
        }
    }

    /// Pages that each fit into a message; `None` when there would be more than `max_pages`. Row by row: a
    /// thousand devices with all their attributes as one tree would be many times as large as its text.
    fn render_inventory(&self, with_attributes: bool, max_pages: usize) -> Option<Vec<Vec<u8>>> {
        let limit = self.publisher.max_payload(&self.page_topic(usize::MAX));
        let mut pages: Vec<Vec<u8>> = vec![b"[".to_vec()];
        for (_, entry) in self.registry.iter() {
            let row = render(&self.inventory_row(entry, with_attributes));
            let mut page = pages.pop().unwrap_or_default();
            let is_first = page.len() == 1;
            if !is_first && page.len() + row.len() + 2 > limit {
                page.push(b']');
                pages.push(page);
                if pages.len() == max_pages {
                    return None;
                }
                page = b"[".to_vec();
            } else if !is_first {
                page.push(b',');
            }
            page.extend(row);
            pages.push(page);
        }
        if let Some(last) = pages.last_mut() {
            last.push(b']');
        }
        Some(pages)
    }

    fn inventory_row(&self, entry: &Entry, with_attributes: bool) -> Value {
        let schema = self.products.get(&entry.device.product_key);
        let attributes = schema.filter(|_| with_attributes).map(|schema| {
            let described = schema.datapoints().iter();
            described
                .map(|d| (d.name.to_string(), describe(d)))
                .collect::<Map<_, _>>()
        });
        let product = Some(entry.device.product_name.as_str()).filter(|name| !name.is_empty());
        json!({
            "did": entry.device.did,
            "topic": entry.level,
            "name": entry.name,
            "account": entry.account,
            "product_key": entry.device.product_key,
            "product_name": product.or(schema.map(|schema| schema.name.as_str())),
            "mac": entry.device.mac,
            "online": entry.told_online.unwrap_or_default(),
            "profile": entry.plan.as_ref().and_then(|plan| plan.profile.as_deref()).unwrap_or("generic"),
            "attributes": attributes,
        })
    }
}

fn describe(datapoint: &Datapoint) -> Value {
    let (kind, range) = match &datapoint.data_type {
        DataType::Bool => ("bool", Value::Null),
        DataType::Enum(labels) => ("enum", json!({ "options": labels })),
        DataType::Number(spec) => (
            "number",
            json!({ "min": spec.min, "max": spec.max, "step": spec.ratio }),
        ),
        DataType::Binary { len } => ("binary", json!({ "bytes": len })),
        DataType::Text => ("text", Value::Null),
    };
    let mut body = Map::new();
    body.insert("type".into(), kind.into());
    body.insert("writable".into(), datapoint.is_settable().into());
    if let Value::Object(range) = range {
        body.extend(range);
    }
    Value::Object(body)
}
