//! Whether an account is logged in, and when to log in again. Holds no token: that stays with the edge
//! (`docs/decisions/0005-token-stays-in-the-edge.md`).
//!
//! A login replaces a token that is about to end, one that was lost, or a refusal; the token at hand
//! stays at work meanwhile. Each failed login has a pause of its own, and [`LoginLimit`] bounds all of
//! them together (`docs/decisions/0024-a-refusal-is-a-pause.md`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Now;
use crate::model::Region;
use crate::retry::{Retry, RetryPolicy};

use super::login_limit::LoginLimit;

/// Between logins without a token: after one that failed, and after a young token was lost.
const LOG_IN_AGAIN: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(30),
    factor: 4.0,
    longest: Duration::from_secs(15 * 60),
};
/// Between renewals that fail, while the token at hand is still good.
const RENEW_AGAIN: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(15 * 60),
    factor: 2.0,
    longest: Duration::from_secs(60 * 60),
};
/// After the first refusal in a row, the second, and each further one.
const AFTER_REFUSAL: [Duration; 3] = [
    Duration::from_secs(15 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];
/// An account that worked is tried once more after this time before it counts as refused.
const SECOND_TRY: Duration = Duration::from_secs(30);
/// A token is renewed this long before it ends; one that lives for less than ten days, when a tenth of its
/// life is left.
const RENEW_BEFORE_S: i64 = 24 * 3600;
/// A token that lived this long was a good one: it is replaced at once.
const LONG_LIFE: Duration = Duration::from_secs(15 * 60);
/// So many young tokens that served may be lost in a row before the next login has to wait.
const FREE_LOSSES: u32 = 1;
/// The shorter of the two token lives that the documents tell.
const SHORTEST_LIFE_S: i64 = 7 * 86_400;

/// The session of one account in the region where it is now.
#[derive(Debug)]
pub(super) struct Session {
    region: Region,
    state: SessionState,
    /// A login is on its way.
    is_logging_in: bool,
    /// The next login may leave from this moment on.
    not_before: Duration,
    /// Counts logins: a call that lost an older token is repeated without another login.
    generation: u32,
    /// Tokens that the edge holds.
    tokens: BTreeMap<Region, Token>,
    /// The newest token has served at least one call.
    proven: bool,
    /// When the newest token came; `None`: in an earlier run.
    since: Option<Duration>,
    /// Young tokens lost since one lived long.
    losses: u32,
    retry: Retry,
    renewal: Retry,
    /// The last login without a token did not come through.
    has_failed: bool,
    limit: LoginLimit,
    /// The account has worked with these credentials, and was not refused since.
    is_trusted: bool,
    /// Refusals since the account worked.
    refusals: usize,
    push: PushDoubt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SessionState {
    /// There is no token that could be used.
    Absent,
    Live,
    /// The cloud refuses the account; it is tried again all the same.
    Refused {
        reason: String,
    },
}

/// When to renew a token and when it ends, Unix seconds.
#[derive(Debug, Clone, Copy)]
struct Token {
    renew_at: i64,
    ends_at: i64,
}

impl Token {
    fn new(ends_at: i64, now: Now) -> Self {
        let left = ends_at.saturating_sub(now.unix).max(0);
        Self {
            renew_at: ends_at.saturating_sub(RENEW_BEFORE_S.min(left / 10)),
            ends_at,
        }
    }
}

/// Push does not take the token, though other calls do.
#[derive(Debug, Default)]
struct PushDoubt {
    /// The newest token that push refused.
    generation: Option<u32>,
    /// How many tokens it refused in a row.
    refused: usize,
    /// When another one is fetched for it.
    renew_at: Option<Duration>,
}

/// What a refusal leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A renewal was refused: the token at hand stays at work. The time until the next try.
    Renewal(Duration),
    /// The account worked until now, so it gets a second try after this time.
    SecondTry(Duration),
    /// It counts as refused, from now on or still, and is tried again after this time.
    Refused { wait: Duration, is_news: bool },
}

impl Session {
    /// `restored` is the token of an earlier run: its region and when it ends (Unix seconds).
    pub(super) fn new(restored: Option<(Region, i64)>, now: Now) -> Self {
        let token = |(region, ends_at)| (region, Token::new(ends_at, now));
        Self {
            region: Region::Custom,
            state: SessionState::Absent,
            is_logging_in: false,
            not_before: Duration::ZERO,
            generation: 0,
            tokens: restored.map(token).into_iter().collect(),
            proven: false,
            since: None,
            losses: 0,
            retry: Retry::new(LOG_IN_AGAIN),
            renewal: Retry::new(RENEW_AGAIN),
            has_failed: false,
            limit: LoginLimit::default(),
            is_trusted: restored.is_some(),
            refusals: 0,
            push: PushDoubt::default(),
        }
    }

    /// Enters a region: live at once where a token for it is at hand. A refused account stays refused
    /// until a login succeeds.
    pub(super) fn enter(&mut self, region: Region, now: Now) {
        self.region = region;
        self.generation += 1;
        self.not_before = now.mono;
        if self.refusal().is_some() {
            return;
        }
        let token = self.tokens.get(&region);
        self.state = if token.is_some_and(|token| now.unix < token.ends_at) {
            // It served an earlier run.
            self.proven = true;
            SessionState::Live
        } else {
            SessionState::Absent
        };
    }

    /// The next login goes to this region.
    pub(super) const fn choose(&mut self, region: Region) {
        self.region = region;
    }

    /// The login was refused in this region, which need not be the account's.
    pub(super) const fn left_region(&mut self) {
        self.is_logging_in = false;
    }

    /// The earliest moment of the next login, be it a renewal; `None` while one is on its way.
    pub(super) fn login_due(&self, now: Now) -> Option<Duration> {
        if self.is_logging_in {
            return None;
        }
        let due = if self.is_live() {
            let token = self.tokens.get(&self.region)?;
            let left = token.renew_at.saturating_sub(now.unix).max(0);
            let regular = now.mono + Duration::from_secs(left.unsigned_abs());
            let for_push = self.push.renew_at.unwrap_or(regular);
            self.not_before.max(regular.min(for_push))
        } else {
            self.not_before
        };
        Some(due.max(self.limit.ready_at(self.region)))
    }

    /// When a token that could not be renewed ends.
    pub(super) fn ends_at(&self, now: Now) -> Option<Duration> {
        let token = self.tokens.get(&self.region).filter(|_| self.is_live())?;
        let left = token.ends_at.saturating_sub(now.unix).max(0);
        Some(now.mono + Duration::from_secs(left.unsigned_abs()))
    }

    /// A token that has ended is not used any more.
    pub(super) fn end_if_due(&mut self, now: Now) {
        if self.ends_at(now).is_some_and(|at| at <= now.mono) {
            self.tokens.remove(&self.region);
            self.state = SessionState::Absent;
            self.not_before = now.mono;
        }
    }

    /// A login leaves.
    pub(super) fn logging_in(&mut self, now: Duration) {
        self.is_logging_in = true;
        self.limit.spend(self.region, now);
    }

    pub(super) fn logged_in(&mut self, ends_at: i64, now: Now) {
        // An end in the past is a clock's fault, here or there; believing it would log in for ever.
        let ends_at = if ends_at > now.unix {
            ends_at
        } else {
            now.unix.saturating_add(SHORTEST_LIFE_S)
        };
        self.tokens.insert(self.region, Token::new(ends_at, now));
        self.generation += 1;
        self.proven = false;
        self.since = Some(now.mono);
        self.is_logging_in = false;
        self.has_failed = false;
        self.not_before = now.mono;
        self.renewal.succeeded();
        self.push.renew_at = None;
        self.state = SessionState::Live;
    }

    /// The login did not come through for a reason that is not the user's. One that never left costs
    /// nothing: when the cloud is called again, the gate decides. Returns the pause otherwise.
    pub(super) fn login_failed(&mut self, now: Now, was_sent: bool, chance: f64) -> Duration {
        self.is_logging_in = false;
        if !was_sent {
            self.limit.take_back(self.region);
        }
        self.has_failed = !self.is_live();
        let wait = if self.is_live() {
            self.renewal.failed(chance)
        } else if was_sent {
            self.retry.failed(chance)
        } else {
            Duration::ZERO
        };
        self.not_before = now.mono + wait;
        wait
    }

    /// The cloud refused a login, as a verdict on the account.
    pub(super) fn login_refused(&mut self, reason: &str, now: Now) -> Refusal {
        self.is_logging_in = false;
        if self.is_live() {
            let wait = self.after_refusal();
            self.not_before = now.mono + wait;
            return Refusal::Renewal(wait);
        }
        self.refused(reason, now)
    }

    /// The cloud refused the account, on whatever call.
    pub(super) fn refused(&mut self, reason: &str, now: Now) -> Refusal {
        if std::mem::take(&mut self.is_trusted) {
            self.not_before = self.not_before.max(now.mono + SECOND_TRY);
            return Refusal::SecondTry(SECOND_TRY);
        }
        let wait = self.after_refusal();
        self.not_before = now.mono + wait;
        let is_news = self.refusal().is_none();
        self.state = SessionState::Refused {
            reason: reason.to_owned(),
        };
        Refusal::Refused { wait, is_news }
    }

    fn after_refusal(&mut self) -> Duration {
        let [.., last] = AFTER_REFUSAL;
        let wait = AFTER_REFUSAL.get(self.refusals).copied().unwrap_or(last);
        self.refusals = self.refusals.saturating_add(1);
        wait
    }

    /// The account works: its devices were listed.
    pub(super) fn works(&mut self) {
        self.is_trusted = true;
        self.refusals = 0;
        self.retry.succeeded();
    }

    /// A call with this token was answered.
    pub(super) fn served(&mut self, generation: u32) {
        if generation == self.generation {
            self.proven = true;
        }
    }

    /// The cloud does not know the token any more. True when this is news.
    pub(super) fn lost(&mut self, generation: u32, now: Now, chance: f64) -> bool {
        if generation != self.generation || !self.is_live() {
            return false;
        }
        self.tokens.remove(&self.region);
        // A token that served is replaced at once. When young ones are lost again and again, a new one is
        // not the cure.
        if self.since.is_none_or(|since| now.mono >= since + LONG_LIFE) {
            self.losses = 0;
        }
        let wait = if self.proven && self.losses < FREE_LOSSES {
            Duration::ZERO
        } else {
            self.retry.failed(chance)
        };
        self.losses = self.losses.saturating_add(1);
        self.state = SessionState::Absent;
        self.not_before = now.mono + wait;
        true
    }

    /// Push refused a login that left at `sent_at`: perhaps the token is dead, so another one is fetched,
    /// while other calls go on with this one. When push refuses that one, too, the token is hardly the
    /// reason, and the next ones are as far apart as tries after a refusal. Returns the time until then,
    /// where this is news.
    pub(super) fn push_refused(&mut self, sent_at: Duration, now: Now) -> Option<Duration> {
        let is_older = self.since.is_some_and(|since| sent_at < since);
        if !self.is_live() || is_older || self.push.generation == Some(self.generation) {
            return None;
        }
        let earlier = self.push.refused.checked_sub(1);
        let [.., last] = AFTER_REFUSAL;
        let wait = earlier.map_or(Duration::ZERO, |earlier| {
            AFTER_REFUSAL.get(earlier).copied().unwrap_or(last)
        });
        self.push = PushDoubt {
            generation: Some(self.generation),
            refused: self.push.refused.saturating_add(1),
            renew_at: Some(now.mono + wait),
        };
        Some(wait)
    }

    /// Push took the token.
    pub(super) fn push_accepted(&mut self) {
        self.push = PushDoubt::default();
    }

    /// Is there a token that push may take? Not the first one that it refused, until another is here.
    pub(super) fn has_push_token(&self) -> bool {
        let is_refused = self.push.refused == 1 && self.push.generation == Some(self.generation);
        self.is_live() && !is_refused
    }

    /// A person wants it tried now: only the limit on logins still holds.
    pub(super) fn try_now(&mut self, now: Duration) {
        if !self.is_live() {
            self.retry.succeeded();
            self.not_before = now;
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == SessionState::Live
    }

    /// There is no token, since the last login did not come through.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed && !self.is_live()
    }

    /// The account worked with these credentials, and was not refused since.
    pub(super) const fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    pub(super) fn refusal(&self) -> Option<&str> {
        match &self.state {
            SessionState::Refused { reason } => Some(reason),
            SessionState::Absent | SessionState::Live => None,
        }
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    pub(super) const fn limit(&self) -> &LoginLimit {
        &self.limit
    }

    pub(super) const fn limit_mut(&mut self) -> &mut LoginLimit {
        &mut self.limit
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
