//! The world around the core: a simulated cloud, a broker that keeps what is retained, and time that
//! moves when it is told to. What must hold always is checked at each step.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::input::{Message, ReplyTo, Sample};
use gizwits2mqtt::bridge::{
    Bridge, CallError, CallOutcome, ErrorClass, Input, Publication, Restored, Settings,
};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::ids::{AccountName, CallId};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::simulator::{Request, Scenario, World};
use serde_json::{Value, json};

use super::requests::{Asked, SECRETS};
use super::{HOUR, settings};

pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const SPA: &str = "DemoSpa0000000000000001";
/// Raw commands send their transaction and this; sets send less.
pub(crate) const RAW: u64 = 0x0100_0000;
/// The shortest pause after 9041.
const PAUSE: Duration = Duration::from_secs(15);

/// A call on its way: what the cloud says, and when it arrives.
pub(crate) struct Flight {
    pub(crate) at: Duration,
    pub(crate) account: AccountName,
    pub(crate) id: CallId,
    pub(crate) what: String,
    pub(crate) outcome: CallOutcome,
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
    /// Calls of this kind never get through for this account.
    pub(crate) cut: Option<(&'static str, &'static str)>,
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
    pub(crate) asked: Asked,
    pub(crate) calls_sent: BTreeMap<AccountName, VecDeque<Duration>>,
    pub(crate) calls: u64,
    /// No call may leave before.
    pub(crate) shut_until: Duration,
    /// Retained payloads that the broker had already, discovery aside.
    pub(crate) repeated: u64,
    /// Discovery messages.
    pub(crate) announcements: u64,
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
            cut: None,
            empty_region: None,
            broker_is_up: false,
            retained: BTreeMap::new(),
            results: BTreeMap::new(),
            replies: BTreeMap::new(),
            commands: 0,
            asked: Asked::default(),
            calls_sent: BTreeMap::new(),
            calls: 0,
            shut_until: Duration::ZERO,
            repeated: 0,
            announcements: 0,
            trace: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        self.tell(Input::Tick);
        self.broker_up();
    }

    /// The bridge forgets everything but its settings; the broker and the cloud do not.
    pub(crate) fn restart(&mut self) {
        let now = Now {
            mono: self.now,
            unix: self.unix_ms() / 1000,
        };
        self.flights.clear();
        self.bridge = Bridge::new(settings(), Restored::default(), self.seed, now);
        self.start();
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
            Effect::Socket { .. }
            | Effect::Subscribe { .. }
            | Effect::SaveSchema { .. }
            | Effect::SaveAnnounced { .. }
            | Effect::SaveBudget { .. }
            | Effect::Stopped => {}
        }
    }

    pub(crate) fn publish(&mut self, message: Publication) {
        let text = String::from_utf8_lossy(&message.payload);
        let secret = SECRETS.iter().find(|secret| text.contains(*secret));
        self.check(
            secret.is_none(),
            &format!("{secret:?} on {}", message.topic),
        );
        if message.topic.starts_with("g/bridge/schedules/") && !message.payload.is_empty() {
            let shown = serde_json::from_slice(&message.payload).unwrap();
            self.check_shown(&message.topic, &shown);
        }
        if message.retain {
            // An emptied topic waits in the outbox; a state is offered again with the next link.
            if self.broker_is_up && !message.payload.is_empty() {
                let before = self
                    .retained
                    .insert(message.topic.clone(), message.payload.clone());
                if message.topic.starts_with("homeassistant/") {
                    self.announcements += 1;
                } else if before.as_ref() == Some(&message.payload) {
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
        } else if message.topic.starts_with("g/bridge/response/") {
            let answer = serde_json::from_slice(&message.payload).unwrap();
            self.answered(&message.topic, answer);
        } else if message.topic == "me" {
            let correlation = message.correlation.unwrap().try_into().unwrap();
            *self
                .replies
                .entry(u64::from_be_bytes(correlation))
                .or_default() += 1;
        }
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
                json!({ "raw": (transaction + RAW).to_be_bytes() }),
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
        let reply = transaction.is_multiple_of(2).then(|| ReplyTo {
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

    /// `bridge/request/VERB`
    pub(crate) fn request(&mut self, verb: &str) {
        self.tell(Input::Message(Message {
            topic: format!("g/bridge/request/{verb}"),
            payload: Vec::new(),
            retained: false,
            reply: None,
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
            "/app/scheduler",
            "/app/bind_mac",
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
                    self.any_request();
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
}
