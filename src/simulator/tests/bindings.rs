//! Devices change hands: bound by passcode or mac, shared by several users, renamed, given back.

use serde_json::{Value, json};

use super::{Desk, METER, SPA};
use crate::simulator::Scenario;

/// MD5 of `demo-product-secret` and a time, as `md5sum` says: the start, and the ends of what is
/// close enough to it.
const SIGNED_NOW: (&str, &str) = ("1800000000", "77b28e49a4c2faef024e487a3fc21dae");
const SIGNED_JUST: (&str, &str) = ("1799999700", "2728ac9ae796cb62bbd8649f27967230");
const SIGNED_EARLY: (&str, &str) = ("1799999699", "deb72d5172c3faf7ff814367b2f414ef");

const SPA_PRODUCT: &str = "5a1a9d1de0f54a4e8b9f7b1c62d0a001";

impl Desk {
    /// The user of a scenario who has only the spa.
    fn as_the_other_user() -> Self {
        let mut desk = Self::open();
        let session = desk.good(
            "POST /app/users",
            &json!({ "phone_id": "demo-phone-id" }),
            201,
        );
        desk.bear(&session);
        desk
    }

    fn dids(&mut self) -> Vec<String> {
        let body = self.good("GET /app/bindings", &Value::Null, 200);
        let rows = body["devices"].as_array().unwrap().iter();
        rows.map(|row| row["did"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn each_device_is_bound_or_not_for_itself() {
    let mut desk = Desk::as_the_other_user();
    let bind = "POST /app/bindings";
    let body = json!({ "devices": [
        { "did": METER, "passcode": "SIMULATEDX", "dev_alias": "Mine", "remark": "r" },
        { "did": "DemoWave00000000000004", "passcode": "wrong" },
        { "did": "nobody", "passcode": "SIMULATEDX" },
    ] });
    let want = json!({ "success": [METER], "failed": ["DemoWave00000000000004", "nobody"] });
    assert_eq!(desk.good(bind, &body, 200), want);
    let rows = desk.good("GET /app/bindings", &Value::Null, 200);
    let row = rows["devices"].as_array().unwrap().last().unwrap();
    let got = json!([row["did"], row["dev_alias"], row["remark"], row["role"]]);
    assert_eq!(got, json!([METER, "Mine", "r", "normal"]));
    for (body, code) in [
        ("{}", 9015),
        (r#"{"devices": []}"#, 9015),
        (r#"{"devices": ["x"]}"#, 9015),
        (r#"{"devices": [{"did": "x"}]}"#, 9016),
        (r#"{"devices": [{"did": "x", "passcode": ""}]}"#, 9016),
    ] {
        desk.refused(bind, body, 400, code);
    }
}

#[test]
fn several_users_have_one_device_and_the_next_follows_the_first() {
    let mut desk = Desk::as_the_other_user();
    let other = desk.headers.clone();
    let rename = format!("PUT /app/bindings/{SPA}");
    let body = json!({ "dev_alias": "Ours", "remark": "" });
    let answer = desk.good(&rename, &body, 200);
    assert_eq!(
        answer,
        json!({ "dev_alias": "Ours", "remark": "", "dev_label": [] })
    );
    let login = json!({ "username": "demo@example.com", "password": "demo-password" });
    let session = desk.good("POST /app/login", &login, 200);
    desk.bear(&session);
    let first = desk.good("GET /app/bindings", &Value::Null, 200)["devices"][0].clone();
    assert_eq!(
        (&first["did"], &first["role"]),
        (&json!(SPA), &json!("special"))
    );
    assert_ne!(first["dev_alias"], "Ours", "an alias is its user's own");

    let unbind = json!({ "devices": [{ "did": SPA }, { "did": "nobody" }] });
    let want = json!({ "success": [SPA], "failed": ["nobody"] });
    assert_eq!(desk.good("DELETE /app/bindings", &unbind, 200), want);
    assert!(!desk.dids().contains(&SPA.to_owned()));
    let control = format!("POST /app/control/{SPA}");
    desk.refused(&control, r#"{"attrs": {"power": true}}"#, 401, 9017);
    let again = json!({ "success": [], "failed": [SPA, "nobody"] });
    assert_eq!(desk.good("DELETE /app/bindings", &unbind, 200), again);
    desk.refused("DELETE /app/bindings", r#"{"devices": [{}]}"#, 400, 9015);

    desk.headers = other;
    let row = desk.good(&format!("GET /app/devices/{SPA}"), &Value::Null, 200);
    assert_eq!(
        (&row["role"], &row["did"]),
        (&json!("special"), &json!(SPA))
    );
    assert!(row.get("dev_alias").is_none());
}

#[test]
fn a_device_that_is_not_bound_is_neither_shown_nor_renamed() {
    let mut desk = Desk::as_the_other_user();
    for call in ["GET /app/devices/", "PUT /app/bindings/"] {
        let body = r#"{"dev_alias": "x"}"#;
        desk.refused(&format!("{call}{METER}"), body, 401, 9017);
        desk.refused(&format!("{call}nobody"), body, 404, 9014);
    }
    let rename = format!("PUT /app/bindings/{SPA}");
    for body in ["{}", r#"{"dev_alias": 1}"#] {
        desk.refused(&rename, body, 400, 9015);
    }
}

#[test]
fn a_mac_is_bound_with_the_signature_of_its_product() {
    let mut desk = Desk::open();
    let session = desk.good("POST /app/users", &json!({ "phone_id": "new" }), 201);
    let mac = Scenario::standard().devices[0].mac.clone();
    let bind = "POST /app/bind_mac";
    let body = json!({ "product_key": SPA_PRODUCT, "mac": mac, "dev_alias": "Tub" });
    let text = body.to_string();
    desk.refused(bind, &text, 400, 9004);
    desk.bear(&session);
    desk.refused(bind, &text, 400, 9043);
    let sign = |desk: &mut Desk, (timestamp, signature): (&str, &str)| {
        desk.set_header("x-gizwits-timestamp", timestamp);
        desk.set_header("x-gizwits-signature", signature);
    };
    for (signed, code) in [
        (SIGNED_EARLY, 9043),
        (("soon", SIGNED_NOW.1), 9043),
        (("1800000001", SIGNED_NOW.1), 9044),
        ((SIGNED_NOW.0, ""), 9044),
    ] {
        sign(&mut desk, signed);
        desk.refused(bind, &text, 400, code);
    }
    for signed in [SIGNED_JUST, SIGNED_NOW] {
        sign(&mut desk, signed);
        let row = desk.good(bind, &body, 201);
        assert_eq!(json!([row["did"], row["dev_alias"]]), json!([SPA, "Tub"]));
    }
    assert_eq!(desk.dids(), [SPA], "bound twice is bound once");
    for (key, value, status, code) in [
        ("product_key", "unheard of", 400, 9002),
        ("mac", "000000000000", 404, 9014),
        ("mac", "", 400, 9015),
    ] {
        let mut body = body.clone();
        body[key] = value.into();
        desk.refused(bind, &body.to_string(), status, code);
    }
    // The cloud's clock counts.
    desk.pass(301);
    desk.refused(bind, &text, 400, 9043);
}

#[test]
fn a_disabled_device_is_listed_for_those_who_ask_and_bound_by_nobody() {
    let mut scenario = Scenario::standard();
    scenario.devices[0].disabled = true;
    let mac = scenario.devices[0].mac.clone();
    let mut desk = Desk::of(scenario);
    let session = desk.good(
        "POST /app/users",
        &json!({ "phone_id": "demo-phone-id" }),
        201,
    );
    desk.bear(&session);
    assert_eq!(desk.dids(), Vec::<String>::new());
    let all = desk.good("GET /app/bindings?show_disabled=1", &Value::Null, 200);
    assert_eq!(all["devices"][0]["is_disabled"], true);
    let passcode = json!({ "devices": [{ "did": SPA, "passcode": "SIMULATEDX" }] });
    let refused = desk.good("POST /app/bindings", &passcode, 200);
    assert_eq!(refused["failed"], json!([SPA]));
    desk.set_header("x-gizwits-timestamp", SIGNED_NOW.0);
    desk.set_header("x-gizwits-signature", SIGNED_NOW.1);
    let by_mac = json!({ "product_key": SPA_PRODUCT, "mac": mac });
    desk.refused("POST /app/bind_mac", &by_mac.to_string(), 400, 9023);
}
