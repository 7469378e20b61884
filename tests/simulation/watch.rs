//! What is to hold of one process: its calls account by account, and what it was told.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::{CallError, CallOutcome, CloudCall, Reply};
use gizwits2mqtt::ids::{AccountName, CallId, Did};
use serde_json::{Map, Value};

use super::laws::plain;
use super::universe::Universe;

/// The shortest pause after 9041.
const PAUSE: Duration = Duration::from_secs(15);

/// Rows of a full page of bindings.
const PAGE: u32 = 20;
/// Logins of an account within an hour, whatever for.
const LOGINS_PER_HOUR: usize = 4;

/// What is remembered of a process.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    accounts: BTreeMap<AccountName, Calls>,
    /// Calls under way: whose, with which token, and when they left.
    carried: BTreeMap<CallId, (AccountName, Option<String>, Duration)>,
    pub(crate) polls: BTreeMap<CallId, Did>,
    /// What a device was last told to have, and when that was heard.
    pub(crate) heard: BTreeMap<Did, (Duration, Map<String, Value>)>,
}

/// The calls of one account.
#[derive(Debug, Default)]
struct Calls {
    sent: VecDeque<Duration>,
    /// No call may leave between these two.
    shut_at: Duration,
    shut_until: Duration,
    /// The bridge was told that this token is not valid any more.
    dead_token: Option<String>,
    /// When logins left.
    logins: Vec<Duration>,
    /// A listing is under way.
    is_listing: bool,
}

impl Watch {
    /// A new process. One that was stopped in order left behind what was called; what died did not.
    pub(crate) fn restarted(&mut self, is_remembered: bool) {
        if !is_remembered {
            self.accounts.clear();
        }
        for calls in self.accounts.values_mut() {
            calls.dead_token = None;
            calls.is_listing = false;
        }
        self.carried.clear();
        self.polls.clear();
    }

    /// After a reload a listing may begin anew.
    pub(crate) fn reloaded(&mut self) {
        for calls in self.accounts.values_mut() {
            calls.is_listing = false;
        }
    }

    /// An answer reaches the bridge. Tells whose call it was, with which token, and when it left.
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        id: CallId,
        outcome: &CallOutcome,
    ) -> Option<(AccountName, Option<String>, Duration)> {
        let did = self.polls.remove(&id);
        if let (Ok(Reply::Latest { attrs, .. }), Some(did)) = (outcome, did) {
            self.heard.insert(did, (now, attrs.clone()));
        }
        let known = self.carried.remove(&id)?;
        let is_last = match outcome {
            Ok(Reply::Bindings { rows, .. }) => *rows < PAGE,
            Ok(_) => false,
            Err(_) => true,
        };
        if is_last && let Some(calls) = self.accounts.get_mut(&known.0) {
            calls.is_listing = false;
        }
        Some(known)
    }

    pub(crate) fn token_lost(&mut self, account: &AccountName, token: Option<String>) {
        let calls = self.accounts.entry(account.clone()).or_default();
        calls.dead_token = token.or(calls.dead_token.take());
    }

    /// The bridge knows that this token of an account is not valid any more.
    pub(crate) fn is_dead(&self, account: &AccountName, token: Option<&str>) -> bool {
        let calls = self.accounts.get(account);
        token.is_some() && token == calls.and_then(|calls| calls.dead_token.as_deref())
    }

    /// After "too often" the account is silent for as long as the cloud asks, at least [`PAUSE`].
    /// Answers to calls that left before the pause may lengthen it only by what they ask.
    pub(crate) fn expect_pause(
        &mut self,
        account: &AccountName,
        (now, left): (Duration, Duration),
        err: &CallError,
    ) {
        let calls = self.accounts.entry(account.clone()).or_default();
        let asked = err.retry_after.unwrap_or_default();
        let is_news = now >= calls.shut_until && left >= calls.shut_at;
        let least = if is_news {
            calls.shut_at = now;
            asked.max(PAUSE)
        } else {
            asked
        };
        calls.shut_until = calls.shut_until.max(now + least);
    }

    /// The last answer of the device shows all of these, and it was heard after that moment.
    pub(crate) fn shows(&self, did: &Did, wanted: &Map<String, Value>, after: Duration) -> bool {
        self.heard.get(did).is_some_and(|(at, attrs)| {
            let shown =
                |(name, value): (&String, &Value)| attrs.get(name).map(plain) == Some(plain(value));
            *at > after && wanted.iter().all(shown)
        })
    }
}

impl Universe {
    /// A call leaves: within the budget, in no pause, and with a token that may be good.
    pub(crate) fn check_rate(&mut self, account: &AccountName, id: CallId, call: &CloudCall) {
        let now = self.now;
        let token = self.here.token(account);
        let token = token.filter(|_| !matches!(call, CloudCall::Login));
        if self.here.watch.is_dead(account, token.as_deref()) {
            let what = format!("{} with a token that is known to be dead", call.kind());
            self.fail("dead token", what);
        }
        let watch = &mut self.here.watch;
        watch.carried.insert(id, (account.clone(), token, now));
        let calls = watch.accounts.entry(account.clone()).or_default();
        calls.sent.push_back(now);
        while calls
            .sent
            .front()
            .is_some_and(|at| *at + Duration::from_secs(60) <= now)
        {
            calls.sent.pop_front();
        }
        let (within, until) = (calls.sent.len(), calls.shut_until);
        if let CloudCall::Bindings { skip, limit } = call {
            assert_eq!(*limit, PAGE);
            let is_restarted = *skip == 0 && calls.is_listing;
            calls.is_listing = true;
            if is_restarted {
                self.fail(
                    "listing",
                    format!("{account} begins another before the end"),
                );
            }
        }
        if let CloudCall::Login = call {
            self.check_login(account);
        }
        if within > usize::try_from(self.here.settings.requests_per_minute).unwrap() {
            self.fail("budget", format!("{within} calls within a minute"));
        }
        if now < until {
            self.fail("pause", format!("{} before {until:?}", call.kind()));
        }
    }

    /// The cloud throttles logins sharply. One that found no connection never reached it.
    fn check_login(&mut self, account: &AccountName) {
        let now = self.now;
        let reaches = self.cloud_is_reachable;
        let calls = self.here.watch.accounts.entry(account.clone()).or_default();
        let recent = |at: &&Duration| **at + Duration::from_secs(3600) > now;
        let within = calls.logins.iter().rev().take_while(recent).count();
        if reaches {
            calls.logins.push(now);
        }
        if within >= LOGINS_PER_HOUR {
            self.fail("logins", format!("{} logins within an hour", within + 1));
        }
    }

    /// When the bridge logged in.
    pub(crate) fn logins(&self) -> impl Iterator<Item = Duration> {
        let accounts = self.here.watch.accounts.values();
        accounts.flat_map(|calls| calls.logins.iter().copied())
    }
}
