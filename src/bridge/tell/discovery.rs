//! Discovery: what Home Assistant shows.

use std::time::Duration;

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::clock::Now;
use crate::homeassistant::bridge_device;
use crate::homeassistant::discovery::{self, DeviceView};
use crate::ids::{AccountName, Did};

impl Bridge {
    /// Sends the discovery messages whose time has come.
    pub(in crate::bridge) fn announce_due(&mut self, now: Now, out: &mut Vec<Effect>) {
        if !self.can_announce() {
            return;
        }
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now.mono);
        if due(self.bridge_announcing.due()) {
            let accounts: Vec<AccountName> = self.accounts.keys().cloned().collect();
            let message = bridge_device::announce_bridge(
                &self.topics,
                env!("CARGO_PKG_VERSION"),
                &accounts,
                &self.bridge_components,
            );
            self.bridge_components.extend(message.components);
            self.bridge_announcing.sent(now.mono);
            self.publisher.forget(&message.topic);
            self.publisher.retain(message.topic, message.payload, out);
        }
        while self.republish.has_room()
            && let Some(did) = self.announcer.take_due(now.mono)
        {
            self.announce(now, &did, out);
        }
    }

    fn announce(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let product_key = &entry.device.product_key;
        let known = self.products.is_settled(product_key) && !entry.presence.is_new();
        let schema = self.products.get(product_key).filter(|_| known);
        let (Some(schema), Some(plan)) = (schema, entry.plan.as_ref()) else {
            self.announcer.hold(did);
            return;
        };
        let view = DeviceView {
            device: &entry.device,
            schema,
            name: &entry.name,
            level: &entry.level,
            plan,
            attrs: &entry.attrs,
            observed: &entry.observed,
        };
        let message = discovery::announce(&self.topics, view, &entry.announced.components);
        self.republish.offered(out);
        let is_last = self.announcer.sent(did, now.mono);
        // The second time it is surely set up, and takes what it did not before.
        let takes_more = is_last && std::mem::take(&mut entry.is_wider);
        let known = entry.announced.components.len();
        entry.announced.components.extend(message.components);
        if entry.announced.components.len() > known {
            out.push(Effect::SaveAnnounced {
                did: did.clone(),
                announced: Some(entry.announced.clone()),
            });
        }
        self.publisher.forget(&message.topic);
        self.publisher.retain(message.topic, message.payload, out);
        if takes_more {
            self.publish_again(now, did, out);
        }
    }
}
