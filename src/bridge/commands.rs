//! What becomes of commands that were sent, or could not be.

use std::collections::BTreeSet;

use crate::clock::Now;
use crate::ids::{AccountName, Did, LinkId};

use super::batch::Way;
use super::calls::{Job, Priority};
use super::effect::Effect;
use super::input::{CallError, ErrorClass};
use super::machine::Bridge;
use super::socket::SocketOrder;

impl Bridge {
    pub(super) fn on_command_answered(
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
            Err(err) if err.class == ErrorClass::DeviceGone => {
                if err.is_not_bound()
                    && let Some(entry) = self.registry.get_mut(did)
                {
                    entry.absence.prove(now.mono);
                }
                self.list_soon(now, did);
            }
            Err(_) => {}
        }
        for verdict in self.pending.answered(did, result, now.mono) {
            self.publish_result(verdict, out);
        }
        self.send_waiting(now, did, out);
        self.publish_device(now, did, out);
    }

    /// Sends what waits for a device, if nothing is under way: over push where there is a healthy
    /// connection and it may go there, at once; else over HTTP, when the gate opens.
    pub(super) fn send_waiting(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        if !self.pending.wants_call(did) {
            return;
        }
        // An offline device acknowledges nothing; over HTTP the cloud says so at once (9042).
        let entry = self.registry.get(did.as_str());
        let is_offline = entry.is_some_and(|entry| entry.told_online == Some(false));
        let route = self.push.route(did).filter(|_| !is_offline);
        let written = route.and_then(|link| {
            let serial = self.push.next_serial(did);
            let attrs = self.pending.take_push(did, link, serial, now.mono)?;
            Some((link, attrs, serial))
        });
        match written {
            Some((link, attrs, serial)) => {
                let write = SocketOrder::Write {
                    did: did.clone(),
                    attrs,
                    serial,
                };
                self.send_order(link, write, out);
            }
            None => self.ask(did, Job::Command(did.clone()), Priority::Command),
        }
    }

    /// Looks at those devices that ought to show something by now.
    pub(super) fn look_at_devices(&mut self, now: Now, out: &mut Vec<Effect>) {
        for (did, look) in self.pending.looks_due(now.mono) {
            self.look_at(&did, look.is_poll, out);
        }
        for (did, is_poll) in self.looks.due(now.mono) {
            if self.look_at(&did, is_poll, out) {
                self.looks.polled(&did);
            }
        }
    }

    /// A read over push costs no call. True when it was a poll.
    fn look_at(&mut self, did: &Did, is_poll: bool, out: &mut Vec<Effect>) -> bool {
        match self.push.route(did).filter(|_| !is_poll) {
            Some(link) => {
                self.send_order(link, SocketOrder::Read(did.clone()), out);
                false
            }
            None => {
                self.ask(did, Job::Latest(did.clone()), Priority::Asked);
                true
            }
        }
    }

    pub(super) fn expire_commands(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.pending.next_deadline().is_none_or(|at| now.mono < at) {
            return;
        }
        for did in self.pending.gathered(now.mono) {
            self.send_waiting(now, &did, out);
        }
        for did in self.pending.unacknowledged(now.mono) {
            self.health.note("unacknowledged".into());
            let why = "the device did not acknowledge it";
            self.on_command_answered(now, &did, Err(unanswered(why)), out);
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

    /// Every command of an account's devices ends here.
    pub(super) fn abandon_commands(
        &mut self,
        name: &AccountName,
        reason: &str,
        out: &mut Vec<Effect>,
    ) {
        for did in self.registry.dids_of(name) {
            for verdict in self.pending.abandon(Some(&did), reason) {
                self.publish_result(verdict, out);
            }
        }
    }

    /// A device took what was written over push.
    pub(super) fn on_acknowledged(
        &mut self,
        now: Now,
        did: &Did,
        link: LinkId,
        serial: u64,
        out: &mut Vec<Effect>,
    ) {
        self.pending.speaks(did);
        let way = Way::Push { link, serial };
        if self.pending.is_under_way(did, way) {
            self.on_command_answered(now, did, Ok(()), out);
        } else {
            self.pending.acknowledged_late(did, way);
        }
    }

    /// A push connection is gone: what was written over it may or may not have arrived.
    pub(super) fn on_link_lost(&mut self, now: Now, link: LinkId, out: &mut Vec<Effect>) {
        for did in self.pending.sent_over(link) {
            let why = "the push connection was lost before the device acknowledged it";
            self.on_command_answered(now, &did, Err(unanswered(why)), out);
        }
    }
}

/// Of a write over push nobody knows what came.
fn unanswered(why: &str) -> CallError {
    CallError {
        class: ErrorClass::Transient,
        code: None,
        retry_after: None,
        message: why.into(),
    }
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "tap_tests.rs"]
mod tap_tests;

#[cfg(test)]
#[path = "momentary_tests.rs"]
mod momentary_tests;

#[cfg(test)]
#[path = "late_outcome_tests.rs"]
mod late_outcome_tests;

#[cfg(test)]
#[path = "intent_tests.rs"]
mod intent_tests;
