//! Momentary commands of a whole bridge: a feeder's button, over push and HTTP.

use std::sync::Arc;

use serde_json::{Value, json};

use super::tests::{START, Town, settings};
use crate::bridge::effect::CloudCall;
use crate::bridge::input::{CallError, ErrorClass, Reply};
use crate::bridge::settings::Settings;
use crate::bridge::{SocketEvent, SocketOrder};
use crate::profile::catalog::Catalog;
use crate::profile::load;

/// `wave` is written by the button alone.
const FEEDER: &str = "\
profile: feeder
title: Feeder
match: { product_keys: [pk] }
entities:
  feed: { platform: button, press: { set: { wave: 1 } } }
  temperature: { platform: number, state: temp_set }
";

fn feeder() -> Town {
    let profile = load::read(FEEDER).unwrap();
    Town::of(Settings {
        profiles: Arc::new(Catalog::new(vec![profile])),
        ..settings()
    })
}

#[test]
fn an_empty_payload_does_nothing_but_clear() {
    for verb in ["entity/feed/press/set", "set", "set/wave", "raw"] {
        for (payload, is_retained, wanted) in [
            ("", true, None),
            ("", false, Some("the payload is empty, so nothing was done")),
            (
                " \n",
                false,
                Some("the payload is empty, so nothing was done"),
            ),
        ] {
            let mut town = feeder();
            town.hears(&format!("g/spa/{verb}"), payload, is_retained);
            let results = town.published("g/spa/result").len();
            assert_eq!(results, usize::from(wanted.is_some()), "{verb} {payload:?}");
            if let Some(wanted) = wanted {
                assert_eq!(town.result()["error"], wanted, "{verb}");
            }
            assert_eq!(town.published("g/bridge/event"), [""; 0], "{verb}");
            town.run_for(1_000);
            assert_eq!((&town.orders[..], &town.calls[..]), (&[][..], &[][..]));
        }
    }
    let mut town = feeder();
    for topic in ["g/nobody/set", "g/nobody/entity/feed/press/set"] {
        town.hears(topic, "", false);
        assert_eq!(town.published, []);
    }
    town.message("get", "");
    assert_eq!(town.calls.len(), 1, "a get needs no payload");
}

/// What was written over push in the last step.
fn written(town: &Town) -> Vec<Value> {
    let mut written = Vec::new();
    for order in &town.orders {
        if let SocketOrder::Write { attrs, .. } = order {
            written.push(Value::Object(attrs.to_json()));
        }
    }
    written
}

/// The next control call is the first to be answered now; what it sets.
fn called(town: &mut Town) -> Option<Value> {
    let mut calls = town.calls.iter();
    let at = calls.position(|(_, call)| call.kind() == "control")?;
    town.calls.swap(0, at);
    let Some((_, CloudCall::Control { attrs, .. })) = town.calls.first() else {
        return None;
    };
    Some(Value::Object(attrs.to_json()))
}

fn results(town: &Town) -> Vec<Value> {
    let results = town.published("g/spa/result");
    let results = results.iter().map(|text| serde_json::from_str(text));
    results.map(Result::unwrap).collect()
}

/// Time passes, every call is taken, and every poll shows the same. What is set meanwhile, and told.
fn lives_on(town: &mut Town, secs: u64, shown: &Value) -> (Vec<Value>, Vec<Value>) {
    let (mut set, mut told) = (Vec::new(), Vec::new());
    let is_poll = |town: &Town| {
        let mut calls = town.calls.iter();
        calls.any(|(_, call)| matches!(call, CloudCall::Latest { .. }))
    };
    for _ in 0..secs * 2 {
        town.run_for(500);
        loop {
            set.extend(written(town));
            told.extend(results(town));
            if let Some(attrs) = called(town) {
                set.push(attrs);
                town.answer(Ok(Reply::Done));
            } else if is_poll(town) {
                town.poll_shows(START + 20, shown.clone());
            } else {
                break;
            }
        }
    }
    (set, told)
}

const PRESSES: [(&str, &str); 3] = [
    ("entity/feed/press/set", "PRESS"),
    ("set", r#"{"wave": 1}"#),
    ("set/wave", "1"),
];

/// The feeder as it is when nothing happens.
fn calm() -> Value {
    json!({ "temp_set": 38, "wave": 0 })
}

/// A press leaves, and what it sets is written once.
fn press(verb: &str, payload: &str) -> (Town, u64) {
    let mut town = feeder();
    town.message(verb, payload);
    if town.orders.is_empty() {
        town.run_for(100);
    }
    assert_eq!(written(&town), [json!({ "wave": 1 })]);
    let serial = town.written();
    (town, serial)
}

#[test]
fn a_press_that_was_taken_is_never_repeated_and_never_an_error() {
    for (verb, payload) in PRESSES {
        let (mut town, serial) = press(verb, payload);
        town.acknowledge(serial);
        town.run_for(4_900);
        assert_eq!(
            town.published("g/spa/result"),
            [""; 0],
            "it may be shown yet"
        );
        town.calls.clear();
        town.run_for(200);
        let result = town.result();
        assert_eq!(
            (&result["status"], &result["confirmed"]),
            (&json!("ok"), &json!(false)),
            "{verb}: a caller waits no longer"
        );
        assert_eq!(lives_on(&mut town, 60, &calm()), (vec![], vec![]), "{verb}");
    }
}

#[test]
fn a_press_is_confirmed_by_a_report_that_shows_it_and_its_end_is_no_echo() {
    for (verb, payload) in PRESSES {
        let (mut town, serial) = press(verb, payload);
        town.acknowledge(serial);
        town.push(json!({ "temp_set": 38, "wave": 1 }));
        assert_eq!(town.result()["confirmed"], true, "{verb}");
        town.push(calm());
        assert_eq!(town.published("g/spa/wave"), ["0"], "at once");
        assert_eq!(lives_on(&mut town, 60, &calm()), (vec![], vec![]), "{verb}");
    }
}

#[test]
fn a_press_that_nobody_acknowledged_is_not_sent_again() {
    for (verb, payload) in PRESSES {
        let (mut town, _) = press(verb, payload);
        let (sets, results) = lives_on(&mut town, 60, &calm());
        assert_eq!(sets, [] as [Value; 0], "{verb}");
        let error = results[0]["error"].to_string();
        assert_eq!(results.len(), 1);
        assert!(
            error.contains("it is not known whether the device did it"),
            "{error}"
        );
        assert!(error.contains("did not acknowledge"), "{error}");
    }
    // An acknowledgement that is late tells that it was taken.
    let (mut town, serial) = press("entity/feed/press/set", "PRESS");
    town.run_for(4_000);
    town.acknowledge(serial);
    let (_, results) = lives_on(&mut town, 10, &calm());
    assert_eq!(results[0]["status"], "ok");
}

#[test]
fn a_press_over_http_leaves_once_whatever_becomes_of_the_call() {
    let error = |class, code| {
        Err(CallError {
            class,
            code,
            retry_after: None,
            message: "no".into(),
        })
    };
    for (verb, payload) in PRESSES {
        for (outcome, status) in [
            (Ok(Reply::Done), "ok"),
            (error(ErrorClass::Transient, None), "error"),
            (error(ErrorClass::Transient, Some(9008)), "error"),
            (error(ErrorClass::Refused, Some(9025)), "error"),
        ] {
            let mut town = feeder();
            town.socket(SocketEvent::Down {
                reason: "gone".into(),
            });
            town.message(verb, payload);
            if town.controls() == 0 {
                town.run_for(100);
            }
            assert_eq!(called(&mut town), Some(json!({ "wave": 1 })));
            town.answer(outcome.clone());
            let mut results = results(&town);
            let (sets, later) = lives_on(&mut town, 90, &calm());
            results.extend(later);
            assert_eq!(sets, [] as [Value; 0], "{verb} {outcome:?}");
            assert_eq!(results.len(), 1, "{verb} {outcome:?}");
            assert_eq!(results[0]["status"], status, "{verb} {outcome:?}");
            let text = results[0].to_string();
            assert!(!text.contains("instead"), "{text}");
        }
    }
}

#[test]
fn of_one_call_the_lasting_values_are_repeated_and_the_momentary_are_not() {
    let mut town = feeder();
    town.message("set", r#"{"temp_set": 40, "wave": 1, "transaction": 1}"#);
    let serial = town.written();
    town.message("set", r#"{"wave": 1, "transaction": 2}"#);
    town.message("set", r#"{"temp_set": 40, "transaction": 3}"#);
    town.acknowledge(serial);
    // The two that came meanwhile merge into a call of their own.
    assert_eq!(written(&town), [json!({ "temp_set": 40, "wave": 1 })]);
    let serial = town.written();
    town.acknowledge(serial);
    let (sets, results) = lives_on(&mut town, 70, &calm());
    assert_eq!(
        sets,
        [json!({ "temp_set": 40 })],
        "once more, without the press"
    );
    let told: Vec<(&Value, &Value)> = results
        .iter()
        .map(|result| (&result["transaction"], &result["status"]))
        .collect();
    // The first was taken over by what came after it.
    let (ok, error) = (json!("ok"), json!("error"));
    assert_eq!(told, [(&json!(2), &ok), (&json!(3), &error)]);
}

#[test]
fn a_part_that_a_profile_calls_momentary_is_so() {
    let profile = "\
profile: doser
title: Doser
match: { product_keys: [pk] }
entities:
  dose: { platform: number, state: { attr: wave, momentary: true } }
  temperature: { platform: number, state: temp_set }
";
    let profile = load::read(profile).unwrap();
    let mut town = Town::of(Settings {
        profiles: Arc::new(Catalog::new(vec![profile])),
        ..settings()
    });
    town.message("entity/dose/state/set", "5");
    if town.orders.is_empty() {
        town.run_for(100);
    }
    let serial = town.written();
    town.acknowledge(serial);
    let (sets, results) = lives_on(&mut town, 60, &calm());
    assert_eq!(sets, [] as [Value; 0]);
    assert_eq!((results.len(), &results[0]["status"]), (1, &json!("ok")));
}
