//! What the outcome of a call means for devices, commands and topics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::homeassistant::topic;
use crate::ids::{AccountName, AttrName, CallId, Did, ProductKey};
use crate::model::ProductSchema;

use super::account::Done;
use super::calls::{Job, Priority};
use super::effect::Effect;
use super::input::{CallError, CallOutcome, ErrorClass, Reply};
use super::machine::Bridge;
use super::schedules::Page;

impl Bridge {
    pub(super) fn on_call_done(
        &mut self,
        now: Now,
        name: &AccountName,
        id: CallId,
        outcome: CallOutcome,
        out: &mut Vec<Effect>,
    ) {
        if let Err(err) = &outcome {
            self.health.failed(err);
        }
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        match account.done(now, id, outcome, self.chance.f64()) {
            Done::Nothing | Done::LoggedIn => {}
            Done::Requeued(Job::Command(did)) => self.pending.returned(&did),
            Done::Requeued(Job::Request { id, .. }) => self.requests.returned(id),
            Done::Requeued(_) => {}
            Done::Listed { devices } => self.on_listed(now, name, devices, out),
            Done::Stopped { reason } => self.on_account_stopped(now, name, &reason, out),
            Done::Finished {
                job,
                sent_at,
                result,
            } => self.on_finished(now, name, (job, sent_at), result, out),
        }
    }

    fn on_finished(
        &mut self,
        now: Now,
        name: &AccountName,
        (job, sent_at): (Job, Duration),
        result: Result<Reply, CallError>,
        out: &mut Vec<Effect>,
    ) {
        match (job, result) {
            (Job::Latest(did), Ok(Reply::Latest { updated_at, attrs })) => {
                self.on_report(now, &did, updated_at, &attrs, sent_at, out);
            }
            (Job::Latest(did), Err(err)) => self.on_poll_failed(now, &did, &err, out),
            (
                Job::Schema(product_key),
                Ok(Reply::Schema {
                    schema,
                    document,
                    left_out,
                }),
            ) => {
                for line in left_out {
                    warn!(%product_key, datapoint = line, "a datapoint of the schema cannot be read");
                }
                self.on_schema(now, product_key, schema, document, out);
            }
            (Job::Schema(product_key), Err(err)) => self.on_no_schema(now, &product_key, &err),
            (Job::Command(did), result) => {
                self.on_command_answered(now, &did, result.map(|_| ()), out)
            }
            (Job::Request { id, .. }, result) => self.on_request_done(now, name, id, result, out),
            (
                Job::Schedules { skip },
                Ok(Reply::Schedules {
                    schedules: rows,
                    rows: count,
                    unreadable,
                }),
            ) => {
                let page = Page {
                    skip,
                    asked_at: sent_at,
                    count,
                    rows,
                    unreadable,
                };
                self.on_schedules_page(now, name, page, out);
            }
            (Job::Schedules { skip }, Err(err)) => {
                self.on_no_schedules(now, name, (skip, sent_at), &err, out);
            }
            (Job::ScheduleLog(id), Ok(Reply::ScheduleLog(run))) => {
                self.on_schedule_log(now, name, &id, Ok(run), out);
            }
            (Job::ScheduleLog(id), Err(err)) => {
                self.on_schedule_log(now, name, &id, Err(err), out);
            }
            (Job::Bindings { .. }, Err(err)) => {
                warn!(reason = %err, "the bindings cannot be listed")
            }
            (job, Ok(_)) => warn!(?job, "an answer of the wrong kind was dropped"),
            (Job::Login, Err(_)) => {}
        }
    }

    /// A device's values arrived.
    fn on_report(
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
        let older = entry.presence.is_old(now, updated_at);
        entry.presence.answered(now, updated_at);
        if std::mem::take(&mut entry.is_failing) {
            info!(%did, "the device can be polled again");
        }
        if first {
            entry.announcing.changed(now.mono);
        }
        if !older {
            self.take_values(now, did, &product_key, report, asked_at, out);
        }
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
            let level = topic::attr_level(schema, name.as_str());
            let topic = self.topics.below_device(&entry.level, &level);
            self.publisher.clear(topic, out);
        }
    }

    fn take_values(
        &mut self,
        now: Now,
        did: &Did,
        product_key: &ProductKey,
        report: &Map<String, Value>,
        asked_at: Duration,
        out: &mut Vec<Effect>,
    ) {
        if self.products.widen(product_key, report) {
            self.product_changed(now, product_key);
        }
        let (attrs, news, unreadable) = self.products.decode(product_key, report);
        for line in news {
            warn!(%did, attribute = line, "a reported value does not fit the schema; it is left out");
        }
        unreadable
            .iter()
            .for_each(|_| self.health.note("unreadable_value".into()));
        self.withdraw(did, &unreadable, out);
        for verdict in self.pending.observe(did, &attrs, asked_at) {
            self.publish_result(verdict, out);
        }
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        if let Some(schema) = self.products.get(product_key)
            && entry.observe_ranges(schema, &attrs)
        {
            entry.announcing.changed(now.mono);
        }
        let changed = entry.attrs.merge(attrs);
        if !changed.is_empty() {
            debug!(%did, changed = changed.len(), "new values");
        }
        if !entry.attrs.is_empty() {
            self.clear_leftovers(did, out);
        }
    }

    fn on_poll_failed(&mut self, now: Now, did: &Did, err: &CallError, out: &mut Vec<Effect>) {
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
                if !std::mem::replace(&mut entry.is_failing, true) {
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
            entry.announcing.changed(now.mono);
        }
        self.publish_device(now, did, out);
    }

    fn on_schema(
        &mut self,
        now: Now,
        product_key: ProductKey,
        schema: Arc<ProductSchema>,
        document: Arc<Value>,
        out: &mut Vec<Effect>,
    ) {
        let (name, datapoints) = (schema.name.clone(), schema.datapoints().len());
        if !self.products.loaded(product_key.clone(), schema) {
            return;
        }
        info!(%product_key, name, datapoints, "schema loaded");
        out.push(Effect::SaveSchema {
            product_key: product_key.clone(),
            document,
        });
        self.product_changed(now, &product_key);
        self.fetch_product(&product_key);
    }

    fn on_no_schema(&mut self, now: Now, product_key: &ProductKey, err: &CallError) {
        if self.products.is_settled(product_key) {
            debug!(%product_key, reason = %err, "still no schema, or another account had it");
            return;
        }
        warn!(%product_key, reason = %err,
            "the schema cannot be had: types are inferred from what the devices report");
        self.products.unavailable(product_key);
        self.product_changed(now, product_key);
        self.fetch_product(product_key);
    }

    /// Values that came before the schema were not kept: they are fetched again.
    fn fetch_product(&mut self, product_key: &ProductKey) {
        let of_product: Vec<Did> = self.dids_of(product_key);
        for did in of_product {
            self.ask(&did, Job::Latest(did.clone()), Priority::Inventory);
        }
    }

    fn dids_of(&self, product_key: &ProductKey) -> Vec<Did> {
        let of_product = self
            .registry
            .iter()
            .filter(|(_, e)| e.device.product_key == *product_key);
        of_product.map(|(did, _)| did.clone()).collect()
    }

    fn product_changed(&mut self, now: Now, product_key: &ProductKey) {
        for (_, entry) in self.registry.iter_mut() {
            if entry.device.product_key == *product_key {
                entry.announcing.changed(now.mono);
            }
        }
        self.inventory_changed(now);
    }

    fn on_command_answered(
        &mut self,
        now: Now,
        did: &Did,
        result: Result<(), CallError>,
        out: &mut Vec<Effect>,
    ) {
        match &result {
            Ok(()) => self
                .registry
                .get_mut(did)
                .into_iter()
                .for_each(|e| e.presence.obeyed()),
            Err(err) if err.class == ErrorClass::DeviceOffline => {
                self.registry
                    .get_mut(did)
                    .into_iter()
                    .for_each(|e| e.presence.unreachable());
            }
            Err(err) if err.class == ErrorClass::DeviceGone => self.list_soon(now, did),
            Err(_) => {}
        }
        for verdict in self.pending.answered(did, result, now.mono) {
            self.publish_result(verdict, out);
        }
        if self.pending.wants_call(did) {
            self.ask(did, Job::Command(did.clone()), Priority::Command);
        }
        self.publish_device(now, did, out);
    }

    pub(super) fn expire_commands(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.pending.next_deadline().is_none_or(|at| now.mono < at) {
            return;
        }
        let state = |did: &Did| {
            let account = self
                .registry
                .get(did.as_str())
                .and_then(|e| self.accounts.get(&e.account));
            let state = account.map_or("gone", |account| account.state().as_str());
            format!("the account is {state}")
        };
        let mut unconfirmed = BTreeSet::new();
        for verdict in self.pending.expire(now.mono, state) {
            if !verdict.caller.attrs.is_empty() {
                unconfirmed.insert(verdict.did.clone());
            }
            self.publish_result(verdict, out);
        }
        for did in unconfirmed {
            // Home Assistant shows the wish; the last report puts the control back.
            self.publish_again(now, &did, out);
        }
    }

    fn list_soon(&mut self, now: Now, did: &Did) {
        let account = self
            .registry
            .get(did.as_str())
            .map(|entry| entry.account.clone());
        if let Some(account) = account.and_then(|name| self.accounts.get_mut(&name)) {
            account.list_at(now.mono);
        }
    }

    fn on_account_stopped(
        &mut self,
        now: Now,
        name: &AccountName,
        reason: &str,
        out: &mut Vec<Effect>,
    ) {
        self.abandon_commands(name, reason, out);
        self.abandon_requests(reason, |of| of == name, out);
        self.publish_availability(now, out);
    }

    /// Every command of an account's devices ends here.
    pub(super) fn abandon_commands(
        &mut self,
        name: &AccountName,
        reason: &str,
        out: &mut Vec<Effect>,
    ) {
        let theirs = self
            .registry
            .iter()
            .filter(|(_, entry)| entry.account == *name);
        let dids: Vec<Did> = theirs.map(|(did, _)| did.clone()).collect();
        for did in dids {
            for verdict in self.pending.abandon(Some(&did), reason) {
                self.publish_result(verdict, out);
            }
        }
    }
}
