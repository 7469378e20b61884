//! The world around the core: a simulated cloud, a network, a broker that keeps what is retained, and
//! time that moves when it is told to. What must hold always is checked at each step.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::input::{Message, Sample};
use gizwits2mqtt::bridge::{Input, Publication, Restored, Settings};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::model::{ProductSchema, Region};
use gizwits2mqtt::simulator::{Request, Scenario, World};
use serde_json::{Value, json};

use super::core::{Bug, Core};
use super::laws::{Broken, Laws};
use super::network::{Flight, Network};
use super::process::{Process, Session};
use super::requests::Asked;
use super::{HOUR, settings};

pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const SPA: &str = "DemoSpa0000000000000001";
/// Steps that are kept to be shown.
const TRACED: usize = 60;
/// A driver that is woken so often without time moving is kept busy.
const BUSY: u32 = 200;

/// Something that ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// An instance of the bridge starts again.
    Start(u32),
    /// The broker is back.
    Broker,
    /// The cloud can be reached.
    Cloud,
    /// Push is not silent any more.
    Push,
    /// A device is back.
    Device(String),
}

/// What can happen to an instance, in the order of its haste.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Parcel,
    Flight,
    Deadline,
}

/// The world around the core.
pub(crate) struct Universe {
    pub(crate) seed: u64,
    pub(crate) now: Duration,
    pub(crate) bug: Option<Bug>,
    /// The instance that things happen to just now; the others are elsewhere.
    pub(crate) here: Process,
    pub(crate) elsewhere: Vec<Process>,
    pub(crate) agenda: BTreeMap<(Duration, u64), Due>,
    /// How far the bridge's wall clock is off, in seconds.
    pub(crate) clock_off_s: i64,
    pub(crate) cloud: World,
    pub(crate) chance: fastrand::Rng,
    pub(crate) network: Network,
    /// By how much the last answer of the cloud is late.
    pub(crate) late: Duration,
    /// Of a login that is not home yet.
    pub(crate) fresh: Option<Session>,
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
    pub(crate) calls: u64,
    pub(crate) laws: Laws,
    /// Retained payloads that the broker had already, discovery aside.
    pub(crate) repeated: u64,
    /// Discovery messages.
    pub(crate) announcements: u64,
    /// Ticks too early, too, must find nothing to do; a broken law is told to who runs this.
    pub(crate) is_strict: bool,
    /// No value drifts any more.
    pub(crate) is_still: bool,
    is_early: bool,
    /// What is published, where somebody wants to know.
    pub(crate) record: Option<Vec<Publication>>,
    pub(crate) is_traced: bool,
    trace: VecDeque<String>,
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
        Self::with_bug(None, seed, scenario, settings, restored)
    }

    pub(crate) fn with_bug(
        bug: Option<Bug>,
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
            bug,
            here: Process::new(bug, settings, restored, seed, now),
            elsewhere: Vec::new(),
            agenda: BTreeMap::new(),
            clock_off_s: 0,
            laws: Laws::new(&scenario),
            cloud: World::new(scenario, seed, START * 1000),
            chance: fastrand::Rng::with_seed(seed),
            network: Network::default(),
            late: Duration::ZERO,
            fresh: None,
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
            calls: 0,
            repeated: 0,
            announcements: 0,
            is_strict: false,
            is_still: false,
            is_early: false,
            record: None,
            is_traced: true,
            trace: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        self.each(|universe| universe.tell(Input::Tick));
        self.broker_up();
    }

    /// The bridge starts with what it had saved; the broker and the cloud forget nothing.
    pub(crate) fn restart(&mut self) {
        self.note(|| "the bridge starts".into());
        self.here.life += 1;
        self.here.since = self.now;
        self.here.is_down = false;
        self.here.flights.retain(Flight::is_on_its_way_to_the_cloud);
        let is_remembered = self.here.is_remembered;
        self.here.watch.restarted(is_remembered);
        let restored = Restored {
            schemas: self.here.saved.schemas.clone(),
            tokens: self.here.saved.tokens.clone(),
            announced: self.here.saved.announced.clone(),
            budgets: self.here.saved.budgets.clone(),
        };
        let seed = self.seed + u64::from(self.here.life) + 1000 * u64::from(self.here.index());
        let now = self.clock();
        self.here.core = Core::new(self.bug, self.here.settings.clone(), restored, seed, now);
        self.tell(Input::Tick);
        if self.broker_is_up {
            self.tell(Input::MqttUp);
        }
    }

    /// It ends without a word; the broker speaks its last will.
    pub(crate) fn die(&mut self, pause: Duration) {
        self.note(|| format!("the bridge dies for {} s", pause.as_secs()));
        self.laws.died(self.here.index(), self.here.life);
        self.here.is_remembered = false;
        self.gone(Some(pause));
    }

    /// It ends in order.
    pub(crate) fn stop(&mut self, pause: Duration) {
        self.note(|| format!("the bridge stops for {} s", pause.as_secs()));
        self.tell(Input::Stop);
        // It may have died while it did.
        if !self.here.is_down {
            self.here.is_remembered = true;
            self.gone(Some(pause));
        }
    }

    /// It ends in order, and nobody starts it again.
    pub(crate) fn retire(&mut self) {
        self.tell(Input::Stop);
        self.here.is_wanted = false;
        self.here.is_remembered = true;
        self.gone(None);
    }

    fn gone(&mut self, pause: Option<Duration>) {
        self.here.is_down = true;
        self.here.dies_after = None;
        self.here.inbox.clear();
        self.hang_up_all();
        if self.broker_is_up {
            let topic = self.here.bridge_topic("state");
            self.retained.insert(topic, b"offline".to_vec());
        }
        if let Some(pause) = pause {
            self.plan(pause, Due::Start(self.here.index()));
        }
    }

    pub(crate) fn unix_ms(&self) -> i64 {
        START * 1000 + i64::try_from(self.now.as_millis()).unwrap()
    }

    /// What the bridge's clocks show.
    pub(crate) fn clock(&self) -> Now {
        Now {
            mono: self.now,
            unix: self.unix_ms() / 1000 + self.clock_off_s,
        }
    }

    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        if !self.is_traced {
            return;
        }
        let line = format!("{:10.3} {}", self.now.as_secs_f64(), what());
        self.trace.push_back(line);
        if self.trace.len() > TRACED {
            self.trace.pop_front();
        }
    }

    pub(crate) fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.fail("truth", what.to_owned());
        }
    }

    /// A law is broken.
    pub(crate) fn fail(&self, law: &'static str, what: String) -> ! {
        if self.is_strict {
            std::panic::resume_unwind(Box::new(Broken {
                law,
                what,
                at: self.now,
                trace: self.trace.iter().cloned().collect(),
            }));
        }
        for line in &self.trace {
            eprintln!("{line}");
        }
        panic!("seed {}: {law}: {what}", self.seed);
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.here.inbox.push_back(input);
        if self.here.is_telling {
            return;
        }
        self.here.is_telling = true;
        while let Some(input) = self.here.inbox.pop_front() {
            if self.here.is_down {
                continue;
            }
            let now = self.clock();
            let effects = self.here.core.handle(now, input);
            if self.is_early && !effects.is_empty() {
                let found = format!("{:?} was due and not among the deadlines", effects[0]);
                self.fail("lost wake-up", found);
            }
            for effect in effects {
                if let Some((more, pause)) = self.here.dies_after {
                    if more == 0 {
                        self.die(pause);
                        break;
                    }
                    self.here.dies_after = Some((more - 1, pause));
                }
                self.carry_out(effect);
            }
        }
        self.here.is_telling = false;
    }

    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Publish(message) => self.publish(message),
            Effect::Call {
                account,
                region,
                id,
                call,
            } => self.send(account, region, id, call),
            Effect::TellDrained => {
                self.here.inbox.push_back(Input::Drained { lost: false });
            }
            Effect::Sample => self.here.inbox.push_back(Input::Sampled(Sample::default())),
            Effect::SaveSchema {
                product_key,
                document,
            } => {
                let (schema, _) = ProductSchema::parse(&product_key, &document).unwrap();
                self.here.saved.schemas.insert(product_key, schema.into());
            }
            Effect::SaveAnnounced { did, announced } => match announced {
                Some(announced) => drop(self.here.saved.announced.insert(did, announced)),
                None => drop(self.here.saved.announced.remove(&did)),
            },
            Effect::Socket {
                account,
                link,
                order,
                ..
            } => self.order_socket(&account, link, order),
            Effect::SaveBudget { account, learnt } => {
                self.here.saved.budgets.insert(account, learnt);
            }
            Effect::Subscribe { filters } => {
                for topic in filters {
                    if let Some(payload) = self.retained.get(&topic).cloned() {
                        self.here.inbox.push_back(Input::Message(Message {
                            topic,
                            payload,
                            retained: true,
                            reply: None,
                        }));
                    }
                }
            }
            Effect::Stopped => {}
        }
    }

    /// In so much time.
    pub(crate) fn plan(&mut self, after: Duration, what: Due) {
        let number = self.agenda.keys().map(|(_, number)| number + 1).max();
        let key = (self.now + after, number.unwrap_or_default());
        self.agenda.insert(key, what);
    }

    /// Lets time pass until `end`; everything that is due happens in between.
    pub(crate) fn run_until(&mut self, end: Duration) {
        let mut at_once = 0;
        loop {
            self.pump();
            let (process, index) = self.next_of_processes();
            let due = self.agenda.keys().next().map(|(at, _)| *at);
            let cloud = self.cloud_due();
            let next = [process.map(|(at, _)| at), due, cloud];
            let next = next.into_iter().flatten().min();
            let next = next.map(|at| at.max(self.now));
            self.look_early(next.unwrap_or(end).min(end));
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            at_once = if next > self.now { 0 } else { at_once + 1 };
            if at_once > BUSY {
                let (_, why) = self.here.core.next_deadline();
                self.fail("busy", format!("woken again and again for {why:?}"));
            }
            self.now = next;
            if self.is_still {
                self.cloud.let_time_act(self.unix_ms());
            } else {
                self.cloud.advance(self.unix_ms());
            }
            let is_due = due.is_some_and(|at| at <= self.now);
            match process.filter(|(at, _)| *at <= self.now) {
                Some((_, Next::Parcel)) => {
                    self.visit(index);
                    self.deliver();
                }
                _ if is_due => {
                    let (_, due) = self.agenda.pop_first().unwrap();
                    self.happens(due);
                }
                Some((_, Next::Flight)) => {
                    self.visit(index);
                    self.land();
                }
                Some((_, Next::Deadline)) => {
                    self.visit(index);
                    self.tell(Input::Tick);
                }
                None => {}
            }
        }
    }

    /// What happens next to the instances, and to which.
    fn next_of_processes(&self) -> (Option<(Duration, Next)>, u32) {
        let of = |process: &Process| {
            let deadline = (!process.is_down).then(|| process.core.next_deadline().0.max(self.now));
            let flight = process.flights.iter().map(|flight| flight.at).min();
            let parcel = process.wires.next_arrival(self.cloud_is_reachable);
            let all = [
                parcel.map(|at| (at, Next::Parcel)),
                flight.map(|at| (at, Next::Flight)),
                deadline.map(|at| (at, Next::Deadline)),
            ];
            all.into_iter().flatten().min()
        };
        let all = self.processes();
        let all = all.filter_map(|process| Some((of(process)?, process.index())));
        match all.min() {
            Some((next, index)) => (Some(next), index),
            None => (None, 0),
        }
    }

    /// Nothing is to be done before the moment that the core told.
    fn look_early(&mut self, next: Duration) {
        if !self.is_strict || self.chance.u32(0..16) > 0 {
            return;
        }
        let span = next.saturating_sub(self.now);
        if span > Duration::from_millis(1) {
            let now = self.now;
            self.now += span.mul_f64(self.chance.f64() * 0.999);
            self.is_early = true;
            self.each(|universe| universe.tell(Input::Tick));
            self.is_early = false;
            self.now = self.now.max(now);
        }
    }

    pub(crate) fn happens(&mut self, due: Due) {
        self.note(|| format!("over: {due:?}"));
        match due {
            Due::Start(index) => {
                self.visit(index);
                if self.here.is_down && self.here.is_wanted {
                    self.restart();
                }
            }
            Due::Broker => {
                if !self.broker_is_up {
                    self.broker_up();
                }
            }
            Due::Cloud => self.cloud_is_reachable = true,
            Due::Push => self.sim("push", &json!({ "action": "resume" })),
            Due::Device(did) => {
                self.sim(&format!("devices/{did}/online"), &json!({ "online": true }));
            }
        }
    }

    pub(crate) fn run_for(&mut self, seconds: u64) {
        self.run_until(self.now + Duration::from_secs(seconds));
    }

    pub(crate) fn broker_up(&mut self) {
        self.broker_is_up = true;
        self.each(|universe| universe.tell(Input::MqttUp));
    }

    /// The broker is gone, and with it what it kept.
    pub(crate) fn broker_down(&mut self) {
        self.retained.clear();
        self.broker_lost();
    }

    /// The link to it is gone.
    pub(crate) fn broker_lost(&mut self) {
        self.broker_is_up = false;
        self.each(|universe| {
            universe.tell(Input::MqttDown {
                reason: "gone".into(),
            });
        });
    }

    pub(crate) fn sim(&mut self, path: &str, body: &Value) {
        self.control("POST", path, body);
    }

    pub(crate) fn control(&mut self, method: &str, path: &str, body: &Value) {
        self.note(|| format!("the cloud is told {method} {path} {body}"));
        let request = Request {
            method: method.into(),
            path: format!("/_sim/{path}"),
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let now_ms = self.unix_ms();
        self.cloud.handle(now_ms, &request);
        self.pump();
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
