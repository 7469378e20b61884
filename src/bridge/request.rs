//! `bridge/request/VERB`: what is asked for, of whom, and what comes of it.

use std::time::Duration;

use serde_json::json;

use crate::clock::Now;
use crate::homeassistant::command::CommandError;
use crate::homeassistant::request::{self, Context, Request, Wish};
use crate::ids::{AccountName, Did};
use crate::model::ProductSchema;

use super::answer::Answer;
use super::calls::{Job, Priority};
use super::effect::{CloudCall, Effect};
use super::input::{CallError, Message, Reply};
use super::machine::Bridge;
use super::requests::{Asker, RequestId, Work, changes_something};
use super::schedule_book::moment;

impl Bridge {
    pub(super) fn on_request(
        &mut self,
        now: Now,
        verb: &str,
        message: Message,
        out: &mut Vec<Effect>,
    ) {
        let asker = |transaction| Asker {
            verb: verb.to_owned(),
            transaction,
            reply: message.reply,
        };
        match self.read_request(now, verb, &message.payload) {
            Ok(Request {
                transaction,
                account,
                wish,
            }) => self.carry_out(now, asker(transaction), account, wish, out),
            Err(CommandError {
                reason,
                transaction,
            }) => self.publish_answer(asker(transaction), Answer::failed(reason), out),
        }
    }

    fn read_request(&self, now: Now, verb: &str, payload: &[u8]) -> Result<Request, CommandError> {
        let accounts: Vec<&AccountName> = self.accounts.keys().collect();
        let product_of = |did: &Did| self.product_of(did);
        let context = Context {
            now: moment(now),
            accounts: &accounts,
            product_of: &product_of,
        };
        request::parse(verb, payload, context)
    }

    fn product_of(&self, did: &Did) -> Result<&ProductSchema, String> {
        let entry = self.registry.get(did.as_str());
        let entry = entry.ok_or_else(|| format!("no device {did} is known here"))?;
        let product_key = &entry.device.product_key;
        let schema = self.products.get(product_key);
        schema
            .filter(|_| self.products.is_settled(product_key))
            .map(AsRef::as_ref)
            .ok_or_else(|| {
                "the attributes of its product are not known yet; try again in a minute".into()
            })
    }

    fn carry_out(
        &mut self,
        now: Now,
        asker: Asker,
        account: Option<AccountName>,
        wish: Wish,
        out: &mut Vec<Effect>,
    ) {
        let owners = self.owners(&wish);
        let work = match wish {
            Wish::Refresh => {
                let data = json!({ "devices": self.refresh(now) });
                return self.publish_answer(asker, Answer::Done(data), out);
            }
            Wish::Health => {
                let data = self.health_body(now, self.last_sample);
                return self.publish_answer(asker, Answer::Done(data), out);
            }
            Wish::Discovery => {
                self.offer_all(now, Duration::ZERO, out);
                self.offer_next(now, out);
                self.announce_due(now, out);
                let data = json!({ "devices": self.registry.len() });
                return self.publish_answer(asker, Answer::Done(data), out);
            }
            Wish::Bind(devices) => Work::Call(CloudCall::Bind(devices)),
            Wish::BindByMac(device) => Work::Call(CloudCall::BindByMac(device)),
            Wish::Unbind(dids) => Work::Call(CloudCall::Unbind(dids)),
            Wish::ListSchedules { did, zone } => Work::Schedules { did, zone },
            Wish::AddSchedule(plan) => Work::Call(CloudCall::AddSchedule(plan)),
            Wish::RemoveSchedule(id) => Work::Call(CloudCall::RemoveSchedule(id)),
            Wish::ScheduleLog(id) => Work::Call(CloudCall::ScheduleLog(id)),
        };
        let name = match self.choose_account(account, &owners) {
            Ok(name) => name,
            Err(reason) => return self.publish_answer(asker, Answer::failed(reason), out),
        };
        let changes = match &work {
            Work::Call(call) => Some(changes_something(call)),
            Work::Schedules { .. } => None,
        };
        let added = self.requests.add(asker, name.clone(), work, now.mono);
        match (added, self.accounts.get_mut(&name)) {
            (Ok(id), Some(account)) => {
                let job = changes.map_or(Job::Schedules { skip: 0 }, |changes| Job::Request {
                    id,
                    changes,
                });
                account.push(job, Priority::Asked);
            }
            (Ok(_), None) => {}
            (Err(unserved), _) => self.publish_unserved(vec![*unserved], out),
        }
    }

    fn refresh(&mut self, now: Now) -> usize {
        for account in self.accounts.values_mut() {
            account.list_at(now.mono);
        }
        let dids = self.registry.dids();
        for did in &dids {
            // Not as what a person waits for: all of them would use up the commands' share.
            self.ask(did, Job::Latest(did.clone()), Priority::Inventory);
        }
        dids.len()
    }

    /// The call of a request is over.
    pub(super) fn on_request_done(
        &mut self,
        now: Now,
        name: &AccountName,
        id: RequestId,
        result: Result<Reply, CallError>,
        out: &mut Vec<Effect>,
    ) {
        let Some((asker, call)) = self.requests.done(id) else {
            return;
        };
        self.after_change(now, name, &call, &result, out);
        if let Some(asker) = asker {
            let answer = Answer::to_call(&call, result, moment(now));
            self.publish_answer(asker, answer, out);
        }
    }

    /// Requests of accounts whose calls will not be heard of any more.
    pub(super) fn abandon_requests(
        &mut self,
        reason: &str,
        of: impl Fn(&AccountName) -> bool,
        out: &mut Vec<Effect>,
    ) {
        let unserved = self.requests.abandon(reason, of);
        self.publish_unserved(unserved, out);
    }

    /// Requests whose time is over.
    pub(super) fn expire_requests(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.requests.next_deadline().is_none_or(|at| now.mono < at) {
            return;
        }
        let state_of = |name: &AccountName| {
            let account = self.accounts.get(name);
            account.map_or("gone", |account| account.state().as_str())
        };
        let unserved = self.requests.expire(now.mono, state_of);
        self.publish_unserved(unserved, out);
    }
}
