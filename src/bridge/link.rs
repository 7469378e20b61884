//! One push connection as the core knows it: when to open it, log in, subscribe, ping, and when to give it
//! up for a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::{Did, LinkId};
use crate::model::Endpoint;
use crate::retry::{Retry, RetryPolicy};

use super::socket::SocketOrder;

/// Announced at login, in seconds: the cloud ends a connection that is silent for longer. At most 180
/// (documented).
const HEARTBEAT_S: u16 = 90;
/// Often enough that a silent connection is found out within half a minute.
const PING_EVERY: Duration = Duration::from_secs(20);
/// An answer to a ping, or anything else, comes within this time, or the connection is dead.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// The edge gives up sooner.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// The answer to a login.
const LOGIN_WITHIN: Duration = Duration::from_secs(20);
/// Waits between two tries (those of other clients, seen).
const RECONNECT: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(3),
    factor: 2.0,
    longest: Duration::from_secs(60),
};
/// Up for this long, a connection has worked.
const STEADY: Duration = Duration::from_secs(5 * 60);
/// Devices in one subscription.
const CHUNK: usize = 100;
/// A poll that shows what push did not bring may only have been faster.
const GRACE: Duration = Duration::from_secs(3);
/// Logins on one socket in a row, beyond the first; 1003 and 1009 ask for one (seen).
const MAX_RELOGINS: u8 = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) endpoint: Endpoint,
    /// Of the connection that is open or being opened.
    id: Option<LinkId>,
    state: State,
    retry: Retry,
    /// Who is to be heard over it.
    devices: BTreeSet<Did>,
    /// Who is, and since when.
    subscribed: BTreeMap<Did, Duration>,
    relogins: u8,
    /// Logins refused since one was accepted.
    refusals: u32,
    serial: u64,
    /// Since when it is in this state.
    since: Duration,
    /// Something came at this moment.
    heard_at: Duration,
    /// A poll showed a change of this device that push has yet to bring.
    doubt: Option<(Did, Duration)>,
    /// Why the last one ended, for people.
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For a token, or for a moment to try again.
    Waiting {
        until: Duration,
    },
    Opening {
        until: Duration,
    },
    LoggingIn {
        until: Duration,
    },
    Up {
        ping_due: Duration,
        pong_due: Option<Duration>,
    },
}

/// What is to be sent, and over which connection.
pub(super) type Orders = Vec<(LinkId, SocketOrder)>;

/// Why a connection was given up, in a word for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It ended, or never came to be.
    Ended,
    /// The cloud did not answer in time.
    Silent,
    /// A poll showed a change that it did not bring.
    Missed,
    /// The cloud lost the session, or refused the login.
    Session,
}

impl Fault {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Silent => "silent",
            Self::Missed => "missed_change",
            Self::Session => "session",
        }
    }
}

impl Link {
    /// The first try comes at once; `wait` spreads those of a reload.
    pub(super) fn new(endpoint: Endpoint, now: Duration) -> Self {
        Self {
            endpoint,
            id: None,
            state: State::Waiting { until: now },
            retry: Retry::new(RECONNECT),
            devices: BTreeSet::new(),
            subscribed: BTreeMap::new(),
            relogins: 0,
            refusals: 0,
            serial: 0,
            since: now,
            heard_at: now,
            doubt: None,
            reason: None,
        }
    }

    pub(super) const fn id(&self) -> Option<LinkId> {
        self.id
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// A word for `bridge/info`.
    pub(super) const fn state(&self) -> &'static str {
        match self.state {
            State::Waiting { .. } => "down",
            State::Opening { .. } | State::LoggingIn { .. } => "connecting",
            State::Up { .. } => "ok",
        }
    }

    pub(super) const fn since(&self) -> Duration {
        self.since
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(super) fn devices(&self) -> &BTreeSet<Did> {
        &self.devices
    }

    /// A device can be spoken to: it is subscribed, and nothing says that the connection is dead.
    pub(super) fn reaches(&self, did: &Did) -> bool {
        self.is_up() && self.doubt.is_none() && self.subscribed.contains_key(did)
    }

    /// When it last showed life, for a device that it brings reports of.
    pub(super) fn vouches(&self, did: &Did) -> Option<Duration> {
        self.reaches(did).then_some(self.heard_at)
    }

    /// A number for the next write.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Who is to be heard over it now. New ones are subscribed; those that are gone are not listened to
    /// any more.
    pub(super) fn want(&mut self, devices: BTreeSet<Did>, orders: &mut Orders) {
        self.subscribed.retain(|did, _| devices.contains(did));
        let new: Vec<Did> = devices.difference(&self.devices).cloned().collect();
        self.devices = devices;
        if let Some(id) = self.id.filter(|_| self.is_up()) {
            subscribe(id, &new, orders);
        }
    }

    /// Time has passed. `token` says whether there is one to log in with; `new_id` names a new connection.
    /// Tells why the connection is given up, if it is.
    pub(super) fn tick(
        &mut self,
        now: Duration,
        token: bool,
        new_id: &mut u64,
        chance: f64,
        orders: &mut Orders,
    ) -> Option<Fault> {
        match self.state {
            State::Waiting { until } if now >= until && token && !self.devices.is_empty() => {
                let id = LinkId(*new_id);
                *new_id += 1;
                self.id = Some(id);
                self.enter(
                    State::Opening {
                        until: now + OPEN_WITHIN,
                    },
                    now,
                );
                orders.push((id, SocketOrder::Open(self.endpoint.clone())));
            }
            State::Opening { until } | State::LoggingIn { until } if now >= until => {
                return self.give_up(
                    now,
                    Fault::Silent,
                    "the cloud does not answer",
                    chance,
                    orders,
                );
            }
            State::Up {
                pong_due: Some(due),
                ..
            } if now >= due => {
                let reason = "the connection fell silent: no answer to a ping";
                return self.give_up(now, Fault::Silent, reason, chance, orders);
            }
            State::Up { ping_due, pong_due } => {
                if self.doubt.as_ref().is_some_and(|(_, until)| now >= *until) {
                    let reason = "a poll showed a change that push did not bring";
                    return self.give_up(now, Fault::Missed, reason, chance, orders);
                }
                if now >= self.since + STEADY {
                    self.retry.succeeded();
                    self.relogins = 0;
                }
                if now >= ping_due {
                    orders.extend(self.id.map(|id| (id, SocketOrder::Ping)));
                    self.state = State::Up {
                        ping_due: now + PING_EVERY,
                        pong_due: pong_due.or(Some(now + PONG_WITHIN)),
                    };
                }
            }
            State::Waiting { .. } | State::Opening { .. } | State::LoggingIn { .. } => {}
        }
        None
    }

    /// When [`Self::tick`] has something to do; without a token nothing begins.
    pub(super) fn next_deadline(&self, token: bool) -> Option<Duration> {
        match self.state {
            State::Waiting { until } => (token && !self.devices.is_empty()).then_some(until),
            State::Opening { until } | State::LoggingIn { until } => Some(until),
            State::Up { ping_due, pong_due } => {
                let doubt = self.doubt.as_ref().map(|(_, until)| *until);
                let all = [Some(ping_due), pong_due, doubt];
                all.into_iter().flatten().min()
            }
        }
    }

    /// Any message: the connection lives.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard_at = now;
        if let State::Up { pong_due, .. } = &mut self.state {
            *pong_due = None;
        }
    }

    pub(super) fn opened(&mut self, now: Duration, orders: &mut Orders) {
        if matches!(self.state, State::Opening { .. }) {
            self.log_in(now, orders);
        }
    }

    /// It has to log in, and there is nothing to log in with: it is opened anew when there is.
    pub(super) fn wait_for_token(&mut self, now: Duration, orders: &mut Orders) {
        self.close(orders);
        self.subscribed.clear();
        self.enter(State::Waiting { until: now }, now);
    }

    fn log_in(&mut self, now: Duration, orders: &mut Orders) {
        self.subscribed.clear();
        self.enter(
            State::LoggingIn {
                until: now + LOGIN_WITHIN,
            },
            now,
        );
        let login = SocketOrder::Login {
            heartbeat_s: HEARTBEAT_S,
        };
        orders.extend(self.id.map(|id| (id, login)));
    }

    pub(super) fn logged_in(&mut self, now: Duration, orders: &mut Orders) {
        let State::LoggingIn { .. } = self.state else {
            return;
        };
        let up = State::Up {
            ping_due: now + PING_EVERY,
            pong_due: None,
        };
        self.enter(up, now);
        self.heard_at = now;
        self.refusals = 0;
        self.reason = None;
        let devices: Vec<Did> = self.devices.iter().cloned().collect();
        if let Some(id) = self.id {
            subscribe(id, &devices, orders);
        }
    }

    /// The cloud refused the login. True when another token may be the cure: not when one was just tried.
    pub(super) fn refused(
        &mut self,
        now: Duration,
        reason: &str,
        chance: f64,
        orders: &mut Orders,
    ) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        let reason = format!("the cloud refuses the login ({reason})");
        self.give_up(now, Fault::Session, &reason, chance, orders);
        self.refusals == 1
    }

    /// These are subscribed now; each is asked for its values, since nothing comes before a change.
    pub(super) fn subscribed(&mut self, now: Duration, done: &[Did], orders: &mut Orders) {
        let Some(id) = self.id.filter(|_| self.is_up()) else {
            return;
        };
        for did in done.iter().filter(|did| self.devices.contains(*did)) {
            self.subscribed.insert(did.clone(), now);
            orders.push((id, SocketOrder::Read(did.clone())));
        }
    }

    /// A report of this device came.
    pub(super) fn reported(&mut self, did: &Did) {
        if self.doubt.as_ref().is_some_and(|(of, _)| of == did) {
            self.doubt = None;
        }
    }

    /// A poll that was asked for at `asked_at` showed a change. Push should have brought it, or is about to.
    pub(super) fn doubt(&mut self, did: &Did, asked_at: Duration, now: Duration) {
        let was_heard = self
            .subscribed
            .get(did)
            .is_some_and(|since| *since + GRACE < asked_at);
        if self.is_up() && was_heard && self.doubt.is_none() {
            self.doubt = Some((did.clone(), now + GRACE));
        }
    }

    /// `s2c_invalid_msg`. Tells why the connection is given up, if it is.
    pub(super) fn invalid(
        &mut self,
        now: Duration,
        (code, message): (i64, &str),
        chance: f64,
        orders: &mut Orders,
    ) -> Option<Fault> {
        /// Not logged in; the session behind the socket is gone (seen).
        const LOG_IN_AGAIN: [i64; 2] = [1003, 1009];
        /// No heartbeat came; the cloud is about to close (seen).
        const TOO_LATE: i64 = 1011;
        // While a login is under way its answer counts, not what was said before it.
        if !self.is_up() {
            return None;
        }
        if LOG_IN_AGAIN.contains(&code) && self.relogins < MAX_RELOGINS {
            self.relogins += 1;
            self.log_in(now, orders);
            return None;
        }
        if LOG_IN_AGAIN.contains(&code) || code == TOO_LATE {
            let reason = format!("the cloud lost the session: {message} ({code})");
            return self.give_up(now, Fault::Session, &reason, chance, orders);
        }
        None
    }

    /// It is gone.
    pub(super) fn down(&mut self, now: Duration, reason: String, chance: f64) {
        self.id = None;
        self.rest(now, reason, chance);
    }

    fn give_up(
        &mut self,
        now: Duration,
        fault: Fault,
        reason: &str,
        chance: f64,
        orders: &mut Orders,
    ) -> Option<Fault> {
        self.close(orders);
        self.rest(now, reason.to_owned(), chance);
        Some(fault)
    }

    /// It is not wanted any more.
    pub(super) fn close(&mut self, orders: &mut Orders) {
        orders.extend(self.id.take().map(|id| (id, SocketOrder::Close)));
    }

    fn rest(&mut self, now: Duration, reason: String, chance: f64) {
        self.subscribed.clear();
        self.doubt = None;
        self.reason = Some(reason);
        // From half to one and a half: a cloud that restarts meets no herd.
        let wait = self.retry.failed(0.0).mul_f64(0.5 + chance);
        self.enter(State::Waiting { until: now + wait }, now);
    }

    fn enter(&mut self, state: State, now: Duration) {
        self.state = state;
        self.since = now;
    }
}

fn subscribe(id: LinkId, dids: &[Did], orders: &mut Orders) {
    for chunk in dids.chunks(CHUNK) {
        orders.push((id, SocketOrder::Subscribe(chunk.to_vec())));
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
