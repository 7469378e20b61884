use super::*;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const fn too_often(left_at: Duration, asked: Option<Duration>) -> TooOften {
    TooOften {
        left_at,
        is_login: false,
        asked,
    }
}

fn pass(gate: &mut CallGate, now: Duration, urgency: Urgency) -> bool {
    let admitted = gate.admit(now, urgency) == Admission::Now;
    if admitted {
        gate.passed(now);
        gate.returned();
    }
    admitted
}

#[test]
fn the_less_urgent_leaves_room_for_the_more_urgent() {
    let mut gate = CallGate::new(30);
    for (urgency, passed) in [
        (Urgency::Rest, 24),
        (Urgency::Stale, 27),
        (Urgency::Asked, 28),
        (Urgency::Command, 30),
    ] {
        while pass(&mut gate, s(1), urgency) {}
        assert_eq!(gate.budget().left(s(1)), 30 - passed, "{urgency:?}");
        assert_eq!(gate.admit(s(1), urgency), Admission::At(s(61)));
    }
}

#[test]
fn calls_under_way_leave_room_for_the_more_urgent() {
    let mut gate = CallGate::new(30);
    for (urgency, most) in [
        (Urgency::Rest, 4),
        (Urgency::Stale, 4),
        (Urgency::Asked, 5),
        (Urgency::FreshCommand, 6),
    ] {
        while gate.admit(s(0), urgency) == Admission::Now {
            gate.passed(s(0));
        }
        assert_eq!(gate.in_flight, most, "{urgency:?}");
        assert_eq!(gate.admit(s(0), urgency), Admission::AfterCall);
    }
}

#[test]
fn a_throttled_account_pauses_as_a_whole_then_probes_with_one_call() {
    let mut gate = CallGate::new(30);
    assert_eq!(gate.throttle(s(10), too_often(s(9), None), 0.0), s(15));
    let fresh = Urgency::FreshCommand;
    assert_eq!(gate.admit(s(11), fresh), Admission::At(s(25)));
    assert_eq!(gate.admit(s(25), fresh), Admission::Now);
    gate.passed(s(25));
    assert_eq!(gate.admit(s(25), Urgency::Command), Admission::AfterCall);
    gate.returned();
    let ended = gate.answered(s(24));
    assert!(
        !ended,
        "an answer to an earlier call does not end the pause"
    );
    let wait = gate.throttle(s(26), too_often(s(25), None), 0.0);
    assert_eq!(wait, s(30), "a second 9041 doubles the pause");
    gate.passed(s(56));
    gate.returned();
    assert!(gate.answered(s(56)));
    assert_eq!(gate.admit(s(56), Urgency::Rest), Admission::Now);
    let wait = gate.throttle(s(60), too_often(s(57), None), 0.0);
    assert_eq!(wait, s(60), "the pause is remembered for a while");
}

#[test]
fn a_pause_halves_the_budget_once_and_a_login_that_is_throttled_does_not() {
    let mut gate = CallGate::new(30);
    gate.throttle(s(10), too_often(s(9), None), 0.0);
    gate.throttle(s(11), too_often(s(9), None), 0.0);
    assert_eq!(gate.budget().size(), 15);
    // A call that left before the pause and is answered when it is over.
    gate.answered(s(26));
    assert_eq!(gate.throttle(s(38), too_often(s(9), None), 0.0), s(0));
    assert_eq!(gate.admit(s(38), Urgency::Rest), Admission::Now);
    assert_eq!(gate.budget().size(), 15);
    assert!(gate.take_news());
    assert!(!gate.take_news());
    let login = TooOften {
        is_login: true,
        ..too_often(s(40), None)
    };
    assert_eq!(gate.throttle(s(41), login, 0.0), s(30), "it does pause");
    assert_eq!(gate.budget().size(), 15);
    assert!(gate.take_news(), "a pause is to be kept, too");
}

#[test]
fn retry_after_is_honoured_and_late_answers_do_not_lengthen_the_pause() {
    let mut gate = CallGate::new(30);
    let asked = |asked| too_often(s(0), Some(s(asked)));
    assert_eq!(gate.throttle(s(1), asked(100), 0.0), s(100));
    assert_eq!(gate.throttle(s(2), too_often(s(0), None), 0.0), s(99));
    assert_eq!(gate.throttle(s(3), asked(200), 0.0), s(200));
}

#[test]
fn in_an_outage_a_fresh_command_is_tried_and_polling_waits() {
    let mut gate = CallGate::new(30);
    for _ in 0..3 {
        let wait = gate.fail(s(0), 0.0);
        gate.pause = Pause::Outage { until: s(0) };
        assert!(wait >= s(2));
    }
    gate.fail(s(0), 0.0);
    assert!(gate.is_outage());
    assert_eq!(gate.admit(s(1), Urgency::Rest), Admission::At(s(16)));
    assert_eq!(gate.admit(s(1), Urgency::FreshCommand), Admission::Now);
    assert!(gate.answered(s(2)));
    assert!(!gate.is_outage());
}

#[test]
fn a_gate_that_is_made_anew_goes_on_with_budget_and_pause() {
    let mut gate = CallGate::new(30);
    while pass(&mut gate, s(9), Urgency::Command) {}
    gate.throttle(s(10), too_often(s(9), None), 0.0);
    let mut anew = CallGate::new(40);
    anew.remember(&gate);
    assert_eq!((anew.budget().size(), anew.budget().limit()), (15, 40));
    assert_eq!(anew.admit(s(11), Urgency::Command), Admission::At(s(69)));
    assert!(anew.is_throttled());
}

#[test]
fn a_pause_goes_on_after_a_restart_unless_the_clock_makes_it_a_joke() {
    let clock = |mono, unix| Now {
        mono: s(mono),
        unix,
    };
    let mut gate = CallGate::new(30);
    gate.throttle(s(10), too_often(s(9), Some(s(100))), 0.0);
    let learnt = gate.budget().learnt(clock(20, 1_000));
    for (unix, left) in [
        (1_000, Some(s(92))),
        (1_060, Some(s(32))),
        (1_092, None),
        (9_999, None),
        (1, Some(s(1_080))),
        (0, None),
    ] {
        let learnt = Learnt {
            since: if unix < 2 { 1_081 } else { learnt.since },
            ..learnt.clone()
        };
        let mut next = CallGate::new(30);
        assert_eq!(next.restore(&learnt, clock(1, unix)), left, "at {unix}");
        let admission = left.map_or(Admission::Now, |left| Admission::At(s(1) + left));
        assert_eq!(next.admit(s(1), Urgency::Command), admission);
    }
}

/// A gate with calls under way, a cloud that answers as chance will have it, and time.
struct Run {
    gate: CallGate,
    chance: fastrand::Rng,
    now: Duration,
    /// When the calls under way left.
    under_way: Vec<Duration>,
    /// All calls, of all gates in a row.
    left_at: Vec<Duration>,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            gate: CallGate::new(30),
            chance: fastrand::Rng::with_seed(seed),
            now: s(1),
            under_way: Vec::new(),
            left_at: Vec::new(),
        }
    }

    fn clock(&self) -> Now {
        Now {
            mono: self.now,
            unix: 1_800_000_000 + self.now.as_secs().cast_signed(),
        }
    }

    fn ask(&mut self, urgency: Urgency) {
        match self.gate.admit(self.now, urgency) {
            Admission::Now => {
                self.gate.passed(self.now);
                self.under_way.push(self.now);
                self.left_at.push(self.now);
                let since = |at: &&Duration| **at + s(60) > self.now;
                let recent = self.left_at.iter().rev().take_while(since).count();
                let size = self.gate.budget().size() as usize;
                assert!(recent <= size, "{recent} calls in a minute, {size} allowed");
            }
            Admission::At(at) => {
                assert!(at > self.now, "it would be asked again without end");
                let then = self.gate.admit(at, urgency);
                let is_probed = then == Admission::AfterCall && !self.under_way.is_empty();
                assert!(then == Admission::Now || is_probed, "{then:?} at {at:?}");
            }
            Admission::AfterCall => assert!(!self.under_way.is_empty(), "nothing to wait for"),
        }
    }

    fn answer(&mut self, refuse: bool) {
        if self.under_way.is_empty() {
            return;
        }
        let call = self.chance.usize(..self.under_way.len());
        let left_at = self.under_way.swap_remove(call);
        self.gate.returned();
        match self.chance.u32(0..10) {
            0 if refuse => {
                let what = TooOften {
                    left_at,
                    is_login: self.chance.bool(),
                    asked: self.chance.bool().then(|| s(self.chance.u64(0..100))),
                };
                self.gate.throttle(self.now, what, self.chance.f64());
            }
            1 if refuse => drop(self.gate.fail(self.now, self.chance.f64())),
            _ => drop(self.gate.answered(self.now)),
        }
    }

    fn change(&mut self) {
        match self.chance.u32(0..400) {
            0 => self.gate.set_limit(self.chance.u32(1..60)),
            1 => {
                let mut anew = CallGate::new(self.gate.budget().limit());
                anew.remember(&self.gate);
                self.gate = anew;
                self.under_way.clear();
            }
            2 => {
                let learnt = self.gate.budget().learnt(self.clock());
                let mut next = CallGate::new(self.gate.budget().limit());
                self.now += Duration::from_millis(self.chance.u64(0..90_000));
                next.restore(&learnt, self.clock());
                self.gate = next;
                self.under_way.clear();
            }
            _ => {}
        }
    }

    fn step(&mut self, refuse: bool) {
        self.now += Duration::from_millis(self.chance.u64(0..3_000));
        let urgencies = [
            Urgency::FreshCommand,
            Urgency::Command,
            Urgency::Asked,
            Urgency::Stale,
            Urgency::Rest,
        ];
        for _ in 0..self.chance.u32(0..6) {
            let urgency = urgencies[self.chance.usize(..urgencies.len())];
            self.ask(urgency);
        }
        for _ in 0..self.chance.u32(0..4) {
            self.answer(refuse);
        }
    }
}

#[test]
fn whatever_happens_no_minute_sees_more_calls_than_the_budget_and_no_wait_is_in_vain() {
    for seed in 0..150 {
        let mut run = Run::new(seed);
        for _ in 0..4_000 {
            run.change();
            run.step(true);
        }
        // Peace: the way back to what is configured is bounded.
        let end = run.now + THROTTLED.longest * 2 + s(51 * 60);
        while run.now < end {
            run.step(false);
        }
        let budget = run.gate.budget();
        assert_eq!(budget.size(), budget.limit(), "seed {seed}");
        assert!(!run.gate.is_throttled() && !run.gate.is_outage());
    }
}
