//! Requests that wait for the cloud. Each gets exactly one answer, within a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::ids::{AccountName, Did};

use super::effect::CloudCall;
use super::input::ReplyTo;

/// A person or a script waits for the answer; later it would meet nobody.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Most requests that may wait; further ones are refused.
const MAX_WAITING: usize = 64;

/// Names a request within one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RequestId(u64);

/// Who asked, and how the answer finds back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asker {
    pub(super) verb: String,
    pub(super) transaction: Option<Value>,
    pub(super) reply: Option<ReplyTo>,
}

/// What a request takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Work {
    /// One call.
    Call(CloudCall),
    /// A listing of the schedules, which all that ask meanwhile share.
    Schedules {
        did: Option<Did>,
        zone: Option<TimeZone>,
    },
}

/// One that got an answer, though not from the cloud.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unserved {
    pub(super) asker: Asker,
    pub(super) reason: String,
}

#[derive(Debug)]
struct Entry {
    /// `None`: it was answered, and its call is still under way.
    asker: Option<Asker>,
    account: AccountName,
    work: Work,
    since: Duration,
    under_way: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Requests {
    entries: BTreeMap<RequestId, Entry>,
    next: u64,
}

impl Requests {
    /// Takes a request that passed every check.
    ///
    /// # Errors
    /// Too many wait already.
    pub(super) fn add(
        &mut self,
        asker: Asker,
        account: AccountName,
        work: Work,
        now: Duration,
    ) -> Result<RequestId, Box<Unserved>> {
        if self.entries.len() >= MAX_WAITING {
            let reason = format!("{MAX_WAITING} requests wait already; try again later");
            return Err(Box::new(Unserved { asker, reason }));
        }
        let id = RequestId(self.next);
        self.next += 1;
        let entry = Entry {
            asker: Some(asker),
            account,
            work,
            since: now,
            under_way: false,
        };
        self.entries.insert(id, entry);
        Ok(id)
    }

    /// The call that leaves now; `None` when nobody waits for it any more.
    pub(super) fn take(&mut self, id: RequestId) -> Option<CloudCall> {
        let entry = self.entries.get_mut(&id)?;
        let Work::Call(call) = &entry.work else {
            return None;
        };
        entry.under_way = true;
        Some(call.clone())
    }

    /// The call did not reach the cloud, or the cloud did not look at it: it waits again.
    pub(super) fn returned(&mut self, id: RequestId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.under_way = false;
        }
        self.entries
            .retain(|_, entry| entry.asker.is_some() || entry.under_way);
    }

    /// The call is over. Who waits for the answer, if anybody still does, and what was asked.
    pub(super) fn done(&mut self, id: RequestId) -> Option<(Option<Asker>, CloudCall)> {
        let entry = self.entries.remove(&id)?;
        match entry.work {
            Work::Call(call) => Some((entry.asker, call)),
            Work::Schedules { .. } => None,
        }
    }

    /// Does anybody wait for a listing of this account's schedules?
    pub(super) fn want_schedules(&self, account: &AccountName) -> bool {
        let mut entries = self.entries.values();
        entries
            .any(|entry| entry.account == *account && matches!(entry.work, Work::Schedules { .. }))
    }

    /// A listing is over that was begun at `began`: those that asked before it are served.
    pub(super) fn take_listed(
        &mut self,
        account: &AccountName,
        began: Duration,
    ) -> Vec<(Asker, Option<Did>, Option<TimeZone>)> {
        let served = self.remove_all(|entry| {
            entry.account == *account
                && entry.since <= began
                && matches!(entry.work, Work::Schedules { .. })
        });
        served
            .into_iter()
            .filter_map(|entry| match entry.work {
                Work::Schedules { did, zone } => Some((entry.asker?, did, zone)),
                Work::Call(_) => None,
            })
            .collect()
    }

    /// Those whose time is over. What is under way stays, to be seen when it comes home.
    pub(super) fn expire(
        &mut self,
        now: Duration,
        state_of: impl Fn(&AccountName) -> &'static str,
    ) -> Vec<Unserved> {
        let mut unserved = Vec::new();
        let seconds = ANSWER_WITHIN.as_secs();
        for entry in self.entries.values_mut() {
            if now < entry.since + ANSWER_WITHIN {
                continue;
            }
            let Some(asker) = entry.asker.take() else {
                continue;
            };
            let state = state_of(&entry.account);
            let reason = match &entry.work {
                Work::Call(call) if entry.under_way && changes_something(call) => format!(
                    "no answer within {seconds} s, so it is not known whether the cloud did it; \
                     it is not sent again"
                ),
                Work::Call(_) if entry.under_way => {
                    format!("the cloud did not answer within {seconds} s")
                }
                Work::Call(_) => {
                    format!("not sent within {seconds} s, so given up: the account is {state}")
                }
                Work::Schedules { .. } => format!(
                    "the schedules could not be listed within {seconds} s: the account is {state}"
                ),
            };
            unserved.push(Unserved { asker, reason });
        }
        self.entries
            .retain(|_, entry| entry.asker.is_some() || entry.under_way);
        unserved
    }

    /// Ends those of some accounts: nothing will be heard of their calls any more.
    pub(super) fn abandon(
        &mut self,
        reason: &str,
        of: impl Fn(&AccountName) -> bool,
    ) -> Vec<Unserved> {
        let theirs = self.remove_all(|entry| of(&entry.account));
        theirs
            .into_iter()
            .filter_map(|entry| {
                let was_sent = match &entry.work {
                    Work::Call(call) => entry.under_way && changes_something(call),
                    Work::Schedules { .. } => false,
                };
                let reason = if was_sent {
                    format!("it is not known whether the cloud did it: {reason}")
                } else {
                    format!("not done: {reason}")
                };
                let asker = entry.asker?;
                Some(Unserved { asker, reason })
            })
            .collect()
    }

    /// The next moment at which one's time is over.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let waiting = self.entries.values().filter(|entry| entry.asker.is_some());
        waiting.map(|entry| entry.since + ANSWER_WITHIN).min()
    }

    fn remove_all(&mut self, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let ids = self.entries.iter().filter(|(_, entry)| which(entry));
        let ids: Vec<RequestId> = ids.map(|(id, _)| *id).collect();
        ids.iter()
            .filter_map(|id| self.entries.remove(id))
            .collect()
    }
}

/// Sent twice, it might be done twice.
pub(super) const fn changes_something(call: &CloudCall) -> bool {
    match call {
        CloudCall::Bind(_)
        | CloudCall::BindByMac(_)
        | CloudCall::Unbind(_)
        | CloudCall::AddSchedule(_)
        | CloudCall::RemoveSchedule(_)
        | CloudCall::Control { .. }
        | CloudCall::Raw { .. } => true,
        CloudCall::Login
        | CloudCall::Bindings { .. }
        | CloudCall::Schema { .. }
        | CloudCall::Latest { .. }
        | CloudCall::Schedules { .. }
        | CloudCall::ScheduleLog(_) => false,
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
