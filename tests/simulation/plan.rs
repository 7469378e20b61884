//! A day of trouble, made from a seed: what happens when. It can be shown, and made shorter.

use std::time::Duration;

use fastrand::Rng;
use gizwits2mqtt::bridge::Settings;
use gizwits2mqtt::simulator::Scenario;
use serde_json::Value;

use super::real_devices::{TANK, profiles, with_tank};
use super::reloads::{Reload, with_second_account, with_second_user};
use super::{settings, still};

/// Trouble happens within this time.
pub(crate) const TROUBLED: Duration = Duration::from_secs(20 * 3600);
/// Devices that a plan may have, with an attribute that they change by themselves, and its values.
pub(crate) const DEVICES: [(&str, &str, (u32, u32)); 4] = [
    ("DemoSpa0000000000000001", "temp_now", (10, 40)),
    ("DemoWave00000000000004", "Flow", (30, 100)),
    ("DemoMeter0000000000005", "mV", (600, 700)),
    (TANK, "level", (0, 6000)),
];
const PUSH: [&str; 7] = [
    "drop",
    "freeze",
    "lose_session",
    "refuse",
    "lose",
    "double",
    "delay",
];
const PATHS: [&str; 5] = [
    "/app/",
    "/app/devdata/",
    "/app/control/",
    "/app/bindings",
    "/app/login",
];

/// What happens can be a change of the settings.
const WITH_RELOADS: bool = false;
/// Several instances can share the devices.
const WITH_INSTANCES: bool = false;

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Somebody sets the one value that no other command sets.
    Set { device: usize },
    /// Somebody sets several values, or sends bytes, or something that is to be refused.
    Order,
    /// So many commands, one after the other.
    Slider { count: u32 },
    /// A device changes by itself,
    Change { device: usize, value: u32 },
    /// perhaps at the very moment of a command for it.
    Both { device: usize, value: u32 },
    /// Somebody uses the tank, in one of the ways that there are.
    Tank { way: u32 },
    /// Somebody asks for the values.
    Get { device: usize },
    /// Everything is to be fetched anew.
    Refresh,
    /// Home Assistant has started.
    Birth,
    /// The cloud says "too often".
    Throttle {
        seconds: u32,
        retry_after: Option<u32>,
    },
    /// The next calls fail, some of them with their effect.
    Fail {
        path: &'static str,
        kind: &'static str,
        code: Option<u16>,
        count: u32,
        effect: bool,
    },
    /// No token is valid any more.
    Expire,
    /// There is no way to the cloud.
    Outage { seconds: u64 },
    /// Messages are lost, late, and told twice.
    Network {
        seconds: u64,
        lost: u32,
        doubled: u32,
        slowest_ms: u64,
    },
    /// The broker is gone, perhaps with what it kept.
    Broker { seconds: u64, forgets: bool },
    /// The bridge dies in the middle of what it does,
    Die { after: u32, seconds: u64 },
    /// or is stopped.
    Stop { seconds: u64 },
    /// The wall clock is off from now on.
    Clock { off_s: i64 },
    /// Push goes wrong: `POST /_sim/push`.
    Push {
        action: &'static str,
        host: Option<u32>,
        count: u32,
        seconds: u64,
    },
    /// Somebody changes the settings.
    Reload(Reload),
    /// So many instances share the devices from now on.
    Share { count: u32 },
    /// A device is away.
    Away { device: usize, seconds: u64 },
}

/// What happens, when.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) what: What,
}

/// A whole life: how it is set up, and what happens.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Of [`DEVICES`].
    pub(crate) devices: Vec<usize>,
    pub(crate) report_delay_s: f64,
    pub(crate) poll_s: u64,
    pub(crate) per_minute: u32,
    pub(crate) push: bool,
    /// 2: another user has one of the devices, too.
    pub(crate) accounts: u32,
    /// So many share the devices at first.
    pub(crate) instances: u32,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Rng::with_seed(seed);
        let mut devices: Vec<usize> = (0..DEVICES.len()).collect();
        let count = chance.usize(1..=DEVICES.len());
        chance.shuffle(&mut devices);
        devices.truncate(count);
        devices.sort_unstable();
        let any = |chance: &mut Rng, of: &[u64]| of[chance.usize(..of.len())];
        let mut plan = Self {
            seed,
            devices,
            report_delay_s: [0.0, 0.0, 0.3, 1.5, 8.0][chance.usize(..5)],
            poll_s: any(&mut chance, &[60, 120, 300]),
            per_minute: if chance.bool() { 30 } else { 12 },
            push: chance.u32(0..4) > 0,
            accounts: chance.u32(1..=2),
            instances: if WITH_INSTANCES && chance.u32(0..3) == 0 {
                2
            } else {
                1
            },
            steps: Vec::new(),
        };
        // A few hours of many things at once, and single ones in between.
        for _ in 0..chance.u32(1..=3) {
            let mut at = plan.moment(&mut chance);
            let longest_ms = any(&mut chance, &[500, 5_000, 60_000]);
            for _ in 0..chance.u32(5..=30) {
                plan.add(&mut chance, at);
                if chance.u32(0..4) > 0 {
                    at += Duration::from_millis(chance.u64(0..longest_ms));
                }
            }
        }
        for _ in 0..chance.u32(0..=20) {
            let at = plan.moment(&mut chance);
            plan.add(&mut chance, at);
        }
        plan.steps.sort_by_key(|step| step.at);
        plan
    }

    fn moment(&self, chance: &mut Rng) -> Duration {
        TROUBLED.mul_f64(chance.f64() * 0.9)
    }

    fn add(&mut self, chance: &mut Rng, at: Duration) {
        let device = self.devices[chance.usize(..self.devices.len())];
        let (_, _, (low, high)) = DEVICES[device];
        let value = chance.u32(low..=high);
        let seconds = chance.u64(1..400);
        let kinds = match (WITH_RELOADS, WITH_INSTANCES) {
            (false, _) => 50,
            (true, false) => 53,
            (true, true) => 54,
        };
        let what = match chance.u32(0..kinds) {
            0..=7 => What::Set { device },
            8..=10 => What::Order,
            11 => What::Slider {
                count: chance.u32(2..30),
            },
            12..=14 => What::Change { device, value },
            15..=17 => What::Both { device, value },
            18 => What::Get { device },
            19 => What::Refresh,
            20 => What::Birth,
            21..=22 => What::Throttle {
                seconds: chance.u32(1..400),
                retry_after: chance.bool().then(|| chance.u32(1..100)),
            },
            23..=26 => {
                let kinds = ["http_502", "html", "reset", "timeout", "error"];
                let kind = kinds[chance.usize(..kinds.len())];
                What::Fail {
                    path: PATHS[chance.usize(..PATHS.len())],
                    kind,
                    code: (kind == "error").then_some(9008),
                    count: chance.u32(1..6),
                    effect: chance.bool(),
                }
            }
            27..=28 => What::Expire,
            29 => What::Outage { seconds },
            30..=32 => What::Network {
                seconds,
                lost: chance.u32(0..40),
                doubled: chance.u32(0..30),
                slowest_ms: chance.u64(1_000..20_000),
            },
            33 => What::Broker {
                seconds,
                forgets: chance.bool(),
            },
            34..=36 => What::Die {
                after: chance.u32(0..12),
                seconds: seconds / 4 + 1,
            },
            37 => What::Stop {
                seconds: seconds / 4 + 1,
            },
            38 => What::Clock {
                off_s: chance.i64(-30 * 3600..30 * 3600),
            },
            39..=44 => {
                let action = PUSH[chance.usize(..PUSH.len())];
                What::Push {
                    action,
                    host: chance.bool().then(|| chance.u32(0..2)),
                    count: chance.u32(1..8),
                    seconds,
                }
            }
            45 => What::Away { device, seconds },
            46..=49 => What::Tank {
                way: chance.u32(0..9),
            },
            50..=52 => What::Reload(match chance.u32(0..6) {
                0 => Reload::Rename,
                4 => Reload::User,
                1 => Reload::Second,
                2 => Reload::Exclude,
                3 => Reload::Interval {
                    seconds: [60, 120, 300][chance.usize(..3)],
                },
                _ => Reload::Nothing,
            }),
            _ => What::Share {
                count: chance.u32(1..=3),
            },
        };
        self.steps.push(Step { at, what });
    }

    pub(crate) fn settings(&self) -> Settings {
        let settings = match self.accounts {
            1 => settings(),
            _ => with_second_account(settings()),
        };
        Settings {
            push: self.push,
            profiles: profiles(),
            poll_interval: Duration::from_secs(self.poll_s),
            requests_per_minute: self.per_minute,
            ..settings
        }
    }

    pub(crate) fn scenario(&self) -> Scenario {
        let mut scenario = with_second_user(with_tank(still()));
        let has = |did: &str| self.devices.iter().any(|at| DEVICES[*at].0 == did);
        scenario.devices.retain(|device| has(&device.did));
        for device in &mut scenario.devices {
            // A value of its own for each attribute that commands set.
            if let Some(timer) = device.attrs.get_mut("heat_timer_min") {
                *timer = Value::from(0);
            }
        }
        scenario.report_delay_s = self.report_delay_s;
        scenario
    }

    /// One step a line.
    pub(crate) fn show(&self) -> String {
        let names: Vec<&str> = self.devices.iter().map(|at| DEVICES[*at].0).collect();
        let mut text = format!(
            "devices {names:?}, {} accounts, {} instances, push {}, reports after {} s, polls each {} s, {} calls a minute\n",
            self.accounts,
            self.instances,
            self.push,
            self.report_delay_s,
            self.poll_s,
            self.per_minute
        );
        for step in &self.steps {
            text += &format!("{:10.3} {:?}\n", step.at.as_secs_f64(), step.what);
        }
        text
    }
}
