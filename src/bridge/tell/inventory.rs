//! `BASE/bridge/devices`: all devices in one list.

use serde_json::{Map, Value, json};

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::{MAX_PAYLOAD_BYTES, render};
use crate::bridge::registry::Entry;
use crate::clock::Now;
use crate::model::{DataType, Datapoint};

impl Bridge {
    /// `BASE/bridge/devices`
    pub(in crate::bridge) fn publish_inventory(&mut self, _now: Now, out: &mut Vec<Effect>) {
        if !self.publisher.is_up() {
            return;
        }
        let payload = self
            .render_inventory(true, MAX_PAYLOAD_BYTES)
            .or_else(|| self.render_inventory(false, usize::MAX))
            .unwrap_or_default();
        self.publisher
            .retain(self.topics.bridge("devices"), payload, out);
    }

    /// `None` when it would be longer than `limit`. Row by row: a thousand devices with all their
    /// attributes as one tree would be many times as large as its text.
    fn render_inventory(&self, with_attributes: bool, limit: usize) -> Option<Vec<u8>> {
        let mut payload = Vec::new();
        for (_, entry) in self.registry.iter() {
            payload.push(if payload.is_empty() { b'[' } else { b',' });
            payload.extend(render(&self.inventory_row(entry, with_attributes)));
            if payload.len() >= limit {
                return None;
            }
        }
        if payload.is_empty() {
            payload.push(b'[');
        }
        payload.push(b']');
        Some(payload)
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
