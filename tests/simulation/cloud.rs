//! The way to the simulated cloud: calls out, answers home, as the HTTP edge would do it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a call that is not simulated yet says so"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gizwits2mqtt::bridge::{CallError, CallOutcome, CloudCall, ErrorClass, Reply};
use gizwits2mqtt::gizwits::ErrorCode;
use gizwits2mqtt::ids::{AccountName, CallId, Did, Mac, ProductKey};
use gizwits2mqtt::model::{Device, ProductSchema, Region};

use gizwits2mqtt::simulator::{Answer, Reaction, Request};
use serde_json::{Value, json};

use super::PER_MINUTE;
use super::universe::{Flight, Universe};

impl Universe {
    pub(crate) fn call(
        &mut self,
        account: AccountName,
        region: Region,
        id: CallId,
        call: &CloudCall,
    ) {
        self.note(format!("call {id} {}", call.kind()));
        self.calls += 1;
        let sent = self.calls_sent.entry(account.clone()).or_default();
        sent.push_back(self.now);
        while sent
            .front()
            .is_some_and(|at| *at + Duration::from_secs(60) <= self.now)
        {
            sent.pop_front();
        }
        let within = sent.len() <= usize::try_from(PER_MINUTE).unwrap();
        self.check(within, "more calls within a minute than the limit");
        self.check(
            self.now >= self.shut_until,
            "a call while the account pauses",
        );
        let has_other = |other: &str| self.flights.iter().any(|flight| flight.what == other);
        let what = match call {
            CloudCall::Control { did, .. } | CloudCall::Raw { did, .. } => format!("command {did}"),
            CloudCall::Login => format!("login {account}"),
            _ => call.kind().to_owned(),
        };
        if what.starts_with("login") || what.starts_with("command") {
            self.check(!has_other(&what), &format!("two at a time: {what}"));
        }
        let is_empty = self.empty_region == Some(region);
        let outcome = if is_empty && matches!(call, CloudCall::Bindings { .. }) {
            Ok(Reply::Bindings {
                devices: Vec::new(),
                rows: 0,
                unreadable: Vec::new(),
            })
        } else if self.cloud_is_reachable && self.cut != Some((account.as_str(), call.kind())) {
            self.ask_cloud(call)
        } else {
            Err(error(ErrorClass::Unsent, None, "no connection"))
        };
        let latency = Duration::from_millis(self.chance.u64(20..1500));
        let at = match &outcome {
            // Nothing came: the edge gives up after 30 s.
            Err(err) if err.message == "hang" => self.now + Duration::from_secs(30),
            _ => self.now + latency,
        };
        self.flights.push(Flight {
            at,
            account,
            id,
            what,
            outcome,
        });
    }

    pub(crate) fn ask_cloud(&mut self, call: &CloudCall) -> CallOutcome {
        let request = self.to_http(call);
        match self.cloud.handle(self.unix_ms(), &request) {
            Reaction::Answer(answer) => self.read(call, &answer),
            Reaction::Hang => Err(error(ErrorClass::Transient, None, "hang")),
            Reaction::Reset => Err(error(ErrorClass::Transient, None, "reset")),
        }
    }

    fn to_http(&self, call: &CloudCall) -> Request {
        let (method, path, body) = match call {
            CloudCall::Login => (
                "POST",
                "/app/login".to_owned(),
                json!({ "username": "demo@example.com", "password": self.password }),
            ),
            CloudCall::Bindings { .. } => ("GET", "/app/bindings".into(), Value::Null),
            CloudCall::Schema { .. } => ("GET", "/app/datapoint".into(), Value::Null),
            CloudCall::Latest { did } => ("GET", format!("/app/devdata/{did}/latest"), Value::Null),
            CloudCall::Control { did, attrs } => (
                "POST",
                format!("/app/control/{did}"),
                json!({ "attrs": attrs.to_json() }),
            ),
            CloudCall::Raw { did, bytes } => (
                "POST",
                format!("/app/control/{did}"),
                json!({ "raw": bytes }),
            ),
            other => unimplemented!("the core asks for {other:?}"),
        };
        let mut query = BTreeMap::new();
        if let CloudCall::Bindings { skip, limit } = call {
            query.insert("skip".into(), skip.to_string());
            query.insert("limit".into(), limit.to_string());
        }
        if let CloudCall::Schema { product_key } = call {
            query.insert("product_key".into(), product_key.to_string());
        }
        let mut headers =
            BTreeMap::from([("x-gizwits-application-id".into(), "demo-app-id".into())]);
        headers.extend(
            self.token
                .clone()
                .map(|token| ("x-gizwits-user-token".into(), token)),
        );
        Request {
            method: method.into(),
            path,
            query,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// What the HTTP edge would make of an answer, in short.
    pub(crate) fn read(&mut self, call: &CloudCall, answer: &Answer) -> CallOutcome {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return Err(error(ErrorClass::Transient, None, "a web page"));
        };
        if let Some(code) = body["error_code"].as_u64() {
            let code = u16::try_from(code).unwrap();
            let mut error = error(ErrorCode::of(code).class(), Some(code), "refused");
            error.retry_after = answer.retry_after.map(|s| Duration::from_secs(s.into()));
            return Err(error);
        }
        Ok(match call {
            CloudCall::Login => {
                self.token = body["token"].as_str().map(str::to_owned);
                Reply::LoggedIn {
                    uid: "u".into(),
                    expires_at: body["expire_at"].as_i64().unwrap(),
                }
            }
            CloudCall::Bindings { .. } => {
                let rows = body["devices"].as_array().unwrap();
                Reply::Bindings {
                    devices: rows.iter().map(device).collect(),
                    rows: u32::try_from(rows.len()).unwrap(),
                    unreadable: Vec::new(),
                }
            }
            CloudCall::Schema { product_key } => {
                let (schema, left_out) = ProductSchema::parse(product_key, &body).unwrap();
                Reply::Schema {
                    schema: Arc::new(schema),
                    document: Arc::new(body),
                    left_out,
                }
            }
            CloudCall::Latest { .. } => Reply::Latest {
                updated_at: body["updated_at"].as_i64().unwrap(),
                attrs: body["attr"].as_object().unwrap().clone(),
            },
            CloudCall::Control { .. } | CloudCall::Raw { .. } => Reply::Done,
            other => unimplemented!("the core asks for {other:?}"),
        })
    }
}

fn error(class: ErrorClass, code: Option<u16>, message: &str) -> CallError {
    CallError {
        class,
        code,
        retry_after: None,
        message: message.into(),
    }
}

fn device(row: &Value) -> Device {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Device {
        did: Did::new(text("did")).unwrap(),
        product_key: ProductKey::new(text("product_key")).unwrap(),
        mac: Mac::new(text("mac")).ok(),
        alias: text("dev_alias"),
        product_name: text("product_name"),
        is_online: row["is_online"] == true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
    }
}
