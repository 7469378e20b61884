//! Which call leaves next, seen from outside: whole bridges against a cloud that is told how to answer.

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

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

/// What the cloud answers to calls whose text (kind and did) holds the word.
type Rule = (&'static str, ErrorClass);

struct Town {
    bridge: Bridge,
    settings: Settings,
    now: Duration,
    /// Devices by account.
    homes: BTreeMap<AccountName, u32>,
    rules: Vec<Rule>,
    under_way: Vec<(Duration, AccountName, CallId, CloudCall)>,
    /// Every call: when, whose, what.
    calls: Vec<(Duration, AccountName, String)>,
    saved: BTreeMap<AccountName, Learnt>,
    health: serde_json::Value,
    /// What the bridge wanted to be woken for.
    reasons: BTreeSet<&'static str>,
}

impl Town {
    /// Accounts with so many devices each.
    fn new(homes: &[(&str, u32)], change: impl FnOnce(&mut Settings)) -> Self {
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

    fn tell(&mut self, input: Input) {
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

    fn order(&mut self, topic: &str, payload: &[u8]) {
        self.tell(Input::Message(Message {
            topic: topic.into(),
            payload: payload.to_vec(),
            retained: false,
            reply: None,
        }));
    }

    /// Only wakes when the bridge asks for it, or an answer is here.
    fn run_until(&mut self, end: Duration) {
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
    fn count(&self, account: &str, word: &str, since: Duration) -> usize {
        let theirs = self.calls.iter().filter(|(at, whose, text)| {
            *at >= since && whose.as_str() == account && text.contains(word)
        });
        theirs.count()
    }

    fn most_in_a_minute(&self) -> usize {
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

const fn at(mono: Duration) -> Now {
    Now {
        mono,
        unix: UNIX + mono.as_secs().cast_signed(),
    }
}

fn text(call: &CloudCall) -> String {
    if let CloudCall::Latest { did } | CloudCall::Control { did, .. } = call {
        format!("{} {did}", call.kind())
    } else {
        call.kind().to_owned()
    }
}

#[test]
fn accounts_behind_one_limit_take_turns_and_none_starves() {
    let mut town = Town::new(&[("a", 90), ("b", 3), ("c", 1)], |settings| {
        settings.total_requests_per_minute = Some(12);
        settings.requests_per_minute = 60;
    });
    // The many devices of `a` are never well, and always more urgent.
    town.rules.push(("latest a", ErrorClass::Transient));
    town.run_until(s(3600));
    let most = town.most_in_a_minute();
    assert!((10..=12).contains(&most), "{most} calls in a minute");
    for account in ["a", "b", "c"] {
        assert_eq!(town.count(account, "login", s(0)), 1, "{account}");
        assert!(town.count(account, "bindings", s(1000)) >= 2, "{account}");
    }
    for (account, did) in [("b", "b000"), ("b", "b001"), ("b", "b002"), ("c", "c000")] {
        let polls = town.count(account, &format!("latest {did}"), s(600));
        assert!(polls >= 15, "{polls} polls of {did} in fifty minutes");
    }
    let spent = town.calls.iter().filter(|(at, ..)| *at >= s(600)).count();
    assert!(spent > 50 * 9, "only {spent} calls: the limit is not used");
    assert!(town.reasons.contains("shared limit"));
}

#[test]
fn a_command_passes_where_polls_use_up_the_shared_limit() {
    let mut town = Town::new(&[("a", 90), ("b", 1)], |settings| {
        settings.total_requests_per_minute = Some(10);
    });
    town.run_until(s(600));
    for n in 0..5 {
        let since = town.now;
        town.order(
            "g/b000/set",
            format!("{{\"on\": {}}}", n % 2 == 0).as_bytes(),
        );
        town.run_until(since + s(45));
        // The devices here show nothing, so one may go out once more.
        assert!((1..=2).contains(&town.count("b", "control", since)));
        let left = town
            .calls
            .iter()
            .find(|(at, _, text)| *at >= since && text.contains("control"));
        assert_eq!(left.unwrap().0, since, "at once");
    }
    assert!(town.most_in_a_minute() <= 10);
}

#[test]
fn devices_that_always_fail_keep_neither_listings_nor_other_polls_from_going_on() {
    let mut town = Town::new(&[("a", 60)], |settings| {
        settings.requests_per_minute = 12;
        settings.poll_interval = s(30);
    });
    town.rules.push(("latest a00", ErrorClass::Refused));
    town.run_until(s(600));
    town.rules = vec![
        ("latest a00", ErrorClass::Transient),
        ("latest a01", ErrorClass::Transient),
    ];
    town.run_until(s(7200));
    assert!(town.most_in_a_minute() <= 12);
    let listings = town.count("a", "bindings", s(3600));
    assert!(listings >= 4, "{listings} listings in an hour");
    for n in 20..60 {
        let polls = town.count("a", &format!("latest a0{n}"), s(3600));
        assert!(polls >= 2, "{polls} polls of device {n} in an hour");
    }
}

#[test]
fn a_device_without_values_goes_before_all_that_wait_for_their_round() {
    let mut town = Town::new(&[("a", 40)], |settings| settings.requests_per_minute = 12);
    town.run_until(s(1800));
    town.homes.insert(name("a"), 41);
    town.order("g/bridge/request/refresh", b"{}");
    let since = town.now;
    town.run_until(since + s(900));
    let calls = town.calls.iter().filter(|(at, ..)| *at >= since);
    let texts: Vec<&str> = calls.map(|(.., text)| text.as_str()).collect();
    let listed = texts.iter().position(|text| *text == "bindings").unwrap();
    let first = texts
        .iter()
        .position(|text| *text == "latest a040")
        .unwrap();
    assert!(first <= listed + 5, "{first} after the listing at {listed}");
    assert!(texts.len() > first + 40, "the others were waiting");
}

#[test]
fn in_an_outage_a_new_command_does_not_wait_behind_one_that_came_back() {
    let mut town = Town::new(&[("a", 2)], |_| {});
    town.run_until(s(120));
    town.rules.push(("", ErrorClass::Unsent));
    // Long enough for the pauses between two tries to be long.
    town.order("g/a000/set", b"{\"on\": false}");
    town.run_until(s(240));
    assert!(town.count("a", "control a000", s(120)) >= 1);
    let since = town.now;
    town.order("g/a001/set", b"{\"on\": false}");
    assert_eq!(town.count("a", "control a001", since), 1);
}

#[test]
fn the_rate_falls_with_9041_is_shown_and_comes_back() {
    let mut town = Town::new(&[("a", 40)], |_| {});
    town.run_until(s(300));
    town.rules.push(("latest", ErrorClass::Throttled));
    town.run_until(s(301));
    town.rules.clear();
    town.run_until(s(420));
    let shown = &town.health["budget"]["a"];
    assert_eq!(
        (&shown["limit"], &shown["learnt"]),
        (&json!(30), &json!(15))
    );
    assert_eq!(town.health["remaining_budget"]["a"], shown["left"]);
    assert_eq!(town.saved[&name("a")].per_minute, Some(15));
    let calls = town.count("a", "", s(340)) - town.count("a", "", s(400));
    assert!((10..=15).contains(&calls), "{calls} calls in that minute");
    town.run_until(s(300 + 3600));
    assert_eq!(town.health["budget"]["a"]["learnt"], 30);
    assert_eq!(town.saved[&name("a")].per_minute, None, "that is kept, too");
}

#[test]
fn a_restart_is_no_way_around_the_limit() {
    let mut town = Town::new(&[("a", 40)], |settings| {
        settings.total_requests_per_minute = Some(25);
    });
    for _ in 0..6 {
        town.run_until(town.now + s(7));
        town.tell(Input::Stop);
        let restored = Restored {
            budgets: town.saved.clone(),
            ..Restored::default()
        };
        town.under_way.clear();
        town.bridge = Bridge::new(town.settings.clone(), restored, 1, at(town.now));
        town.tell(Input::Tick);
    }
    town.run_until(town.now + s(120));
    let most = town.most_in_a_minute();
    assert!((20..=25).contains(&most), "{most} calls in a minute");
}

#[test]
fn a_reload_changes_the_shared_limit_and_forgets_no_call() {
    let mut town = Town::new(&[("a", 30), ("b", 30)], |settings| {
        settings.requests_per_minute = 600;
    });
    town.run_until(s(20));
    let before = town.calls.len();
    assert!(before > 20);
    town.settings.total_requests_per_minute = Some(10);
    town.tell(Input::Reconfigure(Box::new(town.settings.clone())));
    town.run_until(s(59));
    assert_eq!(town.calls.len(), before, "more than ten are spent already");
    town.run_until(s(300));
    let late = town
        .calls
        .iter()
        .filter(|(at, ..)| *at >= s(120) && *at < s(180));
    assert!((6..=10).contains(&late.count()));
}
