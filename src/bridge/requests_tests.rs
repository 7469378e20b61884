//! Tests of `requests.rs`.

use super::*;
use crate::ids::ScheduleId;

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn asker(verb: &str) -> Asker {
    Asker {
        verb: verb.into(),
        transaction: None,
        reply: None,
    }
}

fn remove() -> Work {
    Work::Call(CloudCall::RemoveSchedule(ScheduleId::new("s").unwrap()))
}

fn list() -> Work {
    Work::Schedules {
        did: None,
        zone: None,
    }
}

fn reasons(unserved: &[Unserved]) -> Vec<&str> {
    unserved.iter().map(|one| one.reason.as_str()).collect()
}

#[test]
fn a_request_is_answered_once_by_the_cloud_or_by_the_clock() {
    let mut requests = Requests::default();
    let mut add = |verb, work| {
        requests
            .add(asker(verb), account("home"), work, s(10))
            .unwrap()
    };
    let (waits, sent, done) = (
        add("waits", remove()),
        add("sent", remove()),
        add("done", remove()),
    );
    add("lists", list());
    assert!(requests.take(sent).is_some());
    assert!(requests.take(done).is_some());
    assert!(requests.done(done).unwrap().0.is_some());
    assert!(requests.done(done).is_none());
    assert_eq!(requests.next_deadline(), Some(s(70)));
    assert_eq!(requests.expire(s(69), |_| "ok"), []);
    let over = requests.expire(s(70), |_| "throttled");
    assert_eq!(
        reasons(&over),
        [
            "not sent within 60 s, so given up: the account is throttled",
            "no answer within 60 s, so it is not known whether the cloud did it; it is not sent again",
            "the schedules could not be listed within 60 s: the account is throttled",
        ]
    );
    assert_eq!(requests.expire(s(71), |_| "ok"), []);
    assert_eq!(requests.next_deadline(), None);
    assert_eq!(requests.take(waits), None);
    let (nobody, _) = requests.done(sent).unwrap();
    assert_eq!(nobody, None, "what was done is seen all the same");
}

#[test]
fn a_call_that_comes_back_after_its_answer_is_not_sent_again() {
    let mut requests = Requests::default();
    let id = requests
        .add(asker("x"), account("home"), remove(), s(0))
        .unwrap();
    assert!(requests.take(id).is_some());
    assert_eq!(requests.expire(s(60), |_| "ok").len(), 1);
    requests.returned(id);
    assert_eq!(requests.take(id), None);
    let id = requests
        .add(asker("x"), account("home"), remove(), s(60))
        .unwrap();
    assert!(requests.take(id).is_some());
    requests.returned(id);
    assert!(requests.take(id).is_some(), "somebody waits still");
}

#[test]
fn a_listing_serves_those_who_asked_before_it() {
    let mut requests = Requests::default();
    for (verb, name, at) in [("old", "home", 1), ("new", "home", 3), ("else", "other", 1)] {
        requests
            .add(asker(verb), account(name), list(), s(at))
            .unwrap();
    }
    let served = requests.take_listed(&account("home"), s(2));
    let verbs: Vec<&str> = served
        .iter()
        .map(|(asker, ..)| asker.verb.as_str())
        .collect();
    assert_eq!(verbs, ["old"]);
    assert!(requests.want_schedules(&account("home")));
    assert_eq!(requests.take_listed(&account("home"), s(3)).len(), 1);
    assert!(!requests.want_schedules(&account("home")));
}

#[test]
fn abandoned_ones_say_what_is_known() {
    let mut requests = Requests::default();
    let mut add = |name| {
        requests
            .add(asker("x"), account(name), remove(), s(0))
            .unwrap()
    };
    let (sent, _, _) = (add("home"), add("home"), add("other"));
    requests.take(sent);
    let ended = requests.abandon("gone", |name| *name == account("home"));
    assert_eq!(
        reasons(&ended),
        [
            "it is not known whether the cloud did it: gone",
            "not done: gone"
        ]
    );
    assert!(requests.done(sent).is_none());
    assert_eq!(requests.abandon("gone", |_| true).len(), 1);
}

#[test]
fn too_many_are_refused() {
    let mut requests = Requests::default();
    for _ in 0..MAX_WAITING {
        requests
            .add(asker("x"), account("home"), list(), s(0))
            .unwrap();
    }
    let refused = requests
        .add(asker("x"), account("home"), list(), s(0))
        .unwrap_err();
    assert!(refused.reason.contains("64 requests"), "{}", refused.reason);
}
