//! A plan, carried out, and what must be true in the end.

use std::time::Duration;

use serde_json::{Value, json};

use super::core::Bug;
use super::network::Network;
use super::plan::{DEVICES, Plan, TROUBLED, What};
use super::real_devices::TANK;
use super::universe::{Due, SPA, Universe};

/// When all is well again, MQTT tells the truth within this time: the longest pause after 9041, a poll
/// and a listing.
const SETTLED: Duration = Duration::from_secs(45 * 60);
/// For so long nothing changes after that, so nothing is said.
const QUIET: Duration = Duration::from_secs(3 * 3600);
const REEF: &str = "DemoWave00000000000004";
const LEVELS: [&str; 4] = ["g/hot_tub", "g/reef", "g/pool_meter", "g/tank"];

/// What a life came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) virtual_s: u64,
    pub(crate) calls: u64,
    pub(crate) commands: u64,
    pub(crate) lives: u64,
}

/// Lives through a plan. A broken law is a panic with [`super::laws::Broken`].
pub(crate) fn live(plan: &Plan, bug: Option<Bug>, is_traced: bool) -> Sum {
    let mut universe = Universe::of_plan(plan, bug);
    universe.is_strict = true;
    universe.is_traced = is_traced;
    universe.start();
    for step in &plan.steps {
        universe.run_until(step.at.max(universe.now));
        universe.note(|| format!("-- {:?}", step.what));
        universe.undergo(&step.what);
    }
    universe.run_until(TROUBLED.max(universe.now));
    universe.recover(plan);
    universe.run_until(universe.now + SETTLED);
    universe.check_truth();
    universe.check_household();
    universe.check_commands();
    universe.laws.is_quiet = true;
    universe.run_until(universe.now + QUIET);
    universe.check_truth();
    Sum {
        virtual_s: universe.now.as_secs(),
        calls: universe.calls,
        commands: universe.commands,
        lives: universe
            .processes()
            .map(|process| u64::from(process.life) + 1)
            .sum(),
    }
}

impl Universe {
    fn undergo(&mut self, what: &What) {
        match *what {
            What::Set { device } => self.set(device),
            What::Order => self.other_command(),
            What::Slider { count } => {
                for _ in 0..count {
                    self.set(0);
                }
            }
            What::Change { device, value } => self.changes_by_itself(device, value),
            What::Both { device, value } => {
                if self.chance.bool() {
                    self.changes_by_itself(device, value);
                    self.set(device);
                } else {
                    self.set(device);
                    self.changes_by_itself(device, value);
                }
            }
            What::Reload(what) => self.change(what),
            What::Share { count } => self.share(count),
            What::Tank { way } => {
                if self.laws.knows(TANK) {
                    self.use_tank(way);
                }
            }
            What::Get { device } => {
                let topic = format!("{}/get", LEVELS[device]);
                self.hears(&topic, Vec::new(), None);
            }
            What::Refresh => self.request("refresh"),
            What::Birth => {
                if self.broker_is_up {
                    self.hears("homeassistant/status", b"online".to_vec(), None);
                }
            }
            What::Throttle {
                seconds,
                retry_after,
            } => self.sim(
                "throttle",
                &json!({ "seconds": seconds, "retry_after": retry_after }),
            ),
            What::Fail {
                path,
                kind,
                code,
                count,
                effect,
            } => self.sim(
                "faults",
                &json!({ "path": path, "kind": kind, "code": code, "count": count, "effect": effect }),
            ),
            What::Expire => self.sim("tokens/expire", &Value::Null),
            What::Outage { seconds } => {
                self.cloud_is_reachable = false;
                self.plan(Duration::from_secs(seconds), Due::Cloud);
            }
            What::Network {
                seconds,
                lost,
                doubled,
                slowest_ms,
            } => {
                self.network = Network {
                    until: self.now + Duration::from_secs(seconds),
                    lost,
                    doubled,
                    slowest_ms,
                };
            }
            What::Broker { seconds, forgets } => {
                if forgets {
                    self.broker_down();
                } else {
                    self.broker_lost();
                }
                self.plan(Duration::from_secs(seconds), Due::Broker);
            }
            What::Die { after, seconds } => {
                self.visit_any();
                if !self.here.is_down {
                    self.here.dies_after = Some((after, Duration::from_secs(seconds)));
                }
            }
            What::Stop { seconds } => {
                self.visit_any();
                if !self.here.is_down {
                    self.stop(Duration::from_secs(seconds));
                }
            }
            What::Clock { off_s } => {
                self.clock_off_s = off_s;
                self.each(|universe| universe.here.is_remembered = false);
            }
            What::Push {
                action,
                host,
                count,
                seconds,
            } => {
                let how = match action {
                    "freeze" => json!({ "action": action, "host": host, "pong": count % 2 == 0,
                        "new": count == 7 }),
                    "refuse" => json!({ "action": action, "seconds": seconds }),
                    "lose" | "double" => json!({ "action": action, "count": count }),
                    "delay" => json!({ "action": action, "count": count, "seconds": seconds / 20 }),
                    _ => json!({ "action": action, "host": host }),
                };
                self.sim("push", &how);
                if action == "freeze" {
                    self.plan(Duration::from_secs(seconds), Due::Push);
                }
            }
            What::Away { device, seconds } => {
                let did = DEVICES[device].0.to_owned();
                self.sim(&format!("devices/{did}/online"), &json!({ "online": false }));
                self.plan(Duration::from_secs(seconds), Due::Device(did));
            }
        }
    }

    /// Turns to one of the instances by chance.
    fn visit_any(&mut self) {
        let indices = self.indices();
        let index = indices[self.chance.usize(..indices.len())];
        self.visit(index);
    }

    /// Sets the value that only this command sets, where the device has one.
    fn set(&mut self, device: usize) {
        let transaction = self.commands + 1;
        match DEVICES[device].0 {
            REEF => {
                let payload = json!({ "Timer1": format!("{transaction:016x}") });
                self.order("g/reef/set", payload);
            }
            SPA => self.command(),
            TANK => self.order("g/tank/set", json!({ "serial": transaction })),
            _ => self.order("g/pool_meter/set", json!({ "mV": 650 })),
        }
    }

    fn changes_by_itself(&mut self, device: usize, value: u32) {
        let (did, attr, _) = DEVICES[device];
        self.sim(&format!("devices/{did}/attrs"), &json!({ attr: value }));
    }

    /// All trouble ends.
    fn recover(&mut self, plan: &Plan) {
        self.is_still = true;
        self.note(|| "-- all is well".into());
        while let Some((_, due)) = self.agenda.pop_first() {
            self.happens(due);
        }
        self.each(|universe| universe.here.dies_after = None);
        self.clock_off_s = 0;
        self.network = Network::default();
        self.control("DELETE", "faults", &Value::Null);
        self.sim("push", &json!({ "action": "resume" }));
        self.reload_as_planned(plan);
    }
}
