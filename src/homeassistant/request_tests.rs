//! Tests of `request.rs` and the files below it.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::model::ProductSchema;
use crate::model::when::Repeat;

/// Thursday, 2026-11-26, 12:00 UTC.
const NOW: i64 = 1_795_694_400;

fn schema() -> ProductSchema {
    let document = json!({ "name": "Airjet", "entities": [{ "attrs": [
        { "name": "power", "type": "status_writable", "data_type": "bool" },
        { "name": "temp_set", "type": "status_writable", "data_type": "uint8",
          "uint_spec": { "min": 20, "max": 40, "ratio": 1, "addition": 0 } },
        { "name": "temp_now", "type": "status_readonly", "data_type": "uint8",
          "uint_spec": { "min": 0, "max": 99, "ratio": 1, "addition": 0 } },
    ] }] });
    ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document)
        .unwrap()
        .0
}

fn read(verb: &str, body: &Value) -> Result<Request, CommandError> {
    read_text(verb, body.to_string().as_bytes())
}

fn read_text(verb: &str, payload: &[u8]) -> Result<Request, CommandError> {
    let schema = schema();
    let home = AccountName::new("home").unwrap();
    let product_of = |did: &Did| match did.as_str() {
        "spa" => Ok(&schema),
        _ => Err("no such device".to_owned()),
    };
    let context = Context {
        now: Timestamp::from_second(NOW).unwrap(),
        accounts: &[&home],
        product_of: &product_of,
    };
    parse(verb, payload, context)
}

fn reason(verb: &str, body: &Value) -> String {
    read(verb, body).unwrap_err().reason
}

fn plan(body: &Value) -> Plan {
    let wish = read("schedules/add", body).unwrap().wish;
    let Wish::AddSchedule(plan) = wish else {
        panic!("{wish:?}")
    };
    *plan
}

#[test]
fn one_device_and_several_are_bound_alike() {
    let row = json!({ "did": "spa", "passcode": "hush", "dev_alias": "Pool" });
    let mut one = row.clone();
    one["transaction"] = json!([1]);
    one["account"] = json!("home");
    let one = read("devices/bind", &one).unwrap();
    assert_eq!(one.transaction, Some(json!([1])));
    assert_eq!(one.account.as_ref().map(AccountName::as_str), Some("home"));
    let several = read("devices/bind", &json!({ "devices": [row] })).unwrap();
    assert_eq!(one.wish, several.wish);
    assert!(!format!("{one:?}").contains("hush"));
    let Wish::Bind(devices) = one.wish else {
        panic!("not a bind")
    };
    assert_eq!(
        (devices[0].alias.as_str(), devices[0].remark.as_str()),
        ("Pool", "")
    );
}

#[test]
fn every_fault_is_named_at_once() {
    for (verb, body, want) in [
        (
            "devices/bind",
            json!({}),
            "did is missing; passcode is missing",
        ),
        (
            "devices/bind",
            json!({ "did": 5, "passcod": "hush", "remark": [] }),
            "did: write a text; passcode is missing; remark: write a text; \
             \"passcod\" is not known; did you mean \"passcode\"?",
        ),
        (
            "devices/bind",
            json!({ "devices": [{ "did": "a" }, 7, { "did": "", "passcode": 12 }] }),
            "devices[1]: write an object; devices[0].passcode is missing; \
             devices[2].did: did \"\" is not valid: it is empty; devices[2].passcode: write a text",
        ),
        (
            "devices/bind",
            json!({ "devices": [] }),
            "devices: a request names 1 to 100, not 0",
        ),
        (
            "devices/bind_mac",
            json!({ "mac": "" }),
            "product_key is missing; mac: mac \"\" is not valid: it is empty; product_secret is missing",
        ),
        (
            "devices/unbind",
            json!({ "dids": [1] }),
            "dids[0]: write a text",
        ),
        ("devices/unbind", json!({}), "did is missing"),
        (
            "schedules/list",
            json!({ "zone": "Europe/Berln", "account": "hom" }),
            "account: \"hom\" is not configured; write one of home; \
             zone: \"Europe/Berln\" is no time zone; write one such as Europe/Berlin",
        ),
        ("schedules/remove", json!({ "id": null }), "id is missing"),
        (
            "schedules/add",
            json!({ "did": "spa", "attrs": { "temp_now": 1, "temp_set": 99 }, "time": "7h", "date": "soon",
                "repeat": "mon,day", "retry_count": 61, "retry_task": "some", "zon": "UTC" }),
            "attrs: temp_now is read-only; temp_set: 99 is refused; accepted: 20 to 40 in steps of 1; \
             time: \"7h\" is refused; write HH:MM; date: \"soon\" is refused; write YYYY-MM-DD; \
             repeat: \"day\" is no day; write none, daily, weekdays, weekend, or days such as mon,wed,sun; \
             retry_count: write a number from 0 to 60; retry_task: \"some\" is refused; write all or failed; \
             \"zon\" is not known; did you mean \"zone\"?",
        ),
        (
            "schedules/add",
            json!({ "task": [{ "did": "tub", "attrs": { "power": 1 } }, { "did": "spa" }] }),
            "task[0].did: no such device; task[1].attrs: write an object such as {\"power\": true}; \
             time is missing",
        ),
        (
            "schedules/ad",
            json!({}),
            "unknown request \"schedules/ad\"; known: refresh, health, ",
        ),
    ] {
        let reason = reason(verb, &body);
        assert!(reason.starts_with(want), "{body}\n{reason}\n{want}");
    }
}

#[test]
fn a_fault_tells_no_secret_and_stays_short() {
    let body = json!({ "did": "a", "passcode": ["hush"], "remark": 1, "transaction": 3 });
    let error = read("devices/bind", &body).unwrap_err();
    assert_eq!(error.transaction, Some(json!(3)));
    assert!(!error.reason.contains("hush"), "{}", error.reason);
    let many: Map<String, Value> = (0..3000).map(|n| (format!("x{n}"), n.into())).collect();
    let error = reason("devices/unbind", &Value::Object(many));
    assert!(error.ends_with("and 2981 more faults"), "{error}");
    assert!(error.len() < 1_000, "{} bytes", error.len());
    let long = json!({ "id": "i", "x".repeat(10_000): 1 });
    assert!(reason("schedules/remove", &long).len() < 100);
}

#[test]
fn what_is_no_body_is_refused() {
    for (payload, want) in [
        (b"[]".to_vec(), "not a JSON object"),
        (b"{".to_vec(), "not JSON"),
        (vec![b' '; MAX_COMMAND_BYTES + 1], "larger than"),
    ] {
        let error = read_text("refresh", &payload).unwrap_err();
        assert!(error.reason.contains(want), "{}", error.reason);
    }
    let refresh = read_text("refresh", b"").unwrap();
    assert_eq!((refresh.wish, refresh.transaction), (Wish::Refresh, None));
    let health = read("health", &json!({ "anything": 1, "transaction": "t" })).unwrap();
    assert_eq!(health.transaction, Some(json!("t")));
}

#[test]
fn a_local_plan_is_kept_in_utc() {
    let plan = plan(
        &json!({ "did": "spa", "attrs": { "power": "on" }, "date": "2026-11-27",
        "time": "00:30", "repeat": ["mon", "fri"], "zone": "Europe/Berlin",
        "retry_count": 60, "retry_task": "failed" }),
    );
    assert_eq!(
        plan.to_json(),
        json!({ "date": "2026-11-26", "time": "23:30", "repeat": "thu,sun",
            "task": [{ "did": "spa", "product_key": "pk", "attrs": { "power": true } }],
            "retry_count": 60, "retry_task": "failed" })
    );
}

#[test]
fn without_a_date_it_runs_the_next_time() {
    for (time, zone, date) in [
        ("12:01", "UTC", "2026-11-26"),
        ("12:00", "UTC", "2026-11-27"),
        // It is one in the morning of the 27th there.
        ("00:01", "Pacific/Auckland", "2026-11-27"),
        ("01:30", "Pacific/Auckland", "2026-11-26"),
    ] {
        let body = json!({ "task": [{ "did": "spa", "product_key": "pk", "attrs": { "power": true } }],
            "time": time, "zone": zone });
        let when = plan(&body).when;
        assert_eq!(
            (when.date.to_string().as_str(), when.repeat),
            (date, Repeat::Once),
            "{time} {zone}"
        );
    }
}

#[test]
fn what_would_never_run_is_refused() {
    let body = |date: &str, time: &str, zone: &str| json!({ "did": "spa", "attrs": { "power": true }, "date": date, "time": time, "zone": zone });
    let error = reason(
        "schedules/add",
        &body("2026-11-26", "12:59", "Europe/Berlin"),
    );
    assert_eq!(
        error,
        "time: it would never run, for 2026-11-26T11:59:00 UTC is over"
    );
    let error = reason(
        "schedules/add",
        &body("2027-03-28", "02:30", "Europe/Berlin"),
    );
    assert!(
        error.starts_with("time: 02:30 does not exist on 2027-03-28"),
        "{error}"
    );
    let mut weekly = body("2020-01-01", "12:59", "UTC");
    weekly["repeat"] = json!("daily");
    plan(&weekly);
}
