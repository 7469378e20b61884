//! Tests of `schedule_book.rs`.

use serde_json::Map;

use super::*;
use crate::bridge::listing::PAGE;
use crate::ids::ProductKey;
use crate::model::schedule::{Retry, Task};

/// 2026-11-26, 12:00 UTC, a Thursday; the process started then.
const START: i64 = 1_795_694_400;

const fn at(secs: u64) -> Now {
    Now {
        mono: Duration::from_secs(secs),
        unix: START + secs.cast_signed(),
    }
}

fn id(text: &str) -> ScheduleId {
    ScheduleId::new(text).unwrap()
}

fn did(text: &str) -> Did {
    Did::new(text).unwrap()
}

fn schedule(name: &str, time: &str, repeat: &str, created_at: &str) -> Schedule {
    let task = |text: &str| Task {
        did: did(text),
        product_key: ProductKey::new("pk").unwrap(),
        attrs: Map::new(),
    };
    Schedule {
        id: id(name),
        created_at: created_at.parse().ok(),
        plan: Plan {
            when: When {
                date: "2026-11-26".parse().unwrap(),
                time: time.parse().unwrap(),
                repeat: repeat.parse().unwrap(),
            },
            tasks: vec![task("spa"), task("tub")],
            retry_count: 3,
            retry: Retry::All,
        },
    }
}

/// Lists these, asked for and answered now.
fn list(book: &mut ScheduleBook, now: Now, schedules: &[Schedule]) {
    let count = u32::try_from(schedules.len()).unwrap();
    assert!(count < PAGE);
    let listed = book.page(0, now.mono, count, schedules.to_vec());
    assert!(matches!(listed, Listed::Complete(_)));
    book.update(now, schedules, |did| did.as_str() != "foreign");
}

fn run(at: &str, delivered: &[(&str, bool)]) -> Result<Option<Run>, CallError> {
    let delivered = delivered.iter().map(|(name, done)| (did(name), *done));
    let delivered: std::collections::BTreeMap<Did, bool> = delivered.collect();
    Ok(Some(Run {
        at: at.parse().ok(),
        succeeded: delivered.values().all(|done| *done),
        delivered,
    }))
}

fn error(class: ErrorClass) -> CallError {
    CallError {
        class,
        code: None,
        retry_after: None,
        message: String::new(),
    }
}

/// Next run, last run and its result.
fn shown(book: &ScheduleBook) -> (Option<String>, Option<(String, bool)>) {
    let spa = did("spa");
    let view = book.view(&spa).unwrap();
    let last = view.last.map(|last| (last.at.to_string(), last.succeeded));
    (view.next.map(|at| at.to_string()), last)
}

#[test]
fn a_run_moves_on_and_its_log_is_asked_for_a_minute_later() {
    let mut book = ScheduleBook::default();
    assert_eq!(book.view(&did("spa")), None, "not known yet");
    list(
        &mut book,
        at(0),
        &[schedule("s", "12:10", "daily", "2026-11-26T11:00:00")],
    );
    assert_eq!(shown(&book), (Some("2026-11-26T12:10:00Z".into()), None));
    assert_eq!(book.wake, Some(Duration::from_secs(600)));
    assert_eq!(book.tick(at(599)), News::default());
    let news = book.tick(at(600));
    assert_eq!((news.logs.len(), news.dids.len()), (0, 2));
    assert_eq!(shown(&book), (Some("2026-11-27T12:10:00Z".into()), None));
    assert_eq!(book.tick(at(660)).logs, [id("s")]);
    assert_eq!(book.tick(at(661)).logs, [], "once");
    book.logged(
        at(662),
        &id("s"),
        run("2026-11-26T12:10:01", &[("spa", true), ("tub", true)]),
    );
    let last = Some(("2026-11-26T12:10:01Z".to_owned(), true));
    assert_eq!(shown(&book).1, last);
    assert_eq!(book.tick(at(3_000)).logs, []);
    list(&mut book, at(3_600), &[]);
    assert_eq!(shown(&book), (None, last), "the run was, all the same");
}

#[test]
fn a_failed_run_is_looked_at_again_when_its_retries_are_over() {
    let mut book = ScheduleBook::default();
    list(
        &mut book,
        at(0),
        &[schedule("s", "12:10", "none", "2026-11-26T11:00:00")],
    );
    book.tick(at(600));
    assert_eq!(book.tick(at(660)).logs.len(), 1);
    book.logged(
        at(661),
        &id("s"),
        run("2026-11-26T12:10:00", &[("spa", true), ("tub", false)]),
    );
    assert_eq!(
        shown(&book),
        (None, Some(("2026-11-26T12:10:00Z".into(), true)))
    );
    assert_eq!(
        book.view(&did("tub"))
            .unwrap()
            .last
            .map(|last| last.succeeded),
        Some(false)
    );
    assert_eq!(book.tick(at(839)).logs.len(), 0);
    assert_eq!(book.tick(at(840)).logs.len(), 1, "after three minutes more");
    book.logged(
        at(841),
        &id("s"),
        run("2026-11-26T12:12:00", &[("spa", true), ("tub", true)]),
    );
    assert_eq!(
        book.view(&did("tub"))
            .unwrap()
            .last
            .map(|last| last.succeeded),
        Some(true)
    );
    assert_eq!(book.tick(at(9_000)).logs.len(), 0);
}

#[test]
fn a_log_that_cannot_be_had_is_tried_once_more() {
    let mut book = ScheduleBook::default();
    list(
        &mut book,
        at(0),
        &[schedule("s", "12:10", "none", "2026-11-26T11:00:00")],
    );
    let mut asked = 0;
    for second in 600..4_000 {
        if !book.tick(at(second)).logs.is_empty() {
            asked += 1;
            book.logged(at(second), &id("s"), Err(error(ErrorClass::Refused)));
        }
    }
    assert_eq!((asked, shown(&book)), (2, (None, None)));
}

#[test]
fn a_run_of_before_the_start_is_looked_up_before_anything_is_told() {
    let mut book = ScheduleBook::default();
    let ran = schedule("s", "11:00", "daily", "2026-11-26T10:00:00");
    let never = schedule("n", "11:00", "daily", "2026-11-26T11:30:00");
    list(&mut book, at(0), &[ran, never]);
    assert_eq!(book.view(&did("spa")), None, "what was told earlier stays");
    assert_eq!(book.tick(at(1)).logs, [id("s")]);
    book.logged(at(2), &id("s"), Err(error(ErrorClass::Transient)));
    assert_eq!(shown(&book), (Some("2026-11-27T11:00:00Z".into()), None));
}

#[test]
fn a_listing_of_before_our_own_change_does_not_undo_it() {
    let mut book = ScheduleBook::default();
    let (first, second) = (
        schedule("a", "13:00", "daily", "2026-11-26T11:00:00"),
        schedule("b", "14:00", "daily", "2026-11-26T11:00:00"),
    );
    list(&mut book, at(1), std::slice::from_ref(&first));
    book.take_due(Duration::from_secs(1));
    book.add(at(10), id("b"), second.plan.clone());
    book.remove(at(10), &id("a"));
    book.changed(Duration::from_secs(10));
    assert_eq!(
        book.next_deadline(),
        Some(Duration::from_secs(10)),
        "it is listed again"
    );
    let later = Some("2026-11-26T14:00:00Z".to_owned());
    assert_eq!(shown(&book).0, later);
    list(&mut book, at(9), &[first]);
    assert_eq!(shown(&book).0, later);
    list(&mut book, at(11), &[second]);
    assert_eq!(shown(&book).0, later);
    book.forget(&std::iter::once(did("spa")).collect());
    assert_eq!(
        book.view(&did("spa")).unwrap().ids,
        Vec::<&ScheduleId>::new()
    );
    assert!(book.has(&id("b")), "the other device has it");
}

#[test]
fn a_cloud_without_a_scheduler_costs_a_listing_an_hour_and_is_told_once() {
    let mut book = ScheduleBook::default();
    book.begin(Duration::ZERO);
    let mut listings = 0;
    let mut told = 0;
    for second in 0..6 * 3_600 {
        let now = Duration::from_secs(second);
        if book.take_due(now) {
            listings += 1;
            told += u32::from(book.failed(now, &error(ErrorClass::Refused), 0.5));
        }
    }
    assert_eq!((listings, told), (6, 1));
    book.page(0, Duration::from_secs(30_000), 0, Vec::new());
    assert!(book.update(at(30_001), &[], |_| true), "it is back");
    let news = book.failed(
        Duration::from_secs(30_002),
        &error(ErrorClass::Transient),
        0.0,
    );
    assert!(news);
    assert_eq!(book.next_deadline(), Some(Duration::from_secs(30_302)));
}
