//! The cloud's state and how it answers. Pure: requests and time in, reactions out.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::codes::Codes;
use super::devices::Device;
use super::errors::{self, ApiError};
use super::exchange::{Answer, Reaction, Request};
use super::faults::{Faults, Kind, millis};
use super::limits::Counted;
use super::outbox::Outbox;
use super::push::Push;
use super::reports::Coming;
use super::scenario::{self, Product, Scenario};
use super::scheduler::{self, Schedule};
use super::tokens::Tokens;
use super::users::{User, Users};
use super::{control, live, routes};

const DAY_MS: i64 = 86_400 * 1000;
/// A user's token lives so long in practice (seen); for an application's there is no figure.
const USER_TOKEN_LIFE_MS: i64 = 180 * DAY_MS;
const APP_TOKEN_LIFE_MS: i64 = 7 * DAY_MS;
/// Older entries of the request log are forgotten.
const MAX_LOGGED: usize = 10_000;

/// A simulated cloud.
#[derive(Debug)]
pub struct World {
    /// Application ids with their secrets.
    pub(super) apps: BTreeMap<String, Option<String>>,
    pub(super) qq_app_ids: Vec<String>,
    pub(super) users: Users,
    pub(super) user_tokens: Tokens,
    pub(super) app_tokens: Tokens,
    pub(super) codes: Codes,
    pub(super) outbox: Outbox,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) devices: Vec<Device>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) faults: Faults,
    pub(super) limits: Counted,
    pub(super) push: Push,
    /// The host name by which the last caller reached this cloud.
    pub(super) reached_as: String,
    pub(super) requests: VecDeque<Value>,
    pub(super) report_delay_ms: i64,
    pub(super) live: live::Live,
    /// Reports on their way.
    pub(super) reports: Vec<Coming>,
    pub(super) chance: fastrand::Rng,
    /// How far this cloud's clock was moved.
    pub(super) ahead_ms: i64,
}

impl World {
    /// Starts at `now_ms`, Unix milliseconds. `seed` decides tokens and what wanders.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64, now_ms: i64) -> Self {
        let secrets = scenario.app_secrets;
        let app = |app_id: String| {
            let secret = secrets.get(&app_id).cloned();
            (app_id, secret)
        };
        let mut world = Self {
            apps: scenario.app_ids.into_iter().map(app).collect(),
            qq_app_ids: scenario.qq_app_ids,
            users: Users(scenario.users.into_iter().map(User::of).collect()),
            user_tokens: Tokens::new(USER_TOKEN_LIFE_MS),
            app_tokens: Tokens::new(APP_TOKEN_LIFE_MS),
            codes: Codes::default(),
            outbox: Outbox::default(),
            products: scenario
                .products
                .into_iter()
                .map(|product| (product.product_key.clone(), product))
                .collect(),
            devices: Vec::new(),
            schedules: Vec::new(),
            faults: Faults::of(scenario.faults),
            limits: Counted::new(scenario.limits),
            push: Push::default(),
            reached_as: "127.0.0.1".into(),
            requests: VecDeque::new(),
            report_delay_ms: millis(scenario.report_delay_s),
            live: live::Live::new(now_ms),
            reports: Vec::new(),
            chance: fastrand::Rng::with_seed(seed),
            ahead_ms: 0,
        };
        for device in scenario.devices {
            world.add_device(device, now_ms);
        }
        world
    }

    pub(super) fn add_device(&mut self, device: scenario::Device, now_ms: i64) {
        let uids = device.users.iter();
        let uids = uids.filter_map(|name| self.users.uid_of(name).map(str::to_owned));
        let uids = uids.collect();
        self.devices.push(Device::of(device, uids, now_ms));
    }

    pub(super) fn device(&mut self, did: &str) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.did == did)
    }

    /// What this cloud's clock shows at a moment, both in Unix milliseconds.
    #[must_use]
    pub const fn clock_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(self.ahead_ms)
    }

    /// Answers a request.
    pub fn handle(&mut self, now_ms: i64, request: &Request) -> Reaction {
        let now_ms = self.clock_ms(now_ms);
        self.catch_up(now_ms);
        if let Some(host) = request.headers.get("host") {
            let name = host
                .rsplit_once(':')
                .map_or(host.as_str(), |(name, _)| name);
            name.clone_into(&mut self.reached_as);
        }
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

    /// Lets time act, but no value move: reports arrive, schedules run, connections end.
    pub fn let_time_act(&mut self, now_ms: i64) {
        self.catch_up(self.clock_ms(now_ms));
    }

    /// Lets time act: reports arrive, schedules run, values move.
    pub fn advance(&mut self, now_ms: i64) {
        let now_ms = self.clock_ms(now_ms);
        self.catch_up(now_ms);
        live::advance(self, now_ms);
    }

    /// Puts the clock forward from where it stands; what falls due on the way happens in its order.
    pub(super) fn jump(&mut self, now_ms: i64, by_ms: i64) {
        self.ahead_ms = self.ahead_ms.saturating_add(by_ms);
        let then_ms = now_ms.saturating_add(by_ms);
        self.catch_up(then_ms);
        for device in &mut self.devices {
            device.report_again(then_ms);
        }
    }

    fn react(&mut self, now_ms: i64, request: &Request) -> Reaction {
        if let Some(retry_after) = self.faults.throttled(now_ms, &request.path) {
            return Reaction::Answer(Answer {
                retry_after,
                ..ApiError::plain(9041).answer()
            });
        }
        let caller = request.headers.get("x-gizwits-user-token");
        let caller = caller.or_else(|| request.headers.get("x-gizwits-application-id"));
        let caller = caller.cloned().unwrap_or_default();
        if self.limits.refuses(now_ms, &caller, &request.path) {
            return Reaction::Answer(ApiError::plain(9041).answer());
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
        routes::call(self, now_ms, request).unwrap_or_else(|error| error.answer())
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

    /// Reports arrive and schedules run until now, each at its time.
    pub(super) fn catch_up(&mut self, now_ms: i64) {
        loop {
            let first = self.reports.iter().enumerate();
            let first = first.min_by_key(|(_, report)| report.at_ms);
            let report = first.map(|(at, report)| (report.at_ms, at));
            let run_ms = scheduler::next_ms(self).filter(|run_ms| *run_ms <= now_ms);
            match report.filter(|(at_ms, _)| *at_ms <= run_ms.unwrap_or(now_ms)) {
                Some((_, at)) => {
                    let report = self.reports.remove(at);
                    self.arrive(report);
                }
                None if run_ms.is_some() => scheduler::act(self),
                None => break,
            }
        }
        self.push_tick(now_ms);
    }
}

/// A moment in UTC, as a pattern of strftime spells it.
pub(super) fn timestamp(at_ms: i64, pattern: &str) -> String {
    let moment = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::MAX);
    moment.strftime(pattern).to_string()
}
