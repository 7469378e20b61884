//! Whether a device can be said to be online.
//!
//! The bindings' `is_online` is a hint only: seen false for months while data flowed, and true for
//! dead devices. So what the device does counts for more than what the cloud says of it.

use std::time::Duration;

use crate::clock::Now;

/// A report not older than this proves a device that the bindings call offline.
const FRESH_S: i64 = 10 * 60;

/// A report from later than this is no fact: the cloud's clock or ours is wrong.
const AHEAD_S: i64 = 24 * 3600;

fn is_ahead(updated_at: i64, now: Now) -> bool {
    updated_at > now.unix.saturating_add(AHEAD_S)
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// `is_online` of the newest bindings row.
    flag: bool,
    /// 9042: offline until something proves otherwise.
    blocked: bool,
    /// The newest answer had no report.
    is_empty: bool,
    /// Unix seconds of the newest report.
    updated_at: Option<i64>,
    /// When the cloud last answered for this device.
    answered_at: Option<Duration>,
}

impl Presence {
    pub(super) fn listed(&mut self, is_online: bool) {
        if is_online && !self.flag {
            self.blocked = false;
        }
        self.flag = is_online;
    }

    /// A poll was answered. `updated_at` 0: the cloud has no report (long offline, seen).
    pub(super) fn answered(&mut self, now: Now, updated_at: i64) {
        self.answered_at = Some(now.mono);
        self.is_empty = updated_at == 0;
        let newer = |before| before < updated_at || is_ahead(before, now);
        if !self.is_empty && self.updated_at.is_none_or(newer) {
            self.blocked = false;
            self.updated_at = Some(updated_at);
        }
    }

    /// An answer that a newer one overtook.
    pub(super) fn is_old(&self, now: Now, updated_at: i64) -> bool {
        let older = |known| updated_at < known && !is_ahead(known, now);
        self.updated_at.is_some_and(older)
    }

    /// It took a command.
    pub(super) fn obeyed(&mut self) {
        self.blocked = false;
    }

    /// 9042: the cloud could not reach it.
    pub(super) fn unreachable(&mut self) {
        self.blocked = true;
        self.flag = false;
    }

    /// Unix seconds of the newest report.
    pub(super) const fn updated_at(&self) -> Option<i64> {
        self.updated_at
    }

    /// `stale_after`: without an answer for that long nothing is known any more.
    pub(super) fn is_online(&self, now: Now, stale_after: Duration) -> bool {
        let known = self
            .answered_at
            .is_some_and(|at| now.mono <= at + stale_after);
        let fresh = |at| now.unix.saturating_sub(at) <= FRESH_S && !is_ahead(at, now);
        let alive = self.flag || self.updated_at.is_some_and(fresh);
        known && !self.blocked && !self.is_empty && alive
    }

    /// Nothing is known of it yet.
    pub(super) const fn is_new(&self) -> bool {
        self.answered_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: Duration = Duration::from_secs(300);

    const fn at(secs: u64) -> Now {
        Now {
            mono: Duration::from_secs(secs),
            unix: 1_000_000 + secs.cast_signed(),
        }
    }

    fn online(presence: &Presence, secs: u64) -> bool {
        presence.is_online(at(secs), STALE)
    }

    #[test]
    fn nothing_is_online_before_its_first_answer_or_long_after_the_last() {
        let mut presence = Presence::default();
        presence.listed(true);
        assert!(!online(&presence, 0));
        presence.answered(at(1), 999_000);
        assert!(online(&presence, 2));
        assert!(!online(&presence, 302));
    }

    #[test]
    fn fresh_data_beats_an_offline_flag() {
        let mut presence = Presence::default();
        presence.listed(false);
        presence.answered(at(1), 1_000_000);
        assert!(online(&presence, 2));
        presence.answered(at(700), 1_000_000);
        assert!(
            !online(&presence, 700),
            "the report is older than ten minutes"
        );
    }

    #[test]
    fn never_a_report_is_offline_whatever_the_flag() {
        let mut presence = Presence::default();
        presence.listed(true);
        presence.answered(at(1), 0);
        assert!(!online(&presence, 1));
        presence.answered(at(2), 1_000_002);
        assert!(online(&presence, 2));
    }

    #[test]
    fn an_empty_answer_counts_until_the_next_one() {
        let mut presence = Presence::default();
        presence.listed(true);
        presence.answered(at(1), 1_000_000);
        presence.answered(at(2), 0);
        assert!(!online(&presence, 2));
        presence.answered(at(3), 1_000_000);
        assert!(online(&presence, 3), "the report is there again");
    }

    #[test]
    fn a_time_far_ahead_does_not_stop_the_reports() {
        for wrong in [i64::MAX, i64::MIN] {
            let mut presence = Presence::default();
            presence.answered(at(1), wrong);
            assert!(!online(&presence, 1), "that proves nothing");
            assert!(!presence.is_old(at(2), 1_000_002));
            presence.answered(at(2), 1_000_002);
            assert!(online(&presence, 2));
            assert_eq!(presence.updated_at(), Some(1_000_002));
            assert!(presence.is_old(at(3), 1_000_001));
        }
    }

    #[test]
    fn a_refused_command_blocks_until_a_report_a_flag_or_another_command_proves_life() {
        for prove in [
            |p: &mut Presence| p.answered(at(5), 1_000_005),
            |p: &mut Presence| p.listed(true),
        ] {
            let mut presence = Presence::default();
            presence.listed(true);
            presence.answered(at(1), 1_000_000);
            presence.unreachable();
            presence.answered(at(2), 1_000_000);
            assert!(
                !online(&presence, 2),
                "the same report again proves nothing"
            );
            prove(&mut presence);
            assert!(online(&presence, 6));
        }
    }
}
