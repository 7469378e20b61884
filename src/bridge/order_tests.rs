//! Tests of `pending.rs`: orders of several messages, of several calls, and of several people.

use super::tests::{CALL, attrs, caller, did, endings, refused, s};
use super::*;
use crate::bridge::input::ErrorClass;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn set(
    pending: &mut PendingSets,
    before: &[&[(&str, f64)]],
    last: &[(&str, f64)],
    n: u64,
    now: Duration,
) {
    let before = before.iter().map(|step| attrs(step)).collect();
    pending
        .add_set(&did(), before, caller(last, n), now)
        .unwrap();
}

/// What leaves now, if anything does.
fn leaves(pending: &mut PendingSets, now: Duration) -> Option<Attrs> {
    let CloudCall::Control { attrs, .. } = pending.take(&did(), CALL, now)? else {
        panic!("no set")
    };
    Some(attrs)
}

#[test]
fn what_one_tap_sends_in_two_messages_is_one_call() {
    let mut pending = PendingSets::default();
    pending.gather(&did(), s(0));
    set(&mut pending, &[], &[("mode", 1.0)], 0, s(0));
    assert!(!pending.wants_call(&did()));
    assert_eq!(leaves(&mut pending, s(0)), None);
    pending.gather(&did(), ms(2));
    set(&mut pending, &[], &[("temp_set", 30.0)], 1, ms(2));
    let end = pending.next_deadline().unwrap();
    assert!(end <= ms(50), "a person feels nothing of it: {end:?}");
    assert_eq!(pending.gathered(end - ms(1)), []);
    assert_eq!(pending.gathered(end), [did()]);
    assert_eq!(pending.gathered(end), [], "once");
    assert!(pending.wants_call(&did()));
    let both = attrs(&[("mode", 1.0), ("temp_set", 30.0)]);
    assert_eq!(leaves(&mut pending, end), Some(both));
    // What comes while that is on its way waits for it anyway.
    pending.gather(&did(), ms(60));
    set(&mut pending, &[], &[("mode", 2.0)], 2, ms(60));
    pending.answered(&did(), Ok(()), ms(61));
    assert!(pending.wants_call(&did()));
}

#[test]
fn steps_go_in_order_and_what_comes_after_joins_the_last() {
    let mut pending = PendingSets::default();
    set(
        &mut pending,
        &[&[("power", 1.0)]],
        &[("heat", 1.0)],
        0,
        s(0),
    );
    set(&mut pending, &[], &[("temp_set", 30.0)], 1, s(0));
    assert_eq!(leaves(&mut pending, s(0)), Some(attrs(&[("power", 1.0)])));
    // It could not leave after all, and must not become one call with the next.
    pending.returned(&did());
    assert_eq!(leaves(&mut pending, s(1)), Some(attrs(&[("power", 1.0)])));
    assert!(pending.answered(&did(), Ok(()), s(2)).is_empty());
    let rest = attrs(&[("heat", 1.0), ("temp_set", 30.0)]);
    assert_eq!(leaves(&mut pending, s(2)), Some(rest));
}

#[test]
fn without_its_step_an_order_is_not_carried_out() {
    let mut pending = PendingSets::default();
    let step: &[(&str, f64)] = &[("power", 1.0)];
    set(&mut pending, &[step, step], &[("heat", 1.0)], 0, s(0));
    set(&mut pending, &[step], &[("wave", 1.0)], 1, s(0));
    leaves(&mut pending, s(0));
    let verdicts = pending.answered(&did(), Err(refused(ErrorClass::Refused)), s(1));
    assert_eq!(endings(&verdicts), [(0, "no".into())]);
    // The next order is another one.
    assert_eq!(leaves(&mut pending, s(1)), Some(attrs(step)));
}

#[test]
fn nobodys_command_waits_longer_because_others_joined_it() {
    let mut pending = PendingSets::default();
    let within = SEND_WITHIN;
    set(
        &mut pending,
        &[],
        &[("temp_set", 20.0), ("wave", 1.0)],
        0,
        s(0),
    );
    set(&mut pending, &[], &[("temp_set", 30.0)], 1, s(100));
    let end = |pending: &mut PendingSets, now| {
        let verdicts = pending.expire(now, |_| "it is throttled".into());
        verdicts
            .iter()
            .map(|v| v.caller.transaction.clone().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(pending.next_deadline(), Some(within));
    assert_eq!(end(&mut pending, within), [0]);
    assert_eq!(pending.next_deadline(), Some(within + s(100)));
    let left = attrs(&[("temp_set", 30.0)]);
    assert_eq!(
        leaves(&mut pending, within + s(1)),
        Some(left),
        "what only the first wanted is not sent"
    );
    set(&mut pending, &[], &[("wave", 0.0)], 2, within + s(1));
    assert_eq!(end(&mut pending, within + s(150)), [0; 0]);
}

/// What a caller learnt who is told of a call's end, by transaction.
fn is_told(verdicts: &[Verdict], wanted: &[(u64, &str)]) {
    let wanted: Vec<(u64, String)> = wanted.iter().map(|(n, end)| (*n, (*end).into())).collect();
    assert_eq!(endings(verdicts), wanted);
}

#[test]
fn a_refused_step_ends_its_own_order_and_no_other() {
    let refused = || Err(refused(ErrorClass::Refused));
    // It is refused at once, and somebody else's value has joined the order's last call.
    let mut pending = PendingSets::default();
    set(
        &mut pending,
        &[&[("power", 1.0)]],
        &[("heat", 1.0)],
        0,
        s(0),
    );
    set(&mut pending, &[], &[("wave", 1.0)], 1, s(0));
    leaves(&mut pending, s(0));
    is_told(&pending.answered(&did(), refused(), s(1)), &[(0, "no")]);
    assert_eq!(leaves(&mut pending, s(1)), Some(attrs(&[("wave", 1.0)])));

    // It is refused when it is sent once more, when the order is over or waits for reports.
    for heat in [1.0, 0.0] {
        let mut pending = PendingSets::default();
        set(
            &mut pending,
            &[&[("power", 1.0)]],
            &[("heat", 1.0)],
            0,
            s(0),
        );
        for now in [0, 1] {
            leaves(&mut pending, s(now));
            pending.answered(&did(), Ok(()), s(now));
        }
        let shown = attrs(&[("power", 0.0), ("heat", heat)]);
        pending.observe(&did(), super::tests::image(&shown, s(12)), s(12));
        set(
            &mut pending,
            &[&[("light", 1.0)]],
            &[("wave", 1.0)],
            1,
            s(12),
        );
        assert_eq!(leaves(&mut pending, s(13)), Some(attrs(&[("power", 1.0)])));
        is_told(&pending.answered(&did(), refused(), s(14)), &[]);
        let mut left: Vec<Attrs> = Vec::new();
        while let Some(attrs) = leaves(&mut pending, s(15)) {
            left.push(attrs);
            pending.answered(&did(), Ok(()), s(15));
        }
        assert!(left.contains(&attrs(&[("light", 1.0)])), "{left:?}");
        assert!(left.contains(&attrs(&[("wave", 1.0)])), "{left:?}");
    }
}
