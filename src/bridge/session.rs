//! Whether an account is logged in, where, and when to try again. Holds no token: that stays with
//! the edge (`docs/decisions/0005-token-stays-in-the-edge.md`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Now;
use crate::model::Region;
use crate::retry::{Retry, RetryPolicy};

/// Between logins when a new token does not work either. Logins are throttled sharply (seen), so
/// this starts long.
const RELOGIN: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(60),
    factor: 2.0,
    longest: Duration::from_secs(15 * 60),
};
/// A token is renewed this long before it ends, or earlier than that at a tenth of its life.
const RENEW_BEFORE_S: i64 = 24 * 3600;

/// Another login so soon would bring nothing better, and logins are throttled sharply (seen).
const FRESH: Duration = Duration::from_secs(5 * 60);
/// A token that lived this long was a good one.
const LONG_LIFE: Duration = Duration::from_secs(15 * 60);
/// So many tokens may be lost in a row before the next login has to wait.
const FREE_LOSSES: u32 = 3;
/// The shorter of the two token lives that the documents tell.
const SHORTEST_LIFE_S: i64 = 7 * 86_400;

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    state: SessionState,
    /// Counts logins: a call that lost an older token is repeated without another login.
    generation: u32,
    /// Tokens that the edge holds, by the moment to renew them (Unix seconds).
    tokens: BTreeMap<Region, i64>,
    /// The newest token has served at least one call.
    proven: bool,
    /// When the newest token came; `None`: in an earlier run.
    since: Option<Duration>,
    /// Tokens lost since one lived long.
    losses: u32,
    retry: Retry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SessionState {
    Absent { not_before: Duration },
    LoggingIn,
    Live,
    Refused { reason: String },
}

impl Session {
    pub(super) fn new(restored: Option<(Region, i64)>) -> Self {
        Self {
            state: SessionState::Absent {
                not_before: Duration::ZERO,
            },
            generation: 0,
            tokens: restored.into_iter().collect(),
            proven: false,
            since: None,
            losses: 0,
            retry: Retry::new(RELOGIN),
        }
    }

    /// Enters a region: live at once where a token for it is at hand.
    pub(super) fn enter(&mut self, region: Region, now: Now) {
        self.generation += 1;
        self.state = if self
            .tokens
            .get(&region)
            .is_some_and(|renew_at| now.unix < *renew_at)
        {
            // It served an earlier run.
            self.proven = true;
            SessionState::Live
        } else {
            SessionState::Absent {
                not_before: now.mono,
            }
        };
    }

    /// When a login is due: `None` while live, under way or refused.
    pub(super) fn login_due(&self) -> Option<Duration> {
        match self.state {
            SessionState::Absent { not_before } => Some(not_before),
            SessionState::LoggingIn | SessionState::Live | SessionState::Refused { .. } => None,
        }
    }

    pub(super) fn logging_in(&mut self) {
        self.state = SessionState::LoggingIn;
    }

    pub(super) fn logged_in(&mut self, region: Region, expires_at: i64, now: Now) {
        // An end in the past is a clock's fault, here or there; believing it would log in for ever.
        let expires_at = if expires_at > now.unix {
            expires_at
        } else {
            now.unix.saturating_add(SHORTEST_LIFE_S)
        };
        let life = expires_at.saturating_sub(now.unix);
        self.tokens.insert(
            region,
            expires_at.saturating_sub(RENEW_BEFORE_S.min(life / 10)),
        );
        self.generation += 1;
        self.proven = false;
        self.since = Some(now.mono);
        self.state = SessionState::Live;
    }

    /// The login did not come through for a reason that is not the user's.
    pub(super) fn login_failed(&mut self, now: Now) {
        self.state = SessionState::Absent {
            not_before: now.mono,
        };
    }

    pub(super) fn refused(&mut self, reason: String) {
        self.state = SessionState::Refused { reason };
    }

    /// A call with this token was answered.
    pub(super) fn served(&mut self, generation: u32) {
        if generation == self.generation {
            self.proven = true;
        }
    }

    /// The cloud does not know the token any more. True when this is news.
    pub(super) fn lost(&mut self, region: Region, generation: u32, now: Now, chance: f64) -> bool {
        if generation != self.generation || self.state != SessionState::Live {
            return false;
        }
        self.tokens.remove(&region);
        // A token that served is replaced at once. When they are lost again and again, a new one is not
        // the cure, and logins are throttled sharply (seen).
        if self.since.is_none_or(|since| now.mono >= since + LONG_LIFE) {
            self.losses = 0;
        }
        let wait = if self.proven && self.losses < FREE_LOSSES {
            self.retry.succeeded();
            Duration::ZERO
        } else {
            self.retry.failed(chance)
        };
        self.losses = self.losses.saturating_add(1);
        self.state = SessionState::Absent {
            not_before: now.mono + wait,
        };
        true
    }

    /// Ends a token that is about to expire, so that the next call starts with a new one.
    pub(super) fn renew_if_due(&mut self, region: Region, now: Now) {
        let due = self
            .tokens
            .get(&region)
            .is_some_and(|renew_at| now.unix >= *renew_at);
        if self.state == SessionState::Live && due {
            self.state = SessionState::Absent {
                not_before: now.mono,
            };
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == SessionState::Live
    }

    /// The token came just now.
    pub(super) fn is_fresh(&self, now: Duration) -> bool {
        self.since.is_some_and(|since| now < since + FRESH)
    }

    pub(super) fn refusal(&self) -> Option<&str> {
        match &self.state {
            SessionState::Refused { reason } => Some(reason),
            SessionState::Absent { .. } | SessionState::LoggingIn | SessionState::Live => None,
        }
    }

    pub(super) const fn generation(&self) -> u32 {
        self.generation
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
    fn a_restored_token_is_used_until_it_ends() {
        let mut session = Session::new(Some((Region::Eu, 1_000_100)));
        session.enter(Region::Eu, at(0));
        assert!(session.is_live());
        session.renew_if_due(Region::Eu, at(99));
        assert!(session.is_live());
        session.renew_if_due(Region::Eu, at(100));
        assert_eq!(session.login_due(), Some(Duration::from_secs(100)));
    }

    #[test]
    fn a_token_that_served_is_replaced_at_once_and_one_that_never_did_after_a_wait() {
        let mut session = Session::new(None);
        session.enter(Region::Eu, at(0));
        session.logging_in();
        session.logged_in(Region::Eu, 2_000_000, at(1));
        session.served(session.generation());
        assert!(session.lost(Region::Eu, session.generation(), at(5), 0.0));
        assert_eq!(session.login_due(), Some(Duration::from_secs(5)));
        session.logging_in();
        session.logged_in(Region::Eu, 2_000_000, at(6));
        assert!(session.lost(Region::Eu, session.generation(), at(7), 0.0));
        assert_eq!(session.login_due(), Some(Duration::from_secs(67)));
    }

    #[test]
    fn tokens_that_are_lost_again_and_again_are_not_replaced_at_once() {
        let mut session = Session::new(None);
        session.enter(Region::Eu, at(0));
        let mut lose_at = |secs: u64| {
            session.logging_in();
            session.logged_in(Region::Eu, 9_000_000, at(secs));
            session.served(session.generation());
            assert!(session.lost(Region::Eu, session.generation(), at(secs + 10), 0.0));
            session.login_due().unwrap().as_secs() - (secs + 10)
        };
        let waits = [0, 20, 40, 60, 200].map(&mut lose_at);
        assert_eq!(waits, [0, 0, 0, 60, 120]);
        session.logging_in();
        session.logged_in(Region::Eu, 9_000_000, at(1_000));
        session.served(session.generation());
        assert!(session.lost(Region::Eu, session.generation(), at(3_000), 0.0));
        assert_eq!(
            session.login_due(),
            Some(Duration::from_secs(3_000)),
            "it lived long"
        );
    }

    #[test]
    fn an_end_in_the_past_is_not_believed() {
        let mut session = Session::new(None);
        session.enter(Region::Eu, at(0));
        session.logging_in();
        session.logged_in(Region::Eu, 0, at(1));
        session.renew_if_due(Region::Eu, at(3_600));
        assert!(session.is_live());
    }

    #[test]
    fn a_token_is_fresh_for_minutes_and_one_of_an_earlier_run_never() {
        let mut session = Session::new(Some((Region::Eu, 2_000_000)));
        session.enter(Region::Eu, at(0));
        assert!(!session.is_fresh(at(0).mono));
        session.logged_in(Region::Eu, 2_000_000, at(10));
        assert!(session.is_fresh(at(309).mono));
        assert!(!session.is_fresh(at(310).mono));
    }

    #[test]
    fn losing_an_older_token_is_no_news() {
        let mut session = Session::new(None);
        session.enter(Region::Eu, at(0));
        session.logging_in();
        session.logged_in(Region::Eu, 2_000_000, at(1));
        let older = session.generation();
        session.served(older);
        assert!(session.lost(Region::Eu, older, at(2), 0.0));
        assert!(
            !session.lost(Region::Eu, older, at(2), 0.0),
            "two calls lost the same token"
        );
        session.logging_in();
        session.logged_in(Region::Eu, 2_000_000, at(3));
        assert!(!session.lost(Region::Eu, older, at(4), 0.0));
        assert!(session.is_live());
    }
}
