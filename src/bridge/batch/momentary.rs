//! Momentary values of a control call: a press, a dose, a restart. They leave once, whatever becomes of
//! the call, and nobody waits long for a report of them.

use std::time::Duration;

use crate::bridge::caller::{Caller, Verdict};
use crate::ids::{AttrName, Did};

use super::{Asked, Batch};

/// How long after the call was taken, or will not be answered, a report may show a momentary value. It
/// falls back by itself, so most devices show it at once or never.
const CONFIRM_MOMENTARY_WITHIN: Duration = Duration::from_secs(5);

impl Batch {
    /// The call was answered, or will not be.
    pub(super) fn await_momentary(&mut self, now: Duration) {
        let is_missed = |name| self.is_momentary(name) && !self.shown.contains(name);
        let is_missed = self.wants().any(|(name, _)| is_missed(name));
        if is_missed && !self.is_momentary_over {
            self.momentary_until = Some(now + CONFIRM_MOMENTARY_WITHIN);
        }
    }

    pub(super) fn is_momentary(&self, name: &AttrName) -> bool {
        self.momentary.contains(name)
    }

    /// The time for reports of momentary values is over: who asked for nothing else has a result.
    pub(in crate::bridge) fn end_momentary(&mut self, did: &Did, now: Duration) -> Vec<Verdict> {
        if self
            .momentary_until
            .take_if(|until| *until <= now)
            .is_none()
        {
            return Vec::new();
        }
        self.is_momentary_over = true;
        let is_all = |asked: &Asked| {
            let mut names = asked.caller.attrs.iter().map(|(name, _)| name);
            names.all(|name| self.momentary.contains(name))
        };
        let callers = std::mem::take(&mut self.callers);
        let (over, rest) = callers.into_iter().partition(is_all);
        self.callers = over;
        let verdicts = self.end_unconfirmed(did);
        self.callers = rest;
        verdicts
    }

    /// It asked for a momentary value that no report showed.
    pub(super) fn misses_momentary(&self, caller: &Caller) -> bool {
        let mut names = caller.attrs.iter().map(|(name, _)| name);
        names.any(|name| self.is_momentary(name) && !self.shown.contains(name))
    }
}
