//! Refusals, tokens that end and renewals that fail: everything comes back by itself, and no hour sees
//! more than four logins (a law, which each run here is held to).

use std::time::Duration;

use gizwits2mqtt::bridge::input::Message;
use gizwits2mqtt::bridge::{ErrorClass, Input, Restored};
use gizwits2mqtt::gizwits::ErrorCode;
use serde_json::{Value, json};

use super::universe::{SPA, START, Universe};
use super::{HOUR, settings, still};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * HOUR;

impl Universe {
    fn account(&self) -> Value {
        self.retained_json("g/bridge/info")["accounts"]["home"].clone()
    }

    fn state(&self) -> String {
        self.account()["state"].as_str().unwrap_or_default().into()
    }

    fn fail_next(&mut self, path: &str, code: u16, count: u32) {
        let status = ErrorCode::of(code).status();
        self.sim(
            "faults",
            &json!({ "path": path, "kind": "error", "code": code, "status": status, "count": count }),
        );
    }
}

/// All documented codes but those that pause the account.
fn codes() -> impl Iterator<Item = u16> {
    let numbers = ErrorCode::ALL.iter().map(|code| code.number());
    numbers.filter(|number| *number != 9041)
}

#[test]
fn whatever_code_a_login_is_refused_with_the_account_comes_back_by_itself() {
    for code in codes() {
        let mut universe = Universe::prepare(3, still(), settings(), Restored::default());
        universe.fail_next("/app/login", code, 2);
        universe.start();
        universe.run_for(MINUTE / 3);
        let class = ErrorCode::of(code).class_at_login();
        let is_verdict = matches!(class, ErrorClass::LoginRefused | ErrorClass::Fatal);
        let want = if is_verdict {
            "auth_failed"
        } else {
            "unreachable"
        };
        let account = universe.account();
        assert_eq!(account["state"], want, "{code}: {account}");
        assert!(account["reason"].is_string(), "{account}");
        let retry_at = account["retry_at"].as_i64().unwrap() - START;
        let least = if is_verdict { 15 * 60 } else { 30 };
        assert!((least..least * 2).contains(&retry_at), "{code}: {account}");
        let until_third = if is_verdict { 80 } else { 7 };
        universe.run_for(until_third * MINUTE);
        assert_eq!(universe.state(), "ok", "{code}");
        assert_eq!(universe.account()["retry_at"], Value::Null);
        universe.check_truth();
    }
}

#[test]
fn one_refusal_of_any_call_in_the_middle_of_good_service_harms_nothing() {
    let paths = ["/app/devdata/", "/app/datapoint", "/app/scheduler"];
    let telling = [9003, 9014, 9015, 9017, 9020, 9045, 9999];
    let others = paths
        .into_iter()
        .flat_map(|path| telling.map(|code| (path, code)));
    for (path, code) in codes().map(|code| ("/app/bindings", code)).chain(others) {
        let mut universe = Universe::new(3, still());
        universe.run_for(9 * MINUTE);
        universe.fail_next(path, code, 1);
        for _ in 0..8 {
            universe.run_for(MINUTE / 2);
            let state = universe.state();
            let is_fine = state == "ok" || code == 9004 || code == 9006;
            assert!(is_fine, "{path} {code}: {state}");
        }
        universe.check_truth();
    }
}

#[test]
fn an_account_that_worked_is_tried_once_more_before_it_counts_as_refused() {
    let mut universe = Universe::new(3, still());
    universe.run_for(20 * MINUTE);
    universe.sim("tokens/expire", &Value::Null);
    universe.fail_next("/app/login", 9020, 1);
    for _ in 0..3 * MINUTE {
        universe.run_for(1);
        assert_ne!(universe.state(), "auth_failed");
    }
    universe.check_truth();
}

#[test]
fn a_wrong_password_is_tried_after_15_min_1_h_and_each_6_h_and_then_works() {
    let mut universe = Universe::prepare(2, still(), settings(), Restored::default());
    universe.password = "wrong";
    universe.start();
    universe.run_for(2 * DAY);
    let logins: Vec<u64> = universe.logins().map(|at| at.as_secs() / MINUTE).collect();
    let hours = [15, 75, 75 + 360, 75 + 720];
    assert_eq!(logins[1..5], hours, "{logins:?}");
    assert_eq!(logins.len(), 10);
    let before = universe.retained_json("g/bridge/info");
    assert_eq!(before["accounts"]["home"]["state"], "auth_failed");
    universe.password = "demo-password";
    universe.run_for(6 * HOUR + 5 * MINUTE);
    assert_eq!(universe.state(), "ok");
}

#[test]
fn a_reload_tries_at_once_and_is_no_way_around_the_limit() {
    let mut universe = Universe::prepare(2, still(), settings(), Restored::default());
    universe.password = "wrong";
    universe.start();
    universe.run_for(10);
    for tried in [2, 3, 4, 4, 4] {
        universe.tell(Input::Reconfigure(Box::new(settings())));
        universe.run_for(10);
        assert_eq!(universe.logins().count(), tried);
    }
    let account = universe.account();
    let retry_at = account["retry_at"].as_i64().unwrap() - START;
    assert!((3_600..3_720).contains(&retry_at), "{account}");
    universe.password = "demo-password";
    universe.run_for(62 * MINUTE);
    universe.check_truth();
}

#[test]
fn a_restart_is_no_way_around_the_limit_of_logins() {
    let mut universe = Universe::prepare(2, still(), settings(), Restored::default());
    universe.password = "wrong";
    universe.start();
    for _ in 0..30 {
        universe.run_for(20);
        universe.die(Duration::from_secs(1));
        universe.here.is_remembered = true;
        universe.run_for(2);
    }
    assert_eq!(universe.logins().count(), 4);
    universe.password = "demo-password";
    universe.run_for(62 * MINUTE);
    universe.check_truth();
}

/// A bridge with a restored token that ends after so many seconds.
fn with_token_for(life: i64, scenario_seed: u64) -> Universe {
    let mut first = Universe::new(scenario_seed, still());
    first.run_for(MINUTE);
    for entry in first.here.saved.tokens.values_mut() {
        entry.1 = START + life;
    }
    first.stop(Duration::from_secs(1));
    first.run_for(5);
    first.run_for(MINUTE);
    first
}

#[test]
fn a_renewal_that_fails_leaves_the_token_at_work_until_it_ends() {
    let life = 20 * HOUR;
    for (kind, code) in [
        ("http_502", None),
        ("error", Some(9008)),
        ("error", Some(9020)),
        ("timeout", None),
    ] {
        let mut universe = with_token_for(life.cast_signed(), 4);
        universe.sim(
            "faults",
            &json!({ "path": "/app/login", "kind": kind, "code": code, "count": 100_000 }),
        );
        let logins = universe.logins().count();
        universe.run_until(Duration::from_secs(17 * HOUR + 30 * MINUTE));
        assert_eq!(universe.logins().count(), logins, "not due yet");
        while universe.now < Duration::from_secs(life - 5 * MINUTE) {
            let before = universe.calls;
            universe.run_for(10 * MINUTE);
            let called = universe.calls - before;
            assert!(
                (85..=105).contains(&called),
                "{kind} {code:?}: {called} calls in 10 min"
            );
            assert_eq!(universe.state(), "ok");
        }
        let renewals = universe.logins().count() - logins;
        assert!(
            (2..=8).contains(&renewals),
            "{kind} {code:?}: {renewals} renewals"
        );
        universe.run_for(2 * HOUR);
        assert_ne!(universe.state(), "ok", "it has ended");
        universe.control("DELETE", "faults", &Value::Null);
        universe.run_for(6 * HOUR);
        assert_eq!(universe.state(), "ok");
    }
}

#[test]
fn tokens_that_are_lost_again_and_again_cost_four_logins_an_hour_at_most() {
    let mut universe = Universe::new(5, still());
    for _ in 0..300 {
        universe.run_for(MINUTE / 2);
        universe.sim("tokens/expire", &Value::Null);
    }
    universe.run_for(2 * HOUR);
    universe.check_truth();
}

#[test]
fn push_is_back_within_minutes_when_a_token_ends_that_is_minutes_old() {
    let mut pushing = settings();
    pushing.push = true;
    pushing.poll_interval_with_push = Duration::from_secs(HOUR);
    pushing.bindings_interval = Duration::from_secs(HOUR);
    let mut universe = Universe::prepare(6, still(), pushing, Restored::default());
    universe.start();
    universe.run_for(2 * MINUTE);
    let push =
        |universe: &Universe| universe.retained_json("g/bridge/info")["push"]["state"].clone();
    assert_eq!(push(&universe), "ok");
    universe.sim("tokens/expire", &Value::Null);
    universe.sim("push", &json!({ "action": "drop" }));
    universe.run_for(MINUTE);
    assert_eq!(push(&universe), "ok");
    assert_eq!(universe.logins().count(), 2);
}

#[test]
fn a_schema_that_fails_is_waited_for_and_nothing_wrong_is_announced_meanwhile() {
    for (kind, code, count) in [
        ("http_502", None, 4),
        ("error", Some(9008), 4),
        ("error", Some(9025), 2),
    ] {
        let mut universe = Universe::prepare(9, still(), settings(), Restored::default());
        universe.sim(
            "faults",
            &json!({ "path": "/app/datapoint", "kind": kind, "code": code, "count": count }),
        );
        universe.start();
        universe.run_for(10 * MINUTE);
        universe.check_truth();
        let config = format!("homeassistant/device/gizwits2mqtt_{SPA}/config");
        let components = universe.retained_json(&config)["components"].clone();
        for (key, component) in components.as_object().unwrap() {
            let is_stub = component.as_object().unwrap().len() == 1;
            assert!(!is_stub, "{key} was announced before the schema came");
        }
    }
}

#[test]
fn a_schema_that_comes_late_keeps_what_reports_showed() {
    let mut universe = Universe::new(4, still());
    universe.sim(&format!("devices/{SPA}/attrs"), &json!({ "extra": 5 }));
    universe.run_for(5 * MINUTE);
    assert_eq!(universe.retained["g/hot_tub/extra"], b"5");
    let config = format!("homeassistant/device/gizwits2mqtt_{SPA}/config");
    let before = universe.retained_json(&config);
    universe.stop(Duration::from_secs(1));
    universe.run_for(3);
    // The answers to the schemas come late: after the first reports.
    universe.sim(
        "faults",
        &json!({ "path": "/app/datapoint", "kind": "http_502", "count": 20 }),
    );
    universe.record = Some(Vec::new());
    universe.run_for(30 * MINUTE);
    let said = universe.record.take().unwrap();
    for message in said.iter().filter(|message| message.topic == config) {
        let announced: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(announced["components"], before["components"]);
    }
    assert_eq!(universe.retained_json(&config), before);
    assert_eq!(universe.retained["g/hot_tub/extra"], b"5");
}

#[test]
fn a_state_that_somebody_else_wrote_is_put_right_and_never_in_a_tight_loop() {
    let mut universe = Universe::new(4, still());
    universe.run_for(MINUTE);
    let overwrite = |universe: &mut Universe, retained: bool| {
        universe
            .retained
            .insert("g/bridge/state".into(), b"offline".to_vec());
        universe.tell(Input::Message(Message {
            topic: "g/bridge/state".into(),
            payload: b"offline".to_vec(),
            retained,
            reply: None,
        }));
    };
    universe.record = Some(Vec::new());
    overwrite(&mut universe, false);
    assert_eq!(universe.retained["g/bridge/state"], b"online", "at once");
    let said = |universe: &Universe, word: &str| {
        let said = universe.record.iter().flatten();
        let said = said.map(|message| String::from_utf8_lossy(&message.payload));
        said.filter(|text| text.contains(word)).count()
    };
    let told = |universe: &Universe| said(universe, "state_overwritten");
    let states = |universe: &Universe| {
        let said = universe.record.iter().flatten();
        said.filter(|message| message.topic == "g/bridge/state")
            .count()
    };
    assert_eq!(told(&universe), 1);
    let before = states(&universe);
    for _ in 0..200 {
        overwrite(&mut universe, false);
        universe.run_until(universe.now + Duration::from_millis(100));
    }
    let times = states(&universe) - before;
    assert!((3..=5).contains(&times), "{times} times in 20 s");
    universe.run_for(5);
    assert_eq!(universe.retained["g/bridge/state"], b"online");
    assert_eq!(told(&universe), 1, "it is told once");
    // What an earlier run left there is no news.
    universe.run_for(HOUR);
    overwrite(&mut universe, true);
    assert_eq!(universe.retained["g/bridge/state"], b"online");
    assert_eq!(told(&universe), 1);
    universe.tell(Input::Stop);
    let before = states(&universe);
    overwrite(&mut universe, false);
    assert_eq!(states(&universe), before, "the end is the end");
}
