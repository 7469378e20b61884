//! Tests of `pending`, which are as long as it is.

use super::*;
use crate::bridge::batch::LOOKS_TAKEN;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn did() -> Did {
    Did::new("spa").unwrap()
}

fn attrs(values: &[(&str, f64)]) -> Attrs {
    let item = |(name, n): &(&str, f64)| (AttrName::new(*name).unwrap(), AttrValue::Number(*n));
    values.iter().map(item).collect()
}

fn caller(values: &[(&str, f64)], transaction: u64) -> Caller {
    Caller {
        attrs: attrs(values),
        transaction: Some(transaction.into()),
        reply: None,
    }
}

fn endings(verdicts: &[Verdict]) -> Vec<(u64, String)> {
    let text = |ending: &Ending| match ending {
        Ending::Taken { confirmed } => format!("taken {confirmed}"),
        Ending::Failed { reason, .. } => reason.clone(),
    };
    let transaction = |v: &Verdict| v.caller.transaction.as_ref().unwrap().as_u64().unwrap();
    verdicts
        .iter()
        .map(|v| (transaction(v), text(&v.ending)))
        .collect()
}

/// A poll's image.
fn image(attrs: &Attrs, asked_at: Duration) -> Seen<'_> {
    Seen {
        attrs,
        asked_at,
        is_image: true,
    }
}

fn pushed(attrs: &Attrs, now: Duration) -> Seen<'_> {
    Seen {
        attrs,
        asked_at: now,
        is_image: false,
    }
}

fn ends(verdicts: &[Verdict], wanted: &str) {
    let endings = endings(verdicts);
    let [(_, ending)] = &endings[..] else {
        panic!("{endings:?}")
    };
    assert!(
        ending.contains(wanted),
        "{ending:?} does not say {wanted:?}"
    );
}

/// What goes out over HTTP now.
fn sent(pending: &mut PendingSets, now: u64) -> Option<Attrs> {
    match pending.take(&did(), s(now))? {
        CloudCall::Control { attrs, .. } => Some(attrs),
        other => panic!("{other:?}"),
    }
}

fn refused(class: ErrorClass) -> CallError {
    CallError {
        class,
        code: Some(9025),
        retry_after: None,
        message: "no".into(),
    }
}

#[test]
fn commands_that_wait_merge_and_the_newest_value_wins() {
    let mut pending = PendingSets::default();
    for (n, values) in [&[("a", 1.0), ("b", 1.0)][..], &[("a", 2.0)]]
        .iter()
        .enumerate()
    {
        pending
            .add_set(&did(), caller(values, n as u64), s(0))
            .unwrap();
    }
    let Some(CloudCall::Control { attrs: sent, .. }) = pending.take(&did(), s(1)) else {
        panic!()
    };
    assert_eq!(sent, attrs(&[("a", 2.0), ("b", 1.0)]));
    assert!(
        pending.answered(&did(), Ok(()), s(1)).is_empty(),
        "nothing is confirmed yet"
    );
    let verdicts = pending.observe(&did(), image(&sent, s(2)), s(2));
    assert_eq!(
        endings(&verdicts),
        [(0, "taken true".into()), (1, "taken true".into())]
    );
    assert_eq!(
        verdicts[0].caller.attrs, sent,
        "the result tells what went out"
    );
    assert_eq!(pending.next_deadline(), None);
}

#[test]
fn one_call_at_a_time_and_the_rest_waits_behind_it() {
    let mut pending = PendingSets::default();
    pending
        .add_set(&did(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    assert!(pending.take(&did(), s(0)).is_some());
    pending
        .add_set(&did(), caller(&[("a", 2.0)], 1), s(0))
        .unwrap();
    assert!(pending.take(&did(), s(0)).is_none());
    pending.answered(&did(), Ok(()), s(1));
    assert!(pending.wants_call(&did()));
    assert!(pending.take(&did(), s(1)).is_some());
    let verdicts = pending.answered(&did(), Ok(()), s(2));
    assert_eq!(
        endings(&verdicts),
        [(0, "taken false".into())],
        "the older value cannot show any more"
    );
}

#[test]
fn a_superseded_command_tells_what_went_out() {
    let mut pending = PendingSets::default();
    for (n, value) in [1.0, 2.0].into_iter().enumerate() {
        pending
            .add_set(&did(), caller(&[("a", value)], n as u64), s(0))
            .unwrap();
    }
    pending.take(&did(), s(0));
    pending.answered(&did(), Ok(()), s(1));
    pending
        .add_set(&did(), caller(&[("a", 3.0)], 2), s(1))
        .unwrap();
    pending.take(&did(), s(1));
    let verdicts = pending.answered(&did(), Ok(()), s(2));
    assert_eq!(verdicts.len(), 2);
    for verdict in verdicts {
        assert_eq!(verdict.caller.attrs, attrs(&[("a", 2.0)]));
    }
}

#[test]
fn what_a_newer_set_overtook_is_not_confirmed_by_the_rest() {
    let mut pending = PendingSets::default();
    for (n, values) in [&[("a", 1.0)][..], &[("b", 1.0)], &[("a", 1.0), ("b", 1.0)]]
        .iter()
        .enumerate()
    {
        pending
            .add_set(&did(), caller(values, n as u64), s(0))
            .unwrap();
    }
    pending.take(&did(), s(0));
    pending.answered(&did(), Ok(()), s(1));
    pending
        .add_set(&did(), caller(&[("a", 2.0)], 3), s(1))
        .unwrap();
    pending.take(&did(), s(1));
    assert!(pending.answered(&did(), Ok(()), s(2)).is_empty());
    let shown = attrs(&[("a", 2.0), ("b", 1.0)]);
    let verdicts = pending.observe(&did(), image(&shown, s(3)), s(3));
    let mut endings = endings(&verdicts);
    endings.sort();
    let words = endings.iter().map(|(_, word)| word.as_str());
    let words: Vec<&str> = words.collect();
    assert_eq!(
        words,
        ["taken false", "taken true", "taken false", "taken true"]
    );
}

#[test]
fn a_call_that_never_left_waits_again_with_what_came_later() {
    let mut pending = PendingSets::default();
    pending
        .add_set(&did(), caller(&[("a", 1.0), ("b", 1.0)], 0), s(0))
        .unwrap();
    pending.take(&did(), s(0));
    pending
        .add_set(&did(), caller(&[("a", 2.0)], 1), s(0))
        .unwrap();
    pending.returned(&did());
    let Some(CloudCall::Control { attrs: sent, .. }) = pending.take(&did(), s(9)) else {
        panic!()
    };
    assert_eq!(sent, attrs(&[("a", 2.0), ("b", 1.0)]));
    pending.answered(&did(), Ok(()), s(9));
    assert_eq!(pending.observe(&did(), image(&sent, s(10)), s(10)).len(), 2);
}

#[test]
fn a_report_that_was_asked_for_before_the_command_confirms_nothing() {
    let mut pending = PendingSets::default();
    pending
        .add_set(&did(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    pending.take(&did(), s(5));
    pending.answered(&did(), Ok(()), s(6));
    let shown = attrs(&[("a", 1.0)]);
    for (asked_at, results) in [(4, 0), (7, 1)] {
        let seen = image(&shown, s(asked_at));
        assert_eq!(pending.observe(&did(), seen, s(8)).len(), results);
    }
}

#[test]
fn refused_and_unknown_fates_end_with_a_reason_and_never_twice() {
    let mut pending = PendingSets::default();
    pending
        .add_set(&did(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    pending.take(&did(), s(0));
    let verdicts = pending.answered(&did(), Err(refused(ErrorClass::Refused)), s(1));
    assert_eq!(endings(&verdicts), [(0, "no".into())]);

    pending
        .add_set(&did(), caller(&[("a", 1.0)], 1), s(0))
        .unwrap();
    pending.take(&did(), s(0));
    assert!(
        pending
            .answered(&did(), Err(refused(ErrorClass::Transient)), s(1))
            .is_empty()
    );
    assert!(
        !pending.wants_call(&did()),
        "a call of unknown fate is not sent again blindly"
    );
    let verdicts = pending.expire(s(31), |_| String::new());
    let Ending::Failed { reason, code } = &verdicts[0].ending else {
        panic!("{verdicts:?}")
    };
    assert!(reason.contains("not known"), "{reason}");
    assert_eq!(*code, Some(9025), "the cloud's code is told");
    assert!(pending.expire(s(100), |_| String::new()).is_empty());
}

#[test]
fn looks_follow_a_sent_command_until_its_deadline() {
    let mut pending = PendingSets::default();
    pending
        .add_set(&did(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    assert_eq!(pending.next_deadline(), Some(SEND_WITHIN));
    pending.take(&did(), s(1));
    pending.answered(&did(), Ok(()), s(1));
    let mut polls = 0;
    while let Some(at) = pending.next_deadline() {
        polls += pending.looks_due(at).len();
        if !pending.expire(at, |_| String::new()).is_empty() {
            assert_eq!(at, s(31));
        }
    }
    assert_eq!(polls, LOOKS_TAKEN.len());
}

#[test]
fn too_many_waiting_commands_are_refused_with_a_result() {
    let mut pending = PendingSets::default();
    let raw = |pending: &mut PendingSets, n| {
        pending.add_raw(
            &did(),
            vec![1],
            Caller {
                attrs: Attrs::default(),
                ..caller(&[], n)
            },
            s(0),
        )
    };
    for n in 0..MAX_WAITING as u64 {
        raw(&mut pending, n).unwrap();
    }
    assert!(raw(&mut pending, 99).is_err());
    assert_eq!(pending.abandon(None, "the bridge stops").len(), MAX_WAITING);
}

#[test]
fn a_set_that_a_late_poll_does_not_show_goes_out_once_more() {
    let mut pending = PendingSets::default();
    let wish = caller(&[("temp_set", 40.0)], 0);
    pending.add_set(&did(), wish, s(0)).unwrap();
    pending.take(&did(), s(0));
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
        pending.add_set(&did(), wish, s(0)).unwrap();
    }
    pending.take(&did(), s(0));
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
    pending.take(&did(), s(0));
    let verdicts = pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(1));
    ends(&verdicts, "no");
    assert_eq!(pending.next_deadline(), None);
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
            pending.add_set(&did(), wish, s(0)).unwrap();
            pending.take(&did(), s(0));
            pending.answered(&did(), Ok(()), s(1));
            let wish = caller(newer, 1);
            pending.add_set(&did(), wish, s(10)).unwrap();
            if stage > 0 {
                pending.take(&did(), s(10));
            }
            if stage > 1 {
                pending.answered(&did(), Ok(()), s(10));
            }
            let old = attrs(&[("a", 0.0), ("b", 0.0)]);
            pending.observe(&did(), image(&old, s(12)), s(12));
            if stage == 1 {
                assert!(pending.take(&did(), s(12)).is_none());
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
    pending.add_set(&did(), wish, s(0)).unwrap();
    pending.take(&did(), s(0));
    pending.answered(&did(), Ok(()), s(1));
    let old = attrs(&[("a", 0.0), ("b", 0.0)]);
    pending.observe(&did(), image(&old, s(12)), s(12));
    assert!(sent(&mut pending, 12).is_some());
    pending
        .add_set(&did(), caller(&[("a", 2.0)], 1), s(13))
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
        pending.add_set(&did(), wish, s(0)).unwrap();
        pending.take_push(&did(), link, n, s(0)).unwrap();
    };
    let shown = attrs(&[("a", 1.0)]);
    write(&mut pending, 0);
    let way = Way::Push { link, serial: 0 };
    assert!(pending.is_under_way(&did(), way));
    assert!(!pending.is_under_way(&did(), Way::Http));
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
        .add_set(&did(), caller(&[("a", 1.0)], 0), s(0))
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
    pending.add_set(&did(), wish, s(0)).unwrap();
    pending.take(&did(), s(0));
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
            .add_set(&did(), caller(&[("a", 1.0)], 0), s(0))
            .unwrap();
        pending.take(&did(), s(0));
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
        pending.add_set(&did(), wish, s(0)).unwrap();
    }
    pending.take(&did(), s(0));
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
    pending.add_set(&did(), wish, s(0)).unwrap();
    pending.take(&did(), s(0));
    pending.answered(&did(), Err(refused(ErrorClass::Transient)), s(1));
    let old = attrs(&[("a", 0.0), ("b", 0.0)]);
    pending.observe(&did(), image(&old, s(6)), s(6));
    pending
        .add_set(&did(), caller(&[("a", 2.0)], 1), s(7))
        .unwrap();
    assert_eq!(sent(&mut pending, 7), Some(attrs(&[("b", 1.0)])));
    pending.answered(&did(), Ok(()), s(8));
    pending.take(&did(), s(8));
    pending.answered(&did(), Ok(()), s(9));
    let shown = attrs(&[("b", 1.0), ("a", 0.0)]);
    let verdicts = pending.observe(&did(), image(&shown, s(10)), s(10));
    ends(&verdicts, "it is not known whether the cloud took it");
}
