//! The log of what went between cloud and device.

use serde_json::{Value, json};

use super::{Desk, METER, SPA, START_MS};

const START: i64 = START_MS / 1000;

fn log(kind: &str, from: i64, to: i64) -> String {
    format!("GET /app/devices/{SPA}/raw_data?type={kind}&start_time={from}&end_time={to}")
}

#[test]
fn frames_and_comings_and_goings_are_kept_for_a_week() {
    let mut desk = Desk::logged_in();
    let control = format!("POST /app/control/{SPA}");
    desk.good(&control, &json!({ "raw": [1, 255] }), 200);
    desk.good(&control, &json!({ "attrs": { "locked": true } }), 200);
    for online in [false, false, true] {
        desk.now_ms += 1_000;
        desk.control(
            &format!("devices/{SPA}/online"),
            &json!({ "online": online }),
        );
    }
    let frames = desk.good(&log("cmd", START - 10, START + 10), &Value::Null, 200);
    assert_eq!(frames["meta"]["total"], 4);
    let rows = frames["objects"].as_array().unwrap();
    let kinds: Vec<&Value> = rows.iter().map(|row| &row["type"]).collect();
    assert_eq!(
        json!(kinds),
        json!(["dev2app", "app2dev", "dev2app", "app2dev"])
    );
    assert_eq!(
        rows[3]["payload_bin"],
        "00000003050000".to_owned() + "9001ff"
    );
    assert_eq!(rows[1]["attrs"], json!({ "locked": true }));
    let presence = desk.good(
        &format!("{}&sort=asc&limit=1", log("online", START, START + 10)),
        &Value::Null,
        200,
    );
    assert_eq!(
        (&presence["meta"]["total"], &presence["objects"][0]["type"]),
        (&json!(2), &json!("dev_offline"))
    );
    desk.pass(8 * 86_400);
    let old = desk.good(&log("cmd", START - 10, START + 10), &Value::Null, 200);
    assert_eq!(old["objects"], json!([]));
}

#[test]
fn a_log_that_cannot_be_had_is_refused() {
    let mut desk = Desk::logged_in();
    for call in [
        log("all", START, START + 1),
        log("cmd", START, START),
        log("cmd", START, START + 48 * 3600),
        log("cmd", START, START + 1) + "&limit=1001",
        log("cmd", START, START + 1) + "&skip=4990",
        format!("GET /app/devices/{SPA}/raw_data?type=cmd"),
    ] {
        desk.refused(&call, "", 400, 9015);
    }
    let session = desk.good(
        "POST /app/users",
        &json!({ "phone_id": "demo-phone-id" }),
        201,
    );
    desk.bear(&session);
    desk.refused(
        &log("cmd", START, START + 1).replace(SPA, METER),
        "",
        401,
        9017,
    );
}
