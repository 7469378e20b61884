//! What the outcome of a call means for devices, commands and topics.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::ids::{AccountName, CallId, Did, ProductKey};
use crate::model::ProductSchema;

use super::account::Done;
use super::batch::Way;
use super::calls::{Job, Priority};
use super::effect::Effect;
use super::input::{CallError, CallOutcome, ErrorClass, Reply};
use super::machine::{Bridge, save_budget};
use super::products::Absence;
use super::registry::Entry;
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
        let done = account.done(now, id, outcome, self.chance.f64());
        if let Some(learnt) = account.take_learnt(now) {
            out.push(save_budget(name, learnt));
        }
        match done {
            Done::Nothing | Done::LoggedIn => {}
            Done::Requeued(Job::Command(did)) => {
                if self.pending.is_under_way(&did, Way::Http(id)) {
                    self.pending.returned(&did);
                    self.send_waiting(now, &did, out);
                }
            }
            Done::Finished {
                job: Job::Command(did),
                result,
                ..
            } => {
                // The command of this call may have ended with its device; another is none of its business.
                if self.pending.is_under_way(&did, Way::Http(id)) {
                    self.on_command_answered(now, &did, result.map(|_| ()), out);
                }
            }
            Done::Requeued(Job::Request { id, .. }) => self.requests.returned(id),
            Done::Requeued(_) => {}
            Done::Page { devices } => self.on_page(now, name, devices, out),
            Done::Listed { began, devices } => self.on_listed(now, name, (began, devices), out),
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
            (Job::Login | Job::Command(_), Err(_)) => {}
        }
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

    /// Only a code says that there is no schema; anything else passes.
    fn on_no_schema(&mut self, now: Now, product_key: &ProductKey, err: &CallError) {
        let is_refusal = match err.class {
            ErrorClass::Refused
            | ErrorClass::Fatal
            | ErrorClass::DeviceGone
            | ErrorClass::LoginRefused => true,
            ErrorClass::Throttled
            | ErrorClass::TokenLost
            | ErrorClass::DeviceOffline
            | ErrorClass::Unsent
            | ErrorClass::Transient => false,
        };
        let code = err.code.filter(|_| is_refusal);
        let chance = self.chance.f64();
        match self
            .products
            .did_not_come(product_key, code, now.mono, chance)
        {
            Absence::Known => {
                debug!(%product_key, reason = %err, "still no schema, or another account had it");
            }
            Absence::Later(wait) => {
                warn!(%product_key, reason = %err, retry_s = wait.as_secs(),
                    "the schema did not come: the product's devices wait for it");
            }
            Absence::Final => {
                warn!(%product_key, reason = %err,
                    "the schema cannot be had: types are inferred from what the devices report");
                self.product_changed(now, product_key);
                self.fetch_product(product_key);
            }
        }
    }

    /// Asks again for the schemas that did not come.
    pub(super) fn ask_for_late_schemas(&mut self, now: Now) {
        for product_key in self.products.take_due(now.mono) {
            for did in self.dids_of(&product_key) {
                let job = Job::Schema(product_key.clone());
                self.ask(&did, job, Priority::Inventory);
            }
        }
    }

    /// Values that came before the schema were not kept: they are fetched again.
    fn fetch_product(&mut self, product_key: &ProductKey) {
        let of_product: Vec<Did> = self.dids_of(product_key);
        for did in of_product {
            self.ask(&did, Job::Latest(did.clone()), Priority::Stale);
        }
    }

    fn dids_of(&self, product_key: &ProductKey) -> Vec<Did> {
        let of_product = self
            .registry
            .iter()
            .filter(|(_, e)| e.device.product_key == *product_key);
        of_product.map(|(did, _)| did.clone()).collect()
    }

    /// Devices whose plan is to be worked out anew.
    pub(super) fn replan_all(&mut self, of: impl Fn(&Entry) -> bool) {
        let theirs = self.registry.iter().filter(|(_, entry)| of(entry));
        let dids: Vec<Did> = theirs.map(|(did, _)| did.clone()).collect();
        for did in dids {
            self.replan(&did);
        }
    }

    pub(super) fn product_changed(&mut self, now: Now, product_key: &ProductKey) {
        self.plans.forget(product_key);
        self.replan_all(|entry| entry.device.product_key == *product_key);
        for did in self.dids_of(product_key) {
            self.announcer.changed(&did, now.mono);
        }
        self.inventory_changed(now);
    }

    pub(super) fn list_soon(&mut self, now: Now, did: &Did) {
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
        self.push.look_again();
        self.abandon_commands(name, reason, out);
        self.abandon_requests(reason, |of| of == name, out);
        self.publish_availability(now, out);
    }
}
