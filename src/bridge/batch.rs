//! One control call with those who asked for it: where it stands, what reports say of it, how it ends.

mod endings;
mod momentary;
mod shown;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{AttrName, CallId, LinkId};
use crate::model::{AttrValue, Attrs};

use super::caller::Caller;
use super::input::CallError;
use super::intent::Intent;

use shown::Aim;
pub(super) use shown::Seen;

/// How long a command waits to be sent before it is given up: longer than the first pauses after
/// 9041, shorter than a person's memory of having asked.
pub(super) const SEND_WITHIN: Duration = Duration::from_secs(5 * 60);
/// How long after it was taken a report may confirm it. Reports lag up to 10 s behind (seen).
pub(super) const CONFIRM_WITHIN: Duration = Duration::from_secs(30);
/// The same after it was repeated.
pub(super) const CONFIRM_REPEAT_WITHIN: Duration = Duration::from_secs(20);
/// A device acknowledges within a fraction of a second, or not at all.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(3);
/// When a device is looked at to see a command done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) after: Duration,
    /// By a poll, whatever push could tell.
    pub(super) is_poll: bool,
}

const fn early(millis: u64) -> Look {
    Look {
        after: Duration::from_millis(millis),
        is_poll: false,
    }
}

const fn poll(millis: u64) -> Look {
    Look {
        after: Duration::from_millis(millis),
        is_poll: true,
    }
}

/// After the cloud or the device took it.
pub(super) const LOOKS_TAKEN: [Look; 5] = [
    early(700),
    early(2_000),
    early(5_000),
    poll(11_000),
    poll(20_000),
];
/// After nobody knows whether they did.
const LOOKS_UNKNOWN: [Look; 4] = [poll(500), poll(5_000), poll(11_000), poll(20_000)];

#[derive(Debug)]
pub(super) enum Wish {
    Set(Attrs),
    Raw(Vec<u8>),
}

/// Which way a command went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Http(CallId),
    Push { link: LinkId, serial: u64 },
}

/// Where a batch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is to be sent.
    Waiting,
    /// It was sent, and the answer is not here.
    UnderWay { since: Duration },
    /// It was answered, or will not be: reports decide.
    Awaiting { since: Duration },
}

/// One command as it was given, of its device: the calls of one order have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct OrderId(pub(super) u64);

/// Somebody who asked, and until when it may be sent for them.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) caller: Caller,
    order: OrderId,
    until: Duration,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) wish: Wish,
    pub(super) callers: Vec<Asked>,
    /// It goes before the call that somebody asked for with this order, and nobody asked for it.
    pub(super) step_of: Option<OrderId>,
    pub(super) phase: Phase,
    /// When it is given up, unless it is under way.
    pub(super) deadline: Duration,
    /// The way it went last.
    pub(super) way: Option<Way>,
    /// When it left first.
    sent_at: Option<Duration>,
    /// How often it left.
    times_sent: u8,
    /// It goes, or went, a second time.
    pub(super) is_repeated: bool,
    /// The first time over push, and nothing came of it.
    failed_over_push: bool,
    /// All that it sets went out the last time.
    is_whole: bool,
    /// Newer commands for these left after it, so they are not sent once more. A raw command is for
    /// all: nobody knows what it changes.
    overtaken: BTreeSet<AttrName>,
    /// A newer set took these over, so no report will show them.
    superseded: BTreeSet<AttrName>,
    /// The answer never came: it may or may not have been taken.
    fate_unknown: Option<CallError>,
    looks: std::slice::Iter<'static, Look>,
    /// What its callers' entities are to show.
    aims: Vec<Aim>,
    /// Of these it leaves once, and no report of another value says anything.
    momentary: BTreeSet<AttrName>,
    /// Until then a report may show those.
    momentary_until: Option<Duration>,
    /// Nobody waits for a report of those any more.
    is_momentary_over: bool,
    /// What reports since it was sent say of what it set.
    reported: Attrs,
    /// Of these the reports show what it wants.
    shown: BTreeSet<AttrName>,
    /// A poll since then was answered.
    is_reported: bool,
}

impl Batch {
    /// A call that goes before the one that somebody asked for.
    pub(super) fn step(attrs: Attrs, intent: &Intent, order: OrderId, now: Duration) -> Self {
        let mut batch = Self {
            step_of: Some(order),
            ..Self::unasked(Wish::Set(attrs.clone()), now)
        };
        batch.take_intent(intent, &attrs);
        batch
    }

    pub(super) fn new(wish: Wish, caller: Caller, order: OrderId, now: Duration) -> Self {
        let mut batch = Self::unasked(wish, now);
        batch.take_intent(&caller.intent, &caller.attrs);
        batch.callers.push(asked(caller, order, now));
        batch
    }

    /// What is wanted with values that were set just now. An entity whose values something newer
    /// changed is not to show any more what was asked of it.
    fn take_intent(&mut self, intent: &Intent, sets: &Attrs) {
        for (name, _) in sets.iter() {
            if intent.momentary.contains(name) {
                self.momentary.insert(name.clone());
            } else {
                self.momentary.remove(name);
            }
        }
        self.drop_missed_aims();
        let aim = intent.target.iter().map(|target| Aim {
            target: target.clone(),
            sets: sets.clone(),
        });
        self.aims.extend(aim);
    }

    fn drop_missed_aims(&mut self) {
        let Wish::Set(attrs) = &self.wish else {
            return;
        };
        let is_set =
            |(name, value): (&AttrName, &AttrValue)| attrs.get(name.as_str()) == Some(value);
        self.aims.retain(|aim| aim.sets.iter().all(is_set));
    }

    fn unasked(wish: Wish, now: Duration) -> Self {
        Self {
            wish,
            callers: Vec::new(),
            step_of: None,
            phase: Phase::Waiting,
            deadline: now + SEND_WITHIN,
            way: None,
            sent_at: None,
            times_sent: 0,
            is_repeated: false,
            failed_over_push: false,
            is_whole: true,
            overtaken: BTreeSet::new(),
            superseded: BTreeSet::new(),
            fate_unknown: None,
            looks: [].iter(),
            aims: Vec::new(),
            momentary: BTreeSet::new(),
            momentary_until: None,
            is_momentary_over: false,
            reported: Attrs::default(),
            shown: BTreeSet::new(),
            is_reported: false,
        }
    }

    /// One more asks while it waits: the newest value of each attribute wins. The deadline stays that of
    /// the first who asked.
    pub(super) fn join(&mut self, caller: Caller, order: OrderId, now: Duration) {
        if let Wish::Set(attrs) = &mut self.wish {
            attrs.merge(caller.attrs.clone());
        }
        self.take_intent(&caller.intent, &caller.attrs);
        self.callers.push(asked(caller, order, now));
    }

    /// The same with all who asked for a newer one.
    pub(super) fn absorb(&mut self, newer: Self) {
        if let (Wish::Set(attrs), Wish::Set(wins)) = (&mut self.wish, newer.wish) {
            self.momentary
                .retain(|name| wins.get(name.as_str()).is_none());
            self.momentary.extend(newer.momentary);
            attrs.merge(wins);
        }
        self.drop_missed_aims();
        self.aims.extend(newer.aims);
        self.callers.extend(newer.callers);
    }

    /// The values it sets; `None` for a raw command.
    pub(super) fn set(&self) -> Option<&Attrs> {
        match &self.wish {
            Wish::Set(attrs) => Some(attrs),
            Wish::Raw(_) => None,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.phase == Phase::Waiting
    }

    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::UnderWay { .. })
    }

    /// A set that never left: others may merge into it. A step keeps its place before the next.
    pub(super) fn is_fresh_set(&self) -> bool {
        let is_set = matches!(self.wish, Wish::Set(_));
        self.is_waiting() && self.sent_at.is_none() && is_set && self.step_of.is_none()
    }

    /// It left, so it may have been done.
    pub(super) const fn was_sent(&self) -> bool {
        self.sent_at.is_some()
    }

    /// Push carries values only, and a repeat does not go the way that failed.
    pub(super) fn may_use_push(&self) -> bool {
        matches!(self.wish, Wish::Set(_)) && !self.failed_over_push
    }

    /// `wish` leaves: all that it sets, or what is left of it.
    pub(super) fn leaves(&mut self, wish: &Wish, way: Way, now: Duration) {
        self.is_whole = match (wish, &self.wish) {
            (Wish::Set(left), Wish::Set(all)) => left.len() == all.len(),
            (Wish::Set(_) | Wish::Raw(_), _) => true,
        };
        self.phase = Phase::UnderWay { since: now };
        self.way = Some(way);
        self.sent_at.get_or_insert(now);
        self.times_sent += 1;
    }

    /// It did not leave after all.
    pub(super) fn returns(&mut self) {
        self.phase = Phase::Waiting;
        self.way = None;
        self.times_sent = self.times_sent.saturating_sub(1);
        if self.times_sent == 0 {
            self.sent_at = None;
        }
    }

    /// What is to be sent: not what newer sets, named in `covered`, are about to change.
    pub(super) fn wish_but(&self, covered: &BTreeSet<AttrName>) -> Wish {
        match &self.wish {
            Wish::Set(_) => {
                let is_done = |name| self.was_sent() && self.momentary.contains(name);
                let is_left = |name| {
                    !covered.contains(name) && !self.overtaken.contains(name) && !is_done(name)
                };
                let left = self.wants().filter(|(name, _)| is_left(*name));
                Wish::Set(
                    left.map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                )
            }
            Wish::Raw(bytes) => Wish::Raw(bytes.clone()),
        }
    }

    /// It was answered, or with an error: nobody knows whether it was taken.
    pub(super) fn answered(&mut self, fate_unknown: Option<CallError>, now: Duration) {
        let within = if self.is_repeated {
            CONFIRM_REPEAT_WITHIN
        } else {
            CONFIRM_WITHIN
        };
        let looks: &'static [Look] = match fate_unknown {
            None => &LOOKS_TAKEN,
            Some(_) => &LOOKS_UNKNOWN,
        };
        self.phase = Phase::Awaiting { since: now };
        self.deadline = now + within;
        self.looks = looks.iter();
        if !self.is_repeated
            || self.fate_unknown.is_some() && (fate_unknown.is_some() || self.is_whole)
        {
            self.fate_unknown = fate_unknown;
        }
        self.await_momentary(now);
    }

    /// An acknowledgement that came late: it was taken after all.
    pub(super) fn is_taken_after_all(&mut self) {
        self.fate_unknown = None;
    }

    /// When no acknowledgement is to be expected any more.
    pub(super) fn lapses_at(&self) -> Option<Duration> {
        match (self.phase, self.way) {
            (Phase::UnderWay { since }, Some(Way::Push { .. })) => Some(since + ACKNOWLEDGE_WITHIN),
            _ => None,
        }
    }

    pub(super) fn next_look(&self) -> Option<(Duration, Look)> {
        let Phase::Awaiting { since } = self.phase else {
            return None;
        };
        let look = self.looks.as_slice().first()?;
        Some((since + look.after, *look))
    }

    /// The look that is due; of several, the last.
    pub(super) fn take_look(&mut self, now: Duration) -> Option<Look> {
        let mut due = None;
        while let Some((_, look)) = self.next_look().filter(|(at, _)| *at <= now) {
            self.looks.next();
            due = Some(look);
        }
        due
    }

    /// The next moment at which something here is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let deadline = (!self.is_under_way()).then_some(self.deadline);
        let look = self.next_look().map(|(at, _)| at);
        [deadline, look, self.lapses_at(), self.momentary_until]
            .into_iter()
            .flatten()
            .min()
    }

    /// What it sets, but for what a newer set took over.
    pub(super) fn wants(&self) -> impl Iterator<Item = (&AttrName, &AttrValue)> {
        let set = self.set().into_iter().flat_map(Attrs::iter);
        set.filter(|(name, _)| !self.superseded.contains(*name))
    }

    /// The same, but for what does not last.
    pub(super) fn lasting(&self) -> impl Iterator<Item = (&AttrName, &AttrValue)> {
        let wants = self.wants();
        wants.filter(|(name, _)| !self.momentary.contains(*name))
    }

    /// A newer set takes these over. True when nothing is left.
    pub(super) fn supersede(&mut self, newer: &Attrs) -> bool {
        self.superseded
            .extend(newer.iter().map(|(name, _)| name.clone()));
        self.set().is_some() && self.wants().next().is_none()
    }

    /// A newer command leaves after it.
    pub(super) fn is_overtaken_by(&mut self, newer: &Wish) {
        let Some(own) = self.set().filter(|_| self.was_sent()) else {
            return;
        };
        let is_taken = |name: &&AttrName| match newer {
            Wish::Set(newer) => newer.get(name.as_str()).is_some(),
            Wish::Raw(_) => true,
        };
        let taken = own.iter().map(|(name, _)| name).filter(is_taken);
        let taken: Vec<AttrName> = taken.cloned().collect();
        self.overtaken.extend(taken);
    }

    /// It waits to be sent once more, until the deadline it has.
    pub(super) fn repeat(&mut self) {
        self.is_repeated = true;
        self.failed_over_push = matches!(self.way, Some(Way::Push { .. }));
        self.phase = Phase::Waiting;
    }

    /// A newer set took over what was to be sent once more.
    pub(super) fn repeats_nothing(&mut self, now: Duration) {
        self.phase = Phase::Awaiting { since: now };
        self.looks = [].iter();
    }
}

fn asked(caller: Caller, order: OrderId, now: Duration) -> Asked {
    let until = now + SEND_WITHIN;
    Asked {
        caller,
        order,
        until,
    }
}
