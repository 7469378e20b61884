//! Random requests among the troubles: each has exactly one answer, in time, and it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gizwits2mqtt::bridge::input::{Message, ReplyTo};
use gizwits2mqtt::bridge::{CloudCall, Input, Reply};
use gizwits2mqtt::model::Schedule;
use gizwits2mqtt::simulator::Scenario;
use serde_json::{Value, json};

use super::universe::Universe;

/// Nobody may see these.
pub(crate) const SECRETS: [&str; 3] = ["SIMULATEDX", "wrong-passcode", "demo-product-secret"];
/// Requests are numbered from here, so that they are no command.
const FIRST: u64 = 1_000_000;
/// Each request has its answer by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Bound by nobody at first.
const SPARES: [&str; 2] = ["SpareHeater000000000001", "SpareHeater000000000002"];
/// What schedules are about.
const REEF: &str = "DemoWave00000000000004";

/// What was asked, and answered.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    requests: BTreeMap<u64, Request>,
    /// Schedules that the bridge told of.
    known: Vec<String>,
    /// Those that it removed.
    removed: BTreeSet<String>,
}

#[derive(Debug)]
struct Request {
    verb: &'static str,
    at: Duration,
    /// The schedule that it is about.
    id: Option<String>,
    /// When the schedule is to run that it makes.
    moment: Option<String>,
    answers: Vec<Value>,
}

impl Asked {
    pub(crate) fn count(&self) -> usize {
        self.requests.len()
    }
}

/// A cloud with devices that may be bound.
pub(crate) fn with_spares(mut scenario: Scenario) -> Scenario {
    let mut devices = scenario.devices.iter();
    let model = devices
        .find(|device| device.did.contains("Heater"))
        .unwrap();
    let spares = SPARES.iter().enumerate().map(|(at, did)| {
        let mut spare = model.clone();
        spare.did = (*did).into();
        spare.mac = format!("0fffffffff0{at}");
        spare.alias = String::new();
        spare.users.clear();
        spare
    });
    let spares: Vec<_> = spares.collect();
    scenario.devices.extend(spares);
    scenario
}

impl Universe {
    /// Asks; each even one wants its answer on a topic of its own, too. Tells the number.
    pub(crate) fn ask(&mut self, verb: &'static str, mut body: Value) -> u64 {
        self.note(|| format!("{verb} {body}"));
        let number = FIRST + u64::try_from(self.asked.count()).unwrap();
        let request = Request {
            verb,
            at: self.now,
            id: body["id"].as_str().map(str::to_owned),
            moment: body["date"]
                .as_str()
                .map(|date| format!("{date}T{}:00", body["time"].as_str().unwrap())),
            answers: Vec::new(),
        };
        self.asked.requests.insert(number, request);
        body["transaction"] = number.into();
        let reply = number.is_multiple_of(2).then(|| ReplyTo {
            topic: "me".into(),
            correlation: Some(number.to_be_bytes().to_vec()),
        });
        self.tell(Input::Message(Message {
            topic: format!("g/bridge/request/{verb}"),
            payload: body.to_string().into_bytes(),
            retained: false,
            reply,
        }));
        number
    }

    /// The one answer to a request.
    pub(crate) fn answer(&self, number: u64) -> &Value {
        let answers = &self.asked.requests[&number].answers;
        let all = format!("{number} has the answers {answers:?}");
        self.check(answers.len() == 1, &all);
        &answers[0]
    }

    pub(crate) fn answered(&mut self, topic: &str, answer: Value) {
        let Some(number) = answer["transaction"].as_u64() else {
            return;
        };
        self.note(|| format!("{topic} {answer}"));
        let now = self.now;
        let request = self.asked.requests.get_mut(&number).unwrap();
        let is_late = now > request.at + ANSWER_WITHIN;
        let is_its = topic == format!("g/bridge/response/{}", request.verb);
        if request.verb == "schedules/add" {
            let id = answer["data"]["id"].as_str();
            self.asked.known.extend(id.map(str::to_owned));
        }
        if request.verb == "schedules/remove" && answer["status"] == "ok" {
            self.asked.removed.extend(request.id.clone());
        }
        request.answers.push(answer);
        self.check(!is_late, &format!("{number} is answered late"));
        self.check(is_its, &format!("{number} is answered on {topic}"));
    }

    /// What was removed is never shown again.
    pub(crate) fn check_shown(&self, topic: &str, shown: &Value) {
        let ids = shown["schedules"].as_array().into_iter().flatten();
        let mut ids = ids.filter_map(Value::as_str);
        let back = ids.find(|id| self.asked.removed.contains(*id));
        self.check(back.is_none(), &format!("{back:?} is back on {topic}"));
    }

    pub(crate) fn any_request(&mut self) {
        let spare = SPARES[self.chance.usize(..SPARES.len())];
        let number = FIRST + u64::try_from(self.asked.count()).unwrap();
        match self.chance.u32(0..9) {
            0 => {
                let right = self.chance.u32(0..4) > 0;
                let passcode = if right {
                    "SIMULATEDX"
                } else {
                    "wrong-passcode"
                };
                self.ask(
                    "devices/bind",
                    json!({ "did": spare, "passcode": passcode }),
                );
            }
            1 => {
                let dids = if self.chance.bool() {
                    json!([spare])
                } else {
                    json!(SPARES)
                };
                self.ask("devices/unbind", json!({ "dids": dids }));
            }
            2 => {
                let body = json!({ "product_key": "5a1a9d1de0f54a4e8b9f7b1c62d0a002",
                    "mac": "0fffffffff00", "product_secret": "demo-product-secret" });
                self.ask("devices/bind_mac", body);
            }
            3 => {
                self.ask("schedules/list", json!({ "zone": "Europe/Berlin" }));
            }
            4..=6 => {
                // No two have the same moment: it tells them apart in the cloud.
                let (day, minute) = (number % 28 + 1, number / 28 % 1440);
                let time = format!("{:02}:{:02}", minute / 60, minute % 60);
                let body = json!({ "did": REEF, "attrs": { "Flow": 50 }, "time": time,
                    "date": format!("2030-01-{day:02}"), "retry_count": 3 });
                self.ask("schedules/add", body);
            }
            7 => {
                let known = self.asked.known.len();
                let id = match known {
                    0 => "none".to_owned(),
                    _ => self.asked.known[self.chance.usize(..known)].clone(),
                };
                self.ask("schedules/remove", json!({ "id": id }));
            }
            _ => {
                let id = self.asked.known.last().cloned();
                self.ask(
                    "schedules/logs",
                    json!({ "id": id.unwrap_or("none".into()) }),
                );
            }
        }
    }

    pub(crate) fn bound_in_cloud(&mut self) -> Vec<String> {
        let all = CloudCall::Bindings {
            skip: 0,
            limit: 100,
        };
        match self.ask_cloud(&all) {
            Ok(Reply::Bindings { devices, .. }) => {
                devices.iter().map(|row| row.did.to_string()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn schedules_in_cloud(&mut self) -> Vec<Schedule> {
        let mut all = Vec::new();
        loop {
            let skip = u32::try_from(all.len()).unwrap();
            let page = CloudCall::Schedules { skip, limit: 100 };
            match self.ask_cloud(&page) {
                Ok(Reply::Schedules { schedules, .. }) if schedules.is_empty() => return all,
                Ok(Reply::Schedules { schedules, .. }) => all.extend(schedules),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Once all is quiet.
    pub(crate) fn check_requests(&mut self) {
        let kept = self.schedules_in_cloud();
        let ids: BTreeSet<String> = kept.iter().map(|kept| kept.id.to_string()).collect();
        let moments: BTreeSet<String> = kept
            .iter()
            .map(|kept| format!("{}T{}", kept.plan.when.date, kept.plan.when.time))
            .collect();
        self.check(moments.len() == kept.len(), "a schedule was made twice");
        let shown = self.retained_json("g/bridge/schedules/reef");
        let shown_ids: BTreeSet<String> = shown["schedules"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        self.check(
            shown_ids == ids,
            &format!("{shown_ids:?} are shown, {ids:?} kept"),
        );
        let next = moments.first().map(|first| format!("{first}Z"));
        self.check(
            shown["next_run"].as_str() == next.as_deref(),
            &format!("{shown}, not {next:?}"),
        );
        let mut removed = BTreeSet::new();
        let mut maybe_removed = BTreeSet::new();
        let is_unsure = |answer: &Value| {
            let error = answer["error"].as_str().unwrap_or_default();
            error.contains("not known whether")
        };
        for request in self.asked.requests.values() {
            if let ("schedules/remove", Some(id)) = (request.verb, &request.id) {
                let answer = &request.answers[0];
                if answer["status"] == "ok" || answer["code"] == 9030 {
                    removed.insert(id.clone());
                } else if is_unsure(answer) {
                    maybe_removed.insert(id.clone());
                }
            }
        }
        self.check(ids.is_disjoint(&removed), "a removed schedule is there");
        for (number, request) in &self.asked.requests {
            let answer = self.answer(*number);
            let replies = self.replies.get(number).copied().unwrap_or_default();
            self.check(
                replies == u32::from(number.is_multiple_of(2)),
                &format!("{number} has {replies} replies"),
            );
            let is_refused = answer["status"] == "error" && !is_unsure(answer);
            if let (true, Some(moment)) = (is_refused, &request.moment) {
                let is_there = moments.contains(moment);
                self.check(!is_there, &format!("{number} was made, though {answer}"));
            }
            let made = answer["data"]["id"].as_str();
            if let ("schedules/add", Some(made)) = (request.verb, made) {
                let is_there =
                    ids.contains(made) || removed.contains(made) || maybe_removed.contains(made);
                self.check(is_there, &format!("{made} is gone"));
            }
        }
    }
}
