//! Tests of `pending.rs`: what goes over push, what is repeated, and what its end says.

use super::tests::{CALL, attrs, caller, did, endings, ends, image, pushed, refused, s, sent};
use super::*;
use crate::bridge::input::ErrorClass;

#[test]
fn a_set_that_a_late_poll_does_not_show_goes_out_once_more() {
    let mut pending = PendingSets::default();
    let wish = caller(&[("temp_set", 40.0)], 0);
    pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Ok(()), s(1));
    let old = attrs(&[("temp_set", 38.0)]);
    for (asked_at, is_repeated) in [(5, false), (11, true)] {
        let seen = image(&old, s(asked_at));
        assert!(pending.observe(&did(), seen, s(asked_at)).is_empty());
        assert_eq!(pending.wants_call(&did()), is_repeated, "{asked_at}");
    }
    assert_eq!(sent(&mut pending, 12), Some(attrs(&[("temp_set", 40.0)])));
    pending.answered(&did(), Ok(()), s(13));
    for asked_at in [24, 30] {
        pending.observe(&did(), image(&old, s(asked_at)), s(asked_at));
        assert!(!pending.wants_call(&did()), "once is enough");
    }
    assert!(pending.expire(s(32), |_| String::new()).is_empty());
    let verdicts = pending.expire(s(33), |_| String::new());
    ends(
        &verdicts,
        "the device reports temp_set 38 instead, though it was sent twice",
    );
    assert_eq!(pending.next_deadline(), None);
}

#[test]
fn a_repeat_that_works_is_confirmed_for_all_its_callers() {
    let mut pending = PendingSets::default();
    for n in 0..2 {
        let wish = caller(&[("a", 1.0)], n);
        pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    }
    pending.take(&did(), CALL, s(0));
    let unknown = Err(refused(ErrorClass::Transient));
    assert!(pending.answered(&did(), unknown, s(10)).is_empty());
    let (old, new) = (attrs(&[("a", 0.0)]), attrs(&[("a", 1.0)]));
    pending.observe(&did(), image(&old, s(11)), s(12));
    assert!(!pending.wants_call(&did()), "the report may lag");
    pending.observe(&did(), image(&old, s(15)), s(16));
    assert_eq!(sent(&mut pending, 16), Some(new.clone()));
    pending.answered(&did(), Ok(()), s(17));
    let verdicts = pending.observe(&did(), image(&new, s(18)), s(18));
    let expected = [(0, "taken true".into()), (1, "taken true".into())];
    assert_eq!(endings(&verdicts), expected);
}

#[test]
fn raw_commands_are_never_repeated() {
    let mut pending = PendingSets::default();
    let raw = Caller {
        attrs: Attrs::default(),
        ..caller(&[], 0)
    };
    pending.add_raw(&did(), vec![1], raw, s(0)).unwrap();
    assert!(pending.take_push(&did(), LinkId(1), 1, s(0)).is_none());
    pending.take(&did(), CALL, s(0));
    let verdicts = pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(1));
    ends(&verdicts, "no");
    assert_eq!(pending.next_deadline(), None);
}

#[test]
fn a_raw_command_behind_a_repeat_that_is_left_out_does_not_go_over_push() {
    let mut pending = PendingSets::default();
    let (one, two) = (caller(&[("a", 1.0)], 0), caller(&[("a", 2.0)], 2));
    pending.add_set(&did(), Vec::new(), one, s(0)).unwrap();
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Ok(()), s(0));
    let old = attrs(&[("a", 0.0)]);
    pending.observe(&did(), image(&old, s(11)), s(11));
    assert!(pending.wants_call(&did()), "it waits to be sent once more");
    let raw = Caller {
        attrs: Attrs::default(),
        ..caller(&[], 1)
    };
    pending.add_raw(&did(), vec![1], raw, s(12)).unwrap();
    pending.add_set(&did(), Vec::new(), two, s(12)).unwrap();
    assert!(pending.take_push(&did(), LinkId(1), 1, s(13)).is_none());
    let next = pending.take(&did(), CALL, s(13));
    assert!(matches!(next, Some(CloudCall::Raw { .. })), "{next:?}");
}

#[test]
fn what_a_newer_set_changes_is_not_repeated() {
    // The newer one waits, is under way, or was taken; the older repeats what is left of it.
    for (newer, left) in [
        (&[("a", 2.0)][..], Some(attrs(&[("b", 1.0)]))),
        (&[("a", 2.0), ("b", 2.0)], None),
    ] {
        for stage in 0..3 {
            let mut pending = PendingSets::default();
            let wish = caller(&[("a", 1.0), ("b", 1.0)], 0);
            pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
            pending.take(&did(), CALL, s(0));
            pending.answered(&did(), Ok(()), s(1));
            let wish = caller(newer, 1);
            pending.add_set(&did(), Vec::new(), wish, s(10)).unwrap();
            if stage > 0 {
                pending.take(&did(), CALL, s(10));
            }
            if stage > 1 {
                pending.answered(&did(), Ok(()), s(10));
            }
            let old = attrs(&[("a", 0.0), ("b", 0.0)]);
            pending.observe(&did(), image(&old, s(12)), s(12));
            if stage == 1 {
                assert!(pending.take(&did(), CALL, s(12)).is_none());
                pending.answered(&did(), Ok(()), s(12));
            }
            let first = sent(&mut pending, 12);
            if stage == 0 && left.is_none() {
                assert_eq!(first, Some(attrs(newer)));
            } else {
                assert_eq!(first, left, "{newer:?} {stage}");
            }
        }
    }
}

#[test]
fn a_repeat_that_came_back_lets_newer_sets_be() {
    let mut pending = PendingSets::default();
    let wish = caller(&[("a", 1.0), ("b", 1.0)], 0);
    pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Ok(()), s(1));
    let old = attrs(&[("a", 0.0), ("b", 0.0)]);
    pending.observe(&did(), image(&old, s(12)), s(12));
    assert!(sent(&mut pending, 12).is_some());
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 2.0)], 1), s(13))
        .unwrap();
    pending.returned(&did());
    assert_eq!(sent(&mut pending, 14), Some(attrs(&[("b", 1.0)])));
    pending.returned(&did());
    // Its time is over before it could leave; the newer one has all of its own.
    let verdicts = pending.expire(s(31), |_| String::new());
    ends(&verdicts, "the device reports a 0, b 0 instead");
    assert_eq!(sent(&mut pending, 32), Some(attrs(&[("a", 2.0)])));
}

#[test]
fn a_write_over_push_is_taken_by_acknowledgement_or_report() {
    let link = LinkId(3);
    let mut pending = PendingSets::default();
    let write = |pending: &mut PendingSets, n| {
        let wish = caller(&[("a", 1.0)], n);
        pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
        pending.take_push(&did(), link, n, s(0)).unwrap();
    };
    let shown = attrs(&[("a", 1.0)]);
    write(&mut pending, 0);
    let way = Way::Push { link, serial: 0 };
    assert!(pending.is_under_way(&did(), way));
    assert!(!pending.is_under_way(&did(), Way::Http(CALL)));
    assert!(pending.answered(&did(), Ok(()), s(1)).is_empty());
    let verdicts = pending.observe(&did(), pushed(&shown, s(1)), s(1));
    assert_eq!(endings(&verdicts), [(0, "taken true".into())]);

    write(&mut pending, 1);
    let verdicts = pending.observe(&did(), pushed(&shown, s(1)), s(1));
    assert_eq!(endings(&verdicts), [(1, "taken true".into())]);
    assert_eq!(pending.next_deadline(), None);
}

#[test]
fn a_write_that_nobody_acknowledged_is_repeated_over_http() {
    let link = LinkId(3);
    let mut pending = PendingSets::default();
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    let serial = 5;
    pending.take_push(&did(), link, serial, s(0)).unwrap();
    assert_eq!(pending.sent_over(link), [did()]);
    assert_eq!(pending.sent_over(LinkId(4)), []);
    assert_eq!(pending.unacknowledged(s(2)), []);
    assert_eq!(pending.next_deadline(), Some(s(3)));
    assert_eq!(pending.unacknowledged(s(3)), [did()]);
    pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(3));
    let (_, look) = pending.looks_due(s(4)).remove(0);
    assert!(look.is_poll, "push was no help");
    let old = attrs(&[("a", 0.0)]);
    pending.observe(&did(), image(&old, s(8)), s(8));
    assert!(pending.take_push(&did(), link, 6, s(8)).is_none());
    assert_eq!(sent(&mut pending, 8), Some(attrs(&[("a", 1.0)])));
    pending.answered(&did(), Ok(()), s(9));
    pending.acknowledged_late(&did(), Way::Push { link, serial });
    let shown = attrs(&[("a", 1.0)]);
    let verdicts = pending.observe(&did(), pushed(&shown, s(10)), s(10));
    assert_eq!(endings(&verdicts), [(0, "taken true".into())]);
}

#[test]
fn partial_reports_confirm_together_and_a_call_under_way_only_when_it_is_answered() {
    let mut pending = PendingSets::default();
    let wish = caller(&[("a", 1.0), ("b", 1.0)], 0);
    pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    pending.take(&did(), CALL, s(0));
    for part in [attrs(&[("a", 1.0)]), attrs(&[("b", 1.0)])] {
        assert!(
            pending
                .observe(&did(), pushed(&part, s(1)), s(1))
                .is_empty()
        );
    }
    let verdicts = pending.answered(&did(), Ok(()), s(2));
    assert_eq!(endings(&verdicts), [(0, "taken true".into())]);
}

#[test]
fn what_no_report_ever_shows_is_taken_and_not_confirmed() {
    // With other values of the device in a report, with no report at all.
    for (report, ending) in [
        (Some(attrs(&[("b", 1.0)])), "taken false"),
        (None, "no report came within 30 s"),
    ] {
        let mut pending = PendingSets::default();
        pending
            .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 0), s(0))
            .unwrap();
        pending.take(&did(), CALL, s(0));
        pending.answered(&did(), Ok(()), s(1));
        if let Some(report) = report {
            pending.observe(&did(), image(&report, s(12)), s(12));
            assert!(!pending.wants_call(&did()));
        }
        ends(&pending.expire(s(31), |_| String::new()), ending);
    }
}

#[test]
fn of_merged_callers_each_learns_what_became_of_its_own_values() {
    let mut pending = PendingSets::default();
    for (n, name) in [(0, "a"), (1, "b")] {
        let wish = caller(&[(name, 1.0)], n);
        pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    }
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Ok(()), s(1));
    let half = attrs(&[("a", 1.0), ("b", 0.0)]);
    pending.observe(&did(), image(&half, s(6)), s(6));
    let verdicts = pending.expire(s(31), |_| String::new());
    let expected = [
        (0, "taken true".into()),
        (1, "the device reports b 0 instead".into()),
    ];
    assert_eq!(endings(&verdicts), expected);
}

#[test]
fn what_was_not_sent_again_is_not_called_taken() {
    let mut pending = PendingSets::default();
    let wish = caller(&[("a", 1.0), ("b", 1.0)], 0);
    pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(1));
    let old = attrs(&[("a", 0.0), ("b", 0.0)]);
    pending.observe(&did(), image(&old, s(6)), s(6));
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 2.0)], 1), s(7))
        .unwrap();
    assert_eq!(sent(&mut pending, 7), Some(attrs(&[("b", 1.0)])));
    pending.answered(&did(), Ok(()), s(8));
    pending.take(&did(), CALL, s(8));
    pending.answered(&did(), Ok(()), s(9));
    let shown = attrs(&[("b", 1.0), ("a", 0.0)]);
    let verdicts = pending.observe(&did(), image(&shown, s(10)), s(10));
    ends(&verdicts, "it is not known whether the cloud took it");
}

#[test]
fn what_something_newer_overtook_is_not_repeated() {
    for newer in ["shown unacknowledged", "refused", "raw"] {
        let mut pending = PendingSets::default();
        let wish = caller(&[("a", 1.0)], 0);
        pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
        pending.take(&did(), CALL, s(0));
        pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(1));
        let wish = caller(&[("a", 2.0)], 1);
        match newer {
            "raw" => {
                let attrs = Attrs::default();
                let wish = Caller { attrs, ..wish };
                pending.add_raw(&did(), vec![1], wish, s(2)).unwrap();
                pending.take(&did(), CALL, s(2));
                pending.answered(&did(), Ok(()), s(3));
            }
            "refused" => {
                pending.add_set(&did(), Vec::new(), wish, s(2)).unwrap();
                pending.take(&did(), CALL, s(2));
                pending.answered(&did(), Err(refused(ErrorClass::Refused)), s(3));
            }
            _ => {
                pending
                    .add_set(&did(), Vec::new(), wish.clone(), s(2))
                    .unwrap();
                pending.take_push(&did(), LinkId(1), 1, s(2)).unwrap();
                pending.observe(&did(), image(&wish.attrs, s(3)), s(3));
            }
        }
        let other = attrs(&[("a", 0.0)]);
        pending.observe(&did(), image(&other, s(8)), s(8));
        assert_eq!(sent(&mut pending, 8), None, "{newer}");
    }
}

#[test]
fn a_value_that_is_not_believed_yet_is_not_missed() {
    let mut pending = PendingSets::default();
    let wish = caller(&[("a", 1.0)], 0);
    pending.add_set(&did(), Vec::new(), wish, s(0)).unwrap();
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(1));
    let (nothing, held) = (
        Attrs::default(),
        BTreeSet::from([AttrName::new("a").unwrap()]),
    );
    for (held, is_repeated) in [(&held, false), (&BTreeSet::new(), true)] {
        let seen = Seen {
            held,
            ..image(&nothing, s(8))
        };
        pending.observe(&did(), seen, s(8));
        assert_eq!(pending.wants_call(&did()), is_repeated);
    }
}

#[test]
fn a_momentary_value_leaves_once_and_later_only_where_it_did_not_leave_after_all() {
    let mut pending = PendingSets::default();
    let mut press = caller(&[("a", 1.0)], 0);
    press.intent.momentary = BTreeSet::from([AttrName::new("a").unwrap()]);
    pending.add_set(&did(), Vec::new(), press, s(0)).unwrap();
    for now in 0..3 {
        // The cloud did not look at it: too often, or the token was lost.
        assert_eq!(sent(&mut pending, now), Some(attrs(&[("a", 1.0)])));
        pending.returned(&did());
    }
    assert_eq!(sent(&mut pending, 3), Some(attrs(&[("a", 1.0)])));
    pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(4));
    let old = attrs(&[("a", 0.0)]);
    pending.observe(&did(), image(&old, s(8)), s(8));
    assert_eq!(sent(&mut pending, 8), None);
    ends(&pending.expire(s(9), |_| String::new()), "it is not known");
    assert_eq!(pending.next_deadline(), None);
}
