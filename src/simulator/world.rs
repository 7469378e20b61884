//! The cloud's state and how it answers. Pure: requests and time in, reactions out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::errors::{self, ApiError};
use super::faults::{Faults, Kind, millis};
use super::scenario::{self, Product, Scenario};
use super::{calls, control, live};

/// A token's life.
pub(super) const TOKEN_LIFE_MS: i64 = 180 * 86_400 * 1000;
/// The cloud forgets reports after a day (documented).
const REPORT_LIFE_MS: i64 = 86_400 * 1000;
/// Older entries of the request log are forgotten.
const MAX_LOGGED: usize = 10_000;

/// An HTTP request, as far as the cloud looks at it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The query's parameters.
    pub query: BTreeMap<String, String>,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// As sent.
    pub body: Vec<u8>,
}

/// What the cloud does about a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// An answer, perhaps late.
    Answer(Answer),
    /// Nothing, for ever.
    Hang,
    /// The connection breaks.
    Reset,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
    /// How late it comes, in milliseconds.
    pub delay_ms: i64,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            retry_after: None,
            body: body.to_string().into_bytes(),
            delay_ms: 0,
        }
    }

    fn html(status: u16, text: &str) -> Self {
        Self {
            status,
            content_type: "text/html",
            retry_after: None,
            body: format!("<html><body><h1>{text}</h1></body></html>").into_bytes(),
            delay_ms: 0,
        }
    }
}

/// A simulated cloud.
#[derive(Debug)]
pub struct World {
    pub(super) app_ids: BTreeSet<String>,
    pub(super) users: BTreeMap<String, Option<String>>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) devices: Vec<Device>,
    pub(super) faults: Faults,
    pub(super) requests: VecDeque<Value>,
    pub(super) report_delay_ms: i64,
    pub(super) live: live::Live,
    /// Reports on their way: when, of whom, what.
    reports: Vec<(i64, String, Map<String, Value>)>,
    pub(super) chance: fastrand::Rng,
}

/// Who holds it, and until when.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) user: String,
    pub(super) ends_ms: i64,
}

/// A device and its last report.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) row: scenario::Device,
    pub(super) attrs: Map<String, Value>,
    /// 0: never.
    pub(super) updated_ms: i64,
}

impl World {
    /// Starts at `now_ms`, Unix milliseconds. `seed` decides tokens and what wanders.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64, now_ms: i64) -> Self {
        let mut world = Self {
            app_ids: scenario.app_ids.into_iter().collect(),
            users: scenario
                .users
                .into_iter()
                .map(|user| (user.name, user.password))
                .collect(),
            tokens: BTreeMap::new(),
            products: scenario
                .products
                .into_iter()
                .map(|product| (product.product_key.clone(), product))
                .collect(),
            devices: Vec::new(),
            faults: Faults::default(),
            requests: VecDeque::new(),
            report_delay_ms: millis(scenario.report_delay_s),
            live: live::Live::new(now_ms),
            reports: Vec::new(),
            chance: fastrand::Rng::with_seed(seed),
        };
        for device in scenario.devices {
            world.add_device(device, now_ms);
        }
        world
    }

    pub(super) fn add_device(&mut self, row: scenario::Device, now_ms: i64) {
        self.devices.push(Device {
            attrs: row.attrs.clone(),
            updated_ms: if row.reported { now_ms } else { 0 },
            row,
        });
    }

    pub(super) fn device(&mut self, did: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.row.did == did)
    }

    /// Answers a request.
    pub fn handle(&mut self, now_ms: i64, request: &Request) -> Reaction {
        self.arrive(now_ms);
        if request.path.starts_with("/_sim/") {
            return Reaction::Answer(control::answer(self, now_ms, request));
        }
        let reaction = self.react(now_ms, request);
        self.log(now_ms, request, &reaction);
        reaction
    }

    /// What was called, oldest first.
    #[must_use]
    pub const fn requests(&self) -> &VecDeque<Value> {
        &self.requests
    }

    /// Lets time act: reports arrive, values move.
    pub fn advance(&mut self, now_ms: i64) {
        self.arrive(now_ms);
        live::advance(self, now_ms);
    }

    fn react(&mut self, now_ms: i64, request: &Request) -> Reaction {
        if let Some(retry_after) = self.faults.throttled(now_ms, &request.path) {
            let error = ApiError::plain(9041);
            let answer = Answer::json(error.status(), &error.body());
            return Reaction::Answer(Answer {
                retry_after,
                ..answer
            });
        }
        let Some(fault) = self.faults.take(&request.path) else {
            return Reaction::Answer(self.answer(now_ms, request));
        };
        let answered =
            (fault.effect || fault.kind == Kind::Slow).then(|| self.answer(now_ms, request));
        match fault.kind {
            Kind::Timeout => Reaction::Hang,
            Kind::Reset => Reaction::Reset,
            Kind::Http502 => Reaction::Answer(Answer::html(502, "502 Bad Gateway")),
            Kind::Html => Reaction::Answer(Answer::html(200, "Welcome")),
            Kind::Slow => match answered {
                Some(answer) => Reaction::Answer(Answer {
                    delay_ms: millis(fault.seconds),
                    ..answer
                }),
                None => Reaction::Hang,
            },
            Kind::Error => {
                let error = ApiError::plain(fault.code.unwrap_or(9008));
                let status = fault.status.unwrap_or(errors::status(error.code));
                Reaction::Answer(Answer::json(status, &error.body()))
            }
        }
    }

    fn answer(&mut self, now_ms: i64, request: &Request) -> Answer {
        match calls::call(self, now_ms, request) {
            Ok((status, body)) => Answer::json(status, &body),
            Err(error) => Answer::json(error.status(), &error.body()),
        }
    }

    /// Control calls are logged with their body, which tests look at; no other body, since it may hold
    /// a password.
    fn log(&mut self, now_ms: i64, request: &Request, reaction: &Reaction) {
        let (status, fault) = match reaction {
            Reaction::Answer(answer) => (Some(answer.status), None),
            Reaction::Hang => (None, Some("timeout")),
            Reaction::Reset => (None, Some("reset")),
        };
        let mut entry = json!({
            "time": now_ms / 1000,
            "time_ms": now_ms,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "status": status,
        });
        if let Some(fault) = fault {
            entry["fault"] = fault.into();
        }
        if request.path.starts_with("/app/control/") {
            entry["body"] = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        }
        if self.requests.len() >= MAX_LOGGED {
            self.requests.pop_front();
        }
        self.requests.push_back(entry);
    }

    /// The device takes a command and will report.
    pub(super) fn command(&mut self, now_ms: i64, did: &str, attrs: Map<String, Value>) {
        let at = now_ms.saturating_add(self.report_delay_ms);
        self.reports.push((at, did.to_owned(), attrs));
        self.arrive(now_ms);
    }

    /// The device reports now.
    pub(super) fn report(&mut self, now_ms: i64, did: &str, attrs: Map<String, Value>) {
        if let Some(device) = self.device(did) {
            device.attrs.extend(attrs);
            device.updated_ms = now_ms;
        }
    }

    fn arrive(&mut self, now_ms: i64) {
        let (due, later) = std::mem::take(&mut self.reports)
            .into_iter()
            .partition(|(at, ..)| *at <= now_ms);
        self.reports = later;
        let due: Vec<(i64, String, Map<String, Value>)> = due;
        for (at, did, attrs) in due {
            self.report(at, &did, attrs);
        }
    }

    /// The values of a device as `latest` tells them, with the time in seconds.
    pub(super) fn latest(&mut self, now_ms: i64, did: &str) -> Option<(i64, Map<String, Value>)> {
        let device = self.device(did)?;
        if device.updated_ms == 0 || now_ms - device.updated_ms > REPORT_LIFE_MS {
            return Some((0, Map::new()));
        }
        // Over HTTP a bool is 0 or 1 (seen).
        let to_wire = |(name, value): (&String, &Value)| {
            let value = value
                .as_bool()
                .map_or_else(|| value.clone(), |on| u8::from(on).into());
            (name.clone(), value)
        };
        let attrs = device.attrs.iter().map(to_wire).collect();
        Some((device.updated_ms / 1000, attrs))
    }
}
