//! The commands of one device, the oldest first: at most one is under way, sets that wait merge, and what
//! is newer wins.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::ids::{AttrName, Did};
use crate::model::{AttrValue, Attrs};

use super::batch::{Batch, OrderId, Seen, Way, Wish};
use super::caller::{Caller, Ending, Verdict};
use super::input::{CallError, ErrorClass};
use super::intent::{Reader, Standing};

/// Most control calls of one device that may wait; further ones are refused.
pub(super) const MAX_WAITING: usize = 32;
/// Most commands that merge into one of them: a slider sends dozens.
const MAX_CALLERS: usize = 1_000;

/// Home Assistant sends what one tap asks for (mode and temperature) in several messages, within a
/// millisecond or two; a person feels nothing of so short a wait.
const GATHER: Duration = Duration::from_millis(30);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DeviceLine {
    pub(super) batches: VecDeque<Batch>,
    /// Until then more of the same order may come.
    gathers_until: Option<Duration>,
    last_order: OrderId,
}

impl DeviceLine {
    /// A checked set, after the calls that have to go before it. Without such it merges into one that
    /// waits already: the newest value of each attribute wins.
    pub(super) fn add(
        &mut self,
        did: &Did,
        before: Vec<Attrs>,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        let order = self.next_order();
        let last = self.batches.back_mut().filter(|last| last.is_fresh_set());
        if let Some(last) = last.filter(|_| before.is_empty()) {
            if last.callers.len() >= MAX_CALLERS {
                return Err(Box::new(too_many(did, caller)));
            }
            last.join(caller, order, now);
            return Ok(());
        }
        if self.waiting() + before.len() >= MAX_WAITING {
            return Err(Box::new(too_many(did, caller)));
        }
        let steps = before
            .into_iter()
            .map(|step| Batch::step(step, &caller.intent, order, now));
        self.batches.extend(steps);
        let wish = Wish::Set(caller.attrs.clone());
        self.push(did, Batch::new(wish, caller, order, now))
    }

    /// A raw command.
    pub(super) fn add_raw(
        &mut self,
        did: &Did,
        bytes: Vec<u8>,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        let order = self.next_order();
        self.push(did, Batch::new(Wish::Raw(bytes), caller, order, now))
    }

    const fn next_order(&mut self) -> OrderId {
        self.last_order = OrderId(self.last_order.0 + 1);
        self.last_order
    }

    fn push(&mut self, did: &Did, mut batch: Batch) -> Result<(), Box<Verdict>> {
        if self.waiting() >= MAX_WAITING
            && let Some(asked) = batch.callers.pop()
        {
            return Err(Box::new(too_many(did, asked.caller)));
        }
        self.batches.push_back(batch);
        Ok(())
    }

    fn waiting(&self) -> usize {
        let waiting = self.batches.iter().filter(|batch| batch.is_waiting());
        waiting.count()
    }

    pub(super) fn gather(&mut self, now: Duration) {
        if self.waiting() == 0 && self.under_way().is_none() {
            self.gathers_until.get_or_insert(now + GATHER);
        }
    }

    /// True once, when the order is complete.
    pub(super) fn is_gathered(&mut self, now: Duration) -> bool {
        self.gathers_until.take_if(|until| *until <= now).is_some()
    }

    pub(super) fn wants_call(&self) -> bool {
        self.gathers_until.is_none() && self.under_way().is_none() && self.waiting() > 0
    }

    /// The next moment at which something here is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let batches = self.batches.iter().filter_map(Batch::next_deadline);
        batches.chain(self.gathers_until).min()
    }

    /// The device as it will be when all that was asked for is done.
    pub(super) fn foresee(&self, attrs: &mut Attrs, reader: Reader<'_>) {
        for (name, value) in self.batches.iter().flat_map(Batch::lasting) {
            attrs.insert(name.clone(), reader.normal(name, value));
        }
    }

    /// The newest command that names the attribute decides what a value of it means: an older one may
    /// be done on the way to it, and is no more what anybody waits for.
    pub(super) fn standing(
        &self,
        name: &AttrName,
        value: &AttrValue,
        device: (&Attrs, Reader<'_>),
    ) -> Standing {
        let mut newest = self.batches.iter().rev();
        let newest = newest.find(|batch| batch.wants().any(|(of, _)| of == name));
        newest.map_or(Standing::Unwanted, |batch| {
            batch.standing(name, value, device)
        })
    }

    pub(super) fn under_way(&self) -> Option<&Batch> {
        self.batches.iter().find(|batch| batch.is_under_way())
    }

    /// The oldest that waits leaves, unless one is under way, or it may not go this way.
    pub(super) fn leave(&mut self, way: Way, now: Duration) -> Option<Wish> {
        if self.under_way().is_some() || self.gathers_until.is_some() {
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
            if matches!(way, Way::Push { .. }) && !batch.may_use_push() {
                return None;
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

    pub(super) fn returned(&mut self) {
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
        {
            batch.absorb(newer);
        }
    }

    pub(super) fn answered(
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
                let mut verdicts = Vec::new();
                if let Some(order) = batch.step_of {
                    verdicts.extend(self.drop_order(did, order, (&reason, code)));
                }
                verdicts.extend(batch.end(did, &Ending::Failed { reason, code }));
                return verdicts;
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

    /// A step of the order was refused. Without it, what comes after it would be another order than the
    /// one that was given. What left already left after the step was taken once, so reports decide on it.
    fn drop_order(&mut self, did: &Did, order: OrderId, why: (&str, Option<u16>)) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.batches.retain_mut(|batch| {
            if batch.was_sent() {
                return true;
            }
            if batch.step_of.is_some() {
                return batch.step_of != Some(order);
            }
            let dropped = batch.drop_order(did, order, why);
            let is_over = !dropped.is_empty() && batch.callers.is_empty();
            verdicts.extend(dropped);
            !is_over
        });
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

    pub(super) fn observe(&mut self, did: &Did, seen: Seen<'_>, now: Duration) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for mut batch in std::mem::take(&mut self.batches) {
            batch.observe(seen);
            // A call that is under way may be refused yet; a write is done though nobody acknowledged it.
            let is_call = batch.is_under_way() && matches!(batch.way, Some(Way::Http(_)));
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

fn too_many(did: &Did, caller: Caller) -> Verdict {
    let reason = format!("{MAX_WAITING} commands wait for this device already; try again later");
    Verdict {
        did: did.clone(),
        caller,
        ending: Ending::Failed { reason, code: None },
    }
}
