//! A whole bridge over virtual time, against a cloud that is told how to answer: for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Now;
use crate::ids::{AccountName, CallId, LinkId};
use crate::model::{Device, Endpoint, Region};

use super::effect::{CloudCall, Effect, Learnt};
use super::input::{CallError, ErrorClass, Input, Message, Reply};
use super::machine::{Bridge, Restored};
use super::settings::{Account, Settings, Shard};
use super::socket::{SocketEvent, SocketOrder};
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
    /// The bindings come in pages, as the real ones do.
    pub(super) is_paged: bool,
    /// Every page of the bindings: when it was asked for, and after how many rows.
    pub(super) pages: Vec<(Duration, u32)>,
    /// Devices that an account has beside its own.
    pub(super) bound: BTreeMap<AccountName, Vec<&'static str>>,
    /// What the broker keeps.
    pub(super) retained: BTreeMap<String, Vec<u8>>,
    /// Retained topics that were emptied.
    pub(super) emptied: Vec<String>,
    /// Results of commands.
    pub(super) results: Vec<String>,
    /// Every call: when, whose, what.
    pub(super) calls: Vec<(Duration, AccountName, String)>,
    pub(super) saved: BTreeMap<AccountName, Learnt>,
    pub(super) health: Value,
    /// Every `bridge/info`, and when.
    pub(super) infos: Vec<(Duration, Value)>,
    /// Push hosts of devices that are not at `m2m`.
    pub(super) moved: BTreeMap<String, &'static str>,
    /// Hosts that take no connection.
    pub(super) dark: BTreeSet<&'static str>,
    /// No subscription is answered.
    pub(super) is_deaf: bool,
    /// Pings and subscriptions are answered, and no device's report comes.
    pub(super) is_mute: bool,
    /// A device whose every poll shows something else, and which pushes none of it.
    pub(super) mute: Option<&'static str>,
    /// Connections that were opened, and where.
    pub(super) sockets: BTreeMap<LinkId, String>,
    /// What they are about to tell.
    told: Vec<(Duration, LinkId, SocketEvent)>,
    /// What the bridge wanted to be woken for.
    pub(super) reasons: BTreeSet<&'static str>,
}

impl Town {
    /// Accounts with so many devices each.
    pub(super) fn new(homes: &[(&str, u32)], change: impl FnOnce(&mut Settings)) -> Self {
        let account = |(text, _): &(&str, u32)| {
            let account = Account {
                user: 1,
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
            bindings_interval_with_push: s(3_600),
            requests_per_minute: 30,
            total_requests_per_minute: None,
            profiles: std::sync::Arc::default(),
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
            is_paged: false,
            pages: Vec::new(),
            bound: BTreeMap::new(),
            retained: BTreeMap::new(),
            emptied: Vec::new(),
            results: Vec::new(),
            calls: Vec::new(),
            saved: BTreeMap::new(),
            health: Value::Null,
            infos: Vec::new(),
            moved: BTreeMap::new(),
            dark: BTreeSet::new(),
            is_deaf: false,
            is_mute: false,
            mute: None,
            sockets: BTreeMap::new(),
            told: Vec::new(),
            reasons: BTreeSet::new(),
        };
        town.tell(Input::Tick);
        town.tell(Input::MqttUp);
        town
    }

    pub(super) fn tell(&mut self, input: Input) {
        for effect in self.bridge.handle(at(self.now), input) {
            self.keep(&effect);
            match effect {
                Effect::Call {
                    account, id, call, ..
                } => {
                    if let CloudCall::Bindings { skip, .. } = &call {
                        self.pages.push((self.now, *skip));
                    }
                    let text = text(&call);
                    self.calls.push((self.now, account.clone(), text));
                    self.under_way.push((self.now + LATENCY, account, id, call));
                }
                Effect::SaveBudget { account, learnt } => drop(self.saved.insert(account, learnt)),
                Effect::TellDrained => self.tell(Input::Drained { lost: false }),
                Effect::Sample => self.tell(Input::Sampled(super::input::Sample::default())),
                Effect::Publish(message) if message.topic == "g/bridge/health" => {
                    self.health = serde_json::from_slice(&message.payload).unwrap();
                }
                Effect::Publish(message)
                    if message.topic == "g/bridge/info" && !message.payload.is_empty() =>
                {
                    let info = serde_json::from_slice(&message.payload).unwrap();
                    self.infos.push((self.now, info));
                }
                Effect::Socket { link, order, .. } => self.follow(link, order),
                Effect::Publish(_)
                | Effect::Subscribe { .. }
                | Effect::SaveSchema { .. }
                | Effect::SaveAnnounced { .. }
                | Effect::Stopped => {}
            }
        }
    }

    /// What the broker makes of it.
    fn keep(&mut self, effect: &Effect) {
        if let Effect::Publish(message) = effect {
            let topic = &message.topic;
            if !message.retain {
                if topic.ends_with("/result") {
                    self.results.push(topic.clone());
                }
            } else if message.payload.is_empty() {
                self.emptied.push(topic.clone());
                self.retained.remove(topic);
            } else {
                self.retained.insert(topic.clone(), message.payload.clone());
            }
        }
        if let Effect::Subscribe { filters } = effect {
            for topic in filters {
                if let Some(payload) = self.retained.get(topic).cloned() {
                    self.tell(Input::Message(Message {
                        topic: topic.clone(),
                        payload,
                        retained: true,
                        reply: None,
                    }));
                }
            }
        }
    }

    /// What a push host makes of an order.
    fn follow(&mut self, link: LinkId, order: SocketOrder) {
        let event = match order {
            SocketOrder::Open(at) => {
                let is_dark = self.dark.contains(at.host.as_str());
                self.sockets.insert(link, at.host);
                if is_dark {
                    let reason = "nobody there".into();
                    SocketEvent::Down { reason }
                } else {
                    SocketEvent::Opened
                }
            }
            SocketOrder::Login { .. } => SocketEvent::LoggedIn(Ok(())),
            SocketOrder::Subscribe(_) if self.is_deaf => return,
            SocketOrder::Subscribe(done) => {
                let failed = Vec::new();
                SocketEvent::Subscribed { done, failed }
            }
            SocketOrder::Read(_) if self.is_mute => return,
            SocketOrder::Read(did) => SocketEvent::Report {
                did,
                attrs: Map::from_iter([("on".to_owned(), json!(true))]),
                answers: None,
            },
            SocketOrder::Write { did, serial, .. } => SocketEvent::Acknowledged { did, serial },
            SocketOrder::Ping => SocketEvent::Pong,
            SocketOrder::Close => {
                self.told.retain(|(_, of, _)| *of != link);
                return;
            }
        };
        self.told.push((self.now + LATENCY, link, event));
    }

    /// Every connection ends.
    pub(super) fn drop_sockets(&mut self) {
        for link in self.sockets.keys().copied().collect::<Vec<_>>() {
            let reason = "dropped".into();
            self.tell(Input::Socket {
                link,
                event: SocketEvent::Down { reason },
            });
        }
    }

    fn row(&self, did: &str) -> Device {
        let host = self.moved.get(did).copied().unwrap_or("m2m");
        Device {
            push: Some(Endpoint {
                host: host.into(),
                port: 8080,
                tls: false,
            }),
            ..device(did, "p")
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
            let answers = self.under_way.iter().map(|(at, ..)| *at);
            let answer = answers.chain(self.told.iter().map(|(at, ..)| *at)).min();
            let next = answer.map_or(deadline, |at| at.min(deadline)).max(self.now);
            if next > end {
                self.now = end;
                return;
            }
            in_vain = if next == self.now { in_vain + 1 } else { 0 };
            assert!(in_vain < 2_000, "a busy loop at {next:?}: {why}");
            self.now = next;
            if let Some(told) = self.told.iter().position(|(at, ..)| *at <= next) {
                let (_, link, event) = self.told.remove(told);
                self.tell(Input::Socket { link, event });
                continue;
            }
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
                code: code_of(*class),
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
            CloudCall::Bindings { skip, limit } => {
                let all = self.homes[account];
                let row = |n| self.row(&format!("{account}{n:03}"));
                let to = if self.is_paged { skip + limit } else { all };
                let mut devices: Vec<Device> = (*skip..to.min(all)).map(row).collect();
                let bound = self.bound.get(account).into_iter().flatten();
                devices.extend(bound.map(|did| self.row(did)));
                let rows = devices.len().try_into().unwrap();
                Reply::Bindings {
                    devices,
                    rows: if self.is_paged { rows } else { 0 },
                    unreadable: Vec::new(),
                }
            }
            CloudCall::Latest { did } => Reply::Latest {
                updated_at: unix,
                attrs: if self.mute == Some(did.as_str()) {
                    Map::from_iter([("on".into(), json!(true)), ("n".into(), json!(unix))])
                } else {
                    Map::from_iter([("on".to_owned(), json!(true))])
                },
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
                    code: Some(9002),
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

/// A code of the class.
const fn code_of(class: ErrorClass) -> Option<u16> {
    match class {
        ErrorClass::Throttled => Some(9041),
        ErrorClass::TokenLost => Some(9004),
        ErrorClass::LoginRefused => Some(9020),
        ErrorClass::DeviceOffline => Some(9042),
        ErrorClass::DeviceGone => Some(9017),
        ErrorClass::Refused => Some(9025),
        ErrorClass::Fatal => Some(9003),
        ErrorClass::Transient => Some(9008),
        ErrorClass::Unsent => None,
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
