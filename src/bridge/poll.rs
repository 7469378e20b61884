//! Which device is polled next. Without push: one after the other, evenly over the interval. With push
//! a poll is a safety net, and comes exactly each `interval_with_push`.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use crate::ids::Did;

use super::deadlines::Deadlines;

/// The devices of one account and their turns.
#[derive(Debug)]
pub(super) struct PollPlan {
    interval: Duration,
    with_push: Duration,
    least_gap: Duration,
    /// Those without push, in the round.
    round: BTreeSet<Did>,
    last: Option<Did>,
    due: Duration,
    /// Those with push, and when each is polled next.
    calm: Deadlines<Did>,
}

/// Intervals and pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Without push.
    pub(super) interval: Duration,
    /// With push.
    pub(super) with_push: Duration,
    /// Bounds the round: with too many devices for the interval it gets longer.
    pub(super) per_minute: u32,
}

impl PollPlan {
    pub(super) fn new(pace: Pace) -> Self {
        let mut plan = Self {
            interval: pace.interval,
            with_push: pace.with_push,
            least_gap: Duration::ZERO,
            round: BTreeSet::new(),
            last: None,
            due: Duration::ZERO,
            calm: Deadlines::default(),
        };
        plan.set_pace(pace, Duration::ZERO);
        plan
    }

    /// A shorter interval counts from `now`.
    pub(super) fn set_pace(&mut self, pace: Pace, now: Duration) {
        self.interval = pace.interval;
        self.with_push = pace.with_push;
        self.set_limit(pace.per_minute, now);
        self.calm.no_later_than(now + self.with_push);
    }

    /// Another bound of the round alone: it is no reason to poll what has push.
    pub(super) fn set_limit(&mut self, per_minute: u32, now: Duration) {
        self.least_gap = Duration::from_secs(60) / per_minute.max(1);
        if !self.round.is_empty() {
            self.due = self.due.min(now + self.gap());
        }
    }

    /// The caller fetches a new device at once; its turn in the round comes by itself.
    pub(super) fn add(&mut self, did: Did, now: Duration) {
        if self.calm.contains(&did) {
            return;
        }
        if self.round.is_empty() {
            self.due = now + self.interval;
        }
        if self.round.insert(did) && self.round.len() > 1 {
            self.due = self.due.min(now + self.gap());
        }
    }

    pub(super) fn remove(&mut self, did: &Did) {
        self.round.remove(did);
        self.calm.remove(did);
    }

    /// Push brings the device's reports from now on. `chance` (0 to 1) spreads the polls of those that came together.
    pub(super) fn calm(&mut self, did: &Did, now: Duration, chance: f64) {
        if self.round.remove(did) {
            let first = self.with_push.mul_f64(0.5 + 0.5 * chance);
            self.calm.set(did, now + first);
        }
    }

    /// Push does not bring them any more: back to the round, unless it is there.
    pub(super) fn hurry(&mut self, did: &Did, now: Duration) -> bool {
        let was_calm = self.calm.remove(did);
        if was_calm {
            self.add(did.clone(), now);
            self.due = self.due.min(now + self.gap());
        }
        was_calm
    }

    /// The next moment at which a device is due.
    pub(super) fn next(&self) -> Option<Duration> {
        let round = (!self.round.is_empty()).then_some(self.due);
        round.into_iter().chain(self.calm.next()).min()
    }

    /// The device whose turn it is. A late caller gets one, not all that it missed.
    pub(super) fn due(&mut self, now: Duration) -> Option<Did> {
        if let Some(did) = self.calm.take_due(now) {
            self.calm.set(&did, now + self.with_push);
            return Some(did);
        }
        if self.round.is_empty() || now < self.due {
            return None;
        }
        let after = self.last.take().and_then(|last| {
            self.round
                .range((Bound::Excluded(last), Bound::Unbounded))
                .next()
                .cloned()
        });
        let did = after.or_else(|| self.round.first().cloned());
        self.last.clone_from(&did);
        self.due = (self.due + self.gap()).max(now);
        did
    }

    /// Time from one poll of a device without push to its next.
    pub(super) fn round(&self) -> Duration {
        self.gap() * u32::try_from(self.round.len().max(1)).unwrap_or(u32::MAX)
    }

    fn gap(&self) -> Duration {
        let devices = u32::try_from(self.round.len().max(1)).unwrap_or(u32::MAX);
        (self.interval / devices).max(self.least_gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn did(n: usize) -> Did {
        Did::new(format!("did{n:04}")).unwrap()
    }

    fn plan(devices: usize, per_minute: u32) -> PollPlan {
        let mut plan = PollPlan::new(Pace {
            interval: s(60),
            with_push: s(300),
            per_minute,
        });
        for n in 0..devices {
            plan.add(did(n), s(0));
        }
        plan
    }

    fn polls(plan: &mut PollPlan, until: u64) -> Vec<(u64, Did)> {
        let mut seen = Vec::new();
        while let Some(at) = plan.next().filter(|at| *at < s(until)) {
            let due = plan.due(at);
            seen.extend(due.map(|did| (at.as_secs(), did)));
        }
        seen
    }

    #[test]
    fn each_device_has_its_turn_once_an_interval_evenly_spread() {
        let seen = polls(&mut plan(6, 600), 120);
        let times: Vec<u64> = seen.iter().map(|(at, _)| *at).collect();
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] == 10),
            "{times:?}"
        );
        for n in 0..6 {
            let own: Vec<u64> = seen
                .iter()
                .filter(|(_, of)| *of == did(n))
                .map(|(at, _)| *at)
                .collect();
            assert!(
                own.windows(2).all(|pair| pair[1] - pair[0] == 60),
                "{n}: {own:?}"
            );
        }
    }

    #[test]
    fn too_many_devices_for_the_limit_make_the_round_longer() {
        let plan = plan(100, 24);
        assert_eq!(plan.round(), s(250));
    }

    #[test]
    fn a_machine_that_slept_polls_one_device_not_all_it_missed() {
        let mut plan = plan(3, 600);
        assert!(plan.due(s(10_000)).is_some());
        let next = plan.next().unwrap();
        assert!(next >= s(10_000), "{next:?}");
        assert!(plan.due(s(10_000)).is_some());
        assert!(plan.due(s(10_000)).is_none());
    }

    #[test]
    fn with_push_a_device_is_polled_exactly_at_its_interval() {
        let mut plan = plan(1, 600);
        plan.calm(&did(0), s(0), 1.0);
        let times: Vec<u64> = polls(&mut plan, 1_600).iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [300, 600, 900, 1_200, 1_500]);
    }

    #[test]
    fn without_push_a_device_is_back_in_the_round() {
        let mut plan = plan(3, 600);
        for n in 0..3 {
            plan.calm(&did(n), s(0), 0.5);
        }
        assert_eq!(plan.next(), Some(s(225)));
        for n in 0..3 {
            plan.hurry(&did(n), s(100));
        }
        let seen = polls(&mut plan, 161);
        let times: Vec<u64> = seen.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [120, 140, 160], "each within an interval");
    }

    #[test]
    fn a_long_interval_is_not_made_shorter_by_push() {
        let mut plan = PollPlan::new(Pace {
            interval: s(3_600),
            with_push: s(7_200),
            per_minute: 600,
        });
        plan.add(did(0), s(0));
        plan.calm(&did(0), s(0), 1.0);
        let times: Vec<u64> = polls(&mut plan, 15_000).iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [7_200, 14_400]);
    }
}
