//! `bridge/request/VERB`: what is asked for, of whom, and what comes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::clock::Now;
use crate::homeassistant::command::CommandError;
use crate::homeassistant::request::{self, Context, Request, Wish};
use crate::ids::{AccountName, Did};
use crate::model::ProductSchema;

use super::account::Account;
use super::answer::Answer;
use super::calls::{Job, Priority};
use super::effect::{CloudCall, Effect};
use super::input::{CallError, ErrorClass, Message, Reply};
use super::machine::Bridge;
use super::requests::{Asker, RequestId, Work, changes_something};
use super::schedule_book::moment;

/// The cloud has no such schedule (documented).
const NO_SUCH_SCHEDULE: u16 = 9030;

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
                self.announce_all(now, Duration::ZERO);
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
        let job = |id| match &work {
            Work::Call(call) => Job::Request {
                id,
                changes: changes_something(call),
            },
            Work::Schedules { .. } => Job::Schedules { skip: 0 },
        };
        match self
            .requests
            .add(asker, name.clone(), work.clone(), now.mono)
        {
            Ok(id) => {
                if let Some(account) = self.accounts.get_mut(&name) {
                    account.push(job(id), Priority::Asked);
                }
            }
            Err(unserved) => self.publish_unserved(vec![*unserved], out),
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

    /// The accounts that a wish's devices and schedules belong to, as far as they are known.
    fn owners(&self, wish: &Wish) -> BTreeSet<AccountName> {
        let of = |did: &Did| Some(self.registry.get(did.as_str())?.account.clone());
        match wish {
            Wish::Bind(devices) => devices.iter().filter_map(|row| of(&row.did)).collect(),
            Wish::Unbind(dids) => dids.iter().filter_map(of).collect(),
            Wish::ListSchedules { did, .. } => did.iter().filter_map(of).collect(),
            Wish::AddSchedule(plan) => {
                let tasks = plan.tasks.iter();
                tasks.filter_map(|task| of(&task.did)).collect()
            }
            Wish::RemoveSchedule(id) | Wish::ScheduleLog(id) => {
                let theirs = |(_, account): &(_, &Account)| account.schedules.has(id);
                let accounts = self.accounts.iter().filter(theirs);
                accounts.map(|(name, _)| name.clone()).collect()
            }
            Wish::Refresh | Wish::Health | Wish::Discovery | Wish::BindByMac(_) => BTreeSet::new(),
        }
    }

    /// The one that the sender named, else the owner, else the only one there is.
    fn choose_account(
        &self,
        named: Option<AccountName>,
        owners: &BTreeSet<AccountName>,
    ) -> Result<AccountName, String> {
        let list = |names: Vec<&str>| names.join(", ");
        let mut owner = owners.iter();
        let mut all = self.accounts.keys();
        let name = match (named, owner.next(), owner.next()) {
            (Some(name), ..) => name,
            (None, Some(owner), None) => owner.clone(),
            (None, Some(_), Some(_)) => {
                let names = list(owners.iter().map(AccountName::as_str).collect());
                return Err(format!(
                    "these belong to several accounts ({names}); make a request for each"
                ));
            }
            (None, None, _) => match (all.next(), all.next()) {
                (Some(only), None) => only.clone(),
                _ => {
                    let names = list(self.accounts.keys().map(AccountName::as_str).collect());
                    return Err(format!("name an `account`: {names}"));
                }
            },
        };
        match self.accounts.get(&name).and_then(Account::refusal) {
            Some(refusal) => Err(format!("the account is stopped: {refusal}")),
            None => Ok(name),
        }
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

    /// What a change of ours makes of what is known, and what has to be looked at again.
    fn after_change(
        &mut self,
        now: Now,
        name: &AccountName,
        call: &CloudCall,
        result: &Result<Reply, CallError>,
        out: &mut Vec<Effect>,
    ) {
        let may_be_done = match result {
            Ok(_) => true,
            Err(err) => {
                matches!(err.class, ErrorClass::Transient) || err.code == Some(NO_SUCH_SCHEDULE)
            }
        };
        let Some(account) = self.accounts.get_mut(name).filter(|_| may_be_done) else {
            return;
        };
        match (call, result) {
            (CloudCall::Unbind(_), Ok(Reply::Bound(bound))) => {
                account.list_at(now.mono);
                self.registry.unbound(&bound.success);
            }
            (CloudCall::Bind(_) | CloudCall::BindByMac(_) | CloudCall::Unbind(_), _) => {
                account.list_at(now.mono);
            }
            (CloudCall::AddSchedule(plan), result) => {
                if let Ok(Reply::ScheduleAdded { id }) = result {
                    account.schedules.add(now, id.clone(), (**plan).clone());
                }
                account.schedules.changed(now.mono);
                self.publish_schedules_of(name, out);
            }
            (CloudCall::RemoveSchedule(id), result) => {
                let is_gone = result
                    .as_ref()
                    .err()
                    .is_none_or(|err| err.code == Some(NO_SUCH_SCHEDULE));
                if is_gone {
                    account.schedules.remove(now, id);
                }
                account.schedules.changed(now.mono);
                self.publish_schedules_of(name, out);
            }
            (_, _) => {}
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
