//! One push connection as the core knows it: when to open it, log in, subscribe, ping, and when to give it
//! up for a new one.

mod probe;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::{Did, LinkId};
use crate::model::Endpoint;
use crate::retry::{Retry, RetryPolicy};

use super::deadlines::Deadlines;
use super::socket::SocketOrder;

use probe::{Probe, Step};

pub(super) use words::{Fault, Shown};

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
/// The answer to a subscription.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(20);
/// Devices that a subscription left out are named in another one after this time.
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// A device whose changes push did not bring costs the connection once in this time: what it never
/// brings, another one will not bring either.
const MUTE_FOR: Duration = Duration::from_secs(60 * 60);
/// Different codes of complaints that are told; the cloud has a handful.
const MAX_COMPLAINTS: usize = 16;
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

/// A push connection: the one that is open now, or the next.
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
    /// Who was left out of the last subscription, as was told.
    left_out: BTreeSet<Did>,
    /// When a subscription is answered at the latest.
    answer_due: Option<Duration>,
    /// When those that are not subscribed are named again.
    ask_again: Option<Duration>,
    /// Until when a change of these that only a poll shows says nothing of the connection.
    mute: BTreeMap<Did, Duration>,
    complaints: BTreeSet<i64>,
    relogins: u8,
    serial: u64,
    /// Since when it is in this state.
    since: Duration,
    /// Something came at this moment.
    heard_at: Duration,
    /// Polls showed changes of these devices that push has yet to bring, each until then.
    doubts: Deadlines<Did>,
    probe: Probe,
    /// Devices that newly do not answer.
    silent: Vec<Did>,
    /// Why the last one ended, for people.
    reason: Option<String>,
    /// What people see of it, and since when.
    shown: (Shown, Duration),
    /// Who is reached may be others than before.
    pub(super) moved: bool,
    /// People see something else than before.
    pub(super) news: bool,
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
            left_out: BTreeSet::new(),
            answer_due: None,
            ask_again: None,
            mute: BTreeMap::new(),
            complaints: BTreeSet::new(),
            relogins: 0,
            serial: 0,
            since: now,
            heard_at: now,
            doubts: Deadlines::default(),
            probe: Probe::new(),
            silent: Vec::new(),
            reason: None,
            shown: (Shown::Connecting, now),
            moved: false,
            news: true,
        }
    }

    pub(super) const fn id(&self) -> Option<LinkId> {
        self.id
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// What people see of it.
    pub(super) const fn shown(&self) -> Shown {
        self.shown.0
    }

    /// Since when.
    pub(super) const fn shown_since(&self) -> Duration {
        self.shown.1
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(super) fn devices(&self) -> &BTreeSet<Did> {
        &self.devices
    }

    /// A device can be spoken to: it is subscribed, and nothing says that push does not bring its reports.
    pub(super) fn reaches(&self, did: &Did) -> bool {
        let is_doubtful = self.doubts.contains(did) || self.probe.is_silent(did);
        self.is_up() && self.subscribed.contains_key(did) && !is_doubtful
    }

    /// A device is polled rarely. A doubt that is over within seconds changes nothing in its polls.
    pub(super) fn is_calm(&self, did: &Did) -> bool {
        self.is_up() && self.subscribed.contains_key(did) && !self.probe.is_silent(did)
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
    pub(super) fn want(&mut self, devices: BTreeSet<Did>, now: Duration, orders: &mut Orders) {
        self.subscribed.retain(|did, _| devices.contains(did));
        self.left_out.retain(|did| devices.contains(did));
        self.mute.retain(|did, _| devices.contains(did));
        self.probe.retain(&devices);
        let new: Vec<Did> = devices.difference(&self.devices).cloned().collect();
        self.devices = devices;
        self.moved = true;
        if self.is_up() {
            self.subscribe(now, &new, orders);
        }
    }

    fn subscribe(&mut self, now: Duration, dids: &[Did], orders: &mut Orders) {
        let Some(id) = self.id.filter(|_| !dids.is_empty()) else {
            return;
        };
        for chunk in dids.chunks(CHUNK) {
            orders.push((id, SocketOrder::Subscribe(chunk.to_vec())));
        }
        self.answer_due.get_or_insert(now + SUBSCRIBE_WITHIN);
    }

    /// Wanted, and not heard.
    fn missing(&self) -> Vec<Did> {
        let is_missing = |did: &&Did| !self.subscribed.contains_key(*did);
        self.devices.iter().filter(is_missing).cloned().collect()
    }

    /// Time has passed. `token` says whether there is one to log in with; `new_id` names a new connection;
    /// `is_online` tells of a device whether it can be expected to answer.
    /// Tells why the connection is given up, if it is.
    pub(super) fn tick(
        &mut self,
        now: Duration,
        (token, is_online): (bool, &dyn Fn(&Did) -> bool),
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
                if self.answer_due.is_some_and(|due| now >= due) {
                    let reason = "the cloud does not answer a subscription";
                    return self.give_up(now, Fault::Silent, reason, chance, orders);
                }
                if let Some(did) = self.doubts.take_due(now) {
                    self.mute.insert(did, now + MUTE_FOR);
                    let reason = "a poll showed a change that push did not bring";
                    return self.give_up(now, Fault::Missed, reason, chance, orders);
                }
                let step = self.probe.tick(now, self.subscribed.keys(), is_online);
                match step {
                    Some(Step::Read(did)) => {
                        orders.extend(self.id.map(|id| (id, SocketOrder::Read(did))));
                    }
                    Some(Step::Silent(did)) => {
                        self.silent.push(did);
                        self.moved = true;
                    }
                    Some(Step::Mute) => {
                        let reason =
                            "the connection fell mute: devices do not answer over it any more";
                        return self.give_up(now, Fault::Mute, reason, chance, orders);
                    }
                    None => {}
                }
                if self.ask_again.take_if(|at| now >= *at).is_some() {
                    self.subscribe(now, &self.missing(), orders);
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
                let (doubt, probe) = (self.doubts.next(), Some(self.probe.next_deadline()));
                let (answer, again) = (self.answer_due, self.ask_again);
                let all = [Some(ping_due), pong_due, doubt, probe, answer, again];
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
        self.reason = None;
        self.enter(up, now);
        self.heard_at = now;
        self.probe.begin(now);
        self.subscribe(now, &self.missing(), orders);
    }

    /// The cloud refused the login. Tells when that left: another token may be the cure.
    pub(super) fn refused(
        &mut self,
        now: Duration,
        reason: &str,
        chance: f64,
        orders: &mut Orders,
    ) -> Duration {
        let sent_at = self.since;
        let reason = format!("the cloud refuses the login ({reason})");
        self.give_up(now, Fault::Session, &reason, chance, orders);
        sent_at
    }

    /// These are subscribed now; each is asked for its values, since nothing comes before a change.
    pub(super) fn subscribed(&mut self, now: Duration, done: &[Did], orders: &mut Orders) {
        let Some(id) = self.id.filter(|_| self.is_up()) else {
            return;
        };
        for did in done.iter().filter(|did| self.devices.contains(*did)) {
            self.subscribed.insert(did.clone(), now);
            self.left_out.remove(did);
            self.probe.subscribed(did, now);
            orders.push((id, SocketOrder::Read(did.clone())));
        }
        self.moved = true;
        self.answer_due = None;
        self.ask_again = (!self.missing().is_empty()).then_some(now + ASK_AGAIN);
    }

    /// A subscription left these out. True when that is news.
    pub(super) fn leave_out<'a>(&mut self, dids: impl Iterator<Item = &'a Did>) -> bool {
        let before = self.left_out.len();
        let wanted = dids.filter(|did| self.devices.contains(*did)).cloned();
        self.left_out.extend(wanted);
        self.left_out.len() > before
    }

    /// The device was asked for its values only to see whether it answers.
    pub(super) fn is_probed(&self, did: &Did) -> bool {
        self.probe.is_asked(did)
    }

    /// A report of this device came.
    pub(super) fn reported(&mut self, did: &Did, now: Duration) {
        self.doubts.remove(did);
        self.moved |= self.probe.reported(did, now);
    }

    /// Devices that newly do not answer: a poll shows what push may have kept back.
    pub(super) fn take_silent(&mut self) -> Vec<Did> {
        std::mem::take(&mut self.silent)
    }

    /// A poll that was asked for at `asked_at` showed a change. Push should have brought it, or is about to.
    pub(super) fn doubt(&mut self, did: &Did, asked_at: Duration, now: Duration) {
        let was_heard = self
            .subscribed
            .get(did)
            .is_some_and(|since| *since + GRACE < asked_at);
        let is_mute = self.mute.get(did).is_some_and(|until| now < *until);
        if self.is_up() && was_heard && !is_mute && !self.doubts.contains(did) {
            self.doubts.set(did, now + GRACE);
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

    /// The cloud complains with this code for the first time.
    pub(super) fn is_new_complaint(&mut self, code: i64) -> bool {
        self.complaints.len() < MAX_COMPLAINTS && self.complaints.insert(code)
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
        self.doubts = Deadlines::default();
        self.news |= self.reason.as_ref() != Some(&reason);
        self.reason = Some(reason);
        // From half to one and a half: a cloud that restarts meets no herd.
        let wait = self.retry.failed(0.0).mul_f64(0.5 + chance);
        self.enter(State::Waiting { until: now + wait }, now);
    }

    fn enter(&mut self, state: State, now: Duration) {
        self.state = state;
        self.since = now;
        self.moved = true;
        self.answer_due = None;
        self.ask_again = None;
        let shown = match state {
            State::Up { .. } => Shown::Ok,
            State::Waiting { .. } | State::Opening { .. } | State::LoggingIn { .. } => {
                if self.reason.is_some() {
                    Shown::Down
                } else {
                    Shown::Connecting
                }
            }
        };
        if shown != self.shown.0 {
            self.shown = (shown, now);
            self.news = true;
        }
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
