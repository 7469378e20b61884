//! Users come, change, forget their passwords and go.

use serde_json::{Value, json};

use super::{Desk, SPA};
use crate::simulator::Scenario;

fn login(name: &str, password: &str) -> String {
    json!({ "username": name, "password": password }).to_string()
}

#[track_caller]
fn gets_in(desk: &mut Desk, name: &str, password: &str) -> Value {
    let (status, session) = desk.say("POST /app/login", &login(name, password));
    assert_eq!(status, 200, "{name}: {session}");
    session["uid"].clone()
}

#[test]
fn each_of_six_ways_makes_a_user_who_is_that_user_again() {
    let mut desk = Desk::open();
    let code = desk.sms("+4915112345678");
    let named = |body: Value, name: &'static str| (body, Some(name));
    for (body, name) in [
        (json!({ "phone_id": "a phone" }), None),
        named(json!({ "username": "bob", "password": "p" }), "bob"),
        named(
            json!({ "email": "bob@example.com", "password": "p" }),
            "bob@example.com",
        ),
        named(
            json!({ "phone": "+4915112345678", "password": "p", "code": code }),
            "+4915112345678",
        ),
        (
            json!({ "authData": { "src": "sina", "uid": "7", "token": "t" } }),
            None,
        ),
        (
            json!({ "authData": { "src": "qq", "uid": "7", "token": "t" } }),
            None,
        ),
    ] {
        let session = desk.good("POST /app/users", &body, 201);
        let uid = session["uid"].clone();
        assert!(session["expire_at"].as_i64().unwrap() > 1_800_000_000);
        let again = match name {
            Some(name) => gets_in(&mut desk, name, "p"),
            None => desk.good("POST /app/users", &body, 201)["uid"].clone(),
        };
        assert_eq!(uid, again, "{body}");
        desk.bear(&session);
        let profile = desk.good("GET /app/users", &Value::Null, 200);
        assert_eq!(profile["uid"], uid);
        let is_anonymous = body.get("phone_id").is_some();
        assert_eq!(profile["is_anonymous"], is_anonymous, "{body}");
    }
    assert!(desk.message("mail", "bob@example.com")["text"].is_string());
}

#[test]
fn who_cannot_become_a_user_is_told_why() {
    let mut desk = Desk::open();
    desk.good(
        "POST /app/users",
        &json!({ "username": "bob", "password": "p" }),
        201,
    );
    let code = desk.sms("12345");
    desk.good(
        "POST /app/users",
        &json!({ "phone": "12345", "password": "p", "code": code }),
        201,
    );
    for (body, code) in [
        (json!({ "username": "bob", "password": "p" }), 9019),
        (
            json!({ "email": "demo@example.com", "password": "p" }),
            9022,
        ),
        (
            json!({ "phone": "12345", "password": "p", "code": "1" }),
            9018,
        ),
        (
            json!({ "phone": "54321", "password": "p", "code": "1" }),
            9010,
        ),
        (json!({ "phone": "12345", "password": "p" }), 9015),
        (json!({ "username": "alice" }), 9015),
        (json!({ "username": "", "password": "p" }), 9015),
        (json!({ "username": "alice", "password": 1 }), 9015),
        (json!({ "email": "no address", "password": "p" }), 9015),
        (json!({ "phone_id": 5 }), 9015),
        (json!({ "authData": "x" }), 9015),
        (
            json!({ "authData": { "src": "elsewhere", "uid": "7", "token": "t" } }),
            9015,
        ),
        (json!({ "authData": { "src": "sina", "uid": "7" } }), 9015),
        (
            json!({ "authData": { "src": "sina", "uid": "7", "token": "invalid" } }),
            9026,
        ),
    ] {
        desk.refused("POST /app/users", &body.to_string(), 400, code);
    }
    let mut desk = Desk::of(Scenario {
        qq_app_ids: Vec::new(),
        ..Scenario::standard()
    });
    let body = json!({ "authData": { "src": "qq", "uid": "7", "token": "t" } });
    desk.refused("POST /app/users", &body.to_string(), 400, 9031);
}

#[test]
fn a_phone_id_is_no_way_into_an_account_with_a_name() {
    let mut desk = Desk::open();
    let body = json!({ "phone_id": "demo@example.com" });
    let session = desk.good("POST /app/users", &body, 201);
    desk.bear(&session);
    let bindings = desk.good("GET /app/bindings", &Value::Null, 200);
    assert_eq!(bindings, json!({ "devices": [] }));
}

#[test]
fn an_anonymous_user_gets_a_name_and_keeps_its_devices() {
    let mut desk = Desk::open();
    let phone_id = json!({ "phone_id": "demo-phone-id" });
    let session = desk.good("POST /app/users", &phone_id, 201);
    desk.bear(&session);
    let taken = json!({ "username": "demo@example.com", "password": "p" });
    desk.refused("PUT /app/users", &taken.to_string(), 400, 9019);
    let named = json!({ "username": "bob", "password": "p" });
    let changed = desk.good("PUT /app/users", &named, 200);
    assert_eq!(changed["updatedAt"], "2027-01-15T08:00:00.000Z");
    assert_eq!(gets_in(&mut desk, "bob", "p"), session["uid"]);
    let bindings = desk.good("GET /app/bindings", &Value::Null, 200);
    assert_eq!(bindings["devices"][0]["did"], SPA);
    // It is nobody's second time, and its phone id is somebody else's.
    let second = json!({ "username": "alice", "password": "p" });
    desk.refused("PUT /app/users", &second.to_string(), 400, 9026);
    let stranger = desk.good("POST /app/users", &phone_id, 201);
    assert_ne!(stranger["uid"], session["uid"]);
}

#[test]
fn an_anonymous_user_gets_a_phone_number() {
    let mut desk = Desk::open();
    let session = desk.good("POST /app/users", &json!({ "phone_id": "x" }), 201);
    desk.bear(&session);
    let code = desk.sms("12345");
    let phone = json!({ "phone": "12345", "password": "p", "code": code });
    desk.good("PUT /app/users", &phone, 200);
    assert_eq!(gets_in(&mut desk, "12345", "p"), session["uid"]);
}

#[test]
fn password_address_and_number_change() {
    let mut desk = Desk::logged_in();
    let change = "PUT /app/users";
    let wrong = json!({ "old_pwd": "wrong", "new_pwd": "q" });
    desk.refused(change, &wrong.to_string(), 400, 9020);
    let right = json!({ "old_pwd": "demo-password", "new_pwd": "q" });
    desk.good(change, &right, 200);
    desk.refused(
        "POST /app/login",
        &login("demo@example.com", "demo-password"),
        400,
        9020,
    );
    let uid = gets_in(&mut desk, "demo@example.com", "q");

    desk.good(change, &json!({ "email": "new@example.com" }), 200);
    assert_eq!(gets_in(&mut desk, "new@example.com", "q"), uid);
    desk.refused(
        "POST /app/login",
        &login("demo@example.com", "q"),
        400,
        9005,
    );
    desk.refused(change, r#"{"email": "new@example.com"}"#, 400, 9022);
    desk.refused(change, r#"{"email": "nonsense"}"#, 400, 9015);

    let code = desk.sms("12345");
    desk.refused(change, r#"{"phone": "12345", "code": "wrong"}"#, 400, 9010);
    let number = json!({ "phone": "12345", "code": code });
    desk.good(change, &number, 200);
    assert_eq!(gets_in(&mut desk, "12345", "q"), uid);
    desk.refused(change, &number.to_string(), 400, 9018);
    desk.refused(change, "{}", 400, 9015);

    let anonymous = desk.good("POST /app/users", &json!({ "phone_id": "x" }), 201);
    desk.bear(&anonymous);
    desk.refused(change, &right.to_string(), 400, 9026);
}

#[test]
fn a_forgotten_password_is_reset_by_mail() {
    let mut desk = Desk::open();
    desk.set_header("host", "127.0.0.1:8080");
    let reset = "POST /app/reset_password";
    desk.refused(reset, r#"{"email": "nobody@example.com"}"#, 400, 9005);
    desk.good(reset, &json!({ "email": "demo@example.com" }), 200);
    let mail = desk.message("mail", "demo@example.com");
    let link = mail["link"].as_str().unwrap();
    assert!(mail["text"].as_str().unwrap().contains(link), "{mail}");
    let follow = format!(
        "POST {}",
        link.strip_prefix("http://127.0.0.1:8080").unwrap()
    );
    // A browser knows nothing of applications.
    let application = desk.headers.remove("x-gizwits-application-id").unwrap();
    desk.refused(&follow, "{}", 400, 9015);
    desk.good(&follow, &json!({ "new_pwd": "q" }), 200);
    desk.refused(&follow, r#"{"new_pwd": "r"}"#, 400, 9010);
    desk.set_header("x-gizwits-application-id", application);
    gets_in(&mut desk, "demo@example.com", "q");

    desk.good(reset, &json!({ "email": "demo@example.com" }), 200);
    let link = desk.message("mail", "demo@example.com")["link"].clone();
    let follow = link
        .as_str()
        .unwrap()
        .replace("http://127.0.0.1:8080", "POST ");
    desk.pass(86_400);
    desk.refused(&follow, r#"{"new_pwd": "r"}"#, 400, 9009);
}

#[test]
fn a_forgotten_password_is_reset_by_phone() {
    let mut desk = Desk::open();
    let code = desk.sms("12345");
    let body = json!({ "phone": "12345", "password": "p", "code": code });
    desk.good("POST /app/users", &body, 201);
    let reset = "POST /app/reset_password";
    let spent = json!({ "phone": "12345", "code": code, "new_pwd": "q" });
    desk.refused(reset, &spent.to_string(), 400, 9010);
    let code = desk.sms("12345");
    let fresh = json!({ "phone": "12345", "code": code, "new_pwd": "q" });
    desk.good(reset, &fresh, 200);
    gets_in(&mut desk, "12345", "q");
    let code = desk.sms("54321");
    let nobody = json!({ "phone": "54321", "code": code, "new_pwd": "q" });
    desk.refused(reset, &nobody.to_string(), 400, 9005);
    desk.refused(reset, "{}", 400, 9015);
}

#[test]
fn logging_out_ends_one_token_and_no_other() {
    let mut desk = Desk::logged_in();
    let other = desk.good(
        "POST /app/login",
        &json!({ "username": "demo@example.com", "password": "demo-password" }),
        200,
    );
    assert_eq!(
        desk.ask("DELETE /app/logout", &Value::Null),
        (204, Value::Null)
    );
    desk.refused("GET /app/users", "", 400, 9004);
    desk.refused("DELETE /app/logout", "", 400, 9004);
    desk.bear(&other);
    desk.good("GET /app/users", &Value::Null, 200);
}
