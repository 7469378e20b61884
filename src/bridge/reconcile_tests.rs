//! Tests of `reconcile.rs`: a table, and random orders of everything.

use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn attrs(values: &[(&str, f64)]) -> Attrs {
    let item = |(name, n): &(&str, f64)| (AttrName::new(*name).unwrap(), AttrValue::Number(*n));
    values.iter().map(item).collect()
}

/// One device and what is shown of it.
#[derive(Default)]
struct Device {
    reconciler: Reconciler,
    shown: Attrs,
    /// What the newest command wants that is not seen done, and when it left.
    wished: Option<(Attrs, Option<Duration>)>,
}

impl Device {
    fn takes(&mut self, now: Duration, origin: Origin, report: Attrs) -> Option<Duration> {
        let wished = self.wished.as_ref();
        let standing = |name: &AttrName, value: &AttrValue| {
            let is_it = |attrs: &Attrs| attrs.get(name.as_str()) == Some(value);
            match wished.filter(|(attrs, _)| is_it(attrs)) {
                Some((_, Some(_))) => Standing::Effect,
                Some((_, None)) => Standing::Wanted,
                None => Standing::Unwanted,
            }
        };
        let sorted = self
            .reconciler
            .sort(now, origin, &self.shown, report, standing);
        self.shown.merge(sorted.believed);
        let asked_at = match origin {
            Origin::Push => now,
            Origin::Poll { asked_at, .. } => asked_at,
        };
        let is_later = |left: &Option<Duration>| left.is_some_and(|left| left <= asked_at);
        let shown = &self.shown;
        self.wished
            .take_if(|(attrs, left)| is_later(left) && shown == attrs);
        sorted.look_at
    }

    /// A command comes in, and waits.
    fn commands(&mut self, wish: Attrs) {
        let names = wish.iter().map(|(name, _)| name);
        self.reconciler.commanded(names);
        self.wished = Some((wish, None));
    }

    fn leaves(&mut self, now: Duration) {
        if let Some((_, left)) = &mut self.wished {
            *left = Some(now);
        }
    }
}

enum Step {
    /// At, asked at, `updated_at`, value of `a`.
    Poll(u64, u64, i64, f64),
    /// At, value of `a`.
    Push(u64, f64),
    /// A command that wants `a` comes in and leaves.
    Command(f64),
    /// It comes in and waits.
    Waiting(f64),
}

use Step::{Command, Poll, Push, Waiting};

#[test]
fn late_and_old_reports_wait_and_nothing_waits_for_ever() {
    /// What is shown after all of it, and when to look again after the last.
    type Case<'a> = (&'a str, &'a [Step], f64, Option<u64>);
    let cases: &[Case<'_>] = &[
        (
            "a poll that was asked before a push",
            &[Poll(0, 0, 100, 1.0), Push(5, 2.0), Poll(6, 4, 101, 1.0)],
            2.0,
            None,
        ),
        (
            "an old image after a push",
            &[Poll(0, 0, 100, 1.0), Push(5, 2.0), Poll(6, 6, 100, 1.0)],
            2.0,
            Some(20),
        ),
        (
            "a newer image that may lag behind a push",
            &[Poll(0, 0, 100, 1.0), Push(5, 2.0), Poll(6, 6, 104, 3.0)],
            2.0,
            Some(15),
        ),
        (
            "a newer image, asked when none lags any more",
            &[Poll(0, 0, 100, 1.0), Push(5, 2.0), Poll(16, 15, 104, 3.0)],
            3.0,
            None,
        ),
        (
            "an old image that stays is the truth: the push behind it was lost",
            &[Poll(0, 0, 100, 1.0), Push(5, 2.0), Poll(21, 20, 100, 1.0)],
            1.0,
            None,
        ),
        (
            "clocks differ: what the cloud calls old is new",
            &[Poll(0, 0, -900, 1.0), Push(5, 2.0), Poll(30, 30, -880, 3.0)],
            3.0,
            None,
        ),
        (
            "of two polls the later one wins, whatever comes first",
            &[
                Poll(0, 0, 100, 1.0),
                Poll(4, 3, 103, 3.0),
                Poll(5, 2, 103, 2.0),
            ],
            3.0,
            None,
        ),
        (
            "an image from before the last one",
            &[Poll(0, 0, 100, 2.0), Poll(9, 9, 99, 1.0)],
            2.0,
            Some(24),
        ),
        (
            "the cloud's clock was put back",
            &[
                Poll(0, 0, 100, 2.0),
                Poll(9, 9, 50, 1.0),
                Poll(24, 24, 60, 3.0),
            ],
            3.0,
            None,
        ),
        (
            "a push is believed at once",
            &[Push(0, 1.0), Push(1, 2.0), Push(2, 1.0)],
            1.0,
            None,
        ),
        (
            "an echo of the value before a command",
            &[Push(0, 1.0), Command(2.0), Push(3, 2.0), Push(4, 1.0)],
            2.0,
            Some(13),
        ),
        (
            "an echo over the other way",
            &[
                Poll(0, 0, 100, 1.0),
                Command(2.0),
                Poll(3, 3, 102, 2.0),
                Poll(5, 5, 102, 1.0),
            ],
            2.0,
            Some(13),
        ),
        (
            "a device that went back is believed in the end",
            &[
                Push(0, 1.0),
                Command(2.0),
                Push(3, 2.0),
                Push(4, 1.0),
                Push(13, 1.0),
            ],
            1.0,
            None,
        ),
        (
            "a third value is no echo",
            &[Push(0, 1.0), Command(2.0), Push(3, 2.0), Push(4, 3.0)],
            3.0,
            None,
        ),
        (
            "the value from before is what a new command wants",
            &[
                Push(0, 1.0),
                Command(2.0),
                Push(3, 2.0),
                Command(1.0),
                Push(4, 1.0),
            ],
            1.0,
            None,
        ),
        (
            "off and on: the effect of the first is no reason to doubt the second",
            &[
                Push(0, 1.0),
                Command(2.0),
                Command(1.0),
                Push(1, 2.0),
                Push(2, 1.0),
            ],
            1.0,
            None,
        ),
        (
            "off and on, and the second waits while the first is done",
            &[
                Push(0, 1.0),
                Command(2.0),
                Waiting(1.0),
                Push(1, 2.0),
                Push(2, 1.0),
            ],
            1.0,
            None,
        ),
        (
            "an echo of what an older command wanted",
            &[
                Push(0, 1.0),
                Command(2.0),
                Command(3.0),
                Push(1, 2.0),
                Push(2, 3.0),
                Push(3, 2.0),
            ],
            3.0,
            Some(12),
        ),
    ];
    for (what, steps, shown, look_at) in cases {
        let mut device = Device::default();
        let mut look = None;
        for step in *steps {
            look = match *step {
                Poll(at, asked_at, updated_at, value) => {
                    let origin = Origin::Poll {
                        asked_at: s(asked_at),
                        updated_at,
                    };
                    device.takes(s(at), origin, attrs(&[("a", value)]))
                }
                Push(at, value) => device.takes(s(at), Origin::Push, attrs(&[("a", value)])),
                Command(value) | Waiting(value) => {
                    device.commands(attrs(&[("a", value)]));
                    if matches!(step, Command(_)) {
                        device.leaves(Duration::ZERO);
                    }
                    None
                }
            };
        }
        assert_eq!(device.shown, attrs(&[("a", *shown)]), "{what}");
        assert_eq!(look, look_at.map(s), "{what}");
    }
}

#[test]
fn partial_pushes_merge_and_protect_only_what_they_name() {
    let mut device = Device::default();
    let poll = |asked_at, updated_at| Origin::Poll {
        asked_at: s(asked_at),
        updated_at,
    };
    device.takes(s(0), poll(0, 100), attrs(&[("a", 1.0), ("b", 1.0)]));
    device.takes(s(5), Origin::Push, attrs(&[("a", 2.0)]));
    assert_eq!(device.shown, attrs(&[("a", 2.0), ("b", 1.0)]));
    device.takes(s(6), poll(4, 103), attrs(&[("a", 1.0), ("b", 3.0)]));
    assert_eq!(device.shown, attrs(&[("a", 2.0), ("b", 3.0)]));
}

#[test]
fn a_device_that_pushes_everything_costs_no_memory_for_each_attribute() {
    let mut device = Device::default();
    for n in 0..9 {
        let report = attrs(&[("a", f64::from(n)), ("b", 1.0), ("c", 1.0)]);
        device.takes(s(u64::try_from(n).unwrap()), Origin::Push, report);
    }
    assert_eq!(device.reconciler.parts.len(), 0);
    device.takes(s(10), Origin::Push, attrs(&[("a", 0.5)]));
    assert_eq!(device.reconciler.parts.len(), 1);
    device.takes(s(200), Origin::Push, attrs(&[("b", 2.0)]));
    assert_eq!(device.reconciler.parts.len(), 1, "old ones go");
}

/// Something on its way to the bridge.
enum Arrival {
    Report(Origin, Attrs),
    /// The device says what it was before its last change, unless it changed again.
    Echo {
        before: f64,
        changes: usize,
    },
    Ask,
    /// The command of this number leaves; the device does it a little later.
    Leaves(usize),
    Does(f64),
}

/// Not ours.
fn cloud_clock(at: Duration) -> i64 {
    i64::try_from(at.as_secs()).unwrap() - 5_000
}

/// A device, its cloud and their delays, from a seed.
struct World {
    chance: fastrand::Rng,
    now: Duration,
    device: Device,
    truth: f64,
    /// Every value the device had, with its moment.
    past: Vec<(Duration, f64)>,
    arrivals: Vec<(Duration, Arrival)>,
    /// The socket keeps its order.
    last_push: Duration,
    /// What each command wanted.
    commands: Vec<f64>,
    /// The last one leaves, and is done, at these moments.
    last_leaves: Duration,
    last_done: Duration,
    /// The last command looked done before its own effect was told, so nobody waits for that any more.
    is_done_early: bool,
    /// A command's value was shown, and the device has kept it since.
    kept: Option<f64>,
    push_works: bool,
}

impl World {
    fn becomes(&mut self, value: f64) {
        self.truth = value;
        self.past.push((self.now, value));
        self.kept = None;
        if self.push_works {
            let at = (self.last_push + ms(1)).max(self.now + ms(self.chance.u64(10..300)));
            self.last_push = at;
            let report = Arrival::Report(Origin::Push, attrs(&[("a", value)]));
            self.arrivals.push((at, report));
        }
    }

    /// A command comes in. It leaves when those before it did, and the device does them in order.
    fn is_commanded(&mut self, value: f64) {
        self.device.commands(attrs(&[("a", value)]));
        self.kept = None;
        self.is_done_early = false;
        let leaves = self.now + ms(self.chance.u64(0..500));
        self.last_leaves = leaves.max(self.last_leaves + ms(1));
        let leaves = Arrival::Leaves(self.commands.len());
        self.commands.push(value);
        self.arrivals.push((self.last_leaves, leaves));
    }

    fn leaves(&mut self, command: usize) {
        if command + 1 == self.commands.len() {
            self.device.leaves(self.now);
        }
        let done = self.now + ms(self.chance.u64(10..2_000));
        self.last_done = done.max(self.last_done + ms(1));
        let does = Arrival::Does(self.commands[command]);
        self.arrivals.push((self.last_done, does));
    }

    fn does(&mut self, value: f64) {
        let before = self.truth;
        let is_known = self.device.shown == attrs(&[("a", before)]);
        self.becomes(value);
        if self.push_works && is_known && self.chance.bool() {
            let changes = self.past.len();
            let at = self.last_push + ms(self.chance.u64(1..5_000));
            self.arrivals.push((at, Arrival::Echo { before, changes }));
        }
    }

    /// One of the cloud's servers answers, each with its lag, then the answer takes its time. A push is
    /// faster than all that.
    fn ask(&mut self) {
        let lag = ms(self.chance.u64(500..LAG.as_millis().try_into().unwrap()));
        let seen_at = self.now + ms(self.chance.u64(10..500));
        let known = |(at, _): &&(Duration, f64)| *at + lag <= seen_at || at.is_zero();
        let (at, value) = self.past.iter().rev().find(known).unwrap();
        let origin = Origin::Poll {
            asked_at: self.now,
            updated_at: cloud_clock(*at),
        };
        let report = Arrival::Report(origin, attrs(&[("a", *value)]));
        let at = seen_at + ms(self.chance.u64(10..20_000));
        self.arrivals.push((at, report));
    }

    fn run_until(&mut self, end: Duration) {
        while let Some(next) = (0..self.arrivals.len()).min_by_key(|n| self.arrivals[*n].0) {
            if self.arrivals[next].0 > end {
                break;
            }
            let (at, arrival) = self.arrivals.swap_remove(next);
            self.now = at;
            match arrival {
                Arrival::Ask => self.ask(),
                Arrival::Leaves(command) => self.leaves(command),
                Arrival::Does(value) => self.does(value),
                Arrival::Echo { before, changes } if changes == self.past.len() => {
                    self.takes(Origin::Push, attrs(&[("a", before)]));
                }
                Arrival::Echo { .. } => {}
                Arrival::Report(origin, report) => self.takes(origin, report),
            }
        }
        self.now = end;
    }

    fn takes(&mut self, origin: Origin, report: Attrs) {
        let is_wanted = self
            .device
            .wished
            .as_ref()
            .is_some_and(|(attrs, _)| *attrs == report);
        let was_wished = self.device.wished.is_some();
        let pushed = (is_wanted && origin == Origin::Push).then(|| report.clone());
        if let Some(at) = self.device.takes(self.now, origin, report) {
            assert!(at >= self.now && at <= self.now + HOLD, "{at:?}");
            self.arrivals.push((at, Arrival::Ask));
        }
        let is_over = was_wished && self.device.wished.is_none();
        self.is_done_early |= is_over && self.now < self.last_done.max(self.last_push);
        if let Some(pushed) = pushed {
            assert_eq!(self.device.shown, pushed, "wanted and told, and not shown");
        }
        let shown = self.device.shown.get("a").cloned();
        if let Some(kept) = self.kept {
            let kept = Some(AttrValue::Number(kept));
            assert_eq!(shown, kept, "flickered back at {:?}", self.now);
        }
        let truth = Some(AttrValue::Number(self.truth));
        let changed_at = self.past.last().unwrap().0;
        let is_seen = match origin {
            Origin::Push => self.now >= self.last_push,
            Origin::Poll { updated_at, .. } => updated_at == cloud_clock(changed_at),
        };
        let is_confirmed = !self.is_done_early && self.device.wished.is_none();
        if is_confirmed && is_seen && shown == truth && self.commands.last() == Some(&self.truth) {
            self.kept = Some(self.truth);
        }
    }
}

#[test]
fn whatever_the_order_the_truth_is_shown_and_a_confirmed_value_never_flickers_back() {
    for seed in 0..3_000 {
        let mut world = World {
            chance: fastrand::Rng::with_seed(seed),
            now: Duration::ZERO,
            device: Device::default(),
            truth: 0.0,
            past: vec![(Duration::ZERO, 0.0)],
            arrivals: Vec::new(),
            last_push: Duration::ZERO,
            commands: Vec::new(),
            last_leaves: Duration::ZERO,
            last_done: Duration::ZERO,
            is_done_early: false,
            kept: None,
            push_works: true,
        };
        world.ask();
        world.run_until(s(30));
        for _ in 0..world.chance.u32(3..40) {
            let pause = ms(world.chance.u64(0..8_000));
            world.run_until(world.now + pause);
            match world.chance.u32(0..10) {
                0..4 => world.ask(),
                4..6 => {
                    let value = f64::from(world.chance.u32(0..4));
                    world.becomes(value);
                }
                6..9 => {
                    for _ in 0..world.chance.u32(1..4) {
                        let value = f64::from(world.chance.u32(0..4));
                        world.is_commanded(value);
                    }
                }
                _ => world.push_works = !world.push_works,
            }
        }
        // The next regular poll, when no image lags any more.
        world.run_until(world.now + s(30));
        world.ask();
        world.run_until(world.now + s(60));
        let truth = attrs(&[("a", world.truth)]);
        assert_eq!(world.device.shown, truth, "seed {seed}");
    }
}
