//! When the bindings are listed. What is planned and what was asked for are two moments, and a listing
//! that is under way is never begun anew: what becomes due meanwhile follows it.

use std::time::Duration;

use crate::bridge::settings::Settings;

use super::Account;

/// After this time a listing that failed is tried again.
const RELIST: Duration = Duration::from_secs(60);

/// The listings of one account in time.
#[derive(Debug)]
pub(super) struct ListingPace {
    /// `polling.bindings_interval`
    without_push: Duration,
    /// `polling.bindings_interval_with_push`
    with_push: Duration,
    /// The next regular listing.
    planned: Duration,
    /// Something hinted that the bindings changed, so a listing is wanted at this moment. A listing
    /// that begins later has served it.
    asked: Option<Duration>,
    /// When the first page of the newest listing was asked for.
    began: Duration,
    is_under_way: bool,
}

impl ListingPace {
    /// The first listing is under way from the start.
    pub(super) fn new(settings: &Settings, now: Duration) -> Self {
        Self {
            without_push: settings.bindings_interval,
            with_push: settings.bindings_interval_with_push,
            planned: now + settings.bindings_interval,
            asked: None,
            began: now,
            is_under_way: true,
        }
    }

    pub(super) fn reconfigure(&mut self, settings: &Settings) {
        self.without_push = settings.bindings_interval;
        self.with_push = settings.bindings_interval_with_push;
    }

    pub(super) fn ask(&mut self, at: Duration) {
        self.asked = Some(self.asked.map_or(at, |known| known.min(at)));
    }

    /// When the next listing begins; `None` while one is under way.
    pub(super) fn due(&self) -> Option<Duration> {
        let due = self
            .asked
            .map_or(self.planned, |asked| asked.min(self.planned));
        (!self.is_under_way).then_some(due)
    }

    /// True when a listing is to begin now, which counts as under way from here on.
    pub(super) fn begin_if_due(&mut self, now: Duration) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        self.is_under_way |= is_due;
        is_due
    }

    /// A listing begins that nobody planned: in another region.
    pub(super) fn begin(&mut self) {
        self.is_under_way = true;
    }

    /// The first page leaves: the listing shows all that was hinted at before.
    pub(super) fn left(&mut self, now: Duration) {
        self.began = now;
        self.asked = self.asked.filter(|at| *at > now);
    }

    /// The listing is over, complete or not.
    pub(super) fn ended(&mut self) {
        self.is_under_way = false;
        self.planned = self.began + self.without_push;
    }

    pub(super) fn failed(&mut self, now: Duration) {
        self.ended();
        self.ask(now + RELIST);
    }

    /// Push tells of changes in all of the account.
    fn rest_with_push(&mut self) {
        self.planned = self.began + self.with_push;
    }

    fn rest_without_push(&mut self) {
        self.planned = self.planned.min(self.began + self.without_push);
    }
}

impl Account {
    /// Lists the bindings at this moment: something hints that they changed. A hint that comes while a
    /// listing is under way leads to another one after it.
    pub(in crate::bridge) fn list_at(&mut self, at: Duration) {
        self.pace.ask(at);
    }

    /// A complete listing is over. Where push brings all devices of the account, it tells of changes as
    /// well, and the next listing comes after the interval with push.
    pub(in crate::bridge) fn rest_after_listing(&mut self, is_heard: bool) {
        if is_heard {
            self.pace.rest_with_push();
        }
    }

    /// Push tells of no changes any more: the list of devices is as old as without it at most.
    pub(in crate::bridge) fn list_without_push(&mut self) {
        self.pace.rest_without_push();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn pace() -> ListingPace {
        ListingPace {
            without_push: s(600),
            with_push: s(3_600),
            planned: s(600),
            asked: None,
            began: s(0),
            is_under_way: true,
        }
    }

    #[test]
    fn a_listing_under_way_is_never_begun_anew() {
        let mut pace = pace();
        pace.left(s(1));
        pace.ask(s(2));
        assert_eq!(pace.due(), None);
        assert!(!pace.begin_if_due(s(100_000)));
        pace.ended();
        assert!(pace.begin_if_due(s(100_000)), "it follows");
        assert_eq!(pace.due(), None);
    }

    #[test]
    fn a_hint_during_a_listing_leads_to_one_more_and_no_further() {
        let mut pace = pace();
        pace.left(s(1));
        pace.ask(s(4));
        pace.ask(s(3));
        pace.ended();
        pace.rest_with_push();
        assert_eq!(pace.due(), Some(s(3)));
        assert!(pace.begin_if_due(s(5)));
        pace.left(s(6));
        pace.ended();
        pace.rest_with_push();
        assert_eq!(pace.due(), Some(s(3_606)));
    }

    #[test]
    fn a_hint_before_the_first_page_leaves_is_served_by_it() {
        let mut pace = pace();
        pace.ask(s(1));
        pace.left(s(2));
        pace.ended();
        assert_eq!(pace.due(), Some(s(602)));
    }

    #[test]
    fn without_push_the_interval_without_it_counts_from_the_last_listing() {
        let mut pace = pace();
        pace.left(s(10));
        pace.ended();
        pace.rest_with_push();
        assert_eq!(pace.due(), Some(s(3_610)));
        pace.rest_without_push();
        assert_eq!(pace.due(), Some(s(610)));
    }

    #[test]
    fn a_listing_that_failed_is_tried_after_a_minute() {
        let mut pace = pace();
        pace.left(s(10));
        pace.failed(s(12));
        assert_eq!(pace.due(), Some(s(72)));
    }
}
