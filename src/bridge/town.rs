//! A whole bridge over virtual time, against a cloud that is told how to answer: for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, json};

use crate::clock::Now;
use crate::ids::{AccountName, CallId};
use crate::model::Region;

use super::effect::{CloudCall, Effect, Learnt};
use super::input::{CallError, ErrorClass, Input, Message, Reply};
use super::machine::{Bridge, Restored};
use super::settings::{Account, Settings, Shard};
use super::testing::device;

const UNIX: i64 = 1_800_000_000;
const LATENCY: Duration = Duration::from_millis(200);

pub(super) const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

/// What the cloud answers to calls whose text (kind and did) holds the word.
pub(super) type Rule = (&'static str, ErrorClass);

pub(super) struct Town {
    pub(super) bridge: Bridge,
    pub(super) settings: Settings,
    pub(super) now: Duration,
    /// Devices by account.
    pub(super) homes: BTreeMap<AccountName, u32>,
    pub(super) rules: Vec<Rule>,
    pub(super) under_way: Vec<(Duration, AccountName, CallId, CloudCall)>,
    /// Every call: when, whose, what.
    pub(super) calls: Vec<(Duration, AccountName, String)>,
    pub(super) saved: BTreeMap<AccountName, Learnt>,
    pub(super) health: serde_json::Value,
    /// What the bridge wanted to be woken for.
    pub(super) reasons: BTreeSet<&'static str>,
}

impl Town {
    /// Accounts with so many devices each.
    pub(super) fn new(homes: &[(&str, u32)], change: impl FnOnce(&mut Settings)) -> Self {
        let account = |(text, _): &(&str, u32)| {
            let account = Account {
                regions: vec![Region::Custom],
                include: None,
                exclude: BTreeSet::new(),
            };
            (name(text), account)
        };
        let mut settings = Settings {
            base_topic: "g".into(),
            homeassistant: None,
            accounts: homes.iter().map(account).collect(),
            push: false,
            poll_interval: s(60),
            poll_interval_with_push: s(300),
            bindings_interval: s(600),
            requests_per_minute: 30,
            total_requests_per_minute: None,
            devices: BTreeMap::new(),
            shard: Shard { index: 0, count: 1 },
        };
        change(&mut settings);
        let homes = homes.iter().map(|(text, devices)| (name(text), *devices));
        let mut town = Self {
            bridge: Bridge::new(settings.clone(), Restored::default(), 1, at(s(0))),
            settings,
            now: s(0),
            homes: homes.collect(),
            rules: Vec::new(),
            under_way: Vec::new(),
            calls: Vec::new(),
            saved: BTreeMap::new(),
            health: serde_json::Value::Null,
            reasons: BTreeSet::new(),
        };
        town.tell(Input::Tick);
        town.tell(Input::MqttUp);
        town
    }

    pub(super) fn tell(&mut self, input: Input) {
        for effect in self.bridge.handle(at(self.now), input) {
            match effect {
                Effect::Call {
                    account, id, call, ..
                } => {
                    let text = text(&call);
                    self.calls.push((self.now, account.clone(), text));
                    self.under_way.push((self.now + LATENCY, account, id, call));
                }
                Effect::SaveBudget { account, learnt } => drop(self.saved.insert(account, learnt)),
                Effect::Sample => self.tell(Input::Sampled(super::input::Sample::default())),
                Effect::Publish(message) if message.topic == "g/bridge/health" => {
                    self.health = serde_json::from_slice(&message.payload).unwrap();
                }
                Effect::Publish(_)
                | Effect::Subscribe { .. }
                | Effect::Socket { .. }
                | Effect::SaveSchema { .. }
                | Effect::SaveAnnounced { .. }
                | Effect::Stopped => {}
            }
        }
    }

    pub(super) fn order(&mut self, topic: &str, payload: &[u8]) {
        self.tell(Input::Message(Message {
            topic: topic.into(),
            payload: payload.to_vec(),
            retained: false,
            reply: None,
        }));
    }

    /// Only wakes when the bridge asks for it, or an answer is here.
    pub(super) fn run_until(&mut self, end: Duration) {
        let mut in_vain = 0;
        loop {
            let (deadline, why) = self.bridge.next_deadline();
            self.reasons.insert(why);
            let answer = self.under_way.iter().map(|(at, ..)| *at).min();
            let next = answer.map_or(deadline, |at| at.min(deadline)).max(self.now);
            if next > end {
                self.now = end;
                return;
            }
            in_vain = if next == self.now { in_vain + 1 } else { 0 };
            assert!(in_vain < 2_000, "a busy loop at {next:?}: {why}");
            self.now = next;
            let landed = self.under_way.iter().position(|(at, ..)| *at <= next);
            let Some(landed) = landed else {
                self.tell(Input::Tick);
                continue;
            };
            let (_, account, id, call) = self.under_way.remove(landed);
            let outcome = self.answer(&account, &call);
            self.tell(Input::CallDone {
                account,
                id,
                outcome,
            });
        }
    }

    fn answer(&self, account: &AccountName, call: &CloudCall) -> Result<Reply, CallError> {
        let text = text(call);
        let rule = self.rules.iter().find(|(word, _)| text.contains(word));
        if let Some((_, class)) = rule {
            return Err(CallError {
                class: *class,
                // With a code it is the API that answers: no outage.
                code: (*class == ErrorClass::Transient).then_some(9008),
                retry_after: None,
                message: "as told".into(),
            });
        }
        let unix = at(self.now).unix;
        Ok(match call {
            CloudCall::Login => Reply::LoggedIn {
                uid: "u".into(),
                expires_at: unix + 7 * 86_400,
            },
            CloudCall::Bindings { .. } => {
                let rows = self.homes[account];
                let row = |n| device(&format!("{account}{n:03}"), "p");
                Reply::Bindings {
                    devices: (0..rows).map(row).collect(),
                    rows: 0,
                    unreadable: Vec::new(),
                }
            }
            CloudCall::Latest { .. } => Reply::Latest {
                updated_at: unix,
                attrs: Map::from_iter([("on".to_owned(), json!(true))]),
            },
            CloudCall::Schedules { .. } => Reply::Schedules {
                schedules: Vec::new(),
                rows: 0,
                unreadable: Vec::new(),
            },
            CloudCall::Control { .. } => Reply::Done,
            CloudCall::Schema { .. }
            | CloudCall::Raw { .. }
            | CloudCall::Bind(_)
            | CloudCall::BindByMac(_)
            | CloudCall::Unbind(_)
            | CloudCall::AddSchedule(_)
            | CloudCall::RemoveSchedule(_)
            | CloudCall::ScheduleLog(_) => {
                return Err(CallError {
                    class: ErrorClass::Refused,
                    code: None,
                    retry_after: None,
                    message: "not here".into(),
                });
            }
        })
    }

    /// How many calls of an account hold the word, since then.
    pub(super) fn count(&self, account: &str, word: &str, since: Duration) -> usize {
        let theirs = self.calls.iter().filter(|(at, whose, text)| {
            *at >= since && whose.as_str() == account && text.contains(word)
        });
        theirs.count()
    }

    pub(super) fn most_in_a_minute(&self) -> usize {
        let times = self.calls.iter().map(|(at, ..)| *at);
        let within = |from: Duration| {
            times
                .clone()
                .filter(move |at| *at >= from && *at < from + s(60))
        };
        times
            .clone()
            .map(|from| within(from).count())
            .max()
            .unwrap_or(0)
    }
}

pub(super) const fn at(mono: Duration) -> Now {
    Now {
        mono,
        unix: UNIX + mono.as_secs().cast_signed(),
    }
}

pub(super) fn text(call: &CloudCall) -> String {
    if let CloudCall::Latest { did } | CloudCall::Control { did, .. } = call {
        format!("{} {did}", call.kind())
    } else {
        call.kind().to_owned()
    }
}
