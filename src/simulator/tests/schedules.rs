//! Schedules are made, run at their minute, are tried again, and tell how it went.

use serde_json::{Value, json};

use super::{Desk, METER, SPA};

const SPA_PRODUCT: &str = "5a1a9d1de0f54a4e8b9f7b1c62d0a001";
const RADIATOR: &str = "DemoHeater000000000002";
const RADIATOR_PRODUCT: &str = "5a1a9d1de0f54a4e8b9f7b1c62d0a002";
const SCHEDULER: &str = "POST /app/scheduler";

/// The test begins on Friday, 15 January 2027 at 08:00 UTC.
fn plan(date: &str, time: &str, repeat: &str) -> Value {
    json!({
        "date": date, "time": time, "repeat": repeat,
        "task": [task(SPA, SPA_PRODUCT, json!({ "temp_set": 30 }))],
        "retry_count": 0, "retry_task": "all",
    })
}

fn task(did: &str, product_key: &str, attrs: Value) -> Value {
    json!({ "did": did, "product_key": product_key, "attrs": attrs })
}

impl Desk {
    fn schedule(&mut self, plan: &Value) -> String {
        let id = self.good(SCHEDULER, plan, 201)["id"].clone();
        id.as_str().unwrap().to_owned()
    }

    fn log(&mut self, id: &str) -> Value {
        self.good(&format!("GET /app/scheduler/{id}/logs"), &Value::Null, 200)
    }

    fn put_online(&mut self, did: &str, online: bool) {
        self.control(
            &format!("devices/{did}/online"),
            &json!({ "online": online }),
        );
    }
}

#[test]
fn a_schedule_is_listed_as_it_was_made_until_it_is_removed() {
    let mut desk = Desk::logged_in();
    let mut want = plan("2027-01-16", "06:30", "mon,tue");
    let id = desk.schedule(&want);
    want["id"] = id.as_str().into();
    want["created_at"] = "2027-01-15T08:00:00".into();
    let list = "GET /app/scheduler";
    assert_eq!(desk.good(list, &Value::Null, 200), json!([want]));
    for _ in 0..24 {
        desk.schedule(&plan("2027-01-16", "06:30", "none"));
    }
    for (query, rows) in [("", 20), ("?skip=20", 5), ("?limit=3", 3), ("?skip=25", 0)] {
        let page = desk.good(&format!("{list}{query}"), &Value::Null, 200);
        assert_eq!(page.as_array().unwrap().len(), rows, "{query}");
    }
    desk.refused("GET /app/scheduler?limit=x", "", 400, 9015);
    let removal = format!("DELETE /app/scheduler/{id}");
    desk.good(&removal, &Value::Null, 200);
    desk.refused(&removal, "", 404, 9030);
    desk.refused(&format!("GET /app/scheduler/{id}/logs"), "", 404, 9030);
}

#[test]
fn a_schedule_is_its_users_own() {
    let mut desk = Desk::logged_in();
    let id = desk.schedule(&plan("2027-01-16", "06:30", "none"));
    let session = desk.good(
        "POST /app/users",
        &json!({ "phone_id": "demo-phone-id" }),
        201,
    );
    desk.bear(&session);
    assert_eq!(
        desk.good("GET /app/scheduler", &Value::Null, 200),
        json!([])
    );
    desk.refused(&format!("DELETE /app/scheduler/{id}"), "", 404, 9030);
    let foreign = json!([task(METER, "5a1a9d1de0f54a4e8b9f7b1c62d0a005", json!({}))]);
    let mut other = plan("2027-01-16", "06:30", "none");
    other["task"] = foreign;
    desk.refused(SCHEDULER, &other.to_string(), 401, 9017);
}

#[test]
fn a_schedule_that_cannot_be_is_refused() {
    let mut desk = Desk::logged_in();
    let spa = |attrs| json!([task(SPA, SPA_PRODUCT, attrs)]);
    for (key, value, status, code) in [
        ("date", json!("16.01.2027"), 400, 9015),
        ("date", json!(""), 400, 9015),
        ("time", json!("6:30"), 400, 9015),
        ("time", Value::Null, 400, 9015),
        ("repeat", json!("monday"), 400, 9015),
        ("retry_count", json!(61), 400, 9015),
        ("retry_count", json!(-1), 400, 9015),
        ("retry_task", json!("some"), 400, 9015),
        ("task", json!([]), 400, 9015),
        ("task", json!([{ "did": SPA }]), 400, 9015),
        (
            "task",
            json!([task("nobody", SPA_PRODUCT, json!({}))]),
            404,
            9014,
        ),
        (
            "task",
            json!([task(SPA, RADIATOR_PRODUCT, json!({}))]),
            400,
            9002,
        ),
        ("task", spa(json!({ "temp_now": 5 })), 400, 9025),
        ("task", spa(json!({ "temp_set": 99 })), 400, 9025),
        ("task", spa(json!({ "nothing": 1 })), 400, 9025),
    ] {
        let mut plan = plan("2027-01-16", "06:30", "none");
        plan[key] = value;
        desk.refused(SCHEDULER, &plan.to_string(), status, code);
    }
    assert_eq!(
        desk.good("GET /app/scheduler", &Value::Null, 200),
        json!([])
    );
}

#[test]
fn a_schedule_runs_once_at_its_minute() {
    let mut desk = Desk::logged_in();
    let id = desk.schedule(&plan("2027-01-15", "08:30", "none"));
    let past = desk.schedule(&plan("2027-01-15", "07:59", "none"));
    assert_eq!(desk.log(&id), json!({}));
    desk.pass(30 * 60 - 1);
    assert_eq!(desk.latest(SPA)["attr"]["temp_set"], 38);
    desk.pass(1);
    assert_eq!(desk.latest(SPA)["attr"]["temp_set"], 30);
    let want = json!({ "datetime": "2027-01-15T08:30:00", "status": "succeed",
        "detail": { SPA: true } });
    assert_eq!(desk.log(&id), want);
    desk.pass(30 * 86_400);
    assert_eq!(desk.log(&id), want);
    assert_eq!(desk.log(&past), json!({}));
}

#[test]
fn a_weekly_schedule_runs_on_each_of_its_days() {
    let mut desk = Desk::logged_in();
    let id = desk.schedule(&plan("2027-01-15", "06:30", "mon,fri"));
    for (days, want) in [
        // Friday's time has passed already.
        (2, None),
        (1, Some("2027-01-18T06:30:00")),
        (3, Some("2027-01-18T06:30:00")),
        (1, Some("2027-01-22T06:30:00")),
        (28, Some("2027-02-19T06:30:00")),
    ] {
        desk.pass(days * 86_400);
        let log = desk.log(&id);
        assert_eq!(log["datetime"].as_str(), want, "{log}");
    }
}

#[test]
fn what_fails_is_tried_again_each_minute() {
    let mut desk = Desk::logged_in();
    let mut wanted = plan("2027-01-15", "09:00", "none");
    wanted["task"] = json!([
        task(SPA, SPA_PRODUCT, json!({ "temp_set": 30 })),
        task(RADIATOR, RADIATOR_PRODUCT, json!({ "mode": "stop" })),
    ]);
    wanted["retry_count"] = 3.into();
    desk.put_online(RADIATOR, false);
    let all = desk.schedule(&wanted);
    wanted["retry_task"] = "failed".into();
    wanted["task"][0]["attrs"] = json!({ "locked": true });
    let failed = desk.schedule(&wanted);
    desk.pass(3600);
    let detail = json!({ SPA: true, RADIATOR: false });
    for id in [&all, &failed] {
        let log = desk.log(id);
        assert_eq!(
            (&log["status"], &log["detail"]),
            (&json!("failed"), &detail)
        );
    }
    // What the user sets meanwhile is overruled only where everything is sent again.
    let control = format!("POST /app/control/{SPA}");
    let meanwhile = json!({ "attrs": { "temp_set": 25, "locked": false } });
    desk.good(&control, &meanwhile, 200);
    desk.pass(60);
    let attr = desk.latest(SPA)["attr"].clone();
    assert_eq!(json!([attr["temp_set"], attr["locked"]]), json!([30, 0]));
    desk.put_online(RADIATOR, true);
    desk.pass(60);
    for id in [&all, &failed] {
        let log = desk.log(id);
        assert_eq!(
            (&log["status"], &log["datetime"]),
            (&json!("succeed"), &json!("2027-01-15T09:02:00"))
        );
    }
    assert_eq!(desk.latest(RADIATOR)["attr"]["mode"], "stop");
}

#[test]
fn a_run_is_given_up_after_its_last_try() {
    let mut desk = Desk::logged_in();
    let mut wanted = plan("2027-01-15", "09:00", "none");
    wanted["retry_count"] = 2.into();
    desk.put_online(SPA, false);
    let id = desk.schedule(&wanted);
    desk.pass(2 * 3600);
    let log = desk.log(&id);
    assert_eq!(
        (&log["status"], &log["datetime"]),
        (&json!("failed"), &json!("2027-01-15T09:02:00"))
    );
    desk.put_online(SPA, true);
    desk.pass(3600);
    assert_eq!(desk.log(&id), log);
}

#[test]
fn a_schedule_does_not_reach_a_device_that_its_user_gave_back() {
    let mut desk = Desk::logged_in();
    let id = desk.schedule(&plan("2027-01-15", "09:00", "none"));
    let unbind = json!({ "devices": [{ "did": SPA }] });
    desk.good("DELETE /app/bindings", &unbind, 200);
    desk.pass(3600);
    assert_eq!(desk.log(&id)["detail"], json!({ SPA: false }));
    assert_eq!(desk.latest(SPA)["attr"]["temp_set"], 38);
}
