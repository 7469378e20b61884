//! What others are told: states, availability, discovery, results, events, the bridge's own topics.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tracing::{info, warn};

use crate::clock::Now;
use crate::homeassistant::discovery::{self, DeviceView};
use crate::homeassistant::state::{self, Source};
use crate::homeassistant::{bridge_device, topic};
use crate::ids::{AccountName, Did};
use crate::model::{DataType, Datapoint};

use super::account::Account;
use super::account_state::AccountState;
use super::effect::Effect;
use super::input::Sample;
use super::machine::Bridge;
use super::pending::{Ending, Verdict};
use super::publisher::Publisher;
use super::registry::Entry;

/// Without an answer for this many poll rounds a device counts as offline.
const STALE_ROUNDS: u32 = 3;
/// A device is not called offline sooner than this: one throttled minute must not do it.
const STALE_LEAST: Duration = Duration::from_secs(5 * 60);
/// Brokers refuse larger packets (Mosquitto 2.1: 2 MB; EMQX: 1 MB).
const MAX_INVENTORY_BYTES: usize = 900_000;

impl Bridge {
    /// All retained topics but discovery, which has a timing of its own. Only what the publisher
    /// does not know to be there goes out.
    pub(super) fn publish_everything(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.publish_info(now, out);
        // What an earlier run said of devices that are not known again yet must not count as true.
        for level in self.registry.remembered_levels() {
            let topic = self.topics.below_device(&level, "availability");
            self.publisher.retain(topic, b"offline".to_vec(), out);
        }
        for did in self.registry.dids() {
            self.publish_device(now, &did, out);
        }
        self.publish_inventory(now, out);
        self.publisher
            .retain(self.topics.bridge("state"), b"online".to_vec(), out);
    }

    /// Availability and values of one device.
    pub(super) fn publish_device(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        self.publish_presence(now, did, out);
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        if entry.presence.is_new() {
            return;
        }
        let online = entry.told_online.unwrap_or_default();
        let updated_at = entry.presence.updated_at();
        let payload = state::device_payload(did, &entry.attrs, updated_at, Source::Poll, online);
        self.publisher
            .retain(self.topics.device(&entry.level), payload, out);
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        for (name, value) in entry.attrs.iter() {
            let level = topic::attr_level(schema, name.as_str());
            // An empty text empties its topic: what stood there before is not true any more.
            let payload = value.to_bare().into_bytes();
            self.publisher
                .retain(self.topics.below_device(&entry.level, &level), payload, out);
        }
    }

    /// The last report once more, though unchanged.
    pub(super) fn publish_again(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        self.publisher.forget(&self.topics.device(&entry.level));
        for (name, _) in entry.attrs.iter() {
            let level = topic::attr_level(schema, name.as_str());
            self.publisher
                .forget(&self.topics.below_device(&entry.level, &level));
        }
        self.publish_device(now, did, out);
    }

    /// Looks at every device's presence again: time alone may have changed it.
    pub(super) fn publish_availability(&mut self, now: Now, out: &mut Vec<Effect>) {
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

    fn publish_presence(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        self.remember_topics(did, out);
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
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

    /// Sends the discovery messages whose time has come.
    pub(super) fn announce_due(&mut self, now: Now, out: &mut Vec<Effect>) {
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
        let dids: Vec<Did> = self
            .registry
            .iter()
            .filter(|(_, entry)| due(entry.announcing.due()))
            .map(|(did, _)| did.clone())
            .collect();
        for did in dids {
            self.announce(now, &did, out);
        }
    }

    fn announce(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let product_key = &entry.device.product_key;
        let known = self.products.is_settled(product_key) && !entry.presence.is_new();
        let Some(schema) = self.products.get(product_key).filter(|_| known) else {
            entry.announcing.hold();
            return;
        };
        let view = DeviceView {
            device: &entry.device,
            schema,
            name: &entry.name,
            level: &entry.level,
            observed: &entry.observed,
        };
        let message = discovery::announce(&self.topics, view, &entry.announced.components);
        entry.announcing.sent(now.mono);
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
    }

    /// `BASE/DEV/result`
    pub(super) fn publish_result(&mut self, verdict: Verdict, out: &mut Vec<Effect>) {
        let entry = self.registry.get(verdict.did.as_str());
        if let Some(level) = entry.map(|entry| entry.level.clone()) {
            self.publish_result_on(&level, verdict, out);
        }
    }

    /// The same, for a device that may be gone already.
    pub(super) fn publish_result_on(
        &mut self,
        level: &str,
        verdict: Verdict,
        out: &mut Vec<Effect>,
    ) {
        let Verdict {
            did,
            caller,
            ending,
        } = verdict;
        let mut body = Map::new();
        let (status, confirmed) = match &ending {
            Ending::Taken { confirmed } => ("ok", *confirmed),
            Ending::Failed { .. } => ("error", false),
        };
        body.insert("status".into(), status.into());
        body.insert("attrs".into(), Value::Object(caller.attrs.to_json()));
        body.insert("confirmed".into(), confirmed.into());
        if let Ending::Failed { reason, code } = ending {
            warn!(%did, reason, "a command failed");
            self.health.note("command_failed".into());
            let details = json!({ "error": reason, "code": code });
            self.publish_event("command_failed", Some(&did), None, details, out);
            body.insert("error".into(), reason.into());
            body.extend(code.map(|code| ("code".to_owned(), code.into())));
        }
        body.extend(
            caller
                .transaction
                .map(|transaction| ("transaction".to_owned(), transaction)),
        );
        let topic = self.topics.below_device(level, "result");
        Publisher::answer(
            topic,
            render(&Value::Object(body)),
            caller.reply.as_ref(),
            out,
        );
    }

    /// `BASE/bridge/event`
    pub(super) fn publish_event(
        &self,
        kind: &str,
        did: Option<&Did>,
        account: Option<&AccountName>,
        details: Value,
        out: &mut Vec<Effect>,
    ) {
        let mut body = Map::new();
        body.insert("type".into(), kind.into());
        body.extend(account.map(|account| ("account".to_owned(), account.as_str().into())));
        body.extend(did.map(|did| ("did".to_owned(), did.as_str().into())));
        if let Value::Object(details) = details {
            body.extend(details.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Publisher::send(
            self.topics.bridge("event"),
            render(&Value::Object(body)),
            out,
        );
    }

    /// Account states that changed: `bridge/info` and an event.
    pub(super) fn tell_states(&mut self, now: Now, out: &mut Vec<Effect>) {
        let changed: Vec<(AccountName, AccountState)> = self
            .accounts
            .iter()
            .map(|(name, account)| (name.clone(), account.state()))
            .filter(|(name, state)| self.told_states.get(name) != Some(state))
            .collect();
        if changed.is_empty() {
            return;
        }
        for (name, state) in changed {
            let refusal = self.accounts.get(&name).and_then(Account::refusal);
            let details = json!({ "state": state.as_str(), "reason": refusal });
            self.publish_event("account_state", None, Some(&name), details, out);
            if state == AccountState::Throttled {
                self.publish_event("throttled", None, Some(&name), Value::Null, out);
            }
            self.told_states.insert(name, state);
        }
        self.publish_info(now, out);
    }

    /// `BASE/bridge/info`
    pub(super) fn publish_info(&mut self, _now: Now, out: &mut Vec<Effect>) {
        let account = |(name, account): (&AccountName, &Account)| {
            let state = account.state().as_str();
            let body = json!({ "state": state, "region": account.region().as_str(), "reason": account.refusal() });
            (name.to_string(), body)
        };
        let shard = self.settings.shard;
        let info = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": self.started.unix,
            "accounts": self.accounts.iter().map(account).collect::<Map<_, _>>(),
            "push": { "state": "off" },
            "shard": { "index": shard.index, "count": shard.count },
        });
        self.publisher
            .retain(self.topics.bridge("info"), render(&info), out);
    }

    /// `BASE/bridge/devices`
    pub(super) fn publish_inventory(&mut self, _now: Now, out: &mut Vec<Effect>) {
        if !self.publisher.is_up() {
            return;
        }
        let payload = self
            .render_inventory(true, MAX_INVENTORY_BYTES)
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
            "profile": "generic",
            "attributes": attributes,
        })
    }

    /// `BASE/bridge/health`; what nobody can hear now is old by the time that somebody can.
    pub(super) fn publish_health(&mut self, now: Now, sample: Sample, out: &mut Vec<Effect>) {
        if !self.publisher.is_up() {
            return;
        }
        let payload = render(&self.health_body(now, sample));
        Publisher::send(self.topics.bridge("health"), payload, out);
    }

    pub(super) fn health_body(&self, now: Now, sample: Sample) -> Value {
        let budget = |(name, account): (&AccountName, &Account)| {
            (name.to_string(), account.gate.budget_left(now.mono).into())
        };
        json!({
            "uptime_s": (now.mono.saturating_sub(self.started.mono)).as_secs(),
            "memory_bytes": sample.memory_bytes,
            "devices": self.registry.len(),
            "calls": self.health.calls(now.mono),
            "remaining_budget": self.accounts.iter().map(budget).collect::<Map<_, _>>(),
            "push_connections": 0,
            "mqtt_reconnects": sample.mqtt_reconnects,
            "queue_depth": self.accounts.values().map(Account::queue_depth).sum::<usize>(),
            "outbox_depth": sample.outbox_depth,
            "outbox_dropped": sample.outbox_dropped,
            "errors": self.health.errors(),
        })
    }
}

fn stale_after(account: &Account) -> Duration {
    (account.polls.round() * STALE_ROUNDS).max(STALE_LEAST)
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

pub(super) fn render(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
