//! What each call answers, and what each control does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Desk, METER, SPA, START_MS};
use crate::simulator::{Reaction, Scenario};

#[test]
fn what_the_cloud_refuses_has_the_documented_status_and_code() {
    let control = format!("POST /app/control/{SPA}");
    let control = control.as_str();
    let mut desk = Desk::open();
    desk.refused(control, "{}", 400, 9004);
    desk.refused("GET /app/bindings", "", 400, 9004);
    desk.refused("POST /app/login", "no JSON", 400, 9015);
    desk.refused("POST /app/login", r#"{"username": "x"}"#, 400, 9015);
    desk.refused("POST /app/users", "{}", 400, 9015);
    let login = |name: &str| format!(r#"{{"username": "{name}", "password": "wrong"}}"#);
    desk.refused("POST /app/login", &login("nobody"), 400, 9005);
    desk.refused("POST /app/login", &login("demo@example.com"), 400, 9020);
    desk.refused("POST /app/login", &login("demo-phone-id"), 400, 9005);
    desk.refused("GET /app/devdata/nobody/latest", "", 404, 9014);
    desk.refused("GET /app/datapoint?product_key=nothing", "", 400, 9002);
    desk.refused("GET /app/datapoint", "", 400, 9015);

    let mut desk = Desk::logged_in();
    desk.refused("POST /app/control/nobody", "{}", 404, 9014);
    desk.refused(control, "no JSON", 400, 9015);
    desk.refused(control, "{}", 400, 9015);
    desk.refused(control, r#"{"raw": [256]}"#, 400, 9015);
    desk.refused(control, r#"{"attrs": {"temp_now": 1}}"#, 400, 9025);
    desk.refused(control, r#"{"attrs": {"temp_set": 41}}"#, 400, 9025);
    desk.refused(
        control,
        r#"{"attrs": {"locked": true, "nothing": 1}}"#,
        400,
        9025,
    );
    assert_eq!(desk.latest(SPA)["attr"]["locked"], 0, "all of it or none");
    desk.refused("GET /app/bindings?limit=many", "", 400, 9015);
    desk.refused("GET /app/bindings?skip=-1", "", 400, 9015);
    desk.control(
        &format!("devices/{SPA}/online"),
        &json!({ "online": false }),
    );
    desk.refused(control, r#"{"attrs": {"locked": true}}"#, 400, 9042);
    desk.control("tokens/expire", &Value::Null);
    desk.refused(control, "{}", 400, 9006);

    let (_, session) = desk.ask("POST /app/users", &json!({ "phone_id": "demo-phone-id" }));
    desk.bear(&session);
    desk.refused(&format!("POST /app/control/{METER}"), "{}", 401, 9017);
    desk.headers
        .insert("x-gizwits-application-id".into(), "another".into());
    for call in ["POST /app/login", "GET /app/bindings", control] {
        desk.refused(call, "{}", 400, 9003);
    }
}

#[test]
fn a_disabled_device_takes_no_command() {
    let mut scenario = Scenario::standard();
    scenario.devices[0].disabled = true;
    let mut desk = Desk::of(scenario);
    let (_, session) = desk.ask("POST /app/users", &json!({ "phone_id": "demo-phone-id" }));
    desk.bear(&session);
    desk.refused(&format!("POST /app/control/{SPA}"), "{}", 400, 9023);
}

#[test]
fn bindings_come_in_pages_of_20_unless_told_otherwise_and_100_at_most() {
    let mut desk = Desk::of(Scenario::with_devices(150));
    let login = json!({ "username": "demo@example.com", "password": "demo-password" });
    let (status, session) = desk.ask("POST /app/login", &login);
    assert_eq!(status, 200);
    desk.bear(&session);
    for (query, first, length) in [
        ("", Some(0), 20),
        ("?limit=50&skip=20", Some(20), 50),
        ("?limit=1000", Some(0), 100),
        ("?limit=100&skip=100&show_disabled=1", Some(100), 50),
        ("?skip=150", None, 0),
    ] {
        let (status, body) = desk.ask(&format!("GET /app/bindings{query}"), &Value::Null);
        let rows = body["devices"].as_array().unwrap();
        assert_eq!((status, rows.len()), (200, length), "{query}");
        let first = first.map_or(Value::Null, |at: usize| format!("simulated{at:013}").into());
        assert_eq!(rows.first().map_or(&Value::Null, |row| &row["did"]), &first);
    }
}

#[test]
fn a_command_shows_in_the_report_with_all_that_follows_from_it() {
    let mut desk = Desk::logged_in();
    desk.now_ms += 60_000;
    let off = json!({ "attrs": { "power": 0, "temp_set": 30 } });
    assert_eq!(
        desk.ask(&format!("POST /app/control/{SPA}"), &off),
        (200, json!({}))
    );
    let body = desk.latest(SPA);
    assert_eq!(body["did"], SPA);
    assert_eq!(body["updated_at"], START_MS / 1000 + 60);
    let attr = &body["attr"];
    let shown = [
        "power",
        "heat_power",
        "filter_power",
        "temp_set",
        "temp_now",
    ];
    let shown: Vec<&Value> = shown.iter().map(|name| &attr[name]).collect();
    assert_eq!(json!(shown), json!([0, 0, 0, 30, 31]), "a bool is 0 or 1");
}

#[test]
fn the_device_changes_goes_and_comes_back_when_told() {
    let mut desk = Desk::logged_in();
    desk.now_ms += 5_000;
    let attrs = json!({ "temp_now": 33, "unheard_of": "x" });
    desk.control(&format!("devices/{SPA}/attrs"), &attrs);
    let body = desk.latest(SPA);
    assert_eq!(body["updated_at"], START_MS / 1000 + 5);
    assert_eq!(
        (&body["attr"]["temp_now"], &body["attr"]["unheard_of"]),
        (&json!(33), &json!("x"))
    );
    for online in [false, true] {
        desk.control(
            &format!("devices/{SPA}/online"),
            &json!({ "online": online }),
        );
        let (_, body) = desk.ask("GET /app/bindings", &Value::Null);
        assert_eq!(body["devices"][0]["is_online"], online);
    }
}

#[test]
fn throttling_has_its_paths_and_its_end() {
    let mut desk = Desk::logged_in();
    let throttle = json!({ "seconds": 10, "paths": ["/app/devdata", "/app/login"] });
    desk.control("throttle", &throttle);
    let latest = format!("GET /app/devdata/{SPA}/latest");
    desk.refused(&latest, "", 429, 9041);
    desk.refused("POST /app/login", "{}", 429, 9041);
    assert_eq!(desk.ask("GET /app/bindings", &Value::Null).0, 200);
    desk.now_ms += 9_999;
    desk.refused(&latest, "", 429, 9041);
    desk.now_ms += 1;
    desk.latest(SPA);
    desk.control("throttle", &json!({ "seconds": 10 }));
    desk.refused("GET /app/bindings", "", 429, 9041);
    desk.control("throttle", &json!({ "seconds": 0 }));
    desk.latest(SPA);
}

#[test]
fn each_kind_of_fault_strikes_its_path_as_often_as_told() {
    let call = format!("GET /app/devdata/{SPA}/latest");
    let mut desk = Desk::logged_in();
    let mut struck = |fault: Value, want: &dyn Fn(&Reaction) -> bool| {
        let mut fault = fault;
        fault["path"] = "/app/devdata/".into();
        fault["count"] = 2.into();
        desk.control("faults", &fault);
        assert_eq!(desk.ask("GET /app/bindings", &Value::Null).0, 200);
        for _ in 0..2 {
            let reaction = desk.react(&call, "");
            assert!(want(&reaction), "{fault}: {reaction:?}");
        }
        desk.latest(SPA);
    };
    let answered = |status: u16, content_type: &'static str, part: &'static str| {
        move |reaction: &Reaction| {
            let Reaction::Answer(answer) = reaction else {
                return false;
            };
            let body = String::from_utf8_lossy(&answer.body);
            (answer.status, answer.content_type) == (status, content_type) && body.contains(part)
        }
    };
    let json = "application/json";
    struck(
        json!({ "kind": "http_502" }),
        &answered(502, "text/html", "502 Bad Gateway"),
    );
    struck(
        json!({ "kind": "html" }),
        &answered(200, "text/html", "<html>"),
    );
    struck(json!({ "kind": "timeout" }), &|reaction| {
        *reaction == Reaction::Hang
    });
    struck(json!({ "kind": "reset" }), &|reaction| {
        *reaction == Reaction::Reset
    });
    struck(
        json!({ "kind": "error", "code": 9008 }),
        &answered(500, json, "9008"),
    );
    struck(
        json!({ "kind": "error", "code": 9017 }),
        &answered(401, json, "9017"),
    );
    struck(
        json!({ "kind": "error", "code": 9041, "status": 200 }),
        &answered(200, json, "9041"),
    );
    struck(json!({ "kind": "slow", "seconds": 7 }), &|reaction| {
        let late = matches!(reaction, Reaction::Answer(answer) if answer.delay_ms == 7_000);
        late && answered(200, json, "temp_now")(reaction)
    });
}

#[test]
fn the_log_tells_each_call_and_can_be_emptied() {
    let mut desk = Desk::logged_in();
    desk.control(
        "faults",
        &json!({ "path": "/app/bindings", "kind": "timeout" }),
    );
    assert_eq!(desk.react("GET /app/bindings?skip=20", ""), Reaction::Hang);
    let (status, log) = desk.ask("GET /_sim/requests", &Value::Null);
    assert_eq!(status, 200);
    let told: Vec<Value> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|call| json!([call["time"], call["method"], call["path"], call["status"]]))
        .collect();
    let time = START_MS / 1000;
    assert_eq!(
        json!(told),
        json!([
            [time, "POST", "/app/login", 200],
            [time, "GET", "/app/bindings", null]
        ])
    );
    assert!(!log.to_string().contains("demo-password"));
    assert_eq!(desk.ask("DELETE /_sim/requests", &Value::Null).0, 200);
    assert_eq!(desk.ask("GET /_sim/requests", &Value::Null).1, json!([]));
}

#[test]
fn a_wrong_control_is_told_what_is_wrong() {
    let mut desk = Desk::open();
    let attrs = format!("devices/{SPA}/attrs");
    let online = format!("devices/{SPA}/online");
    for (path, body, status, want) in [
        ("nothing", "{}", 404, "no such control"),
        ("devices/nobody/attrs", "{}", 404, "no device \"nobody\""),
        (
            "devices/nobody/online",
            r#"{"online": true}"#,
            404,
            "no device \"nobody\"",
        ),
        (attrs.as_str(), "", 400, "not JSON"),
        (&attrs, "[1]", 400, "{\"ATTR\": value"),
        (&online, "{}", 400, "\"online\""),
        (&online, r#"{"online": "yes"}"#, 400, "\"online\""),
        ("throttle", "{}", 400, "`seconds`"),
        ("throttle", r#"{"seconds": "9"}"#, 400, "invalid type"),
        (
            "throttle",
            r#"{"seconds": 9, "path": "/app/"}"#,
            400,
            "`path`",
        ),
        ("faults", "{}", 400, "`kind`"),
        ("faults", r#"{"kind": "http_500"}"#, 400, "`http_502`"),
        ("faults", r#"{"kind": "html", "count": 0}"#, 400, "nonzero"),
        ("faults", r#"{"kind": "html", "often": 2}"#, 400, "`often`"),
        ("faults", "kind=html", 400, "not JSON"),
        (
            "devices",
            r#"{"did": "x", "product_key": "y", "mac": "z", "users": []}"#,
            400,
            "no product \"y\"",
        ),
    ] {
        let (got, answer) = desk.say(&format!("POST /_sim/{path}"), body);
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(got, status, "{path} {body}: {answer}");
        assert!(error.contains(want), "{path} {body}: {answer}");
    }
    // None of them had an effect.
    assert_eq!(desk.latest(SPA)["attr"]["temp_now"], 31);
}

#[test]
fn the_standard_scenario_is_plausible() {
    let mut desk = Desk::logged_in();
    let (_, body) = desk.ask("GET /app/bindings", &Value::Null);
    let mut with_schema = 0;
    for row in body["devices"].as_array().unwrap() {
        let call = format!(
            "GET /app/datapoint?product_key={}",
            row["product_key"].as_str().unwrap()
        );
        let (status, schema) = desk.ask(&call, &Value::Null);
        let report = desk.latest(row["did"].as_str().unwrap());
        let attr = report["attr"].as_object().unwrap();
        if row["is_online"] == json!(false) {
            assert_eq!((&report["updated_at"], attr.len()), (&json!(0), 0));
            continue;
        }
        if status == 200 {
            with_schema += 1;
            let attrs = schema["entities"][0]["attrs"].as_array().unwrap();
            let names: BTreeSet<&str> = attrs
                .iter()
                .map(|datapoint| datapoint["name"].as_str().unwrap())
                .collect();
            let reported: BTreeSet<&str> = attr.keys().map(String::as_str).collect();
            assert_eq!(reported, names, "each datapoint has a value, and no other");
        }
    }
    assert_eq!(with_schema, 7);
}
