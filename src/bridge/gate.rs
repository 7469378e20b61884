//! When an account may make its next call: its budget, calls in flight, and the pause after the cloud
//! said "too often" (9041) or could not be reached. The budget is about the rate, the pause about the
//! moment.
//!
//! One gate for a whole account, since the scope of the cloud's limit is undocumented
//! (`docs/decisions/0003-one-gate-per-account.md`).

use std::time::Duration;

use crate::clock::Now;
use crate::retry::{Retry, RetryPolicy};

use super::budget::{Budget, Reserve};
use super::effect::Learnt;

/// Calls of one account under way at a time; what a person waits for may be one more, and a command
/// two.
const MAX_IN_FLIGHT: usize = 4;
/// The pause after 9041. No figure is public; 15 s is long against a burst and short for a person.
const THROTTLED: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(15),
    factor: 2.0,
    longest: Duration::from_secs(15 * 60),
};
/// No server may silence an account, commands included, for longer, whatever it asks. A reload ends what
/// is beyond the bridge's own pause.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);
/// The pause when the cloud cannot be reached or answers nonsense.
const OUTAGE: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(2),
    factor: 2.0,
    longest: Duration::from_secs(60),
};
/// Failures in a row before an outage has a name; one 502 is none.
const OUTAGE_AFTER: u32 = 3;

/// Who wants to pass. Smaller goes first, and may take what the others must leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// A command that was not tried yet: during an outage it is tried at once.
    FreshCommand,
    /// A command that comes back, or a login that everything waits for.
    Command,
    /// Somebody waits for the answer.
    Asked,
    /// A device of which is known less than should be.
    Stale,
    /// The regular round and the like.
    Rest,
}

impl Urgency {
    /// What it leaves in every bucket, so that polling never makes a command wait.
    pub(super) const fn reserve(self) -> Reserve {
        match self {
            Self::FreshCommand | Self::Command => Reserve(0),
            Self::Asked => Reserve(20),
            Self::Stale => Reserve(10),
            Self::Rest => Reserve(5),
        }
    }

    const fn most_in_flight(self) -> usize {
        match self {
            Self::FreshCommand | Self::Command => MAX_IN_FLIGHT + 2,
            Self::Asked => MAX_IN_FLIGHT + 1,
            Self::Stale | Self::Rest => MAX_IN_FLIGHT,
        }
    }
}

/// A call that the cloud answered with "too often".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooOften {
    /// When it left.
    pub(super) left_at: Duration,
    /// It was a login: these are throttled sharply by themselves (seen), which says nothing about how
    /// often devices may be polled.
    pub(super) is_login: bool,
    /// How long the server asks to wait.
    pub(super) asked: Option<Duration>,
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
    budget: Budget,
    in_flight: usize,
    pause: Pause,
    throttled: Retry,
    outage: Retry,
    /// When the last pause after 9041 began.
    paused_at: Option<Duration>,
    /// When it ends, if it is not for what the server asks.
    own_until: Duration,
    /// The same, or when it ended: how long it is remembered.
    last_throttled: Option<Duration>,
    /// What is to be kept changed.
    has_news: bool,
}

impl CallGate {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            budget: Budget::new(per_minute),
            in_flight: 0,
            pause: Pause::Open,
            throttled: Retry::new(THROTTLED),
            outage: Retry::new(OUTAGE),
            paused_at: None,
            own_until: Duration::ZERO,
            last_throttled: None,
            has_news: false,
        }
    }

    /// Goes on with what an earlier run learnt. Returns what is left of its pause. One that no pause can
    /// be as long as is not believed: then the clock went back.
    pub(super) fn restore(&mut self, learnt: &Learnt, now: Now) -> Option<Duration> {
        self.budget.restore(learnt, now);
        let ahead = u64::try_from(learnt.since.saturating_sub(now.unix)).ok()?;
        let left = Duration::from_secs(ahead);
        if left.is_zero() || left > THROTTLED.longest_with_jitter() {
            return None;
        }
        let until = now.mono + left;
        self.pause = Pause::Throttled { until };
        self.own_until = until;
        self.paused_at = Some(now.mono);
        self.last_throttled = Some(now.mono);
        self.budget.quiet_after(until);
        Some(left)
    }

    pub(super) fn set_limit(&mut self, per_minute: u32) {
        self.budget.set_limit(per_minute);
    }

    /// What an earlier gate of the same account let through counts here, too, and its pause goes on:
    /// a reload is no way around either.
    pub(super) fn remember(&mut self, earlier: &Self) {
        let limit = self.budget.limit();
        self.budget = earlier.budget.clone();
        self.budget.set_limit(limit);
        if earlier.is_throttled() {
            self.pause = earlier.pause;
            self.throttled = earlier.throttled.clone();
            self.paused_at = earlier.paused_at;
            self.own_until = earlier.own_until;
            self.last_throttled = earlier.last_throttled;
        }
    }

    pub(super) const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// True once after what was learnt changed.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Calls that polling may make in a minute.
    pub(super) fn background_per_minute(&self) -> u32 {
        let size = self.budget.size();
        let reserve = Urgency::Rest.reserve().of(size);
        size.saturating_sub(reserve).max(1)
    }

    pub(super) fn admit(&self, now: Duration, urgency: Urgency) -> Admission {
        let pause = self.pause_for(now, urgency);
        if pause == Some(Admission::AfterCall) || self.in_flight >= urgency.most_in_flight() {
            return Admission::AfterCall;
        }
        // The later of the two, so that a caller who waits for it gets through.
        let token = self.budget.ready_at(now, urgency.reserve());
        match (pause, token) {
            (Some(Admission::At(until)), at) => Admission::At(at.map_or(until, |at| at.max(until))),
            (_, Some(at)) => Admission::At(at),
            (_, None) => Admission::Now,
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
        self.budget.spend(now);
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
        self.has_news |= self.budget.answered(now);
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
    pub(super) fn throttle(&mut self, now: Duration, what: TooOften, chance: f64) -> Duration {
        let asked = what.asked.unwrap_or_default().min(LONGEST_ASKED);
        let until = if self.paused_at.is_some_and(|at| what.left_at <= at) {
            // The call left before the last pause: it tells nothing new but what the server asks.
            let current = match self.pause {
                Pause::Throttled { until } => until,
                Pause::Open | Pause::Outage { .. } => now,
            };
            current.max(now + asked)
        } else {
            self.paused_at = Some(now);
            self.last_throttled = Some(now);
            if !what.is_login {
                self.budget.halve();
            }
            self.has_news = true;
            let own = self.throttled.failed(chance);
            self.own_until = now + own;
            now + own.max(asked)
        };
        if until > now {
            self.pause = Pause::Throttled { until };
            self.budget.quiet_after(until);
        }
        until.saturating_sub(now)
    }

    /// Ends a pause that is only as long as it is because the server asked for it: a person wants that.
    pub(super) fn end_asked_pause(&mut self, now: Duration) {
        let own_until = self.own_until.max(now);
        if let Pause::Throttled { until } = &mut self.pause {
            *until = (*until).min(own_until);
        }
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
#[path = "gate_tests.rs"]
mod tests;
