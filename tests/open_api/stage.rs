//! What a row is proved on: a simulated cloud of its own, the client before it, and a tap between.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use gizwits2mqtt::gizwits::{Access, Api, AppToken, LoginAs, Session};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::secret::Secret;
use gizwits2mqtt::simulator::{self, Scenario, Simulator};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::raw_http::RawMessage;
use super::tap::Tap;

pub(super) const HERE: Region = Region::Custom;
/// Fri, 15 Jan 2027 08:00:00 GMT.
pub(super) const START: i64 = 1_800_000_000;

pub(super) const APP: &str = "conformance-app";
pub(super) const APP_SECRET: &str = "conformance-secret";
/// Another application of the same cloud, which QQ is not linked with.
pub(super) const OTHER_APP: &str = "other-app";

pub(super) struct Stage {
    pub(super) api: Api,
    pub(super) tap: Tap,
    simulator: Simulator,
    /// The client's clock, Unix seconds: moves with the cloud's unless a row moves one alone.
    pub(super) now: i64,
    /// What the steps before left for those after.
    pub(super) notes: BTreeMap<&'static str, String>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        Self::set_at(START).await
    }

    /// With the clock at this moment, Unix seconds.
    pub(super) async fn set_at(now: i64) -> Self {
        let listen = "127.0.0.1:0".parse().unwrap();
        let scenario = Scenario::parse(include_str!("scenario.yaml")).unwrap();
        let clock = Arc::new(move || now * 1000);
        let simulator = simulator::start(listen, scenario, 1, clock).await.unwrap();
        let tap = Tap::before(simulator.addr()).await;
        Self {
            api: client(&tap, APP),
            tap,
            simulator,
            now,
            notes: BTreeMap::new(),
        }
    }

    /// A client for another application, with the session of the present one.
    pub(super) fn become_app(&mut self, app_id: &str) {
        let session = self.api.session(HERE);
        self.api = client(&self.tap, app_id);
        if let Some(session) = session {
            self.api.restore(HERE, session);
        }
    }

    /// From now on the client shows this user token.
    pub(super) fn show_token(&self, token: &str) {
        let session = Session {
            uid: "uid".into(),
            token: secret(token),
            expires_at: self.now + 1_000_000,
        };
        self.api.restore(HERE, session);
    }

    pub(super) async fn log_in(&self, username: &str, password: &str) -> Session {
        let session = self
            .api
            .log_in(HERE, username, &secret(password), self.now)
            .await;
        session.unwrap_or_else(|err| panic!("{username} cannot log in: {err}"))
    }

    /// Lets time go by, for the cloud and for the client.
    pub(super) async fn wait(&mut self, seconds: i64) {
        self.control("POST", "clock", json!({ "advance_s": seconds }))
            .await;
        self.now += seconds;
    }

    /// A control of the simulator; the tap does not hear it.
    pub(super) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, &format!("/_sim/{path}"), body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Any request to the simulator, as a browser would make it.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        ask(self.simulator.addr(), method, path, &body).await
    }

    /// The newest message of a kind in the simulator's outbox.
    pub(super) async fn newest(&self, kind: &str) -> Value {
        let outbox = self.control("GET", "outbox", Value::Null).await;
        let mut messages = outbox.as_array().unwrap().iter().rev();
        let newest = messages.find(|message| message["kind"] == kind);
        newest
            .unwrap_or_else(|| panic!("no {kind} in {outbox}"))
            .clone()
    }

    pub(super) async fn app_token(&self) -> AppToken {
        self.api
            .app_token(HERE, &secret(APP_SECRET), self.now)
            .await
            .unwrap()
    }

    /// Asks for a text message the documented way, and returns the code that it brought.
    pub(super) async fn text_message(&self, phone: &str) -> String {
        let app_token = self.app_token().await;
        let captcha = self.api.captcha(HERE, &app_token, self.now).await.unwrap();
        let shown = self.newest("captcha").await;
        let read = shown["code"].as_str().unwrap();
        self.api
            .send_code(HERE, &app_token, &captcha.id, read, phone, self.now)
            .await
            .unwrap();
        let message = self.newest("sms").await;
        assert_eq!(message["to"], phone);
        message["code"].as_str().unwrap().to_owned()
    }

    pub(super) fn note(&mut self, key: &'static str, text: impl Into<String>) {
        self.notes.insert(key, text.into());
    }

    pub(super) fn noted(&self, key: &str) -> &str {
        let note = self.notes.get(key);
        note.unwrap_or_else(|| panic!("nobody noted {key}"))
    }
}

fn client(tap: &Tap, app_id: &str) -> Api {
    let access = Access {
        app_id: app_id.into(),
        urls: BTreeMap::from([(HERE, tap.url.clone())]),
        login: Some(LoginAs::User {
            username: "bob".into(),
            password: secret("bobs-password"),
        }),
    };
    Api::new(access).unwrap()
}

pub(super) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn ask(cloud: SocketAddr, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string().into_bytes();
    let request = RawMessage {
        head: format!(
            "{method} {path} HTTP/1.1\r\nHost: {cloud}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ),
        body,
    };
    let mut stream = TcpStream::connect(cloud).await.unwrap();
    request.write(&mut stream).await.unwrap();
    let answer = RawMessage::read(&mut stream).await.unwrap();
    let status = answer.head.split(' ').nth(1).unwrap().parse().unwrap();
    let json = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    (status, json)
}
