//! When an account may make its next call: requests a minute, calls in flight, and the pause after
//! the cloud said "too often" (9041) or could not be reached.
//!
//! One gate for a whole account, since the scope of the cloud's limit is undocumented
//! (`docs/decisions/0003-one-gate-per-account.md`).

use std::collections::VecDeque;
use std::time::Duration;

use crate::retry::{Retry, RetryPolicy};

/// The window that `limits.requests_per_minute` speaks of.
const WINDOW: Duration = Duration::from_secs(60);
/// Calls of one account under way at a time; a command may be one more than this.
const MAX_IN_FLIGHT: usize = 4;
/// One slot in this many is kept for commands, so that polling never makes one wait.
const RESERVE: u32 = 5;
/// The pause after 9041. No figure is public; 15 s is long against a burst and short for a person.
const THROTTLED: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(15),
    factor: 2.0,
    longest: Duration::from_secs(15 * 60),
};
/// No server may silence an account for longer, whatever it asks.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);
/// The pause when the cloud cannot be reached or answers nonsense.
const OUTAGE: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(2),
    factor: 2.0,
    longest: Duration::from_secs(60),
};
/// Failures in a row before an outage has a name; one 502 is none.
const OUTAGE_AFTER: u32 = 3;

/// Who wants to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A command that was not tried yet: during an outage it is tried at once.
    FreshCommand,
    /// A command that comes back, or a login that one waits for.
    Command,
    /// Polling and the like.
    Background,
}

/// The gate's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go, and call [`CallGate::passed`].
    Now,
    /// Ask again at this moment.
    At(Duration),
    /// Ask again when a call under way is done.
    AfterCall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Open,
    Throttled { until: Duration },
    Outage { until: Duration },
}

/// See the module.
#[derive(Debug)]
pub(super) struct CallGate {
    per_minute: u32,
    passed: VecDeque<Duration>,
    in_flight: usize,
    pause: Pause,
    throttled: Retry,
    outage: Retry,
    last_throttled: Option<Duration>,
}

impl CallGate {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: per_minute.max(1),
            passed: VecDeque::new(),
            in_flight: 0,
            pause: Pause::Open,
            throttled: Retry::new(THROTTLED),
            outage: Retry::new(OUTAGE),
            last_throttled: None,
        }
    }

    pub(super) fn set_limit(&mut self, per_minute: u32) {
        self.per_minute = per_minute.max(1);
    }

    /// Calls that an earlier gate of the same account let through count here, too.
    pub(super) fn remember(&mut self, earlier: &Self) {
        self.passed.clone_from(&earlier.passed);
    }

    /// Calls that polling may make in a minute.
    pub(super) fn background_per_minute(&self) -> u32 {
        (self.per_minute - self.per_minute / RESERVE).max(1)
    }

    /// Calls that are left in the minute that ends now.
    pub(super) fn budget_left(&self, now: Duration) -> u32 {
        let recent = self.passed.iter().filter(|at| **at + WINDOW > now).count();
        self.per_minute
            .saturating_sub(u32::try_from(recent).unwrap_or(u32::MAX))
    }

    pub(super) fn admit(&mut self, now: Duration, urgency: Urgency) -> Admission {
        if let Some(wait) = self.pause_for(now, urgency) {
            return wait;
        }
        let background = urgency == Urgency::Background;
        let most = if background {
            MAX_IN_FLIGHT
        } else {
            MAX_IN_FLIGHT + 1
        };
        if self.in_flight >= most {
            return Admission::AfterCall;
        }
        while self.passed.front().is_some_and(|at| *at + WINDOW <= now) {
            self.passed.pop_front();
        }
        let limit = if background {
            self.background_per_minute()
        } else {
            self.per_minute
        } as usize;
        match self
            .passed
            .len()
            .checked_sub(limit)
            .and_then(|over| self.passed.get(over))
        {
            Some(at) => Admission::At(*at + WINDOW),
            None => Admission::Now,
        }
    }

    fn pause_for(&self, now: Duration, urgency: Urgency) -> Option<Admission> {
        let until = match self.pause {
            Pause::Open => return None,
            Pause::Outage { .. } if urgency == Urgency::FreshCommand => return None,
            Pause::Throttled { until } | Pause::Outage { until } => until,
        };
        if now < until {
            Some(Admission::At(until))
        } else if self.in_flight > 0 {
            // After a pause one call goes out as a probe; the others wait for what it finds.
            Some(Admission::AfterCall)
        } else {
            None
        }
    }

    /// A call left.
    pub(super) fn passed(&mut self, now: Duration) {
        self.passed.push_back(now);
        self.in_flight += 1;
    }

    /// A call came back, however.
    pub(super) fn returned(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The cloud answered sensibly (an error with a code counts): the gate opens.
    /// True when that ends a pause or an outage.
    pub(super) fn answered(&mut self, now: Duration) -> bool {
        if matches!(self.pause, Pause::Throttled { until } if now < until) {
            // The answer to a call that left before the pause.
            return false;
        }
        let ended = self.is_throttled() || self.is_outage();
        self.pause = Pause::Open;
        self.outage.succeeded();
        let quiet = |at: Duration| now > at + THROTTLED.longest;
        if self.last_throttled.is_none_or(quiet) {
            self.throttled.succeeded();
        } else if ended {
            self.last_throttled = Some(now);
        }
        ended
    }

    /// 9041 or 429. Returns how long the account pauses.
    pub(super) fn throttle(
        &mut self,
        now: Duration,
        asked: Option<Duration>,
        chance: f64,
    ) -> Duration {
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
        if let Pause::Throttled { until } = self.pause
            && now < until
        {
            // An answer to a call that left before the pause: it tells nothing new.
            let until = until.max(now + asked);
            self.pause = Pause::Throttled { until };
            return until - now;
        }
        let wait = self.throttled.failed(chance).max(asked);
        self.last_throttled = Some(now);
        self.pause = Pause::Throttled { until: now + wait };
        wait
    }

    /// No usable answer. Returns how long background calls pause.
    pub(super) fn fail(&mut self, now: Duration, chance: f64) -> Duration {
        match self.pause {
            Pause::Throttled { until } | Pause::Outage { until } if now < until => until - now,
            Pause::Open | Pause::Throttled { .. } | Pause::Outage { .. } => {
                let wait = self.outage.failed(chance);
                self.pause = Pause::Outage { until: now + wait };
                wait
            }
        }
    }

    pub(super) const fn is_throttled(&self) -> bool {
        matches!(self.pause, Pause::Throttled { .. })
    }

    pub(super) const fn is_outage(&self) -> bool {
        self.outage.failures() >= OUTAGE_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn pass(gate: &mut CallGate, now: Duration, urgency: Urgency) -> bool {
        let admitted = gate.admit(now, urgency) == Admission::Now;
        if admitted {
            gate.passed(now);
            gate.returned();
        }
        admitted
    }

    #[test]
    fn never_more_calls_than_the_limit_in_any_minute() {
        let mut gate = CallGate::new(10);
        let mut times = Vec::new();
        for tenth in 0..3000 {
            let now = Duration::from_millis(tenth * 100);
            while pass(&mut gate, now, Urgency::Command) {
                times.push(now);
            }
        }
        for (i, start) in times.iter().enumerate() {
            let within = times
                .iter()
                .skip(i)
                .filter(|t| **t < *start + WINDOW)
                .count();
            assert!(within <= 10, "{within} calls in the minute after {start:?}");
        }
        assert!(times.len() >= 50);
    }

    #[test]
    fn polling_leaves_room_for_commands() {
        let mut gate = CallGate::new(10);
        let polls = (0..20)
            .filter(|_| pass(&mut gate, s(1), Urgency::Background))
            .count();
        assert_eq!(polls, 8);
        assert_eq!(gate.admit(s(1), Urgency::Background), Admission::At(s(61)));
        assert!(pass(&mut gate, s(2), Urgency::FreshCommand));
        assert_eq!(gate.budget_left(s(2)), 1);
    }

    #[test]
    fn a_throttled_account_pauses_as_a_whole_then_probes_with_one_call() {
        let mut gate = CallGate::new(30);
        assert_eq!(gate.throttle(s(10), None, 0.0), s(15));
        assert_eq!(
            gate.admit(s(11), Urgency::FreshCommand),
            Admission::At(s(25))
        );
        assert_eq!(gate.admit(s(25), Urgency::FreshCommand), Admission::Now);
        gate.passed(s(25));
        assert_eq!(gate.admit(s(25), Urgency::Command), Admission::AfterCall);
        gate.returned();
        assert!(
            !gate.answered(s(24)),
            "an answer to an earlier call does not end the pause"
        );
        assert_eq!(
            gate.throttle(s(25), None, 0.0),
            s(30),
            "a second 9041 doubles the pause"
        );
        gate.passed(s(55));
        gate.returned();
        assert!(gate.answered(s(55)));
        assert_eq!(gate.admit(s(55), Urgency::Background), Admission::Now);
        assert_eq!(
            gate.throttle(s(60), None, 0.0),
            s(60),
            "the pause is remembered for a while"
        );
    }

    #[test]
    fn retry_after_is_honoured_and_late_answers_do_not_lengthen_the_pause() {
        let mut gate = CallGate::new(30);
        assert_eq!(gate.throttle(s(0), Some(s(100)), 0.0), s(100));
        assert_eq!(gate.throttle(s(1), None, 0.0), s(99));
        assert_eq!(gate.throttle(s(2), Some(s(200)), 0.0), s(200));
    }

    #[test]
    fn in_an_outage_a_fresh_command_is_tried_and_polling_waits() {
        let mut gate = CallGate::new(30);
        for _ in 0..3 {
            let wait = gate.fail(s(0), 0.0);
            gate.pause = Pause::Outage { until: s(0) };
            assert!(wait >= s(2));
        }
        gate.fail(s(0), 0.0);
        assert!(gate.is_outage());
        assert_eq!(gate.admit(s(1), Urgency::Background), Admission::At(s(16)));
        assert_eq!(gate.admit(s(1), Urgency::FreshCommand), Admission::Now);
        assert!(gate.answered(s(2)));
        assert!(!gate.is_outage());
    }
}
