//! Commands under way: they merge, go out one after the other, are confirmed by what the device
//! reports, repeated once, and expire. Each caller gets exactly one result.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::{AttrName, CallId, Did, LinkId};
use crate::model::{AttrValue, Attrs};

use super::batch::{Batch, Look, SEND_WITHIN, Way, Wish};
use super::device_line::DeviceLine;
use super::effect::CloudCall;
use super::input::CallError;
use super::intent::{Reader, Standing};

pub(super) use super::batch::Seen;
pub(super) use super::caller::{Caller, Ending, Verdict};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PendingSets {
    lines: BTreeMap<Did, DeviceLine>,
    /// Devices that did not acknowledge a write over push and have not spoken since: the cloud may know
    /// why, so they are told over HTTP. One entry for each device at most.
    silent: BTreeSet<Did>,
}

impl PendingSets {
    /// Takes a checked `set`, with calls that have to go before it; each waits until the one before it was
    /// answered. Without such it merges into one that waits already: the newest value of each attribute
    /// wins.
    ///
    /// # Errors
    /// The verdict to publish when too many commands wait already.
    pub(super) fn add_set(
        &mut self,
        did: &Did,
        before: Vec<Attrs>,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        self.line(did).add(did, before, caller, now)
    }

    /// More of the same order may follow within moments, so what waits for this device does not leave
    /// before. A line that is on its way already gathers by itself.
    pub(super) fn gather(&mut self, did: &Did, now: Duration) {
        self.line(did).gather(now);
    }

    /// Devices whose order is complete now.
    pub(super) fn gathered(&mut self, now: Duration) -> Vec<Did> {
        let lines = self.lines.iter_mut();
        let done = lines.filter_map(|(did, line)| line.is_gathered(now).then(|| did.clone()));
        done.collect()
    }

    /// Takes a raw command. Raw commands never merge; they keep their place among the sets.
    ///
    /// # Errors
    /// The verdict to publish when too many commands wait already.
    pub(super) fn add_raw(
        &mut self,
        did: &Did,
        bytes: Vec<u8>,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        self.line(did).add_raw(did, bytes, caller, now)
    }

    /// What may leave now for a device with this call: nothing while something is under way.
    pub(super) fn take(&mut self, did: &Did, call: CallId, now: Duration) -> Option<CloudCall> {
        let wish = self.lines.get_mut(did)?.leave(Way::Http(call), now)?;
        let did = did.clone();
        Some(match wish {
            Wish::Set(attrs) => CloudCall::Control { did, attrs },
            Wish::Raw(bytes) => CloudCall::Raw { did, bytes },
        })
    }

    /// The same over push, under this number: none where the first in line has to go over HTTP.
    pub(super) fn take_push(
        &mut self,
        did: &Did,
        link: LinkId,
        serial: u64,
        now: Duration,
    ) -> Option<Attrs> {
        let line = self
            .lines
            .get_mut(did)
            .filter(|_| !self.silent.contains(did))?;
        match line.leave(Way::Push { link, serial }, now)? {
            Wish::Set(attrs) => Some(attrs),
            Wish::Raw(_) => None,
        }
    }

    /// The call never reached the cloud, or the cloud did not look at it: it waits again, first in
    /// line, with what came after merged into it.
    pub(super) fn returned(&mut self, did: &Did) {
        if let Some(line) = self.lines.get_mut(did) {
            line.returned();
        }
        self.tidy(did);
    }

    /// The command under way was answered. Returns the results that are known by that.
    pub(super) fn answered(
        &mut self,
        did: &Did,
        result: Result<(), CallError>,
        now: Duration,
    ) -> Vec<Verdict> {
        let Some(line) = self.lines.get_mut(did) else {
            return Vec::new();
        };
        let verdicts = line.answered(did, result, now);
        self.tidy(did);
        verdicts
    }

    /// The command under way went this way.
    pub(super) fn is_under_way(&self, did: &Did, way: Way) -> bool {
        let line = self.lines.get(did);
        let batch = line.and_then(DeviceLine::under_way);
        batch.is_some_and(|batch| batch.way == Some(way))
    }

    /// The device took a write that it had been given up to acknowledge.
    pub(super) fn acknowledged_late(&mut self, did: &Did, way: Way) {
        let line = self.lines.get_mut(did);
        let batches = line.into_iter().flat_map(|line| &mut line.batches);
        batches
            .filter(|batch| batch.way == Some(way))
            .for_each(Batch::is_taken_after_all);
    }

    /// Devices whose command went over a connection that is gone, unanswered.
    pub(super) fn sent_over(&self, link: LinkId) -> Vec<Did> {
        self.under_way(|batch| matches!(batch.way, Some(Way::Push { link: of, .. }) if of == link))
    }

    /// Devices that ought to have acknowledged by now.
    pub(super) fn unacknowledged(&mut self, now: Duration) -> Vec<Did> {
        let dids = self.under_way(|batch| batch.lapses_at().is_some_and(|at| at <= now));
        self.silent.extend(dids.iter().cloned());
        dids
    }

    /// The device told something over push.
    pub(super) fn speaks(&mut self, did: &Did) {
        self.silent.remove(did);
    }

    fn under_way(&self, is_it: impl Fn(&Batch) -> bool) -> Vec<Did> {
        let lines = self.lines.iter();
        lines
            .filter(|(_, line)| line.under_way().is_some_and(&is_it))
            .map(|(did, _)| did.clone())
            .collect()
    }

    /// True when more waits for this device and nothing is under way.
    pub(super) fn wants_call(&self, did: &Did) -> bool {
        self.lines.get(did).is_some_and(DeviceLine::wants_call)
    }

    /// Is anything asked of the device that is not over yet?
    pub(super) fn is_asked(&self, did: &Did) -> bool {
        self.lines.contains_key(did)
    }

    /// What a reported value means to the newest command that names its attribute.
    pub(super) fn standing(
        &self,
        did: &Did,
        (name, value): (&AttrName, &AttrValue),
        device: (&Attrs, Reader<'_>),
    ) -> Standing {
        let line = self.lines.get(did);
        line.map_or(Standing::Unwanted, |line| {
            line.standing(name, value, device)
        })
    }

    /// The device as it will be when all that was asked for is done: what decides on the next command. One
    /// tap may send a mode, and a temperature that only this mode has.
    pub(super) fn foreseen(&self, did: &Did, reported: &Attrs, reader: Reader<'_>) -> Attrs {
        let mut attrs = reported.clone();
        if let Some(line) = self.lines.get(did) {
            line.foresee(&mut attrs, reader);
        }
        attrs
    }

    /// A report came. Returns the results that are known by that; what it ought to show and does not
    /// may wait to be sent once more.
    pub(super) fn observe(&mut self, did: &Did, seen: Seen<'_>, now: Duration) -> Vec<Verdict> {
        let Some(line) = self.lines.get_mut(did) else {
            return Vec::new();
        };
        let verdicts = line.observe(did, seen, now);
        self.tidy(did);
        verdicts
    }

    /// Devices that are to be looked at.
    pub(super) fn looks_due(&mut self, now: Duration) -> Vec<(Did, Look)> {
        let mut due = Vec::new();
        for (did, line) in &mut self.lines {
            let looks = line.batches.iter_mut().filter_map(|one| one.take_look(now));
            let look = looks.max_by_key(|look| look.is_poll);
            due.extend(look.map(|look| (did.clone(), look)));
        }
        due
    }

    /// Results of those whose time is over.
    pub(super) fn expire(
        &mut self,
        now: Duration,
        why_unsent: impl Fn(&Did) -> String,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (did, line) in &mut self.lines {
            line.batches.retain_mut(|batch| {
                verdicts.extend(batch.end_momentary(did, now));
                if batch.is_shown() && !batch.is_under_way() {
                    verdicts.extend(batch.end_shown(did));
                    return false;
                }
                let is_over = batch.deadline <= now && !batch.is_under_way();
                if is_over && !batch.was_sent() {
                    let reason = format!(
                        "not sent within {} s, so given up: {}",
                        SEND_WITHIN.as_secs(),
                        why_unsent(did)
                    );
                    verdicts.extend(batch.give_up(did, now, reason));
                    return !batch.callers.is_empty();
                }
                if is_over {
                    verdicts.extend(batch.end_unconfirmed(did));
                }
                !is_over
            });
        }
        self.lines.retain(|_, line| !line.batches.is_empty());
        verdicts
    }

    /// Ends everything: of one device that is gone, or of all when the bridge stops.
    pub(super) fn abandon(&mut self, of: Option<&Did>, reason: &str) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let dids: Vec<Did> = self
            .lines
            .keys()
            .filter(|did| of.is_none_or(|of| of == *did))
            .cloned()
            .collect();
        self.silent.retain(|did| of.is_some_and(|of| of != did));
        for did in dids {
            let Some(line) = self.lines.remove(&did) else {
                continue;
            };
            for mut batch in line.batches {
                let reason = if batch.is_under_way() {
                    format!("it is not known whether the cloud took it: {reason}")
                } else if batch.was_sent() {
                    verdicts.extend(batch.end_early(&did));
                    continue;
                } else {
                    format!("not sent: {reason}")
                };
                verdicts.extend(batch.end(&did, &Ending::Failed { reason, code: None }));
            }
        }
        verdicts
    }

    /// The next moment at which something here is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let lines = self.lines.values();
        lines.filter_map(DeviceLine::next_deadline).min()
    }

    fn line(&mut self, did: &Did) -> &mut DeviceLine {
        self.lines.entry(did.clone()).or_default()
    }

    fn tidy(&mut self, did: &Did) {
        if self
            .lines
            .get(did)
            .is_some_and(|line| line.batches.is_empty())
        {
            self.lines.remove(did);
        }
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "repeat_tests.rs"]
mod repeat_tests;

#[cfg(test)]
#[path = "order_tests.rs"]
mod order_tests;
