//! The world around the core: a simulated cloud, a network, a broker that keeps what is retained, and
//! time that moves when it is told to. What must hold always is checked at each step.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::input::Sample;
use gizwits2mqtt::bridge::{Input, Publication, Restored, Settings};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::model::{ProductSchema, Region};
use gizwits2mqtt::simulator::{Request, Scenario, World};
use serde_json::{Value, json};

use super::core::{Bug, Core};
use super::laws::{Broken, Laws};
use super::network::{Flight, Network};
use super::push::Wires;
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
    /// The bridge starts again.
    Start,
    /// The broker is back.
    Broker,
    /// The cloud can be reached.
    Cloud,
    /// Push is not silent any more.
    Push,
    /// A device is back.
    Device(String),
}

/// The world around the core.
pub(crate) struct Universe {
    pub(crate) seed: u64,
    pub(crate) now: Duration,
    pub(crate) settings: Settings,
    pub(crate) bug: Option<Bug>,
    pub(crate) core: Core,
    /// Counts the bridge's lives.
    pub(crate) life: u32,
    /// The bridge does not run.
    pub(crate) is_down: bool,
    /// It was stopped in order, and the clock was left alone since.
    pub(crate) is_remembered: bool,
    /// It dies when it has done so much more, and is away for so long.
    pub(crate) dies_after: Option<(u32, Duration)>,
    pub(crate) saved: Restored,
    inbox: VecDeque<Input>,
    is_telling: bool,
    pub(crate) agenda: BTreeMap<(Duration, u64), Due>,
    /// How far the bridge's wall clock is off, in seconds.
    pub(crate) clock_off_s: i64,
    pub(crate) cloud: World,
    pub(crate) chance: fastrand::Rng,
    pub(crate) network: Network,
    pub(crate) flights: Vec<Flight>,
    pub(crate) wires: Wires,
    pub(crate) token: Option<String>,
    /// A login's, before it is home.
    pub(crate) fresh_token: Option<String>,
    pub(crate) uid: String,
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
            core: Core::new(bug, settings.clone(), restored, seed, now),
            life: 0,
            is_down: false,
            is_remembered: false,
            dies_after: None,
            saved: Restored::default(),
            inbox: VecDeque::new(),
            is_telling: false,
            agenda: BTreeMap::new(),
            clock_off_s: 0,
            laws: Laws::new(&settings, &scenario),
            settings,
            cloud: World::new(scenario, seed, START * 1000),
            chance: fastrand::Rng::with_seed(seed),
            network: Network::default(),
            flights: Vec::new(),
            wires: Wires::default(),
            token: None,
            fresh_token: None,
            uid: String::new(),
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
            is_early: false,
            record: None,
            is_traced: true,
            trace: VecDeque::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        self.tell(Input::Tick);
        self.broker_up();
    }

    /// The bridge starts with what it had saved; the broker and the cloud forget nothing.
    pub(crate) fn restart(&mut self) {
        self.note(|| "the bridge starts".into());
        self.life += 1;
        self.is_down = false;
        self.flights.retain(Flight::is_on_its_way_to_the_cloud);
        self.laws.restarted(self.is_remembered);
        let restored = Restored {
            schemas: self.saved.schemas.clone(),
            tokens: self.saved.tokens.clone(),
            announced: self.saved.announced.clone(),
            budgets: self.saved.budgets.clone(),
        };
        let seed = self.seed + u64::from(self.life);
        let now = self.clock();
        self.core = Core::new(self.bug, self.settings.clone(), restored, seed, now);
        self.tell(Input::Tick);
        if self.broker_is_up {
            self.broker_up();
        }
    }

    /// It ends without a word; the broker speaks its last will.
    pub(crate) fn die(&mut self, pause: Duration) {
        self.note(|| format!("the bridge dies for {} s", pause.as_secs()));
        self.laws.died(self.life);
        self.is_remembered = false;
        self.gone(pause);
    }

    /// It ends in order.
    pub(crate) fn stop(&mut self, pause: Duration) {
        self.note(|| format!("the bridge stops for {} s", pause.as_secs()));
        self.tell(Input::Stop);
        // It may have died while it did.
        if !self.is_down {
            self.is_remembered = true;
            self.gone(pause);
        }
    }

    fn gone(&mut self, pause: Duration) {
        self.is_down = true;
        self.dies_after = None;
        self.inbox.clear();
        self.hang_up_all();
        if self.broker_is_up {
            self.retained
                .insert("g/bridge/state".into(), b"offline".to_vec());
        }
        self.plan(pause, Due::Start);
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
        self.inbox.push_back(input);
        if self.is_telling {
            return;
        }
        self.is_telling = true;
        while let Some(input) = self.inbox.pop_front() {
            if self.is_down {
                continue;
            }
            let now = self.clock();
            let effects = self.core.handle(now, input);
            if self.is_early && !effects.is_empty() {
                let found = format!("{:?} was due and not among the deadlines", effects[0]);
                self.fail("lost wake-up", found);
            }
            for effect in effects {
                if let Some((more, pause)) = self.dies_after {
                    if more == 0 {
                        self.die(pause);
                        break;
                    }
                    self.dies_after = Some((more - 1, pause));
                }
                self.carry_out(effect);
            }
        }
        self.is_telling = false;
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
            Effect::TellDrained => self.inbox.push_back(Input::Drained { lost: false }),
            Effect::Sample => self.inbox.push_back(Input::Sampled(Sample::default())),
            Effect::SaveSchema {
                product_key,
                document,
            } => {
                let (schema, _) = ProductSchema::parse(&product_key, &document).unwrap();
                self.saved.schemas.insert(product_key, schema.into());
            }
            Effect::SaveAnnounced { did, announced } => match announced {
                Some(announced) => drop(self.saved.announced.insert(did, announced)),
                None => drop(self.saved.announced.remove(&did)),
            },
            Effect::Socket { link, order, .. } => self.order_socket(link, order),
            Effect::SaveBudget { account, learnt } => {
                self.saved.budgets.insert(account, learnt);
            }
            Effect::Subscribe { .. } | Effect::Stopped => {}
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
            let deadline = (!self.is_down).then(|| self.core.next_deadline().0.max(self.now));
            let flight = self.flights.iter().map(|flight| flight.at).min();
            let due = self.agenda.keys().next().map(|(at, _)| *at);
            let wire = self.wires.next_arrival(self.cloud_is_reachable);
            let cloud = self.cloud_due();
            let next = [deadline, flight, due, wire, cloud];
            let next = next.into_iter().flatten().min();
            let next = next.map(|at| at.max(self.now));
            self.look_early(next.unwrap_or(end).min(end));
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            at_once = if next > self.now { 0 } else { at_once + 1 };
            if at_once > BUSY {
                let (_, why) = self.core.next_deadline();
                self.fail("busy", format!("woken again and again for {why:?}"));
            }
            self.now = next;
            self.cloud.advance(self.unix_ms());
            let is_here = |at: Option<Duration>| at.is_some_and(|at| at <= self.now);
            if is_here(wire) {
                self.deliver();
            } else if is_here(due) {
                let (_, due) = self.agenda.pop_first().unwrap();
                self.happens(due);
            } else if is_here(flight) {
                self.land();
            } else if is_here(deadline) {
                self.tell(Input::Tick);
            }
        }
    }

    /// Nothing is to be done before the moment that the core told.
    fn look_early(&mut self, next: Duration) {
        if !self.is_strict || self.is_down || self.chance.u32(0..16) > 0 {
            return;
        }
        let span = next.saturating_sub(self.now);
        if span > Duration::from_millis(1) {
            let now = self.now;
            self.now += span.mul_f64(self.chance.f64() * 0.999);
            self.is_early = true;
            self.tell(Input::Tick);
            self.is_early = false;
            self.now = self.now.max(now);
        }
    }

    pub(crate) fn happens(&mut self, due: Due) {
        self.note(|| format!("over: {due:?}"));
        match due {
            Due::Start => {
                if self.is_down {
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
        self.tell(Input::MqttUp);
    }

    /// The broker is gone, and with it what it kept.
    pub(crate) fn broker_down(&mut self) {
        self.retained.clear();
        self.broker_lost();
    }

    /// The link to it is gone.
    pub(crate) fn broker_lost(&mut self) {
        self.broker_is_up = false;
        self.tell(Input::MqttDown {
            reason: "gone".into(),
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
