//! How often an account may log in: a few times in any hour, whatever the reason. The cloud throttles
//! logins sharply (seen), and each region is a cloud of its own.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::Now;
use crate::model::Region;

/// Logins of one account in one region in any hour: first ones, renewals, and those after a refusal, a
/// lost token, a reload or a restart.
pub(super) const MAX_LOGINS_PER_HOUR: usize = 4;
/// A login counts for so long: an hour, and a minute for one that is long on its way to the cloud.
const COUNTS_FOR: Duration = Duration::from_secs(61 * 60);

/// The logins of the last hour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LoginLimit {
    /// When each login counts no more, the oldest first; at most [`MAX_LOGINS_PER_HOUR`] a region.
    back_at: BTreeMap<Region, VecDeque<Duration>>,
}

impl LoginLimit {
    /// The earliest moment for the next login; [`Duration::ZERO`] when one may leave at once.
    pub(super) fn ready_at(&self, region: Region) -> Duration {
        let known = self.back_at.get(&region);
        known
            .filter(|known| known.len() >= MAX_LOGINS_PER_HOUR)
            .and_then(|known| known.front().copied())
            .unwrap_or_default()
    }

    /// A login leaves.
    pub(super) fn spend(&mut self, region: Region, now: Duration) {
        let known = self.back_at.entry(region).or_default();
        known.push_back(now + COUNTS_FOR);
        if known.len() > MAX_LOGINS_PER_HOUR {
            known.pop_front();
        }
    }

    /// The newest login never reached the cloud.
    pub(super) fn take_back(&mut self, region: Region) {
        if let Some(known) = self.back_at.get_mut(&region) {
            known.pop_back();
        }
    }

    /// What to keep for the next run: when each login counts no more, Unix seconds.
    pub(super) fn learnt(&self, now: Now) -> BTreeMap<Region, Vec<i64>> {
        let unix = |at: &Duration| {
            let ahead = at.checked_sub(now.mono)?.as_secs();
            Some(now.unix.saturating_add_unsigned(ahead))
        };
        let of_region = |(region, known): (&Region, &VecDeque<Duration>)| {
            let counting: Vec<i64> = known.iter().filter_map(unix).collect();
            (!counting.is_empty()).then_some((*region, counting))
        };
        self.back_at.iter().filter_map(of_region).collect()
    }

    /// Goes on with the logins of an earlier run. One that would count for longer than a login can is
    /// not believed: then the clock went back.
    pub(super) fn restore(&mut self, learnt: &BTreeMap<Region, Vec<i64>>, now: Now) {
        for (region, moments) in learnt {
            let left = |at: &i64| {
                let left = u64::try_from(at.saturating_sub(now.unix)).ok()?;
                let left = Duration::from_secs(left);
                (!left.is_zero() && left <= COUNTS_FOR).then_some(now.mono + left)
            };
            let mut counting: Vec<Duration> = moments.iter().filter_map(left).collect();
            counting.sort_unstable();
            let surplus = counting.len().saturating_sub(MAX_LOGINS_PER_HOUR);
            let newest = counting.into_iter().skip(surplus).collect();
            self.back_at.insert(*region, newest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(secs: u64) -> Now {
        Now {
            mono: Duration::from_secs(secs),
            unix: 1_000_000 + secs.cast_signed(),
        }
    }

    #[test]
    fn a_fifth_login_waits_until_the_first_is_an_hour_old_and_regions_count_apart() {
        let mut limit = LoginLimit::default();
        for secs in [0, 1, 2, 600] {
            assert_eq!(limit.ready_at(Region::Eu), Duration::ZERO);
            limit.spend(Region::Eu, at(secs).mono);
        }
        assert_eq!(limit.ready_at(Region::Eu), COUNTS_FOR);
        assert_eq!(limit.ready_at(Region::Us), Duration::ZERO);
        limit.spend(Region::Eu, COUNTS_FOR);
        assert_eq!(
            limit.ready_at(Region::Eu),
            COUNTS_FOR + Duration::from_secs(1)
        );
    }

    #[test]
    fn a_login_that_never_left_does_not_count() {
        let mut limit = LoginLimit::default();
        for secs in 0..4 {
            limit.spend(Region::Eu, at(secs).mono);
        }
        limit.take_back(Region::Eu);
        assert_eq!(limit.ready_at(Region::Eu), Duration::ZERO);
    }

    #[test]
    fn a_restart_is_no_way_around_and_a_clock_that_went_back_locks_nobody_out() {
        let mut limit = LoginLimit::default();
        for secs in 100..104 {
            limit.spend(Region::Eu, at(secs).mono);
        }
        let learnt = limit.learnt(at(200));
        let mut next = LoginLimit::default();
        let later = Now {
            mono: Duration::ZERO,
            unix: at(300).unix,
        };
        next.restore(&learnt, later);
        let left = COUNTS_FOR - Duration::from_secs(200);
        assert_eq!(next.ready_at(Region::Eu), left);
        let mut next = LoginLimit::default();
        let earlier = Now {
            mono: Duration::ZERO,
            unix: at(0).unix - 86_400,
        };
        next.restore(&learnt, earlier);
        assert_eq!(next.ready_at(Region::Eu), Duration::ZERO);
        assert!(limit.learnt(at(10_000)).is_empty(), "long over");
    }
}
