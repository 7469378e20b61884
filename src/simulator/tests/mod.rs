//! The cloud as its callers meet it.

mod answers;
mod bindings;
mod clock;
mod log;
mod positions;
mod push;
mod quirks;
mod schedules;
mod users;
mod verification;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Reaction, Request, Scenario, World};

const SPA: &str = "DemoSpa0000000000000001";
const METER: &str = "DemoMeter0000000000005";
const START_MS: i64 = 1_800_000_000_000;

/// A cloud and who calls it.
struct Desk {
    world: World,
    now_ms: i64,
    headers: BTreeMap<String, String>,
}

impl Desk {
    fn open() -> Self {
        Self::of(Scenario::standard())
    }

    fn of(scenario: Scenario) -> Self {
        let application = ("x-gizwits-application-id".into(), "demo-app-id".into());
        Self {
            world: World::new(scenario, 1, START_MS),
            now_ms: START_MS,
            headers: BTreeMap::from([application]),
        }
    }

    /// With the token of a login.
    fn logged_in() -> Self {
        let mut desk = Self::open();
        let login = json!({ "username": "demo@example.com", "password": "demo-password" });
        let (_, body) = desk.ask("POST /app/login", &login);
        desk.bear(&body);
        desk
    }

    fn bear(&mut self, session: &Value) {
        let token = session["token"].as_str().unwrap().to_owned();
        self.headers.insert("x-gizwits-user-token".into(), token);
    }

    fn react(&mut self, call: &str, body: &str) -> Reaction {
        let (method, target) = call.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method: method.into(),
            path: path.into(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: self.headers.clone(),
            body: body.as_bytes().to_vec(),
        };
        self.world.handle(self.now_ms, &request)
    }

    fn ask(&mut self, call: &str, body: &Value) -> (u16, Value) {
        self.say(call, &body.to_string())
    }

    fn say(&mut self, call: &str, body: &str) -> (u16, Value) {
        match self.react(call, body) {
            Reaction::Answer(answer) => {
                let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
                (answer.status, body)
            }
            nothing @ (Reaction::Hang | Reaction::Reset) => panic!("{call}: {nothing:?}"),
        }
    }

    /// The status and code of a refusal.
    #[track_caller]
    fn refused(&mut self, call: &str, body: &str, status: u16, code: u16) {
        let (got, answer) = self.say(call, body);
        let number = answer["error_code"].as_u64();
        assert_eq!(
            (got, number),
            (status, Some(code.into())),
            "{call} {body}: {answer}"
        );
        assert!(answer["error_message"].is_string(), "{answer}");
        assert!(answer.get("detail_message").is_some(), "{answer}");
    }

    fn control(&mut self, path: &str, body: &Value) {
        assert_eq!(
            self.ask(&format!("POST /_sim/{path}"), body),
            (200, json!({}))
        );
    }

    /// A good answer's body.
    #[track_caller]
    fn good(&mut self, call: &str, body: &Value, status: u16) -> Value {
        let (got, answer) = self.ask(call, body);
        assert_eq!(got, status, "{call} {body}: {answer}");
        answer
    }

    fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.insert(name.into(), value.into());
    }

    /// The newest message to somebody.
    #[track_caller]
    fn message(&mut self, kind: &str, to: &str) -> Value {
        let (_, all) = self.ask("GET /_sim/outbox", &Value::Null);
        let all = all.as_array().unwrap().clone();
        let is_it = |message: &&Value| message["kind"] == kind && message["to"] == to;
        all.iter().rev().find(is_it).unwrap().clone()
    }

    /// Moves the cloud's clock.
    fn pass(&mut self, seconds: i64) {
        let body = json!({ "advance_s": seconds });
        assert_eq!(self.ask("POST /_sim/clock", &body).0, 200);
    }

    fn latest(&mut self, did: &str) -> Value {
        let (status, body) = self.ask(&format!("GET /app/devdata/{did}/latest"), &Value::Null);
        assert_eq!(status, 200, "{body}");
        body
    }
}
