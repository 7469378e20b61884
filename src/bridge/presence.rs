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
    /// When it last reported over push.
    heard_at: Option<Now>,
    /// Push told that it left, and nothing since proves that it is back.
    left: Option<Left>,
}

/// A device left.
#[derive(Debug, Clone, Copy)]
struct Left {
    /// When that was told.
    at: Duration,
    /// The newest report that the cloud had then, by the cloud's clock: what the first answer after it
    /// told. Ours may be minutes off.
    report: Option<i64>,
}

/// A row of the bindings may be older than what push told, by this much.
const FLAG_LAGS: Duration = Duration::from_secs(60);

impl Presence {
    /// A row of the bindings says so.
    pub(super) fn listed(&mut self, now: Duration, is_online: bool) {
        let is_older = |left: Left| now < left.at + FLAG_LAGS;
        if is_online && self.left.is_some_and(is_older) {
            return;
        }
        if is_online && !self.flag {
            self.is_back();
        }
        self.flag = is_online;
    }

    /// Push told that it came or left.
    pub(super) fn told(&mut self, now: Duration, is_online: bool) {
        self.flag = is_online;
        if is_online {
            self.is_back();
        } else {
            self.blocked = true;
            self.left = Some(Left {
                at: now,
                report: None,
            });
        }
    }

    /// It reported over push.
    pub(super) fn heard(&mut self, now: Now) {
        self.answered_at = Some(now.mono);
        self.heard_at = Some(now);
        self.is_empty = false;
        self.is_back();
    }

    /// Its push connection was alive at this moment, so it would have reported a change.
    pub(super) fn vouched(&mut self, at: Duration) {
        if self.answered_at.is_some_and(|known| known < at) {
            self.answered_at = Some(at);
        }
    }

    const fn is_back(&mut self) {
        self.blocked = false;
        self.left = None;
    }

    /// A poll was answered. `updated_at` 0: the cloud has no report (long offline, seen).
    pub(super) fn answered(&mut self, now: Now, updated_at: i64) {
        self.answered_at = Some(now.mono);
        self.is_empty = updated_at == 0;
        if self.is_empty {
            return;
        }
        let newer = |before| before < updated_at || is_ahead(before, now);
        if self.updated_at.is_none_or(newer) {
            self.updated_at = Some(updated_at);
            // What it reported before it left does not bring it back.
            let known = self.left.map(|left| left.report);
            if known.is_none_or(|known| known.is_some_and(newer)) {
                self.is_back();
            }
        }
        if let Some(left) = &mut self.left {
            left.report.get_or_insert(updated_at);
        }
    }

    /// It took a command.
    pub(super) fn obeyed(&mut self) {
        self.is_back();
    }

    /// 9042: the cloud could not reach it.
    pub(super) fn unreachable(&mut self) {
        self.blocked = true;
        self.flag = false;
    }

    /// Unix seconds of the newest report that a poll told of.
    pub(super) const fn updated_at(&self) -> Option<i64> {
        self.updated_at
    }

    /// Unix seconds of the newest report, by push or by poll.
    pub(super) fn last_report(&self) -> Option<i64> {
        self.updated_at.max(self.heard_at.map(|at| at.unix))
    }

    /// `stale_after`: without an answer for that long nothing is known any more.
    pub(super) fn is_online(&self, now: Now, stale_after: Duration) -> bool {
        let known = self
            .answered_at
            .is_some_and(|at| now.mono <= at + stale_after);
        let fresh = |at| now.unix.saturating_sub(at) <= FRESH_S && !is_ahead(at, now);
        let heard = |at: Now| now.mono <= at.mono + Duration::from_secs(FRESH_S.unsigned_abs());
        let alive =
            self.flag || self.updated_at.is_some_and(fresh) || self.heard_at.is_some_and(heard);
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

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn online(presence: &Presence, secs: u64) -> bool {
        presence.is_online(at(secs), STALE)
    }

    #[test]
    fn nothing_is_online_before_its_first_answer_or_long_after_the_last() {
        let mut presence = Presence::default();
        presence.listed(s(0), true);
        assert!(!online(&presence, 0));
        presence.answered(at(1), 999_000);
        assert!(online(&presence, 2));
        assert!(!online(&presence, 302));
    }

    #[test]
    fn fresh_data_beats_an_offline_flag() {
        let mut presence = Presence::default();
        presence.listed(s(0), false);
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
        presence.listed(s(0), true);
        presence.answered(at(1), 0);
        assert!(!online(&presence, 1));
        presence.answered(at(2), 1_000_002);
        assert!(online(&presence, 2));
    }

    #[test]
    fn an_empty_answer_counts_until_the_next_one() {
        let mut presence = Presence::default();
        presence.listed(s(0), true);
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
            presence.answered(at(2), 1_000_002);
            assert!(online(&presence, 2));
            assert_eq!(presence.updated_at(), Some(1_000_002));
        }
    }

    #[test]
    fn a_refused_command_blocks_until_a_report_a_flag_or_another_command_proves_life() {
        for prove in [
            |p: &mut Presence| p.answered(at(5), 1_000_005),
            |p: &mut Presence| p.listed(s(5), true),
        ] {
            let mut presence = Presence::default();
            presence.listed(s(0), true);
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

    #[test]
    fn the_newest_of_status_report_and_flag_counts() {
        let left = |presence: &mut Presence| presence.told(s(10), false);
        type Step = fn(&mut Presence);
        let proofs: [(&str, Step, bool); 9] = [
            ("nothing more", |_| (), false),
            ("a status", |p| p.told(s(20), true), true),
            ("a report over push", |p| p.heard(at(20)), true),
            ("a command that it took", Presence::obeyed, true),
            (
                "a report later than the first answer's",
                |p| {
                    p.answered(at(20), 1_000_005);
                    p.answered(at(30), 1_000_015);
                },
                true,
            ),
            (
                "a report of before by a clock ahead of ours",
                |p| {
                    p.answered(at(20), 1_000_305);
                    p.answered(at(30), 1_000_305);
                },
                false,
            ),
            (
                "a report of before",
                |p| p.answered(at(20), 1_000_005),
                false,
            ),
            (
                "a row of the bindings that lags",
                |p| p.listed(s(20), true),
                false,
            ),
            (
                "a row of the bindings much later",
                |p| p.listed(s(100), true),
                true,
            ),
        ];
        for (what, prove, want) in proofs {
            let mut presence = Presence::default();
            presence.listed(s(0), true);
            presence.answered(at(1), 999_900);
            left(&mut presence);
            assert!(!online(&presence, 11));
            prove(&mut presence);
            assert_eq!(online(&presence, 101), want, "{what}");
        }
    }

    #[test]
    fn what_push_reported_is_alive_whatever_the_flag() {
        let mut presence = Presence::default();
        presence.listed(s(0), false);
        presence.heard(at(1));
        assert!(online(&presence, 100));
        presence.vouched(s(700));
        assert!(!online(&presence, 700), "for ten minutes");
        presence.listed(s(700), true);
        assert!(
            online(&presence, 999),
            "the connection vouches for its data"
        );
        assert!(!online(&presence, 1001));
    }
}
