//! A large fleet, the core and the real outbox: at the end the broker has everything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::bridge::effect::{CloudCall, Effect};
use crate::bridge::input::{Input, Reply, Sample};
use crate::bridge::settings::{Account, HomeAssistant, Settings, Shard};
use crate::bridge::{Bridge, Restored};
use crate::clock::Now;
use crate::ids::{AccountName, Did, ProductKey};
use crate::model::{Device, ProductSchema, Region};
use crate::mqtt::outbox::{MAX_STATES, Outbox};

const ATTRS: usize = 50;

/// The core, the outbox, and a broker that takes what comes, a portion at a time.
struct Fleet {
    devices: usize,
    bridge: Bridge,
    outbox: Outbox,
    now: Duration,
    broker: BTreeMap<String, Vec<u8>>,
    /// The most states that were published in one step.
    most_at_once: usize,
    inputs: Vec<Input>,
}

fn name() -> AccountName {
    AccountName::new("a").unwrap()
}

fn did(n: usize) -> Did {
    Did::new(format!("did{n:04}")).unwrap()
}

fn device(n: usize) -> Device {
    Device {
        did: did(n),
        product_key: ProductKey::new("p").unwrap(),
        mac: None,
        alias: format!("d{n}"),
        product_name: String::new(),
        is_online: true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
        push: None,
    }
}

fn settings(is_announced: bool) -> Settings {
    let account = Account {
        user: 1,
        regions: vec![Region::Custom],
        include: None,
        exclude: BTreeSet::new(),
    };
    Settings {
        base_topic: "g".into(),
        homeassistant: is_announced.then(|| HomeAssistant {
            discovery_prefix: "homeassistant".into(),
            status_topic: String::new(),
        }),
        accounts: BTreeMap::from([(name(), account)]),
        push: false,
        poll_interval: Duration::from_secs(86_400),
        poll_interval_with_push: Duration::from_secs(86_400),
        bindings_interval: Duration::from_secs(86_400),
        bindings_interval_with_push: Duration::from_secs(86_400),
        requests_per_minute: 6_000,
        total_requests_per_minute: None,
        profiles: std::sync::Arc::default(),
        devices: BTreeMap::new(),
        shard: Shard { index: 0, count: 1 },
    }
}

impl Fleet {
    /// All devices are known and have reported.
    fn new(devices: usize, is_announced: bool) -> Self {
        let attrs: Vec<Value> = (0..ATTRS)
            .map(|n| json!({ "name": format!("n{n}"), "type": "status_readonly", "data_type": "uint8" }))
            .collect();
        let key = ProductKey::new("p").unwrap();
        let document = json!({ "entities": [{ "attrs": attrs }] });
        let (schema, _) = ProductSchema::parse(&key, &document).unwrap();
        let restored = Restored {
            schemas: BTreeMap::from([(key, schema.into())]),
            ..Restored::default()
        };
        let now = Duration::ZERO;
        let mut fleet = Self {
            devices,
            bridge: Bridge::new(settings(is_announced), restored, 1, at(now)),
            outbox: Outbox::default(),
            now,
            broker: BTreeMap::new(),
            most_at_once: 0,
            inputs: vec![Input::Tick],
        };
        fleet.settle();
        fleet
    }

    fn tell(&mut self, input: Input) {
        self.inputs.push(input);
        self.settle();
    }

    /// Until nobody has anything to say any more.
    fn settle(&mut self) {
        loop {
            while let Some(input) = self.inputs.pop() {
                self.step(input);
            }
            self.deliver(100);
            if let Some(lost) = self.outbox.take_drained() {
                self.inputs.push(Input::Drained { lost });
            } else if self.outbox.depth() == 0 || !self.outbox.has_states() {
                return;
            }
        }
    }

    /// The broker takes so many messages.
    fn deliver(&mut self, portion: usize) {
        for _ in 0..portion {
            let Some(message) = self.outbox.next(true) else {
                return;
            };
            self.outbox.written(1);
            self.outbox.acked(1);
            if message.retain {
                self.broker.insert(message.topic, message.payload);
            }
        }
    }

    fn step(&mut self, input: Input) {
        let mut states = 0;
        for effect in self.bridge.handle(at(self.now), input) {
            match effect {
                Effect::Publish(message) => {
                    states += usize::from(message.retain);
                    self.outbox.push(message);
                }
                Effect::TellDrained => self.outbox.tell_drained(),
                Effect::Sample => self.inputs.push(Input::Sampled(Sample::default())),
                Effect::Call { id, call, .. } => {
                    let outcome = Ok(answer(&call, self.devices));
                    self.inputs.push(Input::CallDone {
                        account: name(),
                        id,
                        outcome,
                    });
                }
                Effect::Subscribe { .. }
                | Effect::Socket { .. }
                | Effect::SaveSchema { .. }
                | Effect::SaveAnnounced { .. }
                | Effect::SaveBudget { .. }
                | Effect::Stopped => {}
            }
        }
        self.most_at_once = self.most_at_once.max(states);
    }

    /// Moves on until then.
    fn run_until(&mut self, end: u64) {
        let end = Duration::from_secs(end);
        loop {
            let (deadline, _) = self.bridge.next_deadline();
            let next = deadline.max(self.now);
            if next > end {
                return;
            }
            self.now = next;
            self.tell(Input::Tick);
        }
    }

    fn count(&self, end: &str) -> usize {
        self.broker
            .keys()
            .filter(|topic| topic.ends_with(end))
            .count()
    }
}

const fn at(mono: Duration) -> Now {
    Now {
        mono,
        unix: 1_800_000_000,
    }
}

fn answer(call: &CloudCall, devices: usize) -> Reply {
    match call {
        CloudCall::Login => Reply::LoggedIn {
            uid: "u".into(),
            expires_at: 1_900_000_000,
        },
        CloudCall::Bindings { .. } => Reply::Bindings {
            devices: (0..devices).map(device).collect(),
            rows: 0,
            unreadable: Vec::new(),
        },
        CloudCall::Latest { .. } => {
            let attrs = (0..ATTRS).map(|n| (format!("n{n}"), json!(n)));
            Reply::Latest {
                updated_at: 1_800_000_000,
                attrs: attrs.collect::<Map<_, _>>(),
            }
        }
        CloudCall::Schema { .. }
        | CloudCall::Control { .. }
        | CloudCall::Raw { .. }
        | CloudCall::Bind(_)
        | CloudCall::BindByMac(_)
        | CloudCall::Unbind(_)
        | CloudCall::Schedules { .. }
        | CloudCall::AddSchedule(_)
        | CloudCall::RemoveSchedule(_)
        | CloudCall::ScheduleLog(_) => Reply::Done,
    }
}

#[test]
fn a_fleet_with_more_topics_than_the_outbox_holds_is_published_whole_after_a_reconnect() {
    const DEVICES: usize = 3_000;
    const { assert!(DEVICES * ATTRS > MAX_STATES) };
    let mut fleet = Fleet::new(DEVICES, false);
    fleet.run_until(60);
    assert_eq!(fleet.broker.len(), 0, "the broker is not there yet");
    fleet.most_at_once = 0;
    fleet.outbox.up(None);
    fleet.tell(Input::MqttUp);
    fleet.run_until(120);
    assert_eq!(fleet.outbox.lost().states, 0);
    assert_eq!(fleet.count("/n49"), DEVICES);
    assert_eq!(fleet.count("/availability"), DEVICES);
    assert_eq!(fleet.broker["g/bridge/state"], b"online");
    let most = fleet.most_at_once;
    assert!(most < 10_000, "{most} states in one step");
}

#[test]
fn states_that_the_outbox_had_to_drop_are_offered_again() {
    let mut fleet = Fleet::new(40, true);
    fleet.outbox.up(None);
    fleet.tell(Input::MqttUp);
    fleet.run_until(60);
    let before = fleet.broker.clone();
    assert_eq!(fleet.count("/config"), 40 + 1, "and the bridge");
    // Somebody else fills the outbox, and all devices change: what the bridge says then is lost.
    for n in 0..MAX_STATES {
        fleet.outbox.push(crate::bridge::Publication {
            topic: format!("other/{n}"),
            payload: b"1".to_vec(),
            retain: true,
            is_event: false,
            correlation: None,
        });
    }
    fleet.broker.clear();
    fleet.inputs.push(Input::MqttUp);
    while let Some(input) = fleet.inputs.pop() {
        fleet.step(input);
    }
    assert!(fleet.outbox.lost().states > 0);
    fleet.settle();
    fleet.run_until(120);
    let lost: Vec<&String> = before
        .keys()
        .filter(|topic| !fleet.broker.contains_key(*topic))
        .collect();
    assert!(
        lost.is_empty(),
        "{} of {}: {lost:?}",
        lost.len(),
        before.len()
    );
}
