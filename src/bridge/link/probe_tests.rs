//! Reads in turn over virtual time, with devices that answer or do not.

use super::*;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn did(name: &str) -> Did {
    Did::new(name).unwrap()
}

/// One connection and its devices.
struct Scene {
    probe: Probe,
    devices: BTreeSet<Did>,
    /// Those that answer reads.
    answering: BTreeSet<Did>,
    offline: BTreeSet<Did>,
    now: Duration,
    /// What was done, and when.
    done: Vec<(u64, String)>,
}

impl Scene {
    /// All of them are subscribed at 0, and those that are `answering` have answered their first read.
    fn new(devices: &[&str], answering: &[&str]) -> Self {
        let set = |names: &[&str]| names.iter().map(|name| did(name)).collect();
        let mut scene = Self {
            probe: Probe::new(),
            devices: set(devices),
            answering: set(answering),
            offline: BTreeSet::new(),
            now: s(0),
            done: Vec::new(),
        };
        scene.subscribe();
        scene
    }

    fn subscribe(&mut self) {
        self.probe.begin(self.now);
        for did in &self.devices {
            self.probe.subscribed(did, self.now);
            if self.answering.contains(did) {
                self.probe.reported(did, self.now);
            }
        }
    }

    /// What is done until then; a connection that is given up as mute is made anew at once.
    fn run_until(&mut self, end: u64) -> Vec<(u64, String)> {
        while self.probe.next_deadline() <= s(end) {
            self.now = self.probe.next_deadline();
            let offline = &self.offline;
            let is_online = |did: &Did| !offline.contains(did);
            let step = self.probe.tick(self.now, self.devices.iter(), is_online);
            let word = match step {
                Some(Step::Read(did)) => {
                    if self.answering.contains(&did) {
                        self.probe.reported(&did, self.now);
                    }
                    format!("read {did}")
                }
                Some(Step::Silent(did)) => format!("silent {did}"),
                Some(Step::Mute) => {
                    self.subscribe();
                    "mute".into()
                }
                None => continue,
            };
            self.done.push((self.now.as_secs(), word));
        }
        std::mem::take(&mut self.done)
    }
}

fn words(done: &[(u64, String)]) -> Vec<&str> {
    done.iter().map(|(_, word)| word.as_str()).collect()
}

#[test]
fn each_minute_one_device_in_turn_is_read() {
    let mut scene = Scene::new(&["a", "b", "c"], &["a", "b", "c"]);
    scene.offline.insert(did("b"));
    let done = scene.run_until(240);
    assert_eq!(words(&done), ["read a", "read c", "read a", "read c"]);
    let times: Vec<u64> = done.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [60, 120, 180, 240]);
}

#[test]
fn a_connection_over_which_nobody_answers_any_more_is_ended_within_minutes() {
    for devices in [&["a"][..], &["a", "b"], &["a", "b", "c", "d", "e"]] {
        let mut scene = Scene::new(devices, devices);
        scene.answering.clear();
        let done = scene.run_until(180);
        let mute = done.iter().find(|(_, word)| word == "mute");
        assert!(mute.is_some(), "{devices:?}: {done:?}");
        assert!(words(&done).contains(&"silent a"), "{done:?}");
    }
}

#[test]
fn one_device_that_falls_silent_ends_nothing_and_is_told_once() {
    let mut scene = Scene::new(&["a", "b", "c"], &["a", "b", "c"]);
    scene.answering.remove(&did("b"));
    let done = scene.run_until(3_600);
    let done = words(&done);
    assert!(!done.contains(&"mute"), "{done:?}");
    assert!(scene.probe.is_silent(&did("b")));
    scene.answering.insert(did("b"));
    scene.run_until(3_800);
    assert!(!scene.probe.is_silent(&did("b")), "it answered again");
}

#[test]
fn devices_that_never_answer_reads_end_nothing() {
    // They report by themselves, or never.
    for reports in [true, false] {
        let mut scene = Scene::new(&["a", "b", "c", "d"], &[]);
        if reports {
            let later = s(30);
            for did in scene.devices.clone() {
                scene.probe.reported(&did, later);
            }
        }
        let done = scene.run_until(86_400);
        assert!(!words(&done).contains(&"mute"), "{done:?}");
        assert_eq!(
            scene.probe.is_silent(&did("a")),
            !reports,
            "its own reports are proof enough"
        );
    }
}

#[test]
fn a_lost_answer_costs_nothing() {
    let mut scene = Scene::new(&["a"], &["a"]);
    scene.answering.clear();
    assert_eq!(words(&scene.run_until(64)), ["read a"]);
    scene.answering.insert(did("a"));
    assert_eq!(words(&scene.run_until(66)), ["read a"]);
    assert!(!scene.probe.is_silent(&did("a")));
}

#[test]
fn devices_without_power_cost_ever_fewer_connections() {
    let mut scene = Scene::new(&["a", "b"], &["a", "b"]);
    scene.answering.clear();
    let done = scene.run_until(6 * 3_600);
    let ends = words(&done).iter().filter(|word| **word == "mute").count();
    assert!((5..=12).contains(&ends), "{ends} connections in six hours");
}

#[test]
fn a_device_that_goes_offline_meanwhile_is_no_sign() {
    let mut scene = Scene::new(&["a"], &["a"]);
    scene.answering.clear();
    scene.run_until(60);
    scene.offline.insert(did("a"));
    let done = scene.run_until(3_600);
    assert_eq!(words(&done), Vec::<&str>::new());
}
