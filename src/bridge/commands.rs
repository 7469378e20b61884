//! What becomes of commands that were sent, or could not be.

use std::collections::BTreeSet;

use crate::clock::Now;
use crate::ids::{AccountName, Did, LinkId};

use super::calls::{Job, Priority};
use super::effect::Effect;
use super::input::{CallError, ErrorClass};
use super::machine::Bridge;

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

    /// A device took what was written over push.
    pub(super) fn on_acknowledged(
        &mut self,
        _now: Now,
        _did: &Did,
        _link: LinkId,
        _serial: u64,
        _out: &mut Vec<Effect>,
    ) {
    }

    /// A push connection is gone: what was written over it may or may not have arrived.
    pub(super) fn on_link_lost(&mut self, _now: Now, _link: LinkId, _out: &mut Vec<Effect>) {}

    /// Sends what waits for a device, by the way that is open now.
    pub(super) fn send_waiting(&mut self, _now: Now, did: &Did, _out: &mut Vec<Effect>) {
        if self.pending.wants_call(did) {
            self.ask(did, Job::Command(did.clone()), Priority::Command);
        }
    }
}
