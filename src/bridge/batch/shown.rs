//! What reports show of a control call that was sent, and whether it has to go out once more.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bridge::intent::{Reader, Standing, Target};
use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs};

use super::{Batch, Phase};

/// A set that was taken is repeated when a poll that was asked so much later still shows another
/// value: by then no report lags any more.
const REPEAT_TAKEN_AFTER: Duration = Duration::from_secs(10);
/// One whose fate is unknown may never have arrived, so it waits no longer than most reports need.
const REPEAT_UNKNOWN_AFTER: Duration = Duration::from_secs(4);

/// A report, as far as commands go.
#[derive(Debug, Clone, Copy)]
pub(in crate::bridge) struct Seen<'a> {
    /// What it told that is believed.
    pub(in crate::bridge) attrs: &'a Attrs,
    /// The device as it is known with that.
    pub(in crate::bridge) device: &'a Attrs,
    pub(in crate::bridge) reader: Reader<'a>,
    /// Of these it told something that is not believed yet, so it does not miss them.
    pub(in crate::bridge) held: &'a BTreeSet<AttrName>,
    pub(in crate::bridge) asked_at: Duration,
    /// It tells all that the cloud knows: a poll.
    pub(in crate::bridge) is_image: bool,
}

/// What an entity is to show when its command is done, and what that command set.
#[derive(Debug)]
pub(super) struct Aim {
    pub(super) target: Target,
    pub(super) sets: Attrs,
}

impl Batch {
    /// A report came; it counts when it was asked for after the call left.
    pub(in crate::bridge) fn observe(&mut self, seen: Seen<'_>) {
        if self.sent_at.is_none_or(|sent_at| seen.asked_at < sent_at) {
            return;
        }
        self.is_reported |= seen.is_image;
        let told: Attrs = self
            .wants()
            .filter_map(|(name, _)| Some((name.clone(), seen.attrs.get(name.as_str())?.clone())))
            .collect();
        self.reported.merge(told);
        let shown = self.wants().filter(|(name, value)| {
            let reported = self.reported.get(name.as_str());
            let is_same = |reported| seen.reader.is_same(name, value, reported);
            reported.is_some_and(|reported| is_same(reported) || self.is_aimed(name, seen))
        });
        let shown: Vec<AttrName> = shown.map(|(name, _)| name.clone()).collect();
        // A momentary value falls back, so it is enough to have seen it once.
        self.shown.retain(|name| self.momentary.contains(name));
        self.shown.extend(shown);
    }

    /// The entity whose command set the attribute shows what was asked of it, and reports since then
    /// told all of the command that it looks at.
    fn is_aimed(&self, name: &AttrName, seen: Seen<'_>) -> bool {
        let is_told = |aim: &Aim| {
            let mut looked_at = aim.sets.iter();
            looked_at.all(|(name, _)| {
                !seen.reader.looks_at(&aim.target, name)
                    || self.reported.get(name.as_str()).is_some()
            })
        };
        self.aims.iter().any(|aim| {
            aim.sets.get(name.as_str()).is_some()
                && seen.reader.looks_at(&aim.target, name)
                && is_told(aim)
                && seen.reader.is_reached(&aim.target, seen.device)
        })
    }

    /// What a reported value means to this command, which names its attribute. `device` holds the value.
    pub(in crate::bridge) fn standing(
        &self,
        name: &AttrName,
        value: &AttrValue,
        (device, reader): (&Attrs, Reader<'_>),
    ) -> Standing {
        let mut wants = self.wants();
        let is_same = wants.any(|(of, wanted)| of == name && reader.is_same(name, wanted, value));
        let is_aimed = || {
            self.aims.iter().any(|aim| {
                aim.sets.get(name.as_str()).is_some()
                    && reader.looks_at(&aim.target, name)
                    && reader.is_reached(&aim.target, device)
            })
        };
        if !is_same && !is_aimed() {
            Standing::Unwanted
        } else if self.was_sent() && !self.is_momentary(name) {
            Standing::Effect
        } else {
            Standing::Wanted
        }
    }

    /// Reports since it was sent showed all that they can.
    pub(in crate::bridge) fn is_shown(&self) -> bool {
        let is_over = |name| self.is_momentary_over && self.is_momentary(name);
        let mut wants = self.wants();
        self.set().is_some()
            && self.was_sent()
            && wants.all(|(name, _)| self.shown.contains(name) || is_over(name))
    }

    /// After a poll that was asked at `asked_at` and did not show it: it is to be sent once more.
    /// What newer sets, named in `covered`, are about to change does not count.
    pub(in crate::bridge) fn wants_repeat(
        &self,
        asked_at: Duration,
        now: Duration,
        covered: &BTreeSet<AttrName>,
    ) -> bool {
        let Phase::Awaiting { since } = self.phase else {
            return false;
        };
        let (after, never_seen_counts) = match self.fate_unknown {
            None => (REPEAT_TAKEN_AFTER, false),
            Some(_) => (REPEAT_UNKNOWN_AFTER, true),
        };
        let is_missed = |(name, _): (&AttrName, &AttrValue)| {
            let is_reported = self.reported.get(name.as_str()).is_some();
            !covered.contains(name)
                && !self.overtaken.contains(name)
                && !self.shown.contains(name)
                && (is_reported || never_seen_counts)
        };
        !self.is_repeated
            && self.momentary_until.is_none()
            && asked_at >= since + after
            && now < self.deadline
            && self.lasting().any(is_missed)
    }
}
