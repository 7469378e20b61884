//! What reports show of a control call that was sent, and whether it has to go out once more.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs};

use super::{Batch, Phase};

/// A command that was taken is repeated when a poll that was asked so much later still shows another
/// value: by then no report lags any more.
const REPEAT_TAKEN_AFTER: Duration = Duration::from_secs(10);
/// One whose fate is unknown may never have arrived, so it waits no longer than most reports need.
const REPEAT_UNKNOWN_AFTER: Duration = Duration::from_secs(4);

impl Batch {
    /// A report that was asked for at `asked_at`; an image tells all there is.
    pub(in crate::bridge) fn observe(
        &mut self,
        report: &Attrs,
        asked_at: Duration,
        is_image: bool,
    ) {
        if self.sent_at.is_none_or(|sent_at| asked_at < sent_at) {
            return;
        }
        self.is_reported |= is_image;
        let told: Attrs = self
            .wants()
            .filter_map(|(name, _)| Some((name.clone(), report.get(name.as_str())?.clone())))
            .collect();
        self.reported.merge(told);
    }

    /// Reports since it was sent showed all that they can.
    pub(in crate::bridge) fn is_shown(&self) -> bool {
        self.set().is_some()
            && self.was_sent()
            && self.wants().all(|(name, value)| self.shows(name, value))
    }

    pub(super) fn shows(&self, name: &AttrName, value: &AttrValue) -> bool {
        self.reported.get(name.as_str()) == Some(value)
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
        let is_missed = |(name, value): (&AttrName, &AttrValue)| {
            let reported = self.reported.get(name.as_str());
            !covered.contains(name)
                && !self.overtaken.contains(name)
                && reported.map_or(never_seen_counts, |reported| reported != value)
        };
        !self.is_repeated
            && asked_at >= since + after
            && now < self.deadline
            && self.wants().any(is_missed)
    }
}
