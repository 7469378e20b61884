//! Whether a connection brings reports at all: one device in turn is asked for its values each minute.
//!
//! The cloud may answer pings and push nothing. A read goes to the device and comes back as a report, so
//! its answer proves that reports come this way. It costs no HTTP call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::Did;
use crate::retry::{Retry, RetryPolicy};

/// Between two devices that answer.
const EVERY: Duration = Duration::from_secs(60);
/// Between a device that did not answer and the next one.
const SOON: Duration = Duration::from_secs(10);
/// A device answers a read within a fraction of a second, or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A single read, or its answer, may get lost between the cloud and the device.
const READS: u8 = 2;
/// Devices in a row that do not answer, and used to, end the connection.
const MAX_IGNORED: u32 = 3;
/// Between two ends of that kind with no report in between: perhaps all devices are without power, which
/// the cloud takes minutes to notice.
const MUTE_AGAIN: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(2 * 60),
    factor: 2.0,
    longest: Duration::from_secs(60 * 60),
};

/// The question that is under way, and what earlier ones showed.
#[derive(Debug)]
pub(in crate::bridge) struct Probe {
    /// When the next device is asked.
    due: Duration,
    asked: Option<Question>,
    /// Who was asked last; the one after it is next.
    last: Option<Did>,
    /// Devices in a row that did not answer though they used to.
    ignored: u32,
    /// Those that have answered a read, over this connection or an earlier one.
    answer: BTreeSet<Did>,
    /// Those whose first read over this connection is under way, and since when.
    first_read: BTreeMap<Did, Duration>,
    /// Those that have reported over this connection.
    reported: BTreeSet<Did>,
    /// Those that report and do not answer reads, which some products never do.
    deaf: BTreeSet<Did>,
    /// Those that did not answer, and have not reported since.
    silent: BTreeSet<Did>,
    mute_again: Retry,
    /// A connection was ended as mute and nobody has reported since: another one is not ended before
    /// this moment.
    mute_until: Option<Duration>,
}

#[derive(Debug)]
struct Question {
    did: Did,
    reads_left: u8,
    until: Duration,
}

/// What is to be done at a moment.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) enum Step {
    /// Ask the device for its values.
    Read(Did),
    /// The device newly does not answer: nothing proves that push brings its reports.
    Silent(Did),
    /// Nobody answers any more: the connection is mute.
    Mute,
}

impl Probe {
    pub(in crate::bridge) fn new() -> Self {
        Self {
            due: Duration::ZERO,
            asked: None,
            last: None,
            ignored: 0,
            answer: BTreeSet::new(),
            first_read: BTreeMap::new(),
            reported: BTreeSet::new(),
            deaf: BTreeSet::new(),
            silent: BTreeSet::new(),
            mute_again: Retry::new(MUTE_AGAIN),
            mute_until: None,
        }
    }

    /// A connection is logged in. What devices are known to answer stays known.
    pub(in crate::bridge) fn begin(&mut self, now: Duration) {
        self.due = now + EVERY;
        self.asked = None;
        self.ignored = 0;
        self.first_read.clear();
        self.reported.clear();
        self.deaf.clear();
        self.silent.clear();
    }

    /// The device is subscribed, and was asked for its values.
    pub(in crate::bridge) fn subscribed(&mut self, did: &Did, now: Duration) {
        self.first_read.insert(did.clone(), now);
    }

    /// These devices are gone.
    pub(in crate::bridge) fn retain(&mut self, devices: &BTreeSet<Did>) {
        self.asked.take_if(|asked| !devices.contains(&asked.did));
        self.first_read.retain(|did, _| devices.contains(did));
        let Self {
            answer,
            reported,
            deaf,
            silent,
            ..
        } = self;
        for known in [answer, reported, deaf, silent] {
            known.retain(|did| devices.contains(did));
        }
    }

    /// Nothing proves that reports of this device come.
    pub(in crate::bridge) fn is_silent(&self, did: &Did) -> bool {
        self.mute_until.is_some() || self.silent.contains(did)
    }

    /// A read of this device is under way.
    pub(in crate::bridge) fn is_asked(&self, did: &Did) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.did == *did)
    }

    /// A report came. True when somebody is silent no more.
    pub(in crate::bridge) fn reported(&mut self, did: &Did, now: Duration) -> bool {
        let is_answer = self.asked.take_if(|asked| asked.did == *did).is_some();
        if is_answer {
            self.due = now + EVERY;
        }
        let first_read = self.first_read.remove(did);
        if is_answer || first_read.is_some_and(|at| now <= at + ANSWER_WITHIN) {
            self.answer.insert(did.clone());
            self.deaf.remove(did);
        }
        self.ignored = 0;
        self.mute_again.succeeded();
        self.reported.insert(did.clone());
        let was_mute = self.mute_until.take().is_some();
        self.silent.remove(did) || was_mute
    }

    /// When [`Self::tick`] has something to do.
    pub(in crate::bridge) fn next_deadline(&self) -> Duration {
        self.asked.as_ref().map_or(self.due, |asked| asked.until)
    }

    /// Time has passed. `is_online` tells of a subscribed device whether an answer can be expected.
    pub(in crate::bridge) fn tick<'a>(
        &mut self,
        now: Duration,
        subscribed: impl Iterator<Item = &'a Did>,
        is_online: impl Fn(&Did) -> bool,
    ) -> Option<Step> {
        if now < self.next_deadline() {
            return None;
        }
        match self.asked.take() {
            Some(asked) if is_online(&asked.did) => self.unanswered(now, asked),
            _ => self.ask(now, subscribed, is_online),
        }
    }

    fn unanswered(&mut self, now: Duration, mut asked: Question) -> Option<Step> {
        let did = asked.did.clone();
        if asked.reads_left > 0 {
            asked.reads_left -= 1;
            asked.until = now + ANSWER_WITHIN;
            self.asked = Some(asked);
            return Some(Step::Read(did));
        }
        self.due = now + EVERY;
        if self.answer.contains(&did) {
            self.ignored = self.ignored.saturating_add(1);
        } else if self.reported.contains(&did) {
            self.deaf.insert(did);
            return None;
        }
        if self.is_doubtful() {
            self.due = now + SOON;
        }
        if self.ignored >= MAX_IGNORED && self.mute_until.is_none_or(|until| now >= until) {
            self.mute_until = Some(now + self.mute_again.failed(0.0));
            return Some(Step::Mute);
        }
        let is_news = !self.is_silent(&did);
        self.silent.insert(did.clone());
        is_news.then_some(Step::Silent(did))
    }

    /// Some do not answer, and it is not clear yet whether that is the connection's fault.
    const fn is_doubtful(&self) -> bool {
        self.ignored > 0 && self.ignored < MAX_IGNORED
    }

    fn ask<'a>(
        &mut self,
        now: Duration,
        subscribed: impl Iterator<Item = &'a Did>,
        is_online: impl Fn(&Did) -> bool,
    ) -> Option<Step> {
        self.due = now + EVERY;
        let askable: BTreeSet<&Did> = subscribed
            .filter(|did| !self.deaf.contains(*did) && is_online(did))
            .collect();
        // Whom it is known of that it is silent tells nothing new, if there is another.
        let other = askable.iter().copied();
        let other: BTreeSet<&Did> = other.filter(|did| !self.silent.contains(*did)).collect();
        let turns = if self.is_doubtful() && !other.is_empty() {
            other
        } else {
            askable
        };
        let is_after = |did: &&&Did| self.last.as_ref().is_some_and(|last| **did > last);
        let after = turns.iter().find(is_after);
        let did = Did::clone(after.or_else(|| turns.first())?);
        self.last = Some(did.clone());
        self.asked = Some(Question {
            did: did.clone(),
            reads_left: READS - 1,
            until: now + ANSWER_WITHIN,
        });
        Some(Step::Read(did))
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
