//! The core is total: whatever it is told, in whatever order, it neither panics nor keeps its driver
//! busy, and a call leaves only within the limit.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::input::{Message, ReplyTo, Sample};
use gizwits2mqtt::bridge::settings::DeviceSettings;
use gizwits2mqtt::bridge::{
    Bridge, CallError, CallOutcome, ErrorClass, Input, Reply, Restored, Settings,
};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::ids::{AccountName, CallId, Did, ProductKey, ScheduleId};
use gizwits2mqtt::model::binding::Bound;
use gizwits2mqtt::model::schedule::{Plan, Retry, Run, Task};
use gizwits2mqtt::model::{Device, ProductSchema, Region, Schedule, When};
use jiff::civil::{Date, DateTime, date, time};
use serde_json::{Map, Value, json};

use super::universe::START;
use super::{PER_MINUTE, settings};

fn any<T: Clone>(chance: &mut Rng, of: &[T]) -> T {
    of[chance.usize(..of.len())].clone()
}

fn did(chance: &mut Rng) -> Did {
    Did::new(format!("d{}", chance.u32(0..6))).unwrap()
}

fn product_key(chance: &mut Rng) -> ProductKey {
    ProductKey::new(any(chance, &["p0", "p1"])).unwrap()
}

fn number(chance: &mut Rng) -> i64 {
    any(
        chance,
        &[
            i64::MIN,
            -1,
            0,
            1,
            START,
            START + 60,
            START * 1000,
            i64::MAX,
        ],
    )
}

fn value(chance: &mut Rng) -> Value {
    any(
        chance,
        &[
            json!(0),
            json!(1e300),
            json!(true),
            json!("on"),
            json!(""),
            json!("00ff"),
            json!([1, 2]),
            json!({}),
            Value::Null,
        ],
    )
}

fn attrs(chance: &mut Rng) -> Map<String, Value> {
    let names = ["a", "b", "set", "transaction", "x/#+"];
    let names = names.iter().filter(|_| chance.bool());
    let names: Vec<String> = names.map(|name| (*name).to_owned()).collect();
    names
        .into_iter()
        .map(|name| (name, value(chance)))
        .collect()
}

fn device(chance: &mut Rng) -> Device {
    Device {
        did: did(chance),
        product_key: product_key(chance),
        mac: None,
        alias: any(chance, &["", "Pool", "bridge", "a/b#"]).into(),
        product_name: String::new(),
        is_online: chance.bool(),
        is_disabled: chance.bool(),
        wifi_version: String::new(),
        mcu_version: String::new(),
        push: None,
    }
}

fn schema(chance: &mut Rng) -> Reply {
    let types = ["bool", "uint8", "enum", "binary", "?"];
    let names = ["a", "b", "set"].iter().filter(|_| chance.bool());
    let names: Vec<&str> = names.copied().collect();
    let attrs: Vec<Value> = names
        .into_iter()
        .map(|name| {
            json!({ "name": name, "type": "status_writable", "data_type": any(chance, &types),
            "enum": ["on", "off"], "uint_spec": { "min": 0, "max": 9, "ratio": 0, "addition": 0 } })
        })
        .collect();
    let document = json!({ "name": "P", "entities": [{ "attrs": attrs }] });
    let product_key = product_key(chance);
    match ProductSchema::parse(&product_key, &document) {
        Ok((schema, left_out)) => Reply::Schema {
            schema: schema.into(),
            document: document.into(),
            left_out,
        },
        Err(_) => Reply::Done,
    }
}

fn schedule(chance: &mut Rng) -> Schedule {
    let dates = [Date::MIN, Date::MAX, date(2027, 1, 15), date(2027, 1, 16)];
    Schedule {
        id: ScheduleId::new(format!("s{}", chance.u32(0..30))).unwrap(),
        created_at: any(chance, &[None, Some(DateTime::MIN), Some(DateTime::MAX)]),
        plan: Plan {
            when: When {
                date: any(chance, &dates),
                time: time(chance.i8(0..24), chance.i8(0..60), 0, 0),
                repeat: any(chance, &["none", "daily", "fri"]).parse().unwrap(),
            },
            tasks: vec![Task {
                did: did(chance),
                product_key: product_key(chance),
                attrs: attrs(chance),
            }],
            retry_count: any(chance, &[0, 60]),
            retry: Retry::All,
        },
    }
}

fn outcome(chance: &mut Rng) -> CallOutcome {
    use ErrorClass as C;
    Ok(match chance.u32(0..12) {
        0 => Reply::Done,
        1 => Reply::LoggedIn {
            uid: String::new(),
            expires_at: number(chance),
        },
        2 | 3 => {
            let rows = any(chance, &[0, 3, 20, u32::MAX]);
            let devices = (0..rows.min(20)).map(|_| device(chance)).collect();
            Reply::Bindings {
                devices,
                rows,
                unreadable: vec!["row".into()],
            }
        }
        4 => schema(chance),
        8 => Reply::Bound(Bound {
            success: vec![did(chance)],
            failed: Vec::new(),
        }),
        9 => {
            let rows = any(chance, &[0, 2, 20, u32::MAX]);
            let schedules = (0..rows.min(20)).map(|_| schedule(chance)).collect();
            Reply::Schedules {
                schedules,
                rows,
                unreadable: vec!["row".into()],
            }
        }
        10 => Reply::ScheduleAdded {
            id: schedule(chance).id,
        },
        11 => Reply::ScheduleLog(chance.bool().then(|| Run {
            at: any(chance, &[None, Some(DateTime::MIN), Some(DateTime::MAX)]),
            succeeded: chance.bool(),
            delivered: [(did(chance), chance.bool())].into(),
        })),
        5 => Reply::Latest {
            updated_at: number(chance),
            attrs: attrs(chance),
        },
        _ => {
            let classes = [
                C::Throttled,
                C::TokenLost,
                C::LoginRefused,
                C::DeviceOffline,
                C::DeviceGone,
                C::Refused,
                C::Fatal,
                C::Unsent,
                C::Transient,
            ];
            return Err(CallError {
                class: any(chance, &classes),
                code: any(chance, &[None, Some(9008), Some(9029), Some(1)]),
                retry_after: any(chance, &[None, Some(Duration::ZERO), Some(Duration::MAX)]),
                message: String::new(),
            });
        }
    })
}

fn message(chance: &mut Rng) -> Message {
    let topics = [
        "g/pool/set",
        "g/pool/set/a",
        "g/pool/get",
        "g/pool/raw",
        "g/d0/set",
        "g/bridge/request/refresh",
        "g/bridge/request/discovery",
        "g/bridge/request/health",
        "g/bridge/request/x",
        "g/bridge/request/devices/bind",
        "g/bridge/request/devices/unbind",
        "g/bridge/request/schedules/list",
        "g/bridge/request/schedules/add",
        "g/bridge/request/schedules/remove",
        "g/bridge/request/schedules/logs",
        "homeassistant/status",
        "",
    ];
    let mut wish = Value::Object(attrs(chance));
    wish["transaction"] = value(chance);
    let payloads = [
        wish.to_string(),
        String::new(),
        "online".into(),
        "[1,2,300]".into(),
        "00ff".into(),
        "{".into(),
        json!({ "did": did(chance), "passcode": "p" }).to_string(),
        json!({ "did": did(chance) }).to_string(),
        json!({ "id": "s1" }).to_string(),
        json!({ "did": did(chance), "attrs": { "a": true }, "time": "12:00" }).to_string(),
    ];
    Message {
        topic: any(chance, &topics).into(),
        payload: any(chance, &payloads).into_bytes(),
        retained: chance.u32(0..8) == 0,
        reply: chance.bool().then(|| ReplyTo {
            topic: any(chance, &["me", "", "#"]).into(),
            correlation: None,
        }),
    }
}

fn other_settings(chance: &mut Rng) -> Settings {
    let mut changed = settings();
    let topic = any(chance, &["pool", "other"]);
    let device = DeviceSettings {
        name: None,
        topic: chance.bool().then(|| topic.into()),
        profile: None,
    };
    changed.devices.insert(did(chance), device);
    changed.base_topic = any(chance, &["g", "g", "h"]).into();
    if chance.bool() {
        changed.homeassistant = None;
    }
    for account in changed.accounts.values_mut() {
        account.regions = any(chance, &[vec![Region::Custom], Region::AUTO.to_vec()]);
        account.exclude = chance.bool().then(|| did(chance)).into_iter().collect();
    }
    if let (true, Some(account)) = (chance.bool(), changed.accounts.values().next().cloned()) {
        let name = AccountName::new("spare").unwrap();
        changed.accounts.insert(name, account);
    }
    changed
}

fn input(chance: &mut Rng, under_way: &mut Vec<(AccountName, CallId)>) -> Input {
    match chance.u32(0..20) {
        0 => Input::MqttUp,
        1 => Input::MqttDown {
            reason: String::new(),
        },
        2..=5 => Input::Message(message(chance)),
        6 => Input::Reconfigure(Box::new(other_settings(chance))),
        7 => Input::Sampled(Sample::default()),
        8 if chance.bool() => Input::StateDir {
            trouble: chance.bool().then(|| "the disk is full".into()),
        },
        8 => Input::Tick,
        _ if under_way.is_empty() => Input::CallDone {
            account: AccountName::new("nobody").unwrap(),
            id: CallId(u64::MAX),
            outcome: outcome(chance),
        },
        _ => {
            let (account, id) = under_way.swap_remove(chance.usize(..under_way.len()));
            Input::CallDone {
                account,
                id,
                outcome: outcome(chance),
            }
        }
    }
}

#[test]
fn no_sequence_of_inputs_breaks_the_core() {
    for seed in 0..100 {
        let mut chance = Rng::with_seed(seed);
        let mut now = Duration::ZERO;
        let moment = |mono: Duration| Now {
            mono,
            unix: START + i64::try_from(mono.as_secs()).unwrap(),
        };
        let mut bridge = Bridge::new(settings(), Restored::default(), seed, moment(now));
        let mut under_way = Vec::new();
        let mut sent: BTreeMap<AccountName, Vec<Duration>> = BTreeMap::new();
        for _ in 0..400 {
            now += any(
                &mut chance,
                &[0, 10, 1_000, 20_000, 900_000].map(Duration::from_millis),
            );
            let input = input(&mut chance, &mut under_way);
            let shown = format!("seed {seed}: {input:?}");
            for effect in bridge.handle(moment(now), input) {
                if let Effect::Call { account, id, .. } = effect {
                    let times = sent.entry(account.clone()).or_default();
                    times.retain(|at| *at + Duration::from_secs(60) > now);
                    times.push(now);
                    assert!(times.len() <= PER_MINUTE.try_into().unwrap(), "{shown}");
                    under_way.push((account, id));
                }
            }
            let (deadline, why) = bridge.next_deadline();
            assert!(deadline > now, "busy with {why} after {shown}");
        }
        let end = bridge.handle(moment(now), Input::Stop);
        assert_eq!(end.last(), Some(&Effect::Stopped));
    }
}
