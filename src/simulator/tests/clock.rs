//! The cloud's clock, and what becomes of things while it moves.

use serde_json::{Value, json};

use super::{Desk, METER, SPA, START_MS};

#[test]
fn the_clock_moves_forward_from_the_real_one() {
    let mut desk = Desk::open();
    let start = START_MS / 1000;
    let clock = |desk: &mut Desk| {
        let body = desk.good("GET /_sim/clock", &Value::Null, 200);
        (
            body["time"].as_i64().unwrap() - start,
            body["ahead_s"].clone(),
        )
    };
    assert_eq!(clock(&mut desk), (0, json!(0)));
    let moved = desk.good("POST /_sim/clock", &json!({ "advance_s": 3600 }), 200);
    assert_eq!(moved["time"], start + 3600);
    desk.now_ms += 5_000;
    assert_eq!(clock(&mut desk), (3605, json!(3600)));
    for body in ["{}", r#"{"advance_s": -1}"#, r#"{"advance_s": 1e300}"#] {
        assert_eq!(desk.say("POST /_sim/clock", body).0, 400, "{body}");
    }
    assert_eq!(clock(&mut desk), (3605, json!(3600)));
}

#[test]
fn a_token_ends_when_its_time_has_come() {
    let mut desk = Desk::logged_in();
    desk.pass(180 * 86_400 - 1);
    desk.good("GET /app/users", &Value::Null, 200);
    desk.pass(1);
    desk.refused("GET /app/users", "", 400, 9006);
}

#[test]
fn who_is_online_reports_over_a_jump_and_who_is_not_is_forgotten() {
    let mut desk = Desk::logged_in();
    desk.control(
        &format!("devices/{METER}/online"),
        &json!({ "online": false }),
    );
    desk.pass(599);
    assert_eq!(desk.latest(SPA)["updated_at"], START_MS / 1000);
    desk.pass(2 * 86_400);
    let spa = desk.latest(SPA);
    assert_eq!(spa["updated_at"], START_MS / 1000 + 2 * 86_400 + 599);
    assert_eq!(spa["attr"]["temp_set"], 38);
    let meter = desk.latest(METER);
    assert_eq!(
        (&meter["updated_at"], &meter["attr"]),
        (&json!(0), &json!({}))
    );
}

#[test]
fn the_outbox_tells_when_and_can_be_emptied() {
    let mut desk = Desk::open();
    desk.pass(60);
    desk.good(
        "POST /app/reset_password",
        &json!({ "email": "demo@example.com" }),
        200,
    );
    let mail = desk.message("mail", "demo@example.com");
    assert_eq!(mail["time"], START_MS / 1000 + 60);
    desk.good("DELETE /_sim/outbox", &Value::Null, 200);
    assert_eq!(desk.good("GET /_sim/outbox", &Value::Null, 200), json!([]));
}

#[test]
fn the_cloud_tells_its_errors_and_version_to_applications() {
    let mut desk = Desk::open();
    let table = desk.good("GET /errors", &Value::Null, 200);
    let rows = table.as_array().unwrap();
    assert_eq!(rows.len(), 46);
    let want = json!({ "error_code": 9017, "status": 401, "error_message": "device not bound!" });
    assert!(rows.contains(&want));
    let version = desk.good("GET /status", &Value::Null, 200);
    assert!(version["status"]["version"].is_string());
    desk.refused("GET /app/devices?mac=1", "", 400, 9045);
    desk.refused(&format!("GET /app/devdata/{SPA}"), "", 403, 9039);
    desk.headers.clear();
    desk.refused("GET /errors", "", 400, 9003);
}
