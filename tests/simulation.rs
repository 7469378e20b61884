//! Days of trouble in seconds: the core against the simulated cloud on virtual time. `SEED=n` repeats
//! or adds a run; a failing one names its seed and the last steps.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gizwits2mqtt::bridge::effect::{Announced, Effect};
use gizwits2mqtt::bridge::input::{Message, Sample};
use gizwits2mqtt::bridge::settings::{Account, HomeAssistant, Shard};
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

const START: i64 = 1_800_000_000;
const SPA: &str = "DemoSpa0000000000000001";
const PER_MINUTE: u32 = 30;
const HOUR: u64 = 3600;

fn settings() -> Settings {
    let account = Account {
        regions: vec![Region::Custom],
        include: None,
        exclude: BTreeSet::new(),
    };
    Settings {
        base_topic: "g".into(),
        homeassistant: Some(HomeAssistant {
            discovery_prefix: "homeassistant".into(),
            status_topic: "homeassistant/status".into(),
        }),
        accounts: BTreeMap::from([(AccountName::new("home").unwrap(), account)]),
        poll_interval: Duration::from_secs(60),
        bindings_interval: Duration::from_secs(600),
        requests_per_minute: PER_MINUTE,
        devices: BTreeMap::new(),
        shard: Shard { index: 0, count: 1 },
    }
}

/// A call on its way: what the cloud says, and when it arrives.
struct Flight {
    at: Duration,
    account: AccountName,
    id: CallId,
    outcome: CallOutcome,
}

/// The world around the core.
struct Universe {
    seed: u64,
    now: Duration,
    bridge: Bridge,
    cloud: World,
    chance: fastrand::Rng,
    flights: Vec<Flight>,
    token: Option<String>,
    cloud_is_reachable: bool,
    /// Lets the user in, but has no devices.
    empty_region: Option<Region>,
    broker_is_up: bool,
    /// What the broker keeps.
    retained: BTreeMap<String, Vec<u8>>,
    /// Results by transaction.
    results: BTreeMap<u64, Vec<Value>>,
    commands: u64,
    calls_sent: VecDeque<Duration>,
    calls: u64,
    /// Retained payloads that the broker had already, discovery aside.
    repeated: u64,
    trace: VecDeque<String>,
}

impl Universe {
    fn new(seed: u64, scenario: Scenario) -> Self {
        let now = Now {
            mono: Duration::ZERO,
            unix: START,
        };
        let mut universe = Self {
            seed,
            now: Duration::ZERO,
            bridge: Bridge::new(settings(), Restored::default(), seed, now),
            cloud: World::new(scenario, seed, START * 1000),
            chance: fastrand::Rng::with_seed(seed),
            flights: Vec::new(),
            token: None,
            cloud_is_reachable: true,
            empty_region: None,
            broker_is_up: false,
            retained: BTreeMap::new(),
            results: BTreeMap::new(),
            commands: 0,
            calls_sent: VecDeque::new(),
            calls: 0,
            repeated: 0,
            trace: VecDeque::new(),
        };
        universe.tell(Input::Tick);
        universe.broker_up();
        universe
    }

    fn unix_ms(&self) -> i64 {
        START * 1000 + i64::try_from(self.now.as_millis()).unwrap()
    }

    fn note(&mut self, what: String) {
        self.trace
            .push_back(format!("{:10.3} {what}", self.now.as_secs_f64()));
        if self.trace.len() > 40 {
            self.trace.pop_front();
        }
    }

    fn check(&self, holds: bool, what: &str) {
        if !holds {
            for line in &self.trace {
                eprintln!("{line}");
            }
            panic!("seed {}: {what}", self.seed);
        }
    }

    fn tell(&mut self, input: Input) {
        let now = Now {
            mono: self.now,
            unix: self.unix_ms() / 1000,
        };
        for effect in self.bridge.handle(now, input) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
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

    fn publish(&mut self, message: Publication) {
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
        }
    }

    fn call(&mut self, account: AccountName, region: Region, id: CallId, call: &CloudCall) {
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
            outcome,
        });
    }

    fn ask_cloud(&mut self, call: &CloudCall) -> CallOutcome {
        let request = self.request(call);
        match self.cloud.handle(self.unix_ms(), &request) {
            Reaction::Answer(answer) => self.read(call, &answer),
            Reaction::Hang => Err(error(ErrorClass::Transient, None, "hang")),
            Reaction::Reset => Err(error(ErrorClass::Transient, None, "reset")),
        }
    }

    fn request(&self, call: &CloudCall) -> Request {
        let (method, path, body) = match call {
            CloudCall::Login => (
                "POST",
                "/app/login".to_owned(),
                json!({ "username": "demo@example.com", "password": "demo-password" }),
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
    fn read(&mut self, call: &CloudCall, answer: &Answer) -> CallOutcome {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return Err(error(ErrorClass::Transient, None, "a web page"));
        };
        if let Some(code) = body["error_code"].as_u64() {
            let code = u16::try_from(code).unwrap();
            return Err(error(class_of(code), Some(code), "refused"));
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
    fn run_until(&mut self, end: Duration) {
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

    fn run_for(&mut self, seconds: u64) {
        self.run_until(self.now + Duration::from_secs(seconds));
    }

    fn broker_up(&mut self) {
        self.broker_is_up = true;
        self.tell(Input::MqttUp);
    }

    fn broker_down(&mut self) {
        self.broker_is_up = false;
        self.retained.retain(|topic, _| !topic.starts_with("g/"));
        self.tell(Input::MqttDown {
            reason: "gone".into(),
        });
    }

    /// Sets a value that no other command sets.
    fn command(&mut self) {
        self.commands += 1;
        let transaction = self.commands;
        let payload = json!({ "heat_timer_min": transaction % 59_940, "transaction": transaction });
        self.tell(Input::Message(Message {
            topic: "g/hot_tub/set".into(),
            payload: payload.to_string().into_bytes(),
            retained: false,
            reply: None,
        }));
    }

    fn sim(&mut self, path: &str, body: &Value) {
        self.control("POST", path, body);
    }

    fn control(&mut self, method: &str, path: &str, body: &Value) {
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
    fn trouble(&mut self) {
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
                self.sim("throttle", &json!({ "seconds": seconds }));
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
            _ => self.command(),
        }
        self.run_for(self.chance.clone().u64(1..120));
        if !self.broker_is_up && self.chance.bool() {
            self.broker_up();
        }
        if self.chance.bool() {
            self.cloud_is_reachable = true;
        }
    }

    /// All is well again, for long enough.
    fn calm(&mut self) {
        self.cloud_is_reachable = true;
        if !self.broker_is_up {
            self.broker_up();
        }
        self.sim(&format!("devices/{SPA}/online"), &json!({ "online": true }));
        self.control("DELETE", "faults", &Value::Null);
        self.run_for(2 * HOUR);
    }

    /// What the broker keeps is what the cloud knows.
    fn check_truth(&mut self) {
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
            for (name, value) in truth["attrs"].as_object().unwrap() {
                let shown = self.retained.get(&format!("g/{level}/{name}"));
                let shown = shown.map(|payload| String::from_utf8_lossy(payload).into_owned());
                let want = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.check(
                    shown.as_deref() == Some(&want),
                    &format!("{level}/{name} is {shown:?}, not {want}"),
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
    }

    /// Each caller has one result, and the cloud was told nothing twice.
    fn check_commands(&self) {
        for transaction in 1..=self.commands {
            let count = self.results.get(&transaction).map_or(0, Vec::len);
            self.check(
                count == 1,
                &format!("command {transaction} has {count} results"),
            );
        }
        let mut told = BTreeMap::new();
        for call in self.cloud.requests() {
            // A call whose answer was lost may have had its effect, so it counts.
            if let Some(value) = call["body"]["attrs"]["heat_timer_min"].as_u64()
                && (call["status"].is_null() || call["status"] == 200 || call["status"] == 502)
            {
                *told.entry(value).or_insert(0) += 1;
            }
        }
        for (value, count) in told {
            self.check(
                count == 1,
                &format!("command {value} was sent {count} times"),
            );
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

/// The standard cloud whose values stay unless somebody changes them.
fn still() -> Scenario {
    let mut scenario = Scenario::standard();
    for product in &mut scenario.products {
        product.live.clear();
    }
    scenario
}

fn seeds() -> Vec<u64> {
    match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=12).collect(),
    }
}

#[test]
fn a_quiet_day_costs_what_was_planned() {
    let mut universe = Universe::new(1, still());
    universe.run_for(24 * HOUR);
    universe.check_truth();
    let logins = universe
        .cloud
        .requests()
        .iter()
        .filter(|call| call["path"] == "/app/login")
        .count();
    assert!(logins <= 1, "{logins} logins");
    assert_eq!(
        universe.repeated, 0,
        "a state went out though it had not changed"
    );
    // 9 devices each minute, one page of bindings each ten minutes, schemas once.
    let planned = 9 * 24 * 60 + 24 * 6 + 9;
    let calls = universe.calls;
    assert!(
        (planned * 95 / 100..=planned * 105 / 100).contains(&calls),
        "{calls} calls, {planned} planned"
    );
}

#[test]
fn after_any_trouble_the_truth_comes_back_and_no_command_is_lost() {
    for seed in seeds() {
        let mut universe = Universe::new(seed, still());
        universe.run_for(120);
        for _ in 0..150 {
            universe.trouble();
        }
        universe.calm();
        universe.check_truth();
        universe.check_commands();
        let hours = universe.now.as_secs() / HOUR;
        eprintln!(
            "seed {seed}: {hours} h, {} calls, {} commands",
            universe.calls, universe.commands
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut universe = Universe::new(7, Scenario::standard());
        for _ in 0..40 {
            universe.trouble();
        }
        (
            universe.calls,
            universe.retained,
            universe.results,
            universe.now,
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn many_devices_share_the_limit_and_all_are_polled() {
    let mut universe = Universe::new(3, Scenario::with_devices(200));
    universe.run_for(HOUR);
    let polled: BTreeSet<String> = universe
        .cloud
        .requests()
        .iter()
        .filter_map(|call| {
            Some(
                call["path"]
                    .as_str()?
                    .strip_prefix("/app/devdata/")?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(polled.len(), 200);
    // A command does not wait for the polls.
    let result = universe.results.len();
    universe.tell(Input::Message(Message {
        topic: "g/hot_tub_0/set".into(),
        payload: br#"{"locked": true, "transaction": 1}"#.to_vec(),
        retained: false,
        reply: None,
    }));
    universe.run_for(15);
    assert_eq!(universe.results.len(), result + 1, "no result within 15 s");
    assert_eq!(universe.results[&1][0]["confirmed"], true);
}

#[test]
fn an_unbound_device_takes_its_topics_along_even_without_home_assistant() {
    let mut universe = Universe::new(5, still());
    let now = Now {
        mono: Duration::ZERO,
        unix: START,
    };
    let without = Settings {
        homeassistant: None,
        ..settings()
    };
    universe.bridge = Bridge::new(without, Restored::default(), 5, now);
    universe.flights.clear();
    universe.tell(Input::MqttUp);
    universe.run_for(60);
    assert!(universe.retained.contains_key("g/hot_tub/temp_set"));
    universe.control("DELETE", &format!("devices/{SPA}"), &Value::Null);
    universe.run_for(3600);
    let left: Vec<&String> = universe
        .retained
        .keys()
        .filter(|topic| topic.starts_with("g/hot_tub"))
        .collect();
    assert_eq!(left, Vec::<&String>::new());
}

#[test]
fn one_device_that_always_fails_starves_nobody() {
    for fault in [
        json!({ "path": format!("/app/devdata/{SPA}"), "kind": "http_502", "count": 100_000 }),
        json!({ "path": "/app/bindings", "kind": "error", "code": 9008, "count": 100_000 }),
    ] {
        let mut universe = Universe::new(9, still());
        universe.run_for(60);
        universe.sim("faults", &fault);
        universe.sim(
            "devices/DemoMeter0000000000005/attrs",
            &json!({ "pH": 7.05 }),
        );
        universe.run_for(HOUR);
        assert_eq!(universe.retained["g/pool_meter/pH"], b"7.05");
        assert_eq!(universe.retained["g/pool_meter/availability"], b"online");
    }
}

#[test]
fn a_first_listing_that_fails_is_soon_repeated() {
    let mut universe = Universe::new(9, still());
    universe.bridge = Bridge::new(
        settings(),
        Restored::default(),
        9,
        Now {
            mono: Duration::ZERO,
            unix: START,
        },
    );
    universe.flights.clear();
    universe.sim(
        "faults",
        &json!({ "path": "/app/bindings", "kind": "error", "code": 9008, "count": 3 }),
    );
    universe.tell(Input::MqttUp);
    universe.run_for(180);
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"38");
}

#[test]
fn what_an_earlier_run_said_counts_for_nothing_until_it_is_known_again() {
    let mut universe = Universe::new(4, still());
    let announced = |account: &str, level: &str| Announced {
        account: account.into(),
        level: level.into(),
        attrs: vec!["power".into()],
        ..Announced::default()
    };
    let restored = Restored {
        announced: BTreeMap::from([
            (Did::new(SPA).unwrap(), announced("home", "old_name")),
            (Did::new("another").unwrap(), announced("gone", "ghost")),
        ]),
        ..Restored::default()
    };
    universe.retained = [
        "g/old_name/power",
        "g/old_name/availability",
        "g/ghost/power",
    ]
    .map(|topic| (topic.to_owned(), b"online".to_vec()))
    .into();
    universe.cloud_is_reachable = false;
    universe.flights.clear();
    universe.bridge = Bridge::new(
        settings(),
        restored,
        4,
        Now {
            mono: Duration::ZERO,
            unix: START,
        },
    );
    universe.tell(Input::MqttUp);
    universe.run_for(60);
    assert_eq!(universe.retained["g/old_name/availability"], b"offline");
    assert!(
        !universe.retained.contains_key("g/ghost/power"),
        "its account is not configured"
    );
    universe.cloud_is_reachable = true;
    universe.run_for(300);
    assert_eq!(universe.retained["g/hot_tub/availability"], b"online");
    assert!(
        !universe.retained.contains_key("g/old_name/power"),
        "it has another topic now"
    );
}

#[test]
fn a_reload_in_the_middle_of_a_command_ends_it_with_a_result() {
    let mut universe = Universe::new(6, still());
    universe.run_for(60);
    universe.command();
    assert!(!universe.flights.is_empty(), "the call is under way");
    let mut changed = settings();
    for account in changed.accounts.values_mut() {
        account.regions = vec![Region::Eu];
    }
    universe.tell(Input::Reconfigure(Box::new(changed)));
    universe.run_for(60);
    assert_eq!(universe.results[&1].len(), 1);
    universe.command();
    universe.run_for(60);
    assert_eq!(universe.results[&2][0]["confirmed"], true);
}

#[test]
fn a_chosen_topic_belongs_to_its_device_alone() {
    let mut universe = Universe::new(8, still());
    universe.run_for(60);
    let mut changed = settings();
    let topic = |topic: &str| gizwits2mqtt::bridge::settings::DeviceSettings {
        name: None,
        topic: Some(topic.into()),
    };
    // Each takes the level that the other has.
    changed.devices = BTreeMap::from([
        (Did::new(SPA).unwrap(), topic("pool_meter")),
        (
            Did::new("DemoMeter0000000000005").unwrap(),
            topic("hot_tub"),
        ),
        (Did::new("DemoPets00000000000007").unwrap(), topic("reef")),
    ]);
    universe.tell(Input::Reconfigure(Box::new(changed)));
    universe.run_for(120);
    assert_eq!(universe.retained["g/pool_meter/temp_set"], b"38");
    assert_eq!(universe.retained["g/hot_tub/pH"], b"7.32");
    assert!(!universe.retained.contains_key("g/hot_tub/temp_set"));
    assert!(
        !universe.retained.contains_key("g/reef/Flow"),
        "the pump gave it up"
    );
    let set = |topic: &str, payload: &str| {
        Input::Message(Message {
            topic: topic.into(),
            payload: payload.as_bytes().to_vec(),
            retained: false,
            reply: None,
        })
    };
    universe.tell(set(
        "g/pool_meter/set",
        r#"{"temp_set": 30, "transaction": 1}"#,
    ));
    universe.tell(set("g/reef/set", r#"{"LED_R": 99, "transaction": 2}"#));
    universe.run_for(60);
    for transaction in [1, 2] {
        assert_eq!(
            universe.results[&transaction][0]["confirmed"], true,
            "{transaction}"
        );
    }
}

#[test]
fn devices_are_found_in_the_region_that_has_them() {
    let mut universe = Universe::new(2, still());
    let mut wide = settings();
    for account in wide.accounts.values_mut() {
        account.regions = vec![Region::Eu, Region::Us, Region::Cn];
    }
    universe.empty_region = Some(Region::Eu);
    universe.flights.clear();
    let now = Now {
        mono: Duration::ZERO,
        unix: START,
    };
    universe.bridge = Bridge::new(wide, Restored::default(), 2, now);
    universe.tell(Input::MqttUp);
    universe.run_for(60);
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"38");
    let info: Value = serde_json::from_slice(&universe.retained["g/bridge/info"]).unwrap();
    assert_eq!(info["accounts"]["home"]["region"], "us");
}
