//! What a device's report, or the failure to get one, means for its values and its presence.

use std::time::Duration;

use serde_json::{Map, Value};
use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::homeassistant::state::Source;
use crate::ids::{AttrName, Did};
use crate::model::{AttrValue, Attrs};

use super::effect::Effect;
use super::input::{CallError, ErrorClass};
use super::intent::Reader;
use super::machine::Bridge;
use super::pending::Seen;
use super::ranges;
use super::reconcile::{Origin, Sorted};

impl Bridge {
    /// A device's values arrived.
    pub(super) fn on_report(
        &mut self,
        now: Now,
        did: &Did,
        updated_at: i64,
        report: &Map<String, Value>,
        asked_at: Duration,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let product_key = entry.device.product_key.clone();
        if !self.products.is_settled(&product_key) {
            // Nothing could be read of it; it is asked for again when the schema is here.
            return;
        }
        let first = entry.presence.is_new();
        entry.presence.answered(now, updated_at);
        if std::mem::take(&mut entry.is_failing) {
            info!(%did, "the device can be polled again");
        }
        if first {
            self.announcer.changed(did, now.mono);
        }
        let origin = Origin::Poll {
            asked_at,
            updated_at,
        };
        self.take_values(now, did, origin, report, out);
        self.publish_device(now, did, out);
    }

    /// What a report no longer tells readably is not shown as true any more.
    fn withdraw(&mut self, did: &Did, names: &[AttrName], out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let known = names
            .iter()
            .filter(|name| entry.attrs.remove(name).is_some());
        let known: Vec<&AttrName> = known.collect();
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        for name in known {
            let level = schema.level(name.as_str());
            let topic = self.topics.below_device(&entry.level, &level);
            self.publisher.clear(topic, out);
        }
    }

    fn take_values(
        &mut self,
        now: Now,
        did: &Did,
        origin: Origin,
        report: &Map<String, Value>,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        let product_key = entry.device.product_key.clone();
        if self.products.widen(&product_key, report) {
            self.product_changed(now, &product_key);
        }
        let (attrs, news, mut unreadable) = self.products.decode(&product_key, report);
        for line in news {
            warn!(%did, attribute = line, "a reported value does not fit the schema; it is left out");
        }
        unreadable
            .iter()
            .for_each(|_| self.health.note("unreadable_value".into()));
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let Some(schema) = self.products.get(&product_key) else {
            return;
        };
        let reader = Reader {
            schema,
            plan: entry.plan.as_deref(),
        };
        let pending = &self.pending;
        // What the device would be if all of it were believed; only commands that are not over need it.
        let mut device = Attrs::default();
        if pending.is_asked(did) {
            device = entry.attrs.clone();
            device.merge(attrs.clone());
        }
        let standing = |name: &AttrName, value: &AttrValue| {
            pending.standing(did, (name, value), (&device, reader))
        };
        let sorted = entry
            .reconciler
            .sort(now.mono, origin, &entry.attrs, attrs, standing);
        let (asked_at, is_image) = match origin {
            Origin::Push => (now.mono, false),
            Origin::Poll { asked_at, .. } => (asked_at, true),
        };
        unreadable.retain(|name| !sorted.is_old && !entry.reconciler.is_overtaken(name, asked_at));
        match sorted.look_at {
            Some(at) => {
                debug!(%did, "a report contradicts a newer one: the device is looked at again");
                self.looks.plan(did, at);
            }
            None if sorted.is_whole && !sorted.is_old => self.looks.seen(did, asked_at),
            None => {}
        }
        self.withdraw(did, &unreadable, out);
        if !sorted.is_old {
            self.observe_commands(now, did, &sorted, (asked_at, is_image), out);
            self.send_waiting(now, did, out);
        }
        self.show_values(now, did, origin, sorted.believed, out);
    }

    /// What a report shows of commands that were sent.
    fn observe_commands(
        &mut self,
        now: Now,
        did: &Did,
        sorted: &Sorted,
        (asked_at, is_image): (Duration, bool),
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self
            .registry
            .get(did.as_str())
            .filter(|_| self.pending.is_asked(did))
        else {
            return;
        };
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        let mut device = entry.attrs.clone();
        device.merge(sorted.believed.clone());
        let seen = Seen {
            attrs: &sorted.believed,
            device: &device,
            reader: Reader {
                schema,
                plan: entry.plan.as_deref(),
            },
            held: &sorted.held,
            asked_at,
            is_image,
        };
        for verdict in self.pending.observe(did, seen, now.mono) {
            self.publish_result(verdict, out);
        }
    }

    /// What is believed is shown from now on.
    fn show_values(
        &mut self,
        now: Now,
        did: &Did,
        origin: Origin,
        attrs: Attrs,
        out: &mut Vec<Effect>,
    ) {
        if self
            .registry
            .get(did.as_str())
            .is_some_and(|entry| entry.plan.is_none())
        {
            self.replan(did);
        }
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let is_first = entry.attrs.is_empty();
        let changed = entry.attrs.merge(attrs);
        if let Some(plan) = &entry.plan
            && ranges::widen(&mut entry.observed, &plan.entities, &entry.attrs)
        {
            entry.is_wider = true;
            self.announcer.changed(did, now.mono);
        }
        let is_empty = entry.attrs.is_empty();
        if !changed.is_empty() {
            debug!(%did, changed = changed.len(), ?origin, "new values");
            entry.source = match origin {
                Origin::Push => Source::Push,
                Origin::Poll { .. } => Source::Poll,
            };
        }
        if let Origin::Poll { asked_at, .. } = origin
            && !is_first
            && !changed.is_empty()
        {
            self.push.doubt(did, asked_at, now.mono);
        }
        if !is_empty {
            self.clear_leftovers(did, out);
        }
    }

    pub(super) fn on_poll_failed(
        &mut self,
        now: Now,
        did: &Did,
        err: &CallError,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let first = entry.presence.is_new();
        match err.class {
            // 9029: nothing was ever stored for it, which `updated_at` 0 says too.
            ErrorClass::Refused if err.code == Some(9029) => entry.presence.answered(now, 0),
            ErrorClass::DeviceOffline => {
                entry
                    .presence
                    .answered(now, entry.presence.updated_at().unwrap_or(0));
                entry.presence.unreachable();
            }
            ErrorClass::DeviceGone => {
                entry.presence.unreachable();
                let mut is_news = !std::mem::replace(&mut entry.is_failing, true);
                if err.is_not_bound() {
                    entry.absence.prove(now.mono);
                    is_news |= entry.absence.since().is_some();
                }
                if is_news {
                    warn!(%did, reason = %err, "the cloud does not know the device any more: listing the bindings");
                    self.list_soon(now, did);
                }
            }
            ErrorClass::Throttled
            | ErrorClass::TokenLost
            | ErrorClass::LoginRefused
            | ErrorClass::Refused
            | ErrorClass::Fatal
            | ErrorClass::Unsent
            | ErrorClass::Transient => {
                if !std::mem::replace(&mut entry.is_failing, true) {
                    warn!(%did, reason = %err, "the device cannot be polled; it is tried again in its turn");
                }
            }
        }
        if let Some(entry) = self.registry.get_mut(did)
            && first
            && !entry.presence.is_new()
        {
            self.announcer.changed(did, now.mono);
        }
        self.publish_device(now, did, out);
    }

    /// A device reported some or all of its values by itself, or because it was asked over push; with
    /// `is_probe` only to see whether it answers.
    pub(super) fn on_pushed(
        &mut self,
        now: Now,
        did: &Did,
        (report, is_probe): (&Map<String, Value>, bool),
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        if !self.products.is_settled(&entry.device.product_key) {
            // Nothing can be read of it; a poll follows the schema.
            return;
        }
        let before = is_probe.then(|| (entry.attrs.clone(), entry.told_online));
        self.pending.speaks(did);
        self.take_values(now, did, Origin::Push, report, out);
        if let (Some(before), Some(entry)) = (before, self.registry.get_mut(did)) {
            if before == (entry.attrs.clone(), Some(true)) {
                // The device repeats what it reported before, and nobody needs to hear that each minute.
                return;
            }
            entry.presence.heard(now);
        }
        self.publish_device(now, did, out);
    }
}
