//! The application's token, captchas and text messages.

use serde_json::{Value, json};

use super::Desk;
use crate::simulator::Reaction;

/// `printf demo-app-iddemo-app-secret | md5sum`
const AUTH: &str = "3b2c060be511f9b8220e38002eec22e2";

impl Desk {
    pub(super) fn prove_application(&mut self) {
        self.set_header("x-gizwits-application-auth", AUTH);
        let body = self.good("POST /app/request_token", &Value::Null, 200);
        let token = body["token"].as_str().unwrap();
        self.set_header("x-gizwits-application-token", token);
    }

    /// A captcha's id and code.
    pub(super) fn captcha(&mut self) -> (String, String) {
        let body = self.good("GET /app/verify/codes", &Value::Null, 200);
        let id = body["captcha_id"].as_str().unwrap().to_owned();
        let code = self.message("captcha", &id)["code"]
            .as_str()
            .unwrap()
            .to_owned();
        (id, code)
    }

    /// The code of a text message that was sent to this number.
    pub(super) fn sms(&mut self, phone: &str) -> String {
        self.prove_application();
        let (id, code) = self.captcha();
        let body = json!({ "captcha_id": id, "captcha_code": code, "phone": phone });
        self.good("POST /app/verify/codes", &body, 201);
        self.message("sms", phone)["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

#[test]
fn an_application_proves_itself_with_its_secret() {
    let mut desk = Desk::open();
    let request = "POST /app/request_token";
    desk.refused(request, "", 400, 9038);
    desk.set_header("x-gizwits-application-auth", AUTH.to_uppercase());
    desk.refused(request, "", 400, 9038);
    desk.set_header("x-gizwits-application-auth", AUTH);
    let body = desk.good(request, &Value::Null, 200);
    assert!(
        body["expired_at"].as_i64().unwrap() > 1_800_000_000,
        "{body}"
    );
    assert!(body["token"].is_string() && body.get("expire_at").is_none());
}

#[test]
fn codes_want_the_token_of_the_application_and_no_other() {
    let mut desk = Desk::logged_in();
    let user_token = desk.headers["x-gizwits-user-token"].clone();
    let calls = ["GET", "POST", "PUT"].map(|method| format!("{method} /app/verify/codes"));
    for token in ["", "x", &user_token] {
        desk.set_header("x-gizwits-application-token", token);
        for call in &calls {
            desk.refused(call, "{}", 400, 9004);
        }
    }
    desk.prove_application();
    desk.refused(&calls[1], "{}", 400, 9015);
    desk.refused(&calls[2], "{}", 400, 9015);
    desk.pass(7 * 86_400);
    for call in &calls {
        desk.refused(call, "{}", 400, 9006);
    }
}

#[test]
fn a_captcha_is_a_picture_at_the_address_that_came_with_it() {
    let mut desk = Desk::open();
    desk.set_header("host", "127.0.0.1:8080");
    desk.prove_application();
    let body = desk.good("GET /app/verify/codes", &Value::Null, 200);
    let url = body["captcha_url"].as_str().unwrap();
    let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
    desk.headers.clear();
    let Reaction::Answer(answer) = desk.react(&format!("GET {path}"), "") else {
        panic!("no answer");
    };
    assert_eq!((answer.status, answer.content_type), (200, "image/png"));
    assert!(answer.body.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(desk.say("GET /captcha/image/another/", "").0, 404);
}

#[test]
fn a_captcha_is_good_for_one_try() {
    let mut desk = Desk::open();
    desk.prove_application();
    let send = "POST /app/verify/codes";
    let body = |id: &str, code: &str| {
        json!({ "captcha_id": id, "captcha_code": code, "phone": "12345" }).to_string()
    };
    let (id, code) = desk.captcha();
    desk.refused(send, &body(&id, "wrong"), 400, 9010);
    desk.refused(send, &body(&id, &code), 400, 9010);
    let (id, code) = desk.captcha();
    desk.pass(600);
    desk.refused(send, &body(&id, &code), 400, 9009);
    let (id, code) = desk.captcha();
    let nowhere = json!({ "captcha_id": id, "captcha_code": code, "phone": "nowhere" });
    desk.refused(send, &nowhere.to_string(), 400, 9037);
}

#[test]
fn the_code_of_a_text_message_is_right_once_and_for_ten_minutes() {
    let mut desk = Desk::open();
    let verify = "PUT /app/verify/codes";
    let body = |code: &str| json!({ "sms_code": code, "phone": "12345" });
    let old = desk.sms("12345");
    let code = desk.sms("12345");
    desk.refused(verify, &body(&old).to_string(), 400, 9010);
    desk.good(verify, &body(&code), 200);
    desk.refused(verify, &body(&code).to_string(), 400, 9010);
    let code = desk.sms("12345");
    desk.pass(599);
    desk.refused(verify, &body("wrong").to_string(), 400, 9010);
    desk.pass(1);
    desk.refused(verify, &body(&code).to_string(), 400, 9009);
}
