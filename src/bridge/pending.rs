//! Commands under way: they merge, go out one after the other, are confirmed by what the device
//! reports, repeated once, and expire. Each caller gets exactly one result.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::ids::{AttrName, Did, LinkId};
use crate::model::{AttrValue, Attrs};

use super::batch::{Batch, Look, SEND_WITHIN, Way, Wish};
use super::effect::CloudCall;
use super::input::{CallError, ErrorClass};

pub(super) use super::caller::{Caller, Ending, Verdict};

/// Most control calls of one device that may wait; further ones are refused.
const MAX_WAITING: usize = 32;
/// Most commands that merge into one of them: a slider sends dozens.
const MAX_CALLERS: usize = 1_000;

/// A device's commands, the oldest first. At most one is under way.
#[derive(Debug, Default)]
struct Line {
    batches: VecDeque<Batch>,
}

/// A report, as far as commands go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) attrs: &'a Attrs,
    /// Of these it told something that is not believed yet, so it does not miss them.
    pub(super) held: &'a BTreeSet<AttrName>,
    pub(super) asked_at: Duration,
    /// It tells all that the cloud knows: a poll.
    pub(super) is_image: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PendingSets {
    lines: BTreeMap<Did, Line>,
    /// Devices that did not acknowledge a write over push and have not spoken since: the cloud may know
    /// why, so they are told over HTTP. One entry for each device at most.
    silent: BTreeSet<Did>,
}

impl PendingSets {
    /// Takes a checked `set`. It merges into one that waits already: the newest value of each
    /// attribute wins.
    ///
    /// # Errors
    /// The verdict to publish when too many commands wait already.
    pub(super) fn add_set(
        &mut self,
        did: &Did,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        let line = self.lines.entry(did.clone()).or_default();
        if let Some(batch) = line.batches.back_mut().filter(|batch| batch.is_fresh_set())
            && let Wish::Set(attrs) = &mut batch.wish
        {
            if batch.callers.len() >= MAX_CALLERS {
                return Err(Box::new(too_many(did, caller)));
            }
            attrs.merge(caller.attrs.clone());
            batch.callers.push(caller);
            // The newest wish has all of its time.
            batch.deadline = now + SEND_WITHIN;
            return Ok(());
        }
        let wish = Wish::Set(caller.attrs.clone());
        line.push(did, Batch::new(wish, caller, now))
    }

    /// Takes a checked `set` that goes out in several calls, the caller's last; each waits until the one
    /// before it was answered.
    ///
    /// # Errors
    /// The verdict to publish when too many commands wait already.
    pub(super) fn add_steps(
        &mut self,
        did: &Did,
        before: Vec<Attrs>,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        let line = self.lines.entry(did.clone()).or_default();
        if line.batches.len() + before.len() >= MAX_WAITING {
            return Err(Box::new(too_many(did, caller)));
        }
        for step in before {
            line.batches.push_back(Batch::step(step, now));
        }
        let wish = Wish::Set(caller.attrs.clone());
        line.push(did, Batch::new(wish, caller, now))
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
        let line = self.lines.entry(did.clone()).or_default();
        line.push(did, Batch::new(Wish::Raw(bytes), caller, now))
    }

    /// The call that may leave now for a device: none while one is under way.
    pub(super) fn take(&mut self, did: &Did, now: Duration) -> Option<CloudCall> {
        let wish = self.lines.get_mut(did)?.leave(Way::Http, now)?;
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
        let first = line.batches.iter().find(|batch| batch.is_waiting())?;
        if !first.may_use_push() {
            return None;
        }
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
        let batch = line.and_then(Line::under_way);
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
        self.lines.get(did).is_some_and(|line| {
            line.under_way().is_none() && line.batches.iter().any(Batch::is_waiting)
        })
    }

    /// A command that was sent wants this value.
    pub(super) fn is_wished(&self, did: &Did, name: &AttrName, value: &AttrValue) -> bool {
        let line = self.lines.get(did);
        line.is_some_and(|line| line.batches.iter().any(|batch| batch.is_for(name, value)))
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
                let is_over = batch.deadline <= now && !batch.is_under_way();
                if is_over && batch.was_sent() {
                    verdicts.extend(batch.end_unconfirmed(did));
                } else if is_over {
                    let reason = format!(
                        "not sent within {} s, so given up: {}",
                        SEND_WITHIN.as_secs(),
                        why_unsent(did)
                    );
                    verdicts.extend(batch.end(did, &Ending::Failed { reason, code: None }));
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
        let batches = self.lines.values().flat_map(|line| &line.batches);
        batches.filter_map(Batch::next_deadline).min()
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

fn too_many(did: &Did, caller: Caller) -> Verdict {
    let reason = format!("{MAX_WAITING} commands wait for this device already; try again later");
    Verdict {
        did: did.clone(),
        caller,
        ending: Ending::Failed { reason, code: None },
    }
}

impl Line {
    fn push(&mut self, did: &Did, mut batch: Batch) -> Result<(), Box<Verdict>> {
        let waiting = self.batches.iter().filter(|batch| batch.is_waiting());
        if waiting.count() >= MAX_WAITING
            && let Some(caller) = batch.callers.pop()
        {
            return Err(Box::new(too_many(did, caller)));
        }
        self.batches.push_back(batch);
        Ok(())
    }

    fn under_way(&self) -> Option<&Batch> {
        self.batches.iter().find(|batch| batch.is_under_way())
    }

    /// The oldest that waits leaves, unless one is under way.
    fn leave(&mut self, way: Way, now: Duration) -> Option<Wish> {
        if self.under_way().is_some() {
            return None;
        }
        loop {
            let at = self.batches.iter().position(Batch::is_waiting)?;
            let covered = self.covered(at);
            let batch = self.batches.get_mut(at)?;
            // A first time is owed to each caller; only what is sent once more may be left out.
            let is_repeat = batch.was_sent();
            let covered = if is_repeat { covered } else { BTreeSet::new() };
            let wish = batch.wish_but(&covered);
            if is_repeat && matches!(&wish, Wish::Set(attrs) if attrs.is_empty()) {
                batch.repeats_nothing(now);
                continue;
            }
            batch.leaves(&wish, way, now);
            let older = self.batches.iter_mut().take(at);
            older.for_each(|older| older.is_overtaken_by(&wish));
            return Some(wish);
        }
    }

    /// What sets that are newer than the one at `at` are about to change.
    fn covered(&self, at: usize) -> BTreeSet<AttrName> {
        let newer = self.batches.iter().skip(at + 1);
        let newer = newer.filter(|one| one.is_waiting() || one.is_under_way());
        let attrs = newer.filter_map(Batch::set).flat_map(Attrs::iter);
        attrs.map(|(name, _)| name.clone()).collect()
    }

    fn returned(&mut self) {
        let Some(at) = self.batches.iter().position(Batch::is_under_way) else {
            return;
        };
        let Some(batch) = self.batches.get_mut(at) else {
            return;
        };
        batch.returns();
        let next = self.batches.get(at + 1);
        let merges = self.batches.get(at).is_some_and(Batch::is_fresh_set)
            && next.is_some_and(Batch::is_fresh_set);
        if merges
            && let Some(newer) = self.batches.remove(at + 1)
            && let Some(batch) = self.batches.get_mut(at)
            && let (Wish::Set(attrs), Wish::Set(wins)) = (&mut batch.wish, newer.wish)
        {
            attrs.merge(wins);
            batch.callers.extend(newer.callers);
            batch.deadline = batch.deadline.max(newer.deadline);
        }
    }

    fn answered(
        &mut self,
        did: &Did,
        result: Result<(), CallError>,
        now: Duration,
    ) -> Vec<Verdict> {
        let Some(at) = self.batches.iter().position(Batch::is_under_way) else {
            return Vec::new();
        };
        let Some(mut batch) = self.batches.remove(at) else {
            return Vec::new();
        };
        let is_set = batch.set().is_some();
        let fate_unknown = match result {
            // Nothing in a report tells that a raw command was carried out.
            Ok(()) if !is_set => return batch.end(did, &Ending::Taken { confirmed: false }),
            Ok(()) => None,
            Err(err) if err.class == ErrorClass::Transient && is_set => Some(err),
            Err(err) => {
                let (reason, code) = (err.message, err.code);
                return batch.end(did, &Ending::Failed { reason, code });
            }
        };
        let newer = self.batches.split_off(at);
        let mut verdicts = self.supersede(did, &batch);
        batch.answered(fate_unknown, now);
        if batch.is_shown() {
            verdicts.extend(batch.end_shown(did));
        } else {
            self.batches.push_back(batch);
        }
        self.batches.extend(newer);
        verdicts
    }

    /// A newer set of the same attributes: the older ones, which are all that is left here, cannot be
    /// seen any more.
    fn supersede(&mut self, did: &Did, newer: &Batch) -> Vec<Verdict> {
        let Some(newer) = newer.set() else {
            return Vec::new();
        };
        let mut verdicts = Vec::new();
        self.batches.retain_mut(|batch| {
            let is_over = batch.was_sent() && batch.supersede(newer);
            if is_over {
                verdicts.extend(batch.end_early(did));
            }
            !is_over
        });
        verdicts
    }

    fn observe(&mut self, did: &Did, seen: Seen<'_>, now: Duration) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for mut batch in std::mem::take(&mut self.batches) {
            batch.observe(seen.attrs, seen.asked_at, seen.is_image);
            // A call that is under way may be refused yet; a write is done though nobody acknowledged it.
            let is_call = batch.is_under_way() && batch.way == Some(Way::Http);
            if batch.is_shown() && !is_call {
                // No answer may ever tell that it took over what the older ones want.
                verdicts.extend(self.supersede(did, &batch));
                verdicts.extend(batch.end_shown(did));
            } else {
                self.batches.push_back(batch);
            }
        }
        if seen.is_image {
            for at in 0..self.batches.len() {
                let mut covered = self.covered(at);
                covered.extend(seen.held.iter().cloned());
                if let Some(batch) = self.batches.get_mut(at)
                    && batch.wants_repeat(seen.asked_at, now, &covered)
                {
                    batch.repeat();
                }
            }
        }
        verdicts
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "repeat_tests.rs"]
mod repeat_tests;
