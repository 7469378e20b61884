//! How many calls a minute an account may make: at most what is configured, and less where the cloud
//! taught so. 9041 halves it, each quiet stretch gives some back (additive increase, multiplicative
//! decrease).

use std::time::Duration;

use crate::clock::Now;

use super::bucket::Bucket;
use super::effect::Learnt;

/// The size never falls below this, or below what is configured where that is less: a command, its
/// confirmation, a poll and a login must still fit into a minute.
const FLOOR: u32 = 4;
/// After so much time without 9041 the size grows by a step.
const QUIET: Duration = Duration::from_secs(5 * 60);
/// Calls of an earlier run that are counted; no configuration allows as many in a minute.
const MAX_OWED: usize = 1_000;
/// A step is this part of what is configured, so the way back takes at most 50 minutes.
const STEPS: u32 = 10;

/// What a call may leave untouched for those that are more urgent, as one part in so many of the
/// bucket; 0: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reserve(pub(super) u32);

impl Reserve {
    /// In tokens, rounded up: a small bucket keeps one, too.
    pub(super) const fn of(self, size: u32) -> u32 {
        if self.0 == 0 {
            0
        } else {
            size.div_ceil(self.0)
        }
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    /// As configured.
    limit: u32,
    /// What the cloud taught, where that is less.
    learnt: Option<u32>,
    /// The quiet time that counts for the next step began here, or begins.
    quiet_since: Duration,
    bucket: Bucket,
}

impl Budget {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit: limit.max(1),
            learnt: None,
            quiet_since: Duration::ZERO,
            bucket: Bucket::default(),
        }
    }

    /// Goes on where an earlier run stopped; the time in between was quiet. What a file says is not
    /// believed beyond what could be.
    pub(super) fn restore(&mut self, learnt: &Learnt, now: Now) {
        let quiet_s = u64::try_from(now.unix.saturating_sub(learnt.since)).unwrap_or(0);
        self.learnt = learnt.per_minute.map(|size| size.max(self.floor()));
        self.quiet_since = now.mono;
        self.grow(quiet_s / QUIET.as_secs());
        let waits = learnt.back_at.iter().filter_map(|back| {
            let wait = u64::try_from(back.saturating_sub(now.unix)).ok()?;
            (wait > 0).then_some(wait)
        });
        for wait in waits.take(MAX_OWED) {
            self.bucket.owe(now.mono, wait);
        }
    }

    /// For the next run.
    pub(super) fn learnt(&self, now: Now) -> Learnt {
        let ago = now.mono.saturating_sub(self.quiet_since).as_secs();
        // A Unix second may be almost over, and a wait of the next run must not be too short.
        let ahead = self.quiet_since.saturating_sub(now.mono);
        let ahead = if ahead.is_zero() {
            0
        } else {
            ahead.as_secs() + 2
        };
        let since = now.unix.saturating_sub_unsigned(ago);
        Learnt {
            per_minute: self.learnt,
            since: since.saturating_add_unsigned(ahead),
            back_at: self
                .bucket
                .owed_s(now.mono)
                .map(|wait| now.unix.saturating_add_unsigned(wait + 1))
                .collect(),
            ..Learnt::default()
        }
    }

    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit.max(1);
        self.grow(0);
    }

    /// As configured.
    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// What may pass in a minute now.
    pub(super) fn size(&self) -> u32 {
        self.learnt.map_or(self.limit, |size| size.min(self.limit))
    }

    /// The calls that passed.
    pub(super) const fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    pub(super) fn left(&self, now: Duration) -> u32 {
        self.bucket.left(now, self.size())
    }

    /// When a call may pass that leaves the reserve to others; `None`: now.
    pub(super) fn ready_at(&self, now: Duration, reserve: Reserve) -> Option<Duration> {
        let size = self.size();
        self.bucket.ready_at(now, size, reserve.of(size))
    }

    pub(super) fn spend(&mut self, now: Duration) {
        self.bucket.spend(now);
    }

    /// 9041; once for each pause.
    pub(super) fn halve(&mut self) {
        self.learnt = Some((self.size() / 2).max(self.floor()));
        self.grow(0);
    }

    /// A pause: the time before its end is not quiet.
    pub(super) fn quiet_after(&mut self, until: Duration) {
        self.quiet_since = self.quiet_since.max(until);
    }

    /// The cloud answered: the quiet stretches that are over count. True when that changed the size.
    pub(super) fn answered(&mut self, now: Duration) -> bool {
        let quiet = now.saturating_sub(self.quiet_since);
        let stretches = quiet.as_secs() / QUIET.as_secs();
        if self.learnt.is_none() || stretches == 0 {
            return false;
        }
        self.quiet_since += Duration::from_secs(stretches * QUIET.as_secs());
        self.grow(stretches);
        true
    }

    fn grow(&mut self, steps: u64) {
        let step = u64::from(self.limit.div_ceil(STEPS));
        let grown = self.learnt.map(|size| {
            let more = step.saturating_mul(steps);
            u32::try_from(more.saturating_add(u64::from(size))).unwrap_or(u32::MAX)
        });
        self.learnt = grown.filter(|size| *size < self.limit);
    }

    fn floor(&self) -> u32 {
        FLOOR.min(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    const fn at(secs: u64) -> Now {
        Now {
            mono: s(secs),
            unix: 1_000_000 + secs.cast_signed(),
        }
    }

    #[test]
    fn it_halves_down_to_the_floor_and_climbs_back_within_fifty_minutes() {
        for (limit, sizes) in [
            (30, [15, 7, 4, 4]),
            (600, [300, 150, 75, 37]),
            (6, [4, 4, 4, 4]),
            (4, [4; 4]),
            (1, [1; 4]),
        ] {
            let mut budget = Budget::new(limit);
            let seen = [0; 4].map(|_| {
                budget.halve();
                budget.size()
            });
            assert_eq!(seen, sizes, "of {limit}");
            budget.answered(s(50 * 60));
            assert_eq!(budget.size(), limit);
        }
    }

    #[test]
    fn each_quiet_stretch_adds_a_step_and_a_pause_is_no_quiet_time() {
        let mut budget = Budget::new(30);
        budget.halve();
        budget.quiet_after(s(100));
        for (now, size) in [
            (99, 15),
            (399, 15),
            (400, 18),
            (600, 18),
            (700, 21),
            (1300, 27),
        ] {
            budget.answered(s(now));
            assert_eq!(budget.size(), size, "at {now}");
        }
        assert!(budget.answered(s(1600)));
        assert!(!budget.answered(s(9000)), "it is as configured: no news");
    }

    #[test]
    fn what_was_learnt_survives_a_restart_and_the_time_in_between_was_quiet() {
        let mut budget = Budget::new(30);
        for _ in 0..10 {
            budget.spend(s(95));
        }
        budget.halve();
        budget.quiet_after(s(100));
        let learnt = budget.learnt(at(100));
        for (down, size, left) in [
            (0, 15, 5),
            (54, 15, 5),
            (56, 15, 15),
            (600, 21, 21),
            (9999, 30, 30),
        ] {
            let mut next = Budget::new(30);
            let unix = at(100 + down).unix;
            next.restore(&learnt, Now { mono: s(1), unix });
            assert_eq!(
                (next.size(), next.left(s(1))),
                (size, left),
                "{down} s down"
            );
        }
        let mut next = Budget::new(30);
        next.restore(
            &learnt,
            Now {
                mono: s(1),
                unix: 0,
            },
        );
        assert_eq!(next.size(), 15, "a clock that went back is no quiet time");
        assert_eq!(next.left(s(1)), 5);
        assert_eq!(
            next.left(s(61)),
            15,
            "and keeps nobody waiting for more than a minute"
        );
    }

    #[test]
    fn calls_beyond_a_limit_that_was_lowered_count_after_a_restart() {
        let mut budget = Budget::new(30);
        for call in 1..=30 {
            budget.spend(s(call));
        }
        let mut next = Budget::new(2);
        next.restore(&budget.learnt(at(31)), at(31));
        let ready = next.ready_at(s(31), Reserve(0));
        assert!(ready >= Some(s(29 + 60)), "{ready:?}");
    }

    #[test]
    fn nonsense_from_a_file_does_no_harm() {
        for (size, since) in [(0, i64::MAX), (u32::MAX, i64::MIN), (7, 0)] {
            let learnt = Learnt {
                per_minute: Some(size),
                since,
                back_at: vec![i64::MAX; 100_000],
                ..Learnt::default()
            };
            let mut budget = Budget::new(30);
            budget.restore(&learnt, at(5));
            assert!((4..=30).contains(&budget.size()));
            assert!(budget.ready_at(s(5), Reserve(5)) <= Some(s(65)));
        }
    }

    #[test]
    fn another_limit_keeps_what_was_learnt() {
        let mut budget = Budget::new(30);
        budget.set_limit(60);
        assert_eq!(budget.size(), 60, "nothing was learnt");
        budget.halve();
        budget.set_limit(40);
        assert_eq!(budget.size(), 30);
        budget.set_limit(10);
        assert_eq!((budget.size(), budget.limit()), (10, 10));
    }

    #[test]
    fn a_reserve_is_a_part_of_the_size_and_at_least_one() {
        let table = [(30, 6), (12, 3), (4, 1), (1, 1)];
        for (size, tokens) in table {
            assert_eq!(Reserve(5).of(size), tokens);
            assert_eq!(Reserve(0).of(size), 0);
        }
    }
}
