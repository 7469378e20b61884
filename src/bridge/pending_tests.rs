//! Tests of `pending`, which are as long as it is.

use super::*;
use crate::bridge::batch::LOOKS_TAKEN;
use crate::bridge::device_line::MAX_WAITING;
use crate::bridge::input::ErrorClass;
use crate::bridge::intent::Intent;
use crate::ids::ProductKey;
use crate::model::ProductSchema;

/// Where it does not matter which.
pub(super) const CALL: CallId = CallId(1);

pub(super) const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) fn did() -> Did {
    Did::new("spa").unwrap()
}

pub(super) fn attrs(values: &[(&str, f64)]) -> Attrs {
    let item = |(name, n): &(&str, f64)| (AttrName::new(*name).unwrap(), AttrValue::Number(*n));
    values.iter().map(item).collect()
}

pub(super) fn caller(values: &[(&str, f64)], transaction: u64) -> Caller {
    Caller {
        attrs: attrs(values),
        intent: Intent::default(),
        transaction: Some(transaction.into()),
        reply: None,
    }
}

pub(super) fn endings(verdicts: &[Verdict]) -> Vec<(u64, String)> {
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

static NOTHING: BTreeSet<AttrName> = BTreeSet::new();

/// No datapoint and no entity is known: values are as they are.
pub(super) fn reader() -> Reader<'static> {
    let product_key = ProductKey::new("pk").unwrap();
    let none = ProductSchema::new(product_key, String::new(), true, Vec::new());
    Reader {
        schema: Box::leak(Box::new(none)),
        plan: None,
    }
}

/// A poll's image.
pub(super) fn image(attrs: &Attrs, asked_at: Duration) -> Seen<'_> {
    Seen {
        attrs,
        device: attrs,
        reader: reader(),
        held: &NOTHING,
        asked_at,
        is_image: true,
    }
}

pub(super) fn pushed(attrs: &Attrs, now: Duration) -> Seen<'_> {
    Seen {
        attrs,
        device: attrs,
        reader: reader(),
        held: &NOTHING,
        asked_at: now,
        is_image: false,
    }
}

pub(super) fn ends(verdicts: &[Verdict], wanted: &str) {
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
pub(super) fn sent(pending: &mut PendingSets, now: u64) -> Option<Attrs> {
    let call = pending.take(&did(), CALL, s(now))?;
    let CloudCall::Control { attrs, .. } = call else {
        panic!("{call:?}")
    };
    Some(attrs)
}

pub(super) fn refused(class: ErrorClass) -> CallError {
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
            .add_set(&did(), Vec::new(), caller(values, n as u64), s(0))
            .unwrap();
    }
    let Some(CloudCall::Control { attrs: sent, .. }) = pending.take(&did(), CALL, s(1)) else {
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
        .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    assert!(pending.take(&did(), CALL, s(0)).is_some());
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 2.0)], 1), s(0))
        .unwrap();
    assert!(pending.take(&did(), CALL, s(0)).is_none());
    pending.answered(&did(), Ok(()), s(1));
    assert!(pending.wants_call(&did()));
    assert!(pending.take(&did(), CALL, s(1)).is_some());
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
            .add_set(&did(), Vec::new(), caller(&[("a", value)], n as u64), s(0))
            .unwrap();
    }
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Ok(()), s(1));
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 3.0)], 2), s(1))
        .unwrap();
    pending.take(&did(), CALL, s(1));
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
            .add_set(&did(), Vec::new(), caller(values, n as u64), s(0))
            .unwrap();
    }
    pending.take(&did(), CALL, s(0));
    pending.answered(&did(), Ok(()), s(1));
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 2.0)], 3), s(1))
        .unwrap();
    pending.take(&did(), CALL, s(1));
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
        .add_set(
            &did(),
            Vec::new(),
            caller(&[("a", 1.0), ("b", 1.0)], 0),
            s(0),
        )
        .unwrap();
    pending.take(&did(), CALL, s(0));
    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 2.0)], 1), s(0))
        .unwrap();
    pending.returned(&did());
    let Some(CloudCall::Control { attrs: sent, .. }) = pending.take(&did(), CALL, s(9)) else {
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
        .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    pending.take(&did(), CALL, s(5));
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
        .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    pending.take(&did(), CALL, s(0));
    let verdicts = pending.answered(&did(), Err(refused(ErrorClass::Refused)), s(1));
    assert_eq!(endings(&verdicts), [(0, "no".into())]);

    pending
        .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 1), s(0))
        .unwrap();
    pending.take(&did(), CALL, s(0));
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
        .add_set(&did(), Vec::new(), caller(&[("a", 1.0)], 0), s(0))
        .unwrap();
    assert_eq!(pending.next_deadline(), Some(SEND_WITHIN));
    pending.take(&did(), CALL, s(1));
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
