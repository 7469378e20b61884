//! Which of an account's jobs may leave now, what outcomes mean for that, and what the budget learnt.

use std::time::Duration;

use tracing::{info, warn};

use crate::bridge::account_state::AccountState;
use crate::bridge::calls::{Job, Place, Priority, Waiting};
use crate::bridge::effect::Learnt;
use crate::bridge::gate::{Admission, TooOften, Urgency};
use crate::bridge::input::CallError;
use crate::clock::Now;
use crate::ids::CallId;

use super::{Account, Flight};

/// A job that the account's gate lets out. What goes is decided among all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) struct Offer {
    /// How urgent, which is also how deep it may reach into a bucket. The eldest job goes with that of
    /// the one whose turn it takes, or it would wait for ever where others use up all above its reserve.
    pub(in crate::bridge) urgency: Urgency,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Login,
    Queued(Place),
}

#[cfg(test)]
impl Offer {
    /// Of anything.
    pub(in crate::bridge) const fn of(urgency: Urgency) -> Self {
        let what = What::Login;
        Self { urgency, what }
    }
}

impl Account {
    /// What may leave now. [`Self::take`] it, or ask again later.
    pub(in crate::bridge) fn offer(&mut self, now: Now) -> Option<Offer> {
        self.blocked_until = None;
        self.session.end_if_due(now);
        let is_live = self.session.is_live();
        let login = self.offer_login(now);
        if login.is_some() || !is_live {
            return login;
        }
        self.wake_at(self.session.ends_at(now));
        let (_, first) = self.queue.first()?;
        let urgency = urgency(first);
        if self.admitted(now.mono, urgency) {
            let what = What::Queued(self.queue.turn()?);
            return Some(Offer { urgency, what });
        }
        // One that came back waits for the cloud; that is no reason not to try another.
        let what = What::Queued(self.queue.fresh_command()?);
        let urgency = Urgency::FreshCommand;
        self.admitted(now.mono, urgency)
            .then_some(Offer { urgency, what })
    }

    /// Without a token everything waits for a login; a renewal can wait itself.
    fn offer_login(&mut self, now: Now) -> Option<Offer> {
        let due = self.session.login_due(now);
        let waits = due.filter(|due| now.mono < *due);
        self.login_waits_until = waits.filter(|_| !self.session.is_live());
        if waits.is_some() {
            self.wake_at(waits);
            return None;
        }
        due?;
        let urgency = if self.session.is_live() {
            Urgency::Rest
        } else {
            Urgency::Command
        };
        let what = What::Login;
        self.admitted(now.mono, urgency)
            .then_some(Offer { urgency, what })
    }

    /// Something is to be done at this moment.
    fn wake_at(&mut self, at: Option<Duration>) {
        let both = self.blocked_until.into_iter().chain(at);
        self.blocked_until = both.min();
    }

    fn admitted(&mut self, now: Duration, urgency: Urgency) -> bool {
        match self.gate.admit(now, urgency) {
            Admission::Now => true,
            Admission::At(at) => {
                self.wake_at(Some(at));
                false
            }
            Admission::AfterCall => false,
        }
    }

    /// Takes what was offered. The caller says [`Self::sent`], or drops it when there is nothing to
    /// send any more.
    pub(in crate::bridge) fn take(&mut self, offer: Offer) -> Option<Waiting> {
        match offer.what {
            What::Login => Some(Waiting::new(Job::Login, Priority::Command)),
            What::Queued(place) => self.queue.take(place),
        }
    }

    /// The job left under this id.
    pub(in crate::bridge) fn sent(&mut self, now: Duration, id: CallId, waiting: Waiting) {
        self.gate.passed(now);
        if waiting.job == Job::Login {
            self.session.logging_in(now);
            self.has_news = true;
        }
        if waiting.job == (Job::Bindings { skip: 0 }) {
            self.pace.left(now);
        }
        let generation = self.session.generation();
        self.in_flight.insert(
            id,
            Flight {
                waiting,
                generation,
                sent_at: now,
            },
        );
    }

    pub(super) fn answered(&mut self, now: Duration) {
        let was = self.state();
        if self.gate.answered(now)
            && matches!(was, AccountState::Throttled | AccountState::Unreachable)
        {
            info!(account = %self.name, was = was.as_str(), "the cloud answers again");
        }
    }

    pub(super) fn throttled(
        &mut self,
        now: Duration,
        (left_at, is_login): (Duration, bool),
        err: &CallError,
        chance: f64,
    ) {
        let news = !self.gate.is_throttled();
        let asked = err.retry_after;
        let what = TooOften {
            left_at,
            is_login,
            asked,
        };
        let wait = self.gate.throttle(now, what, chance);
        self.held_by = Some(err.message.clone());
        if news && !wait.is_zero() {
            warn!(account = %self.name, reason = %err, pause_s = wait.as_secs(),
                per_minute = self.gate.budget().size(),
                "the cloud says too often: the whole account pauses");
        }
    }

    pub(super) fn unreachable(&mut self, now: Duration, err: &CallError, chance: f64) {
        let known = self.gate.is_outage();
        let wait = self.gate.fail(now, chance);
        self.held_by = Some(err.message.clone());
        if !known && self.gate.is_outage() {
            warn!(account = %self.name, reason = %err, retry_s = wait.as_secs(),
                "the cloud cannot be reached: trying again, at longest each minute");
        }
    }

    /// Goes on with what an earlier run learnt.
    pub(in crate::bridge) fn restore(&mut self, learnt: &Learnt, now: Now) {
        self.session.limit_mut().restore(&learnt.logins, now);
        if let Some(left) = self.gate.restore(learnt, now) {
            info!(account = %self.name, pause_s = left.as_secs(),
                "the cloud said too often before the restart: the pause goes on");
        }
        self.set_pace(now.mono);
    }

    /// The same account, configured anew.
    pub(in crate::bridge) fn remember(&mut self, earlier: &Self, now: Duration) {
        self.gate.remember(&earlier.gate);
        *self.session.limit_mut() = earlier.session.limit().clone();
        self.set_pace(now);
    }

    /// What to keep, when the budget learnt something since the last time.
    pub(in crate::bridge) fn take_learnt(&mut self, now: Now) -> Option<Learnt> {
        let is_news = std::mem::take(&mut self.has_news);
        if !(self.gate.take_news() || is_news) {
            return None;
        }
        self.set_pace(now.mono);
        Some(self.learnt(now))
    }

    /// What to keep for the next run.
    pub(in crate::bridge) fn learnt(&self, now: Now) -> Learnt {
        Learnt {
            logins: self.session.limit().learnt(now),
            ..self.gate.budget().learnt(now)
        }
    }

    /// Polls no more often than the budget allows, so that nobody waits for turns that cannot come.
    fn set_pace(&mut self, now: Duration) {
        let per_minute = self.gate.background_per_minute().min(self.share);
        self.polls.set_limit(per_minute, now);
    }
}

const fn urgency(waiting: &Waiting) -> Urgency {
    match (waiting.priority, waiting.retried) {
        (Priority::Command, false) => Urgency::FreshCommand,
        (Priority::Command, true) => Urgency::Command,
        (Priority::Asked, _) => Urgency::Asked,
        (Priority::Stale, _) => Urgency::Stale,
        (Priority::Inventory | Priority::Poll, _) => Urgency::Rest,
    }
}
