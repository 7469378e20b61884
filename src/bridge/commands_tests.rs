//! Commands and reports of a whole bridge with one device on a push connection: a spa that is shown at
//! 38 degrees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::*;
use crate::bridge::effect::CloudCall;
use crate::bridge::input::{CallOutcome, Input, Message, Reply};
use crate::bridge::machine::Restored;
use crate::bridge::settings::{Account, Settings, Shard};
use crate::bridge::socket::SocketEvent;
use crate::ids::{CallId, ProductKey};
use crate::model::{Endpoint, ProductSchema, Region};

pub(super) const START: i64 = 1_800_000_000;

pub(super) fn name() -> AccountName {
    AccountName::new("home").unwrap()
}

pub(super) fn spa() -> Did {
    Did::new("spa").unwrap()
}

pub(super) fn settings() -> Settings {
    let account = Account {
        user: 1,
        regions: vec![Region::Custom],
        include: None,
        exclude: BTreeSet::new(),
    };
    Settings {
        base_topic: "g".into(),
        homeassistant: None,
        accounts: BTreeMap::from([(name(), account)]),
        push: true,
        poll_interval: Duration::from_secs(3_600),
        poll_interval_with_push: Duration::from_secs(3_600),
        bindings_interval: Duration::from_secs(36_000),
        bindings_interval_with_push: Duration::from_secs(36_000),
        requests_per_minute: 600,
        total_requests_per_minute: None,
        profiles: std::sync::Arc::default(),
        devices: BTreeMap::new(),
        shard: Shard { index: 0, count: 1 },
    }
}

fn schema(product_key: &ProductKey) -> ProductSchema {
    let number = |name: &str| {
        json!({ "name": name, "type": "status_writable", "data_type": "uint8",
            "uint_spec": { "min": 0, "max": 100, "ratio": 1, "addition": 0 } })
    };
    let document = json!({ "entities": [{ "attrs": [number("temp_set"), number("wave")] }] });
    ProductSchema::parse(product_key, &document).unwrap().0
}

/// The bridge and what it asked for last.
pub(super) struct Town {
    bridge: Bridge,
    now: Duration,
    link: LinkId,
    pub(super) calls: Vec<(CallId, CloudCall)>,
    pub(super) orders: Vec<SocketOrder>,
    pub(super) published: Vec<(String, String)>,
}

impl Town {
    /// Everything is known, and push is up.
    pub(super) fn new() -> Self {
        Self::of(settings())
    }

    pub(super) fn of(settings: Settings) -> Self {
        let product_key = ProductKey::new("pk").unwrap();
        let report = json!({ "temp_set": 38, "wave": 0 });
        Self::of_product(settings, schema(&product_key), report)
    }

    /// The spa is of another product, and shows this at first.
    pub(super) fn of_product(settings: Settings, schema: ProductSchema, report: Value) -> Self {
        let product_key = ProductKey::new("pk").unwrap();
        let restored = Restored {
            schemas: BTreeMap::from([(product_key, Arc::new(schema))]),
            tokens: BTreeMap::from([(name(), (Region::Custom, START + 9_000_000))]),
            ..Restored::default()
        };
        let now = Now {
            mono: Duration::ZERO,
            unix: START,
        };
        let mut town = Self {
            bridge: Bridge::new(settings, restored, 1, now),
            now: Duration::ZERO,
            link: LinkId(0),
            calls: Vec::new(),
            orders: Vec::new(),
            published: Vec::new(),
        };
        town.tell(Input::MqttUp);
        town.lists_the_spa();
        town.poll_shows(START - 100, report);
        town.socket(SocketEvent::Opened);
        town.socket(SocketEvent::LoggedIn(Ok(())));
        town.socket(SocketEvent::Subscribed {
            done: vec![spa()],
            failed: Vec::new(),
        });
        town.run_for(20_000);
        town.calls.clear();
        town
    }

    /// The oldest call is a listing of the bindings.
    pub(super) fn lists_the_spa(&mut self) {
        let mut device = crate::bridge::testing::device("spa", "pk");
        device.push = Some(Endpoint {
            host: "m2m".into(),
            port: 8080,
            tls: false,
        });
        self.answer(Ok(Reply::Bindings {
            devices: vec![device],
            rows: 1,
            unreadable: Vec::new(),
        }));
    }

    pub(super) fn tell(&mut self, input: Input) {
        let now = Now {
            mono: self.now,
            unix: START + i64::try_from(self.now.as_secs()).unwrap(),
        };
        self.orders.clear();
        self.published.clear();
        for effect in self.bridge.handle(now, input) {
            match effect {
                Effect::Call { id, call, .. } => self.calls.push((id, call)),
                Effect::Socket { link, order, .. } => {
                    self.link = link;
                    self.orders.push(order);
                }
                Effect::Publish(message) => {
                    let payload = String::from_utf8(message.payload).unwrap();
                    self.published.push((message.topic, payload));
                }
                Effect::Subscribe { .. }
                | Effect::SaveSchema { .. }
                | Effect::SaveAnnounced { .. }
                | Effect::SaveBudget { .. }
                | Effect::TellDrained
                | Effect::Sample
                | Effect::Stopped => {}
            }
        }
    }

    /// What the bridge asks for and publishes meanwhile is kept for a look.
    pub(super) fn run_for(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        let (mut orders, mut published) = (Vec::new(), Vec::new());
        while let Some(at) = Some(self.bridge.next_deadline().0).filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.tell(Input::Tick);
            let is_pinged = self.orders.contains(&SocketOrder::Ping);
            orders.append(&mut self.orders);
            published.append(&mut self.published);
            if is_pinged {
                self.socket(SocketEvent::Pong);
                orders.append(&mut self.orders);
                published.append(&mut self.published);
            }
        }
        self.now = end;
        (self.orders, self.published) = (orders, published);
    }

    pub(super) fn socket(&mut self, event: SocketEvent) {
        let link = self.link;
        self.tell(Input::Socket { link, event });
    }

    pub(super) fn push(&mut self, attrs: Value) {
        let report = SocketEvent::Report {
            did: spa(),
            attrs: object(attrs),
            answers: None,
        };
        self.socket(report);
    }

    /// The oldest call.
    pub(super) fn answer(&mut self, outcome: CallOutcome) {
        let (id, _) = self.calls.remove(0);
        let account = name();
        self.tell(Input::CallDone {
            account,
            id,
            outcome,
        });
    }

    /// The oldest call is a poll of the spa.
    pub(super) fn poll_shows(&mut self, updated_at: i64, attrs: Value) {
        let at = |(_, call): &(CallId, CloudCall)| matches!(call, CloudCall::Latest { .. });
        let at = self.calls.iter().position(at).expect("no poll");
        self.calls.swap(0, at);
        let attrs = object(attrs);
        self.answer(Ok(Reply::Latest { updated_at, attrs }));
    }

    pub(super) fn set(&mut self, value: u8) {
        self.message(
            "set",
            &json!({ "temp_set": value, "transaction": value }).to_string(),
        );
    }

    pub(super) fn message(&mut self, verb: &str, payload: &str) {
        self.hears(&format!("g/spa/{verb}"), payload, false);
    }

    pub(super) fn hears(&mut self, topic: &str, payload: &str, retained: bool) {
        self.tell(Input::Message(Message {
            topic: topic.into(),
            payload: payload.into(),
            retained,
            reply: None,
        }));
    }

    pub(super) fn written(&self) -> u64 {
        match &self.orders[..] {
            [SocketOrder::Write { serial, .. }] => *serial,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn published(&self, topic: &str) -> Vec<&str> {
        let of = self.published.iter().filter(|(of, _)| of == topic);
        of.map(|(_, payload)| payload.as_str()).collect()
    }

    pub(super) fn result(&self) -> Value {
        match &self.published("g/spa/result")[..] {
            [result] => serde_json::from_str(result).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn acknowledge(&mut self, serial: u64) {
        self.socket(SocketEvent::Acknowledged { did: spa(), serial });
    }

    pub(super) fn controls(&self) -> usize {
        let is_control = |(_, call): &&(CallId, CloudCall)| call.kind() == "control";
        self.calls.iter().filter(is_control).count()
    }
}

fn object(attrs: Value) -> Map<String, Value> {
    attrs.as_object().unwrap().clone()
}

#[test]
fn a_change_of_the_device_is_published_in_the_same_step_and_costs_no_call() {
    let mut town = Town::new();
    town.push(json!({ "temp_set": 39 }));
    assert_eq!(town.published("g/spa/temp_set"), ["39"]);
    let state = town.published("g/spa")[0];
    assert!(
        state.contains(r#""source":"push""#) && state.contains(r#""wave":0"#),
        "{state}"
    );
    town.push(json!({ "temp_set": 39, "wave": 0 }));
    assert_eq!(town.published("g/spa/temp_set"), [""; 0]);
    assert_eq!(town.calls, []);
}

#[test]
fn a_set_goes_over_push_at_once_and_the_report_confirms_it() {
    let mut town = Town::new();
    town.set(40);
    let serial = town.written();
    town.acknowledge(serial);
    assert_eq!(town.published("g/spa/result"), [""; 0]);
    town.push(json!({ "temp_set": 40, "wave": 0 }));
    assert_eq!(town.result()["confirmed"], true);
    assert_eq!(town.published("g/spa/temp_set"), ["40"]);
    town.run_for(60_000);
    assert_eq!(town.calls, [], "not one call");
}

#[test]
fn sets_merge_while_one_is_under_way_and_raw_goes_over_http() {
    let mut town = Town::new();
    town.set(40);
    let serial = town.written();
    town.set(41);
    town.set(42);
    assert_eq!(town.orders, []);
    town.acknowledge(serial);
    let next = town.written();
    assert_ne!(next, serial);
    town.message("raw", "[1,2]");
    town.acknowledge(next);
    assert!(matches!(&town.calls[..], [(_, CloudCall::Raw { .. })]));
}

#[test]
fn a_throttled_account_still_writes_over_push() {
    let mut town = Town::new();
    town.message("get", "");
    town.answer(Err(CallError {
        class: ErrorClass::Throttled,
        code: Some(9041),
        retry_after: None,
        message: "too often".into(),
    }));
    town.set(40);
    town.written();
    town.push(json!({ "temp_set": 40 }));
    assert_eq!(town.result()["confirmed"], true);
}

#[test]
fn what_waits_for_the_gate_goes_over_push_when_that_comes_up() {
    let mut town = Town::new();
    town.socket(SocketEvent::Down {
        reason: "gone".into(),
    });
    town.set(40);
    assert_eq!(town.controls(), 1);
    town.set(41);
    let throttled = CallError {
        class: ErrorClass::Throttled,
        code: Some(9041),
        retry_after: Some(Duration::from_secs(600)),
        message: "too often".into(),
    };
    town.answer(Err(throttled));
    while !town
        .orders
        .iter()
        .any(|one| matches!(one, SocketOrder::Open(_)))
    {
        town.run_for(1_000);
    }
    town.socket(SocketEvent::Opened);
    town.socket(SocketEvent::LoggedIn(Ok(())));
    town.socket(SocketEvent::Subscribed {
        done: vec![spa()],
        failed: Vec::new(),
    });
    let is_write = |one: &SocketOrder| matches!(one, SocketOrder::Write { .. });
    assert!(town.orders.iter().any(is_write), "{:?}", town.orders);
    town.push(json!({ "temp_set": 41 }));
    assert_eq!(town.published("g/spa/result").len(), 2);
}

#[test]
fn reads_come_before_polls_and_a_missed_set_is_repeated_over_http() {
    let mut town = Town::new();
    town.set(40);
    let serial = town.written();
    town.acknowledge(serial);
    town.run_for(10_000);
    let read = SocketOrder::Read(spa());
    let reads = town.orders.iter().filter(|one| **one == read);
    assert_eq!((reads.count(), town.calls.len()), (3, 0));
    town.run_for(2_000);
    assert_eq!(town.calls.len(), 1, "the poll that decides");
    town.poll_shows(START - 100, json!({ "temp_set": 38, "wave": 0 }));
    assert_eq!(town.controls(), 1, "not the way that failed");
    town.answer(Ok(Reply::Done));
    town.run_for(12_000);
    town.poll_shows(START - 100, json!({ "temp_set": 38, "wave": 0 }));
    town.run_for(10_000);
    let result = town.result();
    assert_eq!(
        (&result["status"], &result["confirmed"]),
        (&json!("error"), &json!(false))
    );
    let error = result["error"].as_str().unwrap();
    assert!(error.contains("reports temp_set 38 instead"), "{error}");
    assert_eq!(
        town.published("g/spa/temp_set"),
        ["38"],
        "the control falls back"
    );
    assert_eq!(town.controls(), 0);
}

#[test]
fn what_was_written_over_a_lost_link_is_looked_for_and_not_written_twice() {
    let mut town = Town::new();
    town.set(40);
    town.written();
    let reason = "gone".into();
    town.socket(SocketEvent::Down { reason });
    town.run_for(1_000);
    town.poll_shows(START + 21, json!({ "temp_set": 40, "wave": 0 }));
    assert_eq!(town.result()["confirmed"], true, "it had arrived");
    assert_eq!(town.controls(), 0);
}

#[test]
fn a_device_that_does_not_answer_over_push_is_told_over_http_until_it_speaks() {
    let mut town = Town::new();
    town.set(40);
    town.written();
    town.run_for(2_999);
    town.set(41);
    assert_eq!(town.controls(), 0);
    town.run_for(1);
    assert_eq!(town.controls(), 1, "the next does not wait as long");
    town.answer(Ok(Reply::Done));
    town.set(42);
    assert_eq!(town.controls(), 1);
    town.answer(Ok(Reply::Done));
    town.push(json!({ "temp_set": 42 }));
    town.set(43);
    town.written();
}

#[test]
fn a_device_that_is_offline_is_told_over_http_which_knows_at_once() {
    let mut town = Town::new();
    let status = |online| SocketEvent::Online { did: spa(), online };
    town.socket(status(false));
    assert_eq!(town.published("g/spa/availability"), ["offline"]);
    town.set(40);
    assert_eq!(town.controls(), 1);
    town.answer(Err(CallError {
        class: ErrorClass::DeviceOffline,
        code: Some(9042),
        retry_after: None,
        message: "the device is offline".into(),
    }));
    assert_eq!(town.result()["code"], 9042);
    town.socket(status(true));
    town.push(json!({ "temp_set": 38 }));
    town.set(40);
    town.written();
}

#[test]
fn an_echo_is_not_shown_and_a_read_decides() {
    let mut town = Town::new();
    town.set(40);
    town.push(json!({ "temp_set": 40, "wave": 0 }));
    town.run_for(1_000);
    town.push(json!({ "temp_set": 38, "wave": 5 }));
    assert_eq!(town.published("g/spa/temp_set"), [""; 0], "no flicker");
    assert_eq!(town.published("g/spa/wave"), ["5"], "the rest is news");
    town.run_for(9_000);
    let read = SocketOrder::Read(spa());
    assert!(town.orders.contains(&read), "{:?}", town.orders);
    town.push(json!({ "temp_set": 38, "wave": 5 }));
    assert_eq!(town.published("g/spa/temp_set"), ["38"], "it was true");
    town.run_for(10_000);
    assert_eq!(town.calls, []);
}

#[test]
fn a_poll_that_contradicts_a_push_is_looked_into() {
    let mut town = Town::new();
    town.push(json!({ "temp_set": 39 }));
    town.message("get", "");
    town.poll_shows(START - 100, json!({ "temp_set": 38, "wave": 0 }));
    assert_eq!(town.published("g/spa/temp_set"), [""; 0], "an old image");
    town.run_for(15_000);
    assert!(
        town.orders.contains(&SocketOrder::Read(spa())),
        "{:?}",
        town.orders
    );
    town.run_for(3_000);
    town.poll_shows(START - 100, json!({ "temp_set": 38, "wave": 0 }));
    assert_eq!(
        town.published("g/spa/temp_set"),
        ["38"],
        "it stays: a push was lost"
    );
}

#[test]
fn a_quick_off_and_on_is_shown_and_confirmed_as_soon_as_the_device_says_so() {
    let mut town = Town::new();
    town.set(30);
    let first = town.written();
    town.acknowledge(first);
    town.run_for(200);
    town.set(38);
    let second = town.written();
    // The effect of the first comes after the second was asked for.
    town.push(json!({ "temp_set": 30, "wave": 0 }));
    assert_eq!(town.published("g/spa/temp_set"), ["30"]);
    town.acknowledge(second);
    town.push(json!({ "temp_set": 38, "wave": 0 }));
    assert_eq!(town.published("g/spa/temp_set"), ["38"], "at once");
    let last: Value = serde_json::from_str(town.published("g/spa/result")[0]).unwrap();
    assert_eq!(
        (&last["transaction"], &last["confirmed"]),
        (&json!(38), &json!(true))
    );
    town.run_for(60_000);
    assert_eq!(town.calls, []);
}
