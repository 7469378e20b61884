//! What must hold at every moment, each law under its name. A law looks at the core from outside: at the
//! calls that leave, at what it was told before, at what it shows.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place looks at the variants that it is about"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gizwits2mqtt::bridge::{CallOutcome, CloudCall, ErrorClass, Publication, Reply, SocketEvent};
use gizwits2mqtt::ids::{AccountName, CallId, Did};
use gizwits2mqtt::simulator::Scenario;
use serde_json::{Map, Value};

use super::real_devices::MOMENTARY;
use super::reloads::users_of;
use super::universe::Universe;

/// A command is sent within this time, or never (`SEND_WITHIN` of the core).
const SENT_WITHIN: Duration = Duration::from_secs(300);
/// A repeat may come so much later: the device had its time to show the value.
const REPEATED_WITHIN: Duration = Duration::from_secs(60);
/// Reports lag a few seconds behind: a repeat sooner than this could not know that it is needed.
const REPEATED_AFTER: Duration = Duration::from_secs(3);
/// Stands for all attributes.
const RAW_COMMAND: &str = "raw";
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
    topic: String,
    at: Duration,
    /// The instances with their lives that heard it.
    heard_by: Vec<(u32, u32)>,
    /// Perhaps nobody answers, since the device is about to be another instance's.
    is_unsettled: bool,
    is_over: bool,
}

/// A command left.
#[derive(Debug)]
struct Attempt {
    /// Of which instance it is the call; `None`: over push.
    id: Option<(u32, CallId)>,
    at: Duration,
    /// The cloud did not look at it, and the bridge knows.
    is_harmless: bool,
}

/// What the laws remember.
#[derive(Debug)]
pub(crate) struct Laws {
    orders: BTreeMap<u64, Order>,
    /// Lives that ended without a word, each with its instance.
    deaths: BTreeSet<(u32, u32)>,
    /// By transaction: values that only one command sets.
    attempts: BTreeMap<u64, Vec<Attempt>>,
    /// Attributes with values that were sent.
    pairs: BTreeSet<String>,
    /// The newest transaction that was sent, by device and by what it sets, which is [`RAW_COMMAND`] for a
    /// raw command.
    newest: BTreeMap<Did, BTreeMap<String, u64>>,
    /// What the cloud said of each attribute, in its order, and since when.
    history: BTreeMap<String, Vec<(Duration, Value)>>,
    /// How often somebody pressed the button whose value is the same each time,
    pub(crate) presses: usize,
    /// and how often it left.
    pressed: Vec<Attempt>,
    /// How far in it the topics are.
    shown: BTreeMap<String, usize>,
    /// Devices by their topic.
    levels: BTreeMap<String, String>,
    /// When a device was last polled.
    polled: BTreeMap<Did, Duration>,
    /// Who has bound a device.
    users: BTreeMap<String, Vec<String>>,
    /// Nothing changes: nothing may be said.
    pub(crate) is_quiet: bool,
}

/// A bool is 0 or 1 over HTTP.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::Bool(on) => Value::from(f64::from(u8::from(*on))),
        Value::Number(number) => Value::from(number.as_f64()),
        other => other.clone(),
    }
}

/// The command that alone sets this value.
fn transaction(name: &str, value: &Value) -> Option<u64> {
    match name {
        "heat_timer_min" | "serial" | "press" | "gulp" => {
            value.as_u64().filter(|number| *number > 0)
        }
        "Timer1" => u64::from_str_radix(value.as_str()?, 16).ok(),
        _ => None,
    }
}

impl Laws {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let levels = scenario.devices.iter();
        let levels = levels.filter(|device| !device.alias.is_empty());
        let levels = levels.map(|device| {
            let level = device.alias.to_lowercase().replace(' ', "_");
            (format!("g/{level}"), device.did.clone())
        });
        Self {
            orders: BTreeMap::new(),
            deaths: BTreeSet::new(),
            attempts: BTreeMap::new(),
            pairs: BTreeSet::new(),
            newest: BTreeMap::new(),
            history: BTreeMap::new(),
            presses: 0,
            pressed: Vec::new(),
            shown: BTreeMap::new(),
            levels: levels.collect(),
            polled: BTreeMap::new(),
            users: users_of(scenario),
            is_quiet: false,
        }
    }

    pub(crate) fn died(&mut self, index: u32, life: u32) {
        self.deaths.insert((index, life));
    }

    pub(crate) fn ordered(
        &mut self,
        transaction: u64,
        topic: &str,
        at: Duration,
        heard_by: Vec<(u32, u32)>,
        is_unsettled: bool,
    ) {
        let order = Order {
            topic: topic.into(),
            at,
            heard_by,
            is_unsettled,
            is_over: false,
        };
        self.orders.insert(transaction, order);
    }

    /// Devices may be another instance's or account's from now on, which has not heard all that was shown.
    pub(crate) fn moved(&mut self) {
        self.shown.clear();
    }

    pub(crate) fn dids(&self) -> Vec<String> {
        self.levels.values().cloned().collect()
    }

    pub(crate) fn polled(&self, did: &str) -> Option<Duration> {
        self.polled.get(did).copied()
    }

    pub(crate) fn users_of(&self, did: &str) -> Option<&[String]> {
        self.users.get(did).map(Vec::as_slice)
    }

    pub(crate) fn did_of(&self, level: &str) -> Option<String> {
        self.levels.get(level).cloned()
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
        order.is_some_and(|order| {
            let mut lives = order.heard_by.iter();
            order.is_unsettled || lives.any(|life| self.deaths.contains(life))
        })
    }

    /// The cloud said this, in this order.
    pub(crate) fn said(&mut self, now: Duration, call: &CloudCall, outcome: &CallOutcome) {
        if let (CloudCall::Latest { did }, Ok(Reply::Latest { attrs, .. })) = (call, outcome) {
            self.told(now, did, attrs);
        }
    }

    /// The cloud told values of a device.
    pub(crate) fn told(&mut self, now: Duration, did: &Did, attrs: &Map<String, Value>) {
        for (name, value) in attrs {
            let known = self.history.entry(format!("{did}/{name}")).or_default();
            let value = plain(value);
            if known.last().map(|(_, last)| last) != Some(&value) {
                known.push((now, value));
            }
        }
    }

    /// Nothing tells when a push was made, so one that a poll overtook may be shown after that.
    fn may_go_back(&mut self, did: &Did, attrs: &Map<String, Value>) {
        for (name, value) in attrs {
            let key = format!("{did}/{name}");
            let value = plain(value);
            let history = self.history.get(&key);
            let said =
                history.and_then(|history| history.iter().rposition(|(_, said)| *said == value));
            if let (Some(said), Some(shown)) = (said, self.shown.get_mut(&key)) {
                *shown = said.min(*shown);
            }
        }
    }
}

impl Universe {
    /// A call leaves.
    pub(crate) fn check_call(&mut self, account: &AccountName, id: CallId, call: &CloudCall) {
        self.check_rate(account, id, call);
        match call {
            CloudCall::Latest { did } => {
                self.laws.polled.insert(did.clone(), self.now);
                self.here.watch.polls.insert(id, did.clone());
            }
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

    /// An outcome reaches the bridge.
    pub(crate) fn check_answer(&mut self, id: CallId, outcome: &CallOutcome) {
        let now = self.now;
        let known = self.here.watch.answered(now, id, outcome);
        let (Err(err), Some((account, token, left))) = (outcome, known) else {
            return;
        };
        let is_harmless = match err.class {
            ErrorClass::Transient => false,
            ErrorClass::TokenLost => {
                self.here.watch.token_lost(&account, token);
                true
            }
            ErrorClass::Throttled => {
                self.here.watch.expect_pause(&account, (now, left), err);
                true
            }
            ErrorClass::LoginRefused
            | ErrorClass::DeviceOffline
            | ErrorClass::DeviceGone
            | ErrorClass::Refused
            | ErrorClass::Fatal
            | ErrorClass::Unsent => true,
        };
        let index = self.here.index();
        let attempts = self.laws.attempts.values_mut().flatten();
        let attempts = attempts.chain(&mut self.laws.pressed);
        for attempt in attempts.filter(|attempt| attempt.id == Some((index, id))) {
            attempt.is_harmless |= is_harmless;
        }
    }

    /// A push connection tells the bridge something.
    pub(crate) fn check_pushed(&mut self, event: &SocketEvent) {
        if let SocketEvent::Report { did, attrs, .. } = event {
            let heard = &mut self.here.watch.heard;
            let (at, known) = heard.entry(did.clone()).or_default();
            *at = self.now;
            known.extend(attrs.clone());
            self.laws.may_go_back(did, attrs);
        }
    }

    /// A set leaves, over HTTP (with its call) or push.
    pub(crate) fn check_set(&mut self, did: &Did, id: Option<CallId>, wanted: &Map<String, Value>) {
        let mut transactions = BTreeSet::new();
        for (name, value) in wanted {
            self.laws.pairs.insert(format!("{name} {value}"));
            transactions.extend(transaction(name, value));
            if name == "feed" && *value != false {
                self.check_press(id);
            }
        }
        for transaction in transactions {
            self.check_command(did, id, transaction, Some(wanted));
        }
    }

    /// The button that is the same each time is pressed: never more often than somebody pressed it.
    fn check_press(&mut self, id: Option<CallId>) {
        self.laws.pressed.push(Attempt {
            id: id.map(|id| (self.here.index(), id)),
            at: self.now,
            is_harmless: false,
        });
        let pressed = self.laws.pressed.iter();
        let pressed = pressed.filter(|attempt| !attempt.is_harmless).count();
        if pressed > self.laws.presses {
            let what = format!("pressed {pressed} times, asked for {}", self.laws.presses);
            self.fail("momentary", what);
        }
    }

    /// A result says that a command is done: a report said so, at the command or after it. It does not blame a
    /// momentary value for having fallen back.
    fn check_result(&self, transaction: u64, result: &Value) {
        let Some(order) = self.laws.orders.get(&transaction) else {
            return;
        };
        let error = result["error"].as_str().unwrap_or_default();
        let mut names = MOMENTARY.iter();
        if let Some(name) = names.find(|name| error.contains(&format!("reports {name} "))) {
            self.fail("momentary", format!("{name} in {result}"));
        }
        if result["confirmed"] != true {
            return;
        }
        let level = order.topic.trim_end_matches("/set");
        let Some(did) = self.laws.levels.get(level) else {
            return;
        };
        for (name, value) in result["attrs"].as_object().into_iter().flatten() {
            let history = self.laws.history.get(&format!("{did}/{name}"));
            let history = history.map(Vec::as_slice).unwrap_or_default();
            let was_so = |at: usize| {
                let until = history.get(at + 1).map(|(until, _)| *until);
                until.is_none_or(|until| until >= order.at) && history[at].1 == plain(value)
            };
            if !(0..history.len()).any(was_so) {
                let what = format!("{did} never had the {name} of {result}");
                self.fail("confirmed", what);
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
        let is_momentary = set.is_some_and(|set| {
            let mut sent = set.iter();
            sent.any(|(name, value)| {
                MOMENTARY.contains(&name.as_str())
                    && self::transaction(name, value) == Some(transaction)
            })
        });
        if first.is_some() && is_momentary {
            let what = format!("command {transaction} is sent again, and falls back by itself");
            self.fail("momentary", what);
        }
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
            if self.here.watch.shows(did, set, first) {
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
        self.check_order(did, transaction, set);
        let attempts = self.laws.attempts.entry(transaction).or_default();
        attempts.push(Attempt {
            id: id.map(|id| (self.here.index(), id)),
            at: now,
            is_harmless: false,
        });
    }

    /// No older value of an attribute leaves after a newer one, and no raw command before or after another
    /// command that is newer or older: nobody knows what it changes. Values of other attributes may be newer,
    /// since a call takes along what waits, and a repeat leaves out what newer commands set.
    fn check_order(&mut self, did: &Did, transaction: u64, set: Option<&Map<String, Value>>) {
        let is_of =
            |(name, value): &(&String, &Value)| self::transaction(name, value) == Some(transaction);
        let names = set.map(|set| set.iter().filter(is_of));
        let names: Option<Vec<String>> = names.map(|of| of.map(|(name, _)| name.clone()).collect());
        let newest = self.laws.newest.entry(did.clone()).or_default();
        let counts = |known: &str| {
            let names = names.as_ref();
            known == RAW_COMMAND || names.is_none_or(|names| names.iter().any(|name| name == known))
        };
        let newer = newest
            .iter()
            .find(|(name, newest)| counts(name) && **newest > transaction)
            .map(|(_, newest)| *newest);
        for name in names.unwrap_or_else(|| vec![RAW_COMMAND.to_owned()]) {
            newest.insert(name, transaction);
        }
        if let Some(newer) = newer {
            let what = format!("command {transaction} is sent after {newer}");
            self.fail("order", what);
        }
    }

    /// A command has its result.
    pub(crate) fn ended(&mut self, transaction: u64, result: Value) {
        self.check_result(transaction, &result);
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
            let Some(further) = rest.position(|(_, said)| *said == value) else {
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
