//! The world around the core: a simulated cloud, a broker that keeps what is retained, and time that
//! moves when it is told to. What must hold always is checked at each step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::input::{Message, ReplyTo, Sample};
use gizwits2mqtt::bridge::{
    Bridge, CallError, CallOutcome, CloudCall, ErrorClass, Input, Publication, Reply, Restored,
    Settings,
};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::gizwits::error::class_of;
use gizwits2mqtt::ids::{AccountName, CallId, Did, Mac, ProductKey};
use gizwits2mqtt::model::{Device, ProductSchema, Region};
use gizwits2mqtt::simulator::world::Answer;
use gizwits2mqtt::simulator::{Reaction, Request, Scenario, World};
use serde_json::{Value, json};

use super::{HOUR, PER_MINUTE, settings};

pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const SPA: &str = "DemoSpa0000000000000001";
/// The shortest pause after 9041.
const PAUSE: Duration = Duration::from_secs(15);

/// A call on its way: what the cloud says, and when it arrives.
pub(crate) struct Flight {
    at: Duration,
    account: AccountName,
    id: CallId,
    what: String,
    outcome: CallOutcome,
}

/// The world around the core.
pub(crate) struct Universe {
    pub(crate) seed: u64,
    pub(crate) now: Duration,
    pub(crate) bridge: Bridge,
    pub(crate) cloud: World,
    pub(crate) chance: fastrand::Rng,
    pub(crate) flights: Vec<Flight>,
    pub(crate) token: Option<String>,
    pub(crate) password: &'static str,
    pub(crate) cloud_is_reachable: bool,
    /// Lets the user in, but has no devices.
    pub(crate) empty_region: Option<Region>,
    pub(crate) broker_is_up: bool,
    /// What the broker keeps.
    pub(crate) retained: BTreeMap<String, Vec<u8>>,
    /// Results by transaction.
    pub(crate) results: BTreeMap<u64, Vec<Value>>,
    /// The same on the response topics of MQTT 5, by correlation data.
    pub(crate) replies: BTreeMap<u64, u32>,
    pub(crate) commands: u64,
    pub(crate) calls_sent: VecDeque<Duration>,
    pub(crate) calls: u64,
    /// No call may leave before.
    pub(crate) shut_until: Duration,
    /// Retained payloads that the broker had already, discovery aside.
    pub(crate) repeated: u64,
    pub(crate) trace: VecDeque<String>,
}

impl Universe {
    pub(crate) fn new(seed: u64, scenario: Scenario) -> Self {
        let mut universe = Self::prepare(seed, scenario, settings(), Restored::default());
        universe.start();
        universe
    }

    /// Everything in place; [`Self::start`] sets it going.
    pub(crate) fn prepare(
        seed: u64,
        scenario: Scenario,
        settings: Settings,
        restored: Restored,
    ) -> Self {
        let now = Now {
            mono: Duration::ZERO,
            unix: START,
        };
        Self {
            seed,
            now: Duration::ZERO,
            bridge: Bridge::new(settings, restored, seed, now),
            cloud: World::new(scenario, seed, START * 1000),
            chance: fastrand::Rng::with_seed(seed),
            flights: Vec::new(),
            token: None,
            password: "demo-password",
            cloud_is_reachable: true,
            empty_region: None,
            broker_is_up: false,
            retained: BTreeMap::new(),
            results: BTreeMap::new(),
            replies: BTreeMap::new(),
            commands: 0,
            calls_sent: VecDeque::new(),
            calls: 0,
            shut_until: Duration::ZERO,
            repeated: 0,
            trace: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        self.tell(Input::Tick);
        self.broker_up();
    }

    pub(crate) fn unix_ms(&self) -> i64 {
        START * 1000 + i64::try_from(self.now.as_millis()).unwrap()
    }

    pub(crate) fn note(&mut self, what: String) {
        self.trace
            .push_back(format!("{:10.3} {what}", self.now.as_secs_f64()));
        if self.trace.len() > 40 {
            self.trace.pop_front();
        }
    }

    pub(crate) fn check(&self, holds: bool, what: &str) {
        if !holds {
            for line in &self.trace {
                eprintln!("{line}");
            }
            panic!("seed {}: {what}", self.seed);
        }
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let now = Now {
            mono: self.now,
            unix: self.unix_ms() / 1000,
        };
        for effect in self.bridge.handle(now, input) {
            self.carry_out(effect);
        }
    }

    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Publish(message) => self.publish(message),
            Effect::Call {
                account,
                region,
                id,
                call,
            } => self.call(account, region, id, &call),
            Effect::Sample => self.tell(Input::Sampled(Sample::default())),
            Effect::Subscribe { .. }
            | Effect::SaveSchema { .. }
            | Effect::SaveAnnounced { .. }
            | Effect::Stopped => {}
        }
    }

    pub(crate) fn publish(&mut self, message: Publication) {
        if message.retain {
            // An emptied topic waits in the outbox; a state is offered again with the next link.
            if self.broker_is_up && !message.payload.is_empty() {
                let before = self
                    .retained
                    .insert(message.topic.clone(), message.payload.clone());
                let discovery = message.topic.starts_with("homeassistant/");
                if before.as_ref() == Some(&message.payload) && !discovery {
                    self.repeated += 1;
                }
            } else if message.payload.is_empty() {
                self.retained.remove(&message.topic);
            }
        } else if message.topic.ends_with("/result") {
            let result: Value = serde_json::from_slice(&message.payload).unwrap();
            if let Some(transaction) = result["transaction"].as_u64() {
                self.results.entry(transaction).or_default().push(result);
            }
        } else if message.topic == "me" {
            let correlation = message.correlation.unwrap().try_into().unwrap();
            *self
                .replies
                .entry(u64::from_be_bytes(correlation))
                .or_default() += 1;
        }
    }

    pub(crate) fn call(
        &mut self,
        account: AccountName,
        region: Region,
        id: CallId,
        call: &CloudCall,
    ) {
        self.note(format!("call {id} {}", call.kind()));
        self.calls += 1;
        self.calls_sent.push_back(self.now);
        while self
            .calls_sent
            .front()
            .is_some_and(|at| *at + Duration::from_secs(60) <= self.now)
        {
            self.calls_sent.pop_front();
        }
        let within = self.calls_sent.len() <= usize::try_from(PER_MINUTE).unwrap();
        self.check(within, "more calls within a minute than the limit");
        self.check(
            self.now >= self.shut_until,
            "a call while the account pauses",
        );
        let has_other = |other: &str| self.flights.iter().any(|flight| flight.what == other);
        let what = match call {
            CloudCall::Control { did, .. } | CloudCall::Raw { did, .. } => format!("command {did}"),
            CloudCall::Login
            | CloudCall::Bindings { .. }
            | CloudCall::Schema { .. }
            | CloudCall::Latest { .. } => call.kind().to_owned(),
        };
        if what == "login" || what.starts_with("command") {
            self.check(!has_other(&what), &format!("two at a time: {what}"));
        }
        let is_empty = self.empty_region == Some(region);
        let outcome = if is_empty && matches!(call, CloudCall::Bindings { .. }) {
            Ok(Reply::Bindings {
                devices: Vec::new(),
                rows: 0,
                unreadable: Vec::new(),
            })
        } else if self.cloud_is_reachable {
            self.ask_cloud(call)
        } else {
            Err(error(ErrorClass::Unsent, None, "no connection"))
        };
        let latency = Duration::from_millis(self.chance.u64(20..1500));
        let at = match &outcome {
            // Nothing came: the edge gives up after 30 s.
            Err(err) if err.message == "hang" => self.now + Duration::from_secs(30),
            _ => self.now + latency,
        };
        self.flights.push(Flight {
            at,
            account,
            id,
            what,
            outcome,
        });
    }

    pub(crate) fn ask_cloud(&mut self, call: &CloudCall) -> CallOutcome {
        let request = self.request(call);
        match self.cloud.handle(self.unix_ms(), &request) {
            Reaction::Answer(answer) => self.read(call, &answer),
            Reaction::Hang => Err(error(ErrorClass::Transient, None, "hang")),
            Reaction::Reset => Err(error(ErrorClass::Transient, None, "reset")),
        }
    }

    pub(crate) fn request(&self, call: &CloudCall) -> Request {
        let (method, path, body) = match call {
            CloudCall::Login => (
                "POST",
                "/app/login".to_owned(),
                json!({ "username": "demo@example.com", "password": self.password }),
            ),
            CloudCall::Bindings { .. } => ("GET", "/app/bindings".into(), Value::Null),
            CloudCall::Schema { .. } => ("GET", "/app/datapoint".into(), Value::Null),
            CloudCall::Latest { did } => ("GET", format!("/app/devdata/{did}/latest"), Value::Null),
            CloudCall::Control { did, attrs } => (
                "POST",
                format!("/app/control/{did}"),
                json!({ "attrs": attrs.to_json() }),
            ),
            CloudCall::Raw { did, bytes } => (
                "POST",
                format!("/app/control/{did}"),
                json!({ "raw": bytes }),
            ),
        };
        let mut query = BTreeMap::new();
        if let CloudCall::Bindings { skip, limit } = call {
            query.insert("skip".into(), skip.to_string());
            query.insert("limit".into(), limit.to_string());
        }
        if let CloudCall::Schema { product_key } = call {
            query.insert("product_key".into(), product_key.to_string());
        }
        let mut headers =
            BTreeMap::from([("x-gizwits-application-id".into(), "demo-app-id".into())]);
        headers.extend(
            self.token
                .clone()
                .map(|token| ("x-gizwits-user-token".into(), token)),
        );
        Request {
            method: method.into(),
            path,
            query,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// What the HTTP edge would make of an answer, in short.
    pub(crate) fn read(&mut self, call: &CloudCall, answer: &Answer) -> CallOutcome {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return Err(error(ErrorClass::Transient, None, "a web page"));
        };
        if let Some(code) = body["error_code"].as_u64() {
            let code = u16::try_from(code).unwrap();
            let mut error = error(class_of(code), Some(code), "refused");
            error.retry_after = answer.retry_after.map(|s| Duration::from_secs(s.into()));
            return Err(error);
        }
        Ok(match call {
            CloudCall::Login => {
                self.token = body["token"].as_str().map(str::to_owned);
                Reply::LoggedIn {
                    uid: "u".into(),
                    expires_at: body["expire_at"].as_i64().unwrap(),
                }
            }
            CloudCall::Bindings { .. } => {
                let rows = body["devices"].as_array().unwrap();
                Reply::Bindings {
                    devices: rows.iter().map(device).collect(),
                    rows: u32::try_from(rows.len()).unwrap(),
                    unreadable: Vec::new(),
                }
            }
            CloudCall::Schema { product_key } => {
                let (schema, left_out) = ProductSchema::parse(product_key, &body).unwrap();
                Reply::Schema {
                    schema: Arc::new(schema),
                    document: Arc::new(body),
                    left_out,
                }
            }
            CloudCall::Latest { .. } => Reply::Latest {
                updated_at: body["updated_at"].as_i64().unwrap(),
                attrs: body["attr"].as_object().unwrap().clone(),
            },
            CloudCall::Control { .. } | CloudCall::Raw { .. } => Reply::Done,
        })
    }

    /// Lets time pass until `end`; everything that is due happens in between.
    pub(crate) fn run_until(&mut self, end: Duration) {
        loop {
            let deadline = self.bridge.next_deadline().0.max(self.now);
            let flight = self.flights.iter().map(|flight| flight.at).min();
            let next = flight.map_or(deadline, |at| at.min(deadline));
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            self.cloud.advance(self.unix_ms());
            let landed = self.flights.iter().position(|flight| flight.at <= self.now);
            match landed {
                Some(at) => {
                    let Flight {
                        account,
                        id,
                        outcome,
                        ..
                    } = self.flights.swap_remove(at);
                    if let Err(err) = &outcome {
                        self.note(format!("call {id} failed: {err}"));
                        self.expect_pause(err);
                    }
                    self.tell(Input::CallDone {
                        account,
                        id,
                        outcome,
                    });
                }
                None => self.tell(Input::Tick),
            }
        }
    }

    /// After "too often" the account is silent for as long as the cloud asks, at least [`PAUSE`].
    /// Answers to calls that left before the pause may lengthen it only by what they ask.
    fn expect_pause(&mut self, err: &CallError) {
        if err.class == ErrorClass::Throttled {
            let asked = err.retry_after.unwrap_or_default();
            let least = if self.now < self.shut_until {
                asked
            } else {
                asked.max(PAUSE)
            };
            self.shut_until = self.shut_until.max(self.now + least);
        }
    }

    pub(crate) fn run_for(&mut self, seconds: u64) {
        self.run_until(self.now + Duration::from_secs(seconds));
    }

    pub(crate) fn broker_up(&mut self) {
        self.broker_is_up = true;
        self.tell(Input::MqttUp);
    }

    pub(crate) fn broker_down(&mut self) {
        self.broker_is_up = false;
        self.retained.clear();
        self.tell(Input::MqttDown {
            reason: "gone".into(),
        });
    }

    /// Sets a value that no other command sets.
    pub(crate) fn command(&mut self) {
        self.commands += 1;
        let transaction = self.commands;
        let payload = json!({ "heat_timer_min": transaction % 59_940, "transaction": transaction });
        self.order("g/hot_tub/set", &payload);
    }

    /// Any other command: of several attributes, raw, or one that is to be refused.
    fn other_command(&mut self) {
        self.commands += 1;
        let transaction = self.commands;
        let any = self.chance.u32(20..=40);
        let (topic, mut payload) = match self.chance.u32(0..6) {
            0 => (
                "g/hot_tub/raw",
                json!({ "raw": (transaction + 0x0100_0000).to_be_bytes() }),
            ),
            1 => ("g/hot_tub/set", json!({ "temp_set": any })),
            2 => (
                "g/hot_tub/set",
                json!({ "temp_set": any, "locked": self.chance.bool() }),
            ),
            3 => ("g/reef/set", json!({ "Flow": any })),
            4 => ("g/pool_meter/set", json!({ "pH": any })),
            _ => ("g/hot_tub/set", json!({ "temp_set": 99, "tempset": 1 })),
        };
        payload["transaction"] = transaction.into();
        self.order(topic, &payload);
    }

    /// Publishes a command; each even transaction wants its result on a topic of its own, too.
    pub(crate) fn order(&mut self, topic: &str, payload: &Value) {
        self.note(format!("{topic} {payload}"));
        let transaction = payload["transaction"].as_u64().unwrap();
        let reply = (transaction % 2 == 0).then(|| ReplyTo {
            topic: "me".into(),
            correlation: Some(transaction.to_be_bytes().to_vec()),
        });
        self.tell(Input::Message(Message {
            topic: topic.into(),
            payload: payload.to_string().into_bytes(),
            retained: false,
            reply,
        }));
    }

    pub(crate) fn sim(&mut self, path: &str, body: &Value) {
        self.control("POST", path, body);
    }

    pub(crate) fn control(&mut self, method: &str, path: &str, body: &Value) {
        self.note(format!("the cloud is told {method} {path} {body}"));
        let request = Request {
            method: method.into(),
            path: format!("/_sim/{path}"),
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let now_ms = self.unix_ms();
        self.cloud.handle(now_ms, &request);
    }

    /// One random piece of trouble.
    pub(crate) fn trouble(&mut self) {
        let path = [
            "/app/",
            "/app/devdata/",
            "/app/control/",
            "/app/bindings",
            "/app/login",
        ];
        let path = path[self.chance.usize(..path.len())];
        let count = self.chance.u32(1..6);
        match self.chance.u32(0..14) {
            0 => self.sim("tokens/expire", &Value::Null),
            1 => {
                let seconds = self.chance.u32(5..300);
                let retry_after = self.chance.bool().then(|| self.chance.u32(1..100));
                self.sim(
                    "throttle",
                    &json!({ "seconds": seconds, "retry_after": retry_after }),
                );
            }
            2..=5 => {
                let kinds = ["http_502", "html", "reset", "timeout"];
                let kind = kinds[self.chance.usize(..kinds.len())];
                let effect = self.chance.bool();
                self.sim(
                    "faults",
                    &json!({ "path": path, "kind": kind, "count": count, "effect": effect }),
                );
            }
            6 => self.sim(
                "faults",
                &json!({ "path": path, "kind": "error", "code": 9008, "count": count }),
            ),
            7 => {
                let online = self.chance.bool();
                self.sim(
                    &format!("devices/{SPA}/online"),
                    &json!({ "online": online }),
                );
            }
            8 => self.cloud_is_reachable = false,
            9 => self.broker_down(),
            10 => {
                if self.broker_is_up {
                    self.tell(Input::Message(Message {
                        topic: "homeassistant/status".into(),
                        payload: b"online".to_vec(),
                        retained: false,
                        reply: None,
                    }));
                }
            }
            _ => {
                for _ in 0..self.chance.u32(1..5) {
                    self.command();
                    self.other_command();
                    if self.chance.bool() {
                        self.run_for(1);
                    }
                }
            }
        }
        let pause = self.chance.u64(1..120);
        self.run_for(pause);
        if !self.broker_is_up && self.chance.bool() {
            self.broker_up();
        }
        if self.chance.bool() {
            self.cloud_is_reachable = true;
        }
    }

    /// All is well again, for long enough.
    pub(crate) fn calm(&mut self) {
        self.cloud_is_reachable = true;
        if !self.broker_is_up {
            self.broker_up();
        }
        self.sim(&format!("devices/{SPA}/online"), &json!({ "online": true }));
        self.control("DELETE", "faults", &Value::Null);
        self.run_for(2 * HOUR);
    }

    fn retained_json(&self, topic: &str) -> Value {
        let payload = self.retained.get(topic);
        payload.map_or(Value::Null, |payload| {
            serde_json::from_slice(payload).unwrap()
        })
    }

    /// What the broker keeps is what the cloud knows.
    pub(crate) fn check_truth(&mut self) {
        let now_ms = self.unix_ms();
        for (did, level) in [
            (SPA, "hot_tub"),
            ("DemoMeter0000000000005", "pool_meter"),
            ("DemoWave00000000000004", "reef"),
        ] {
            let request = Request {
                method: "GET".into(),
                path: format!("/_sim/devices/{did}"),
                ..Request::default()
            };
            let Reaction::Answer(answer) = self.cloud.handle(now_ms, &request) else {
                panic!("no answer");
            };
            let truth: Value = serde_json::from_slice(&answer.body).unwrap();
            let state = self.retained_json(&format!("g/{level}"));
            self.check(state["_meta"]["online"] == true, "the state says offline");
            for (name, value) in truth["attrs"].as_object().unwrap() {
                let shown = self.retained.get(&format!("g/{level}/{name}"));
                let shown = shown.map(|payload| String::from_utf8_lossy(payload).into_owned());
                let want = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.check(
                    shown.as_deref() == Some(&want) && state[name] == *value,
                    &format!("{level}/{name} is {shown:?} and {state}, not {want}"),
                );
            }
            let availability = self.retained.get(&format!("g/{level}/availability"));
            self.check(
                availability.map(Vec::as_slice) == Some(b"online"),
                &format!("{level} is not online"),
            );
        }
        let state = self.retained.get("g/bridge/state");
        self.check(
            state.map(Vec::as_slice) == Some(b"online"),
            "the bridge is not online",
        );
        let info = self.retained_json("g/bridge/info");
        self.check(info["accounts"]["home"]["state"] == "ok", "not ok");
        self.check_inventory();
    }

    /// Each device is listed and announced, and what is listed is what its own topics say.
    fn check_inventory(&self) {
        let listed = self.retained_json("g/bridge/devices");
        let listed = listed.as_array().unwrap();
        self.check(listed.len() == 9, "not all devices are listed");
        for row in listed {
            let (did, level) = (row["did"].as_str().unwrap(), row["topic"].as_str().unwrap());
            let config = format!("homeassistant/device/gizwits2mqtt_{did}/config");
            let config = self.retained_json(&config);
            let availability = &config["availability"][1]["topic"];
            self.check(
                *availability == format!("g/{level}/availability"),
                &format!("{did} is not announced"),
            );
            let online = self.retained[&format!("g/{level}/availability")] == b"online";
            self.check(row["online"] == online, &format!("{did} is listed wrongly"));
        }
    }

    /// Each caller has one result, the cloud was told nothing twice, and what was called done was told.
    pub(crate) fn check_commands(&self) {
        let mut told = BTreeMap::new();
        let mut pairs = BTreeSet::new();
        for call in self.cloud.requests() {
            // A call whose answer was lost may have had its effect, so it counts.
            let status = &call["status"];
            if !(status.is_null() || *status == 200 || *status == 502) {
                continue;
            }
            let timer = call["body"]["attrs"]["heat_timer_min"].as_u64();
            let raw = call["body"]["raw"].as_array().map(|bytes| {
                let number = |number, byte: &Value| number * 256 + byte.as_u64().unwrap();
                bytes.iter().fold(0, number)
            });
            for what in timer.into_iter().chain(raw) {
                *told.entry(what).or_insert(0) += 1;
            }
            let attrs = call["body"]["attrs"].as_object().into_iter().flatten();
            pairs.extend(attrs.map(|(name, value)| format!("{name} {value}")));
        }
        for (what, count) in &told {
            self.check(
                *count == 1,
                &format!("command {what} was sent {count} times"),
            );
        }
        for transaction in 1..=self.commands {
            let results = self.results.get(&transaction);
            let results = results.map(Vec::as_slice).unwrap_or_default();
            self.check(
                results.len() == 1,
                &format!("command {transaction} has {} results", results.len()),
            );
            let replies = self.replies.get(&transaction).copied().unwrap_or_default();
            self.check(
                replies == u32::from(transaction % 2 == 0),
                &format!("command {transaction} has {replies} replies"),
            );
            for result in results.iter().filter(|result| result["status"] == "ok") {
                let attrs = result["attrs"].as_object().unwrap();
                let mut sent = attrs.iter().map(|(name, value)| format!("{name} {value}"));
                let was_sent = if attrs.is_empty() {
                    told.contains_key(&(transaction + 0x0100_0000))
                } else {
                    sent.all(|pair| pairs.contains(&pair))
                };
                self.check(was_sent, &format!("{result} was never sent"));
            }
        }
    }
}

fn error(class: ErrorClass, code: Option<u16>, message: &str) -> CallError {
    CallError {
        class,
        code,
        retry_after: None,
        message: message.into(),
    }
}

fn device(row: &Value) -> Device {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Device {
        did: Did::new(text("did")).unwrap(),
        product_key: ProductKey::new(text("product_key")).unwrap(),
        mac: Mac::new(text("mac")).ok(),
        alias: text("dev_alias"),
        product_name: text("product_name"),
        is_online: row["is_online"] == true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
    }
}
