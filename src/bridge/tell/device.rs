//! `BASE/DEV` and `BASE/DEV/ATTR`: what a device last reported.

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::clock::Now;
use crate::homeassistant::state;
use crate::ids::Did;

use super::entities::own_levels;

impl Bridge {
    /// Availability and values of one device.
    pub(in crate::bridge) fn publish_device(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        self.publish_presence(now, did, out);
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        if entry.presence.is_new() {
            return;
        }
        self.publish_entities(now, did, out);
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        let online = entry.told_online.unwrap_or_default();
        let updated_at = entry.presence.last_report();
        let payload = state::device_payload(did, &entry.attrs, updated_at, entry.source, online);
        self.publisher
            .retain(self.topics.device(&entry.level), payload, out);
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        for (name, value) in entry.attrs.iter() {
            let level = schema.level(name.as_str());
            // An empty text empties its topic: what stood there before is not true any more.
            let payload = value.to_bare().into_bytes();
            self.publisher
                .retain(self.topics.below_device(&entry.level, &level), payload, out);
        }
    }

    /// The last report once more, though unchanged.
    pub(in crate::bridge) fn publish_again(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        self.publisher.forget(&self.topics.device(&entry.level));
        for (name, _) in entry.attrs.iter() {
            let level = schema.level(name.as_str());
            self.publisher
                .forget(&self.topics.below_device(&entry.level, &level));
        }
        let plan = entry.plan.as_ref();
        for level in plan
            .map(|plan| own_levels(&plan.entities))
            .unwrap_or_default()
        {
            self.publisher
                .forget(&self.topics.below_device(&entry.level, &level));
        }
        self.publish_device(now, did, out);
    }
}
