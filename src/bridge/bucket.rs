//! A bucket of tokens, one for each call that may be made in a minute.
//!
//! A spent token comes back 60 s later, so no 60 s ever see more calls than the bucket is large. One
//! that is refilled evenly would let almost twice as many pass in the minute after a rest
//! (`docs/decisions/0011-tokens-come-back-a-minute-later.md`).

use std::collections::VecDeque;
use std::time::Duration;

/// The window that the limits "a minute" speak of.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// See the module. It remembers at most as many calls as it ever had tokens.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    /// When the tokens that are spent come back, in order.
    back: VecDeque<Duration>,
}

impl Bucket {
    /// When a call may take a token of a bucket of `size` of which it has to leave `reserve`; `None`:
    /// now. Even a reserve of the whole bucket leaves one to take.
    pub(super) fn ready_at(&self, now: Duration, size: u32, reserve: u32) -> Option<Duration> {
        let usable = size.saturating_sub(reserve).max(1) as usize;
        // With `usable` tokens or more out, enough of them must come back first.
        let last = self.back.len().checked_sub(usable)?;
        self.back.get(last).copied().filter(|at| *at > now)
    }

    /// A call takes a token.
    pub(super) fn spend(&mut self, now: Duration) {
        while self.back.front().is_some_and(|at| *at <= now) {
            self.back.pop_front();
        }
        self.back.push_back(now + WINDOW);
    }

    /// How many are left of `size`.
    pub(super) fn left(&self, now: Duration, size: u32) -> u32 {
        let out = self.back.iter().filter(|at| **at > now).count();
        size.saturating_sub(u32::try_from(out).unwrap_or(u32::MAX))
    }

    /// In how many whole seconds, rounded up, each spent token is back.
    pub(super) fn owed_s(&self, now: Duration) -> impl Iterator<Item = u64> {
        let owed = self.back.iter().map(move |at| at.saturating_sub(now));
        owed.filter(|wait| !wait.is_zero())
            .map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }

    /// Another run spent a token that is back in so many seconds, at most 60.
    pub(super) fn owe(&mut self, now: Duration, seconds: u64) {
        let at = now + Duration::from_secs(seconds).min(WINDOW);
        let place = self.back.partition_point(|other| *other <= at);
        self.back.insert(place, at);
    }

    /// All that two buckets spent, as if one call had passed both.
    pub(super) fn join(&mut self, other: &Self) {
        self.back.extend(&other.back);
        self.back.make_contiguous().sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_spent_token_comes_back_a_minute_later() {
        let mut bucket = Bucket::default();
        for at in [0, 10, 20] {
            assert_eq!(bucket.ready_at(s(at), 3, 0), None);
            bucket.spend(s(at));
        }
        assert_eq!(bucket.left(s(20), 3), 0);
        assert_eq!(bucket.ready_at(s(20), 3, 0), Some(s(60)));
        assert_eq!(bucket.ready_at(s(60), 3, 0), None);
        assert_eq!(bucket.left(s(60), 3), 1);
    }

    #[test]
    fn a_reserve_or_a_smaller_bucket_waits_for_more_of_them() {
        let mut bucket = Bucket::default();
        for at in [0, 10, 20] {
            bucket.spend(s(at));
        }
        for (size, reserve, ready) in [
            (4, 0, None),
            (4, 1, Some(s(60))),
            (4, 2, Some(s(70))),
            (1, 0, Some(s(80))),
            (3, 9, Some(s(80))),
            (0, 0, Some(s(80))),
        ] {
            let at = bucket.ready_at(s(30), size, reserve);
            assert_eq!(at, ready, "{size} less {reserve}");
        }
    }

    #[test]
    fn what_is_owed_is_handed_over_and_never_comes_back_too_early() {
        let mut bucket = Bucket::default();
        bucket.spend(Duration::from_millis(500));
        bucket.spend(s(30));
        let owed: Vec<u64> = bucket.owed_s(s(40)).collect();
        assert_eq!(owed, [21, 50]);
        let mut next = Bucket::default();
        for seconds in [50, 21, u64::MAX] {
            next.owe(s(1), seconds);
        }
        assert_eq!(next.left(s(1), 5), 2);
        assert_eq!(next.ready_at(s(1), 1, 0), Some(s(61)));
        assert_eq!(next.ready_at(s(1), 3, 0), Some(s(22)));
    }
}
