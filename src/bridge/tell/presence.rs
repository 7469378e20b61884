//! `BASE/DEV/availability`: whether a device is there.

use std::time::Duration;

use serde_json::json;
use tracing::info;

use crate::bridge::account::Account;
use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::clock::Now;
use crate::ids::Did;

/// Without an answer, and without a push connection that vouches for the device, for this many poll rounds a device counts as offline.
const STALE_ROUNDS: u32 = 3;
/// A device is not called offline sooner than this: one throttled minute must not do it.
const STALE_LEAST: Duration = Duration::from_secs(5 * 60);
impl Bridge {
    /// Looks at every device's presence again: time alone may have changed it.
    pub(in crate::bridge) fn publish_availability(&mut self, now: Now, out: &mut Vec<Effect>) {
        for did in self.registry.dids() {
            let before = self
                .registry
                .get(did.as_str())
                .and_then(|entry| entry.told_online);
            self.publish_presence(now, &did, out);
            if before
                != self
                    .registry
                    .get(did.as_str())
                    .and_then(|entry| entry.told_online)
            {
                self.publish_device(now, &did, out);
            }
        }
    }

    pub(super) fn publish_presence(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        if self
            .registry
            .get(did.as_str())
            .is_some_and(|entry| entry.plan.is_none())
        {
            self.replan(did);
        }
        self.remember_topics(did, out);
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        if let Some(at) = self.push.vouches(did) {
            entry.presence.vouched(at);
        }
        let account = self.accounts.get(&entry.account);
        let refused = account.is_none_or(|account| account.refusal().is_some());
        let stale_after = account.map_or(STALE_LEAST, stale_after);
        let online = !refused && entry.presence.is_online(now, stale_after);
        let before = entry.told_online.replace(online);
        let word = if online { "online" } else { "offline" };
        let topic = self.topics.below_device(&entry.level, "availability");
        self.publisher.retain(topic, word.as_bytes().to_vec(), out);
        if before != Some(online) && !entry.presence.is_new() {
            info!(%did, device = entry.name, "device is {word}");
            let (account, name) = (entry.account.clone(), entry.name.clone());
            let kind = if online {
                "device_online"
            } else {
                "device_offline"
            };
            self.publish_event(
                kind,
                Some(did),
                Some(&account),
                json!({ "name": name }),
                out,
            );
            self.inventory_changed(now);
        }
    }
}

fn stale_after(account: &Account) -> Duration {
    (account.polls.round() * STALE_ROUNDS).max(STALE_LEAST)
}
