//! What must hold at every moment, each law under its name. A law looks at the core from outside: at the
//! calls that leave, at what it was told before, at what it shows.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place looks at the variants that it is about"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::{
    CallError, CallOutcome, CloudCall, ErrorClass, Publication, Reply, Settings, SocketEvent,
};
use gizwits2mqtt::ids::{AccountName, CallId, Did};
use gizwits2mqtt::simulator::Scenario;
use serde_json::{Map, Value};

use super::universe::Universe;

/// The shortest pause after 9041.
const PAUSE: Duration = Duration::from_secs(15);
/// Logins of an account within an hour, whatever for.
const LOGINS_PER_HOUR: usize = 4;
/// A command is sent within this time, or never (`SEND_WITHIN` of the core).
const SENT_WITHIN: Duration = Duration::from_secs(300);
/// A repeat may come so much later: the device had its time to show the value.
const REPEATED_WITHIN: Duration = Duration::from_secs(60);
/// Reports lag a few seconds behind: a repeat sooner than this could not know that it is needed.
const REPEATED_AFTER: Duration = Duration::from_secs(3);
/// Values of raw commands are this much more than their transactions.
pub(crate) const RAW: u64 = 0x0100_0000;

/// A law is broken: the payload of the panic.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) law: &'static str,
    pub(crate) what: String,
    pub(crate) at: Duration,
    pub(crate) trace: Vec<String>,
}

/// What was asked of a device by one command.
#[derive(Debug)]
struct Order {
    at: Duration,
    life: u32,
    is_over: bool,
}

/// A command left.
#[derive(Debug)]
struct Attempt {
    /// `None`: over push.
    id: Option<CallId>,
    at: Duration,
    /// The cloud did not look at it, and the bridge knows.
    is_harmless: bool,
}

/// What the laws remember.
#[derive(Debug)]
pub(crate) struct Laws {
    per_minute: usize,
    sent: BTreeMap<AccountName, VecDeque<Duration>>,
    /// When logins left.
    logins: BTreeMap<AccountName, Vec<Duration>>,
    /// No call may leave between these two.
    shut_at: Duration,
    shut_until: Duration,
    /// The bridge was told that this token is not valid any more.
    dead_token: Option<String>,
    /// Calls with the token that they carry, and when they left.
    carried: BTreeMap<CallId, (Option<String>, Duration)>,
    orders: BTreeMap<u64, Order>,
    /// Lives that ended without a word.
    deaths: BTreeSet<u32>,
    /// By transaction: values that only one command sets.
    attempts: BTreeMap<u64, Vec<Attempt>>,
    /// Attributes with values that were sent.
    pairs: BTreeSet<String>,
    /// The newest transaction that was sent, by device.
    newest: BTreeMap<Did, u64>,
    polls: BTreeMap<CallId, Did>,
    /// What a device was last told to have, and when that was heard.
    heard: BTreeMap<Did, (Duration, Map<String, Value>)>,
    /// What the cloud said of each attribute, in its order.
    history: BTreeMap<String, Vec<Value>>,
    /// How far in it the topics are.
    shown: BTreeMap<String, usize>,
    /// Devices by their topic.
    levels: BTreeMap<String, String>,
    /// Nothing changes: nothing may be said.
    pub(crate) is_quiet: bool,
}

/// A bool is 0 or 1 over HTTP.
fn plain(value: &Value) -> Value {
    match value {
        Value::Bool(on) => Value::from(f64::from(u8::from(*on))),
        Value::Number(number) => Value::from(number.as_f64()),
        other => other.clone(),
    }
}

/// The command that alone sets this value.
fn transaction(name: &str, value: &Value) -> Option<u64> {
    match name {
        "heat_timer_min" => value.as_u64(),
        "Timer1" => u64::from_str_radix(value.as_str()?, 16).ok(),
        _ => None,
    }
}

impl Laws {
    pub(crate) fn new(settings: &Settings, scenario: &Scenario) -> Self {
        let levels = scenario.devices.iter();
        let levels = levels.filter(|device| !device.alias.is_empty());
        let levels = levels.map(|device| {
            let level = device.alias.to_lowercase().replace(' ', "_");
            (format!("g/{level}"), device.did.clone())
        });
        Self {
            per_minute: settings.requests_per_minute.try_into().unwrap(),
            sent: BTreeMap::new(),
            logins: BTreeMap::new(),
            shut_at: Duration::ZERO,
            shut_until: Duration::ZERO,
            dead_token: None,
            carried: BTreeMap::new(),
            orders: BTreeMap::new(),
            deaths: BTreeSet::new(),
            attempts: BTreeMap::new(),
            pairs: BTreeSet::new(),
            newest: BTreeMap::new(),
            polls: BTreeMap::new(),
            heard: BTreeMap::new(),
            history: BTreeMap::new(),
            shown: BTreeMap::new(),
            levels: levels.collect(),
            is_quiet: false,
        }
    }

    /// A new process. One that was stopped in order left behind what was called; what died did not.
    pub(crate) fn restarted(&mut self, is_remembered: bool) {
        if !is_remembered {
            self.sent.clear();
            self.logins.clear();
            self.shut_until = Duration::ZERO;
        }
        self.carried.clear();
        self.polls.clear();
        self.dead_token = None;
    }

    pub(crate) fn died(&mut self, life: u32) {
        self.deaths.insert(life);
    }

    pub(crate) fn ordered(&mut self, transaction: u64, at: Duration, life: u32) {
        let order = Order {
            at,
            life,
            is_over: false,
        };
        self.orders.insert(transaction, order);
    }

    /// Is it one of the devices that there are?
    pub(crate) fn knows(&self, did: &str) -> bool {
        self.levels.values().any(|known| known == did)
    }

    /// A command left for the cloud.
    pub(crate) fn was_sent(&self, transaction: u64, attrs: &Map<String, Value>) -> bool {
        if attrs.is_empty() {
            return self.attempts.contains_key(&transaction);
        }
        let mut pairs = attrs.iter().map(|(name, value)| format!("{name} {value}"));
        pairs.all(|pair| self.pairs.contains(&pair))
    }

    /// The bridge died while it had this command.
    pub(crate) fn may_be_lost(&self, transaction: u64) -> bool {
        let order = self.orders.get(&transaction);
        order.is_some_and(|order| self.deaths.contains(&order.life))
    }

    /// The cloud said this, in this order.
    pub(crate) fn said(&mut self, call: &CloudCall, outcome: &CallOutcome) {
        if let (CloudCall::Latest { did }, Ok(Reply::Latest { attrs, .. })) = (call, outcome) {
            self.told(did, attrs);
        }
    }

    /// The cloud told values of a device.
    pub(crate) fn told(&mut self, did: &Did, attrs: &Map<String, Value>) {
        for (name, value) in attrs {
            let known = self.history.entry(format!("{did}/{name}")).or_default();
            let value = plain(value);
            if known.last() != Some(&value) {
                known.push(value);
            }
        }
    }

    /// An outcome reaches the bridge.
    pub(crate) fn answered(&mut self, now: Duration, id: CallId, outcome: &CallOutcome) {
        let (token, left) = self.carried.remove(&id).unwrap_or((None, now));
        let did = self.polls.remove(&id);
        match outcome {
            Ok(Reply::Latest { attrs, .. }) => {
                self.heard
                    .extend(did.map(|did| (did, (now, attrs.clone()))));
            }
            Ok(_) => {}
            Err(err) => {
                let is_harmless = match err.class {
                    ErrorClass::Transient => false,
                    ErrorClass::TokenLost => {
                        self.dead_token = token.or(self.dead_token.take());
                        true
                    }
                    ErrorClass::Throttled => {
                        self.expect_pause(now, left, err);
                        true
                    }
                    ErrorClass::LoginRefused
                    | ErrorClass::DeviceOffline
                    | ErrorClass::DeviceGone
                    | ErrorClass::Refused
                    | ErrorClass::Fatal
                    | ErrorClass::Unsent => true,
                };
                let attempts = self.attempts.values_mut().flatten();
                for attempt in attempts.filter(|attempt| attempt.id == Some(id)) {
                    attempt.is_harmless |= is_harmless;
                }
            }
        }
    }

    /// The bridge knows that this token is not valid any more.
    pub(crate) fn is_dead(&self, token: Option<&str>) -> bool {
        token.is_some() && token == self.dead_token.as_deref()
    }

    /// A push connection tells the bridge something.
    pub(crate) fn pushed(&mut self, now: Duration, event: &SocketEvent) {
        if let SocketEvent::Report { did, attrs, .. } = event {
            let (at, known) = self.heard.entry(did.clone()).or_default();
            *at = now;
            known.extend(attrs.clone());
            self.may_go_back(did, attrs);
        }
    }

    /// Nothing tells when a push was made, so one that a poll overtook may be shown after that.
    fn may_go_back(&mut self, did: &Did, attrs: &Map<String, Value>) {
        for (name, value) in attrs {
            let key = format!("{did}/{name}");
            let value = plain(value);
            let history = self.history.get(&key);
            let said = history.and_then(|history| history.iter().rposition(|said| *said == value));
            if let (Some(said), Some(shown)) = (said, self.shown.get_mut(&key)) {
                *shown = said.min(*shown);
            }
        }
    }

    /// After "too often" the account is silent for as long as the cloud asks, at least [`PAUSE`].
    /// Answers to calls that left before the pause may lengthen it only by what they ask.
    fn expect_pause(&mut self, now: Duration, left: Duration, err: &CallError) {
        let asked = err.retry_after.unwrap_or_default();
        let is_news = now >= self.shut_until && left >= self.shut_at;
        let least = if is_news {
            self.shut_at = now;
            asked.max(PAUSE)
        } else {
            asked
        };
        self.shut_until = self.shut_until.max(now + least);
    }

    /// The last answer of the device shows all of these, and it was heard after that moment.
    fn shows(&self, did: &Did, wanted: &Map<String, Value>, after: Duration) -> bool {
        self.heard.get(did).is_some_and(|(at, attrs)| {
            let shown =
                |(name, value): (&String, &Value)| attrs.get(name).map(plain) == Some(plain(value));
            *at > after && wanted.iter().all(shown)
        })
    }
}

impl Universe {
    /// A call leaves.
    pub(crate) fn check_call(&mut self, account: &AccountName, id: CallId, call: &CloudCall) {
        let now = self.now;
        let sent = self.laws.sent.entry(account.clone()).or_default();
        sent.push_back(now);
        while sent
            .front()
            .is_some_and(|at| *at + Duration::from_secs(60) <= now)
        {
            sent.pop_front();
        }
        let within = sent.len();
        if within > self.laws.per_minute {
            self.fail("budget", format!("{within} calls within a minute"));
        }
        if now < self.laws.shut_until {
            let until = self.laws.shut_until;
            self.fail("pause", format!("{} before {until:?}", call.kind()));
        }
        if matches!(call, CloudCall::Login) {
            self.check_login(account);
        }
        let token = self.token.clone();
        let token = token.filter(|_| !matches!(call, CloudCall::Login));
        if self.laws.is_dead(token.as_deref()) {
            let what = format!("{} with a token that is known to be dead", call.kind());
            self.fail("dead token", what);
        }
        self.laws.carried.insert(id, (token, now));
        match call {
            CloudCall::Latest { did } => drop(self.laws.polls.insert(id, did.clone())),
            CloudCall::Control { did, attrs } => {
                self.check_set(did, Some(id), &attrs.to_json());
            }
            CloudCall::Raw { did, bytes } => {
                let number = bytes
                    .iter()
                    .fold(0, |number, byte| number * 256 + u64::from(*byte));
                self.check_command(did, Some(id), number - RAW, None);
            }
            _ => {}
        }
    }

    /// The cloud throttles logins sharply. One that found no connection never reached it.
    fn check_login(&mut self, account: &AccountName) {
        let now = self.now;
        let reaches = self.cloud_is_reachable;
        let logins = self.laws.logins.entry(account.clone()).or_default();
        let recent = |at: &&Duration| **at + Duration::from_secs(3600) > now;
        let within = logins.iter().rev().take_while(recent).count();
        if reaches {
            logins.push(now);
        }
        if within >= LOGINS_PER_HOUR {
            self.fail("logins", format!("{} logins within an hour", within + 1));
        }
    }

    /// When the bridge logged in.
    pub(crate) fn logins(&self) -> impl Iterator<Item = Duration> {
        self.laws.logins.values().flatten().copied()
    }

    /// A set leaves, over HTTP (with its call) or push.
    pub(crate) fn check_set(&mut self, did: &Did, id: Option<CallId>, wanted: &Map<String, Value>) {
        for (name, value) in wanted {
            self.laws.pairs.insert(format!("{name} {value}"));
            if let Some(transaction) = transaction(name, value) {
                self.check_command(did, id, transaction, Some(wanted));
            }
        }
    }

    /// A command leaves: in time, in its order, before its result, and once, or a second time where
    /// nothing shows it.
    fn check_command(
        &mut self,
        did: &Did,
        id: Option<CallId>,
        transaction: u64,
        set: Option<&Map<String, Value>>,
    ) {
        let now = self.now;
        let Some(order) = self.laws.orders.get(&transaction) else {
            return;
        };
        let is_over = order.is_over;
        // Whoever merged with it has a time of their own, and what only this one wants leaves within its.
        let ordered_at = order.at;
        let attempts = self.laws.attempts.entry(transaction).or_default();
        let mut earlier = attempts.iter().filter(|attempt| !attempt.is_harmless);
        let (first, second) = (earlier.next().map(|attempt| attempt.at), earlier.next());
        if second.is_some() || first.is_some() && set.is_none() {
            self.fail(
                "applied twice",
                format!("command {transaction} is sent again"),
            );
        }
        if let (Some(first), Some(set)) = (first, set) {
            if now < first + REPEATED_AFTER {
                let what = format!(
                    "command {transaction} is sent again after {:?}",
                    now - first
                );
                self.fail("applied twice", what);
            }
            if self.laws.shows(did, set, first) {
                let what = format!("command {transaction} is sent again though it is shown");
                self.fail("applied twice", what);
            }
        }
        let within = SENT_WITHIN + first.map_or(Duration::ZERO, |_| REPEATED_WITHIN);
        if now > ordered_at + within {
            let what = format!("command {transaction} is sent after {:?}", now - ordered_at);
            self.fail("after its deadline", what);
        }
        if is_over {
            let what = format!("command {transaction} is sent after its result");
            self.fail("after its result", what);
        }
        let newest = self.laws.newest.entry(did.clone()).or_default();
        if *newest > transaction {
            let what = format!("command {transaction} is sent after {newest}");
            self.fail("order", what);
        }
        *newest = transaction;
        let attempts = self.laws.attempts.entry(transaction).or_default();
        attempts.push(Attempt {
            id,
            at: now,
            is_harmless: false,
        });
    }

    /// A command has its result.
    pub(crate) fn ended(&mut self, transaction: u64, result: Value) {
        let results = self.results.entry(transaction).or_default();
        results.push(result);
        if results.len() > 1 {
            let what = format!("command {transaction} has {results:?}");
            self.fail("one result", what);
        }
        if let Some(order) = self.laws.orders.get_mut(&transaction) {
            order.is_over = true;
        }
    }

    /// What is shown follows what the cloud said, and never goes back.
    pub(crate) fn check_history(&mut self, message: &Publication) {
        let Some(did) = self.laws.levels.get(&message.topic) else {
            return;
        };
        let Ok(Value::Object(state)) = serde_json::from_slice(&message.payload) else {
            return;
        };
        for (name, value) in &state {
            let key = format!("{did}/{name}");
            let Some(history) = self.laws.history.get(&key) else {
                continue;
            };
            let shown = self.laws.shown.get(&key).copied().unwrap_or_default();
            let value = plain(value);
            let mut rest = history.iter().skip(shown);
            let Some(further) = rest.position(|said| *said == value) else {
                let newer = history.get(shown);
                let what = format!("{key} shows {value} again after {newer:?}");
                self.fail("backward", what);
            };
            if further > 0 {
                self.laws.shown.insert(key, shown + further);
            }
        }
    }
}
