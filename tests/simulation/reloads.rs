//! Several accounts, several instances, and what people change in the settings while all of it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gizwits2mqtt::bridge::settings::{Account, Shard};
use gizwits2mqtt::bridge::{Input, Restored, Settings};
use gizwits2mqtt::ids::{AccountName, Did};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::simulator::Scenario;

use super::plan::Plan;
use super::process::Process;
use super::universe::{SPA, Universe};

/// The user of the second account, who has bound some of the devices, too.
const SECOND: &str = "second@example.com";
const SECOND_USER: u64 = 9;

/// Sequences of reloads that are tried.
const REPEATS: u64 = 12;

/// What is changed in the settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reload {
    /// The second account gets another name.
    Rename,
    /// The second account is taken out, or comes back.
    Second,
    /// The second account is another user's, or its own user's again.
    User,
    /// The first account leaves the device that both have to the second, or takes it back.
    Exclude,
    /// Devices are polled so often.
    Interval { seconds: u64 },
    /// Everything as it was: nothing is to happen.
    Nothing,
}

/// A second user who has the hot tub, too.
pub(crate) fn with_second_user(mut scenario: Scenario) -> Scenario {
    let mut second = scenario.users[0].clone();
    second.name = SECOND.into();
    scenario.users.push(second);
    for device in &mut scenario.devices {
        if device.did == SPA {
            device.users = vec![scenario.users[0].name.clone(), SECOND.into()];
        }
    }
    scenario
}

fn account() -> Account {
    Account {
        user: SECOND_USER,
        regions: vec![Region::Custom],
        include: None,
        exclude: BTreeSet::new(),
    }
}

fn name(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

/// The user of an account, by the fingerprint in the settings.
pub(crate) const fn user_of(account: &Account) -> &'static str {
    match account.user {
        SECOND_USER => SECOND,
        _ => "demo@example.com",
    }
}

const NAMES: [&str; 2] = ["second", "renamed"];

/// Adds the second account.
pub(crate) fn with_second_account(mut settings: Settings) -> Settings {
    settings.accounts.insert(name(NAMES[0]), account());
    settings
}

impl Universe {
    /// The instances that a plan has, each with its part of the devices.
    pub(crate) fn of_plan(plan: &Plan, bug: Option<super::core::Bug>) -> Self {
        let (mut settings, scenario) = (plan.settings(), plan.scenario());
        settings.shard.count = plan.instances;
        let mut universe = Self::with_bug(bug, plan.seed, scenario, settings, Restored::default());
        for index in 1..plan.instances {
            universe.add(index, plan.instances);
        }
        universe
    }

    /// So many instances share the devices from now on. Those that there are too few start; those that there
    /// are too many end in order.
    pub(crate) fn share(&mut self, count: u32) {
        self.note(|| format!("{count} instances share the devices"));
        for index in self.indices() {
            self.visit(index);
            if index >= count && self.here.is_wanted {
                self.retire();
            }
        }
        self.visit(0);
        self.reload(|settings| settings.shard.count = count);
        for index in 1..count {
            if !self.indices().contains(&index) {
                self.add(index, count);
                self.visit(index);
                self.restart();
            } else if !self.process(index).is_wanted {
                self.visit(index);
                self.here.is_wanted = true;
                self.restart();
            }
        }
        self.visit(0);
    }

    /// One more instance, which does not run yet.
    fn add(&mut self, index: u32, count: u32) {
        let mut settings = self.here.settings.clone();
        settings.shard = Shard { index, count };
        let seed = self.seed + 1000 * u64::from(index);
        let now = self.clock();
        let process = Process::new(self.bug, settings, Restored::default(), seed, now);
        self.elsewhere.push(process);
    }

    fn process(&self, index: u32) -> &Process {
        let mut processes = self.processes();
        processes.find(|process| process.index() == index).unwrap()
    }

    /// The settings of all instances change, those of all before any of them acts on it.
    pub(crate) fn reload(&mut self, change: impl Fn(&mut Settings)) {
        let now = self.now;
        for process in self.elsewhere.iter_mut().chain([&mut self.here]) {
            change(&mut process.settings);
            process.watch.reloaded();
            process.since = now;
        }
        self.laws.moved();
        self.each(|universe| {
            let settings = universe.here.settings.clone();
            universe.tell(Input::Reconfigure(Box::new(settings)));
        });
    }

    /// Something is changed in the settings.
    pub(crate) fn change(&mut self, what: Reload) {
        self.reload(|settings| apply(what, settings));
    }

    /// Everything as it was planned.
    pub(crate) fn reload_as_planned(&mut self, plan: &Plan) {
        self.reload(|settings| {
            let shard = settings.shard;
            *settings = Settings {
                shard,
                ..plan.settings()
            };
        });
        self.share(plan.instances);
    }

    /// Does an account of any instance have this device, whatever its share?
    pub(crate) fn has_owner(&self, did: &str) -> bool {
        let Some(users) = self.laws.users_of(did) else {
            return true;
        };
        let did = Did::new(did).unwrap();
        let mut processes = self.processes().filter(|process| process.is_wanted);
        processes.any(|process| {
            let mut accounts = process.settings.accounts.values();
            accounts.any(|account| {
                users.iter().any(|known| known == user_of(account))
                    && !account.exclude.contains(&did)
                    && account
                        .include
                        .as_ref()
                        .is_none_or(|only| only.contains(&did))
            })
        })
    }

    /// Nothing that somebody owns is taken from Home Assistant, nor are its topics.
    pub(crate) fn check_emptied(&self, topic: &str) {
        if !self.is_strict {
            return;
        }
        let config = topic.strip_prefix("homeassistant/device/gizwits2mqtt_");
        let config = config.and_then(|rest| rest.strip_suffix("/config"));
        let did = config.map(str::to_owned).or_else(|| {
            let level = topic.strip_suffix("/availability").unwrap_or(topic);
            self.laws.did_of(level)
        });
        if let Some(did) = did
            && !did.starts_with("bridge")
            && self.has_owner(&did)
        {
            self.fail(
                "emptied",
                format!("{topic} by instance {}", self.here.index()),
            );
        }
    }
}

fn apply(what: Reload, settings: &mut Settings) {
    let known = NAMES.map(name);
    let second = known
        .iter()
        .find(|known| settings.accounts.contains_key(*known))
        .cloned();
    match (what, second) {
        (Reload::Rename, Some(second)) => {
            let of_it = settings.accounts.remove(&second);
            let other = known.into_iter().find(|known| *known != second);
            settings.accounts.extend(other.zip(of_it));
        }
        (Reload::Second, Some(second)) => drop(settings.accounts.remove(&second)),
        (Reload::Second, None) => *settings = with_second_account(settings.clone()),
        (Reload::User, Some(second)) => {
            let second = settings.accounts.get_mut(&second).unwrap();
            second.user = if second.user == 1 { SECOND_USER } else { 1 };
        }
        (Reload::Exclude, Some(_)) => {
            let did = Did::new(SPA).unwrap();
            let first = settings.accounts.get_mut(&name("home")).unwrap();
            if !first.exclude.remove(&did) {
                first.exclude.insert(did);
            }
        }
        (Reload::Interval { seconds }, _) => {
            settings.poll_interval = Duration::from_secs(seconds);
        }
        (Reload::Rename | Reload::User | Reload::Exclude, None) | (Reload::Nothing, _) => {}
    }
}

/// Which users have bound which devices.
pub(crate) fn users_of(scenario: &Scenario) -> BTreeMap<String, Vec<String>> {
    let devices = scenario.devices.iter();
    devices
        .map(|device| (device.did.clone(), device.users.clone()))
        .collect()
}

/// Reloads and what is watched around them.
struct Polled {
    universe: Universe,
    /// Since when a device has an owner.
    owned: BTreeMap<String, Duration>,
    /// The interval before the last change, and when that was.
    before: (Duration, Duration),
}

impl Polled {
    fn new(seed: u64) -> Self {
        let mut plan = Plan::of(seed);
        plan.push = false;
        plan.per_minute = 30;
        let mut universe = Universe::of_plan(&plan, None);
        universe.start();
        let interval = universe.here.settings.poll_interval;
        Self {
            universe,
            owned: BTreeMap::new(),
            before: (interval, Duration::ZERO),
        }
    }

    fn change(&mut self, chance: &mut fastrand::Rng) {
        self.before = (self.universe.here.settings.poll_interval, self.universe.now);
        match chance.u32(0..7) {
            0 => self.universe.change(Reload::Rename),
            5 => self.universe.change(Reload::User),
            1 => self.universe.change(Reload::Second),
            2 => self.universe.change(Reload::Exclude),
            3 => {
                let seconds = [60, 120, 300][chance.usize(..3)];
                self.universe.change(Reload::Interval { seconds });
            }
            4 => self.universe.change(Reload::Nothing),
            _ => self.universe.share(chance.u32(1..=3)),
        }
        for did in self.universe.laws.dids() {
            if !self.universe.has_owner(&did) {
                self.owned.remove(&did);
            }
        }
    }

    fn check(&mut self) {
        let universe = &self.universe;
        let now = universe.now;
        let mut interval = universe.here.settings.poll_interval;
        let (before, changed) = self.before;
        if now < changed + 2 * before {
            interval = interval.max(before);
        }
        for did in universe.laws.dids() {
            if !universe.has_owner(&did) {
                continue;
            }
            let since = *self.owned.entry(did.clone()).or_insert(now);
            let last = universe.laws.polled(&did).unwrap_or_default().max(since);
            if now > last + 2 * interval {
                let what = format!("{did} was not polled for {:?}", now - last);
                universe.fail("polled", what);
            }
        }
    }
}

#[test]
fn every_device_is_polled_within_twice_its_interval_whatever_is_reloaded() {
    for seed in 1..=REPEATS {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut polled = Polled::new(seed);
        for _ in 0..8 {
            for _ in 0..chance.u32(1..90) {
                polled.universe.run_for(20);
                polled.check();
            }
            polled.change(&mut chance);
        }
    }
}
