use super::*;
use crate::bridge::login_limit::MAX_LOGINS_PER_HOUR;

const UNIX: i64 = 1_000_000;
const DAY: u64 = 86_400;

const fn at(secs: u64) -> Now {
    Now {
        mono: Duration::from_secs(secs),
        unix: UNIX + secs.cast_signed(),
    }
}

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn session() -> Session {
    let mut session = Session::new(None, at(0));
    session.enter(Region::Eu, at(0));
    session
}

/// Logs in at that moment, with a token for so many seconds.
fn log_in(session: &mut Session, secs: u64, life: u64) {
    session.logging_in(s(secs));
    session.logged_in(UNIX + (secs + life).cast_signed(), at(secs));
}

fn due(session: &Session, secs: u64) -> Option<u64> {
    session.login_due(at(secs)).map(|due| due.as_secs())
}

#[test]
fn a_restored_token_is_used_and_renewed_before_it_ends() {
    let mut session = Session::new(Some((Region::Eu, UNIX + 1_000)), at(0));
    session.enter(Region::Eu, at(0));
    assert!(session.is_live());
    assert_eq!(due(&session, 0), Some(900), "a tenth of its life before");
    let long = UNIX + (20 * DAY).cast_signed();
    let mut session = Session::new(Some((Region::Eu, long)), at(0));
    session.enter(Region::Eu, at(0));
    assert_eq!(due(&session, 0), Some(19 * DAY));
}

#[test]
fn a_renewal_that_fails_leaves_the_token_at_work_until_it_ends() {
    let mut session = session();
    log_in(&mut session, 0, 20 * DAY);
    let mut now = 19 * DAY;
    let mut logins = 0;
    while now < 20 * DAY {
        assert_eq!(due(&session, now), Some(now));
        session.logging_in(s(now));
        logins += 1;
        assert!(session.is_live(), "polls go on");
        session.login_failed(at(now), true, 0.0);
        assert!(session.is_live());
        now = due(&session, now).unwrap();
    }
    assert!((20..30).contains(&logins), "{logins} logins in a day");
    session.end_if_due(at(20 * DAY - 1));
    assert!(session.is_live());
    session.end_if_due(at(20 * DAY));
    assert!(!session.is_live());
    assert!(due(&session, 20 * DAY).unwrap() <= 20 * DAY + 61 * 60);
}

#[test]
fn a_renewal_that_is_refused_leaves_the_token_at_work() {
    let mut session = session();
    log_in(&mut session, 0, 20 * DAY);
    let mut now = 19 * DAY;
    for wait in [15 * 60, 3_600, 6 * 3_600, 6 * 3_600] {
        session.logging_in(s(now));
        assert_eq!(
            session.login_refused("no", at(now)),
            Refusal::Renewal(s(wait))
        );
        assert!(session.is_live());
        now += wait;
        assert_eq!(due(&session, now - wait), Some(now));
    }
}

#[test]
fn a_refused_account_is_tried_again_after_15_min_1_h_and_then_every_6_h() {
    let mut session = session();
    let mut now = 0;
    for wait in [15 * 60, 3_600, 6 * 3_600, 6 * 3_600] {
        session.logging_in(s(now));
        assert_eq!(
            session.login_refused("no", at(now)),
            Refusal::Refused {
                wait: s(wait),
                is_news: wait == 15 * 60
            }
        );
        assert_eq!(session.refusal(), Some("no"));
        now += wait;
        assert_eq!(due(&session, now - wait), Some(now));
    }
    log_in(&mut session, now, DAY);
    assert_eq!(session.refusal(), None);
}

#[test]
fn an_account_that_worked_gets_a_second_try() {
    let mut session = session();
    log_in(&mut session, 0, DAY);
    session.works();
    assert!(session.lost(session.generation(), at(2_000), 0.0));
    session.logging_in(s(2_000));
    assert_eq!(
        session.login_refused("no", at(2_000)),
        Refusal::SecondTry(s(30))
    );
    assert_eq!(
        (session.refusal(), due(&session, 2_000)),
        (None, Some(2_030))
    );
    session.logging_in(s(2_030));
    assert_eq!(
        session.login_refused("no", at(2_030)),
        Refusal::Refused {
            wait: s(900),
            is_news: true
        }
    );
}

#[test]
fn a_token_that_served_is_replaced_at_once_and_young_ones_that_are_lost_again_after_a_wait() {
    let mut session = session();
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..4 {
        log_in(&mut session, now, DAY);
        session.served(session.generation());
        now += 10;
        assert!(session.lost(session.generation(), at(now), 0.0));
        let next = due(&session, now).unwrap();
        waits.push(next - now);
        now = next;
    }
    // The fifth waits until the first login is an hour old.
    assert_eq!(waits, [0, 30, 120, 61 * 60 - 190]);
    log_in(&mut session, now, DAY);
    session.served(session.generation());
    let later = now + 2 * 3_600;
    assert!(session.lost(session.generation(), at(later), 0.0));
    assert_eq!(due(&session, later), Some(later), "it lived long");
}

#[test]
fn a_token_that_never_served_is_replaced_after_a_wait() {
    let mut session = session();
    log_in(&mut session, 0, DAY);
    assert!(session.lost(session.generation(), at(5), 0.0));
    assert_eq!(due(&session, 5), Some(35));
}

#[test]
fn no_hour_sees_more_logins_than_allowed_whatever_happens() {
    let mut session = session();
    let mut logins: Vec<u64> = Vec::new();
    let mut chance = fastrand::Rng::with_seed(5);
    let mut now = 0;
    while now < 3 * DAY {
        if session.login_due(at(now)).is_some_and(|due| due <= s(now)) {
            session.logging_in(s(now));
            logins.push(now);
            match chance.u32(..5) {
                0 => drop(session.login_refused("no", at(now))),
                1 => drop(session.login_failed(at(now), true, 0.0)),
                _ => session.logged_in(UNIX + (now + 3_000).cast_signed(), at(now)),
            }
        }
        match chance.u32(..200) {
            0 => drop(session.lost(session.generation(), at(now), 0.0)),
            1 => drop(session.push_refused(s(now), at(now))),
            2 => session.try_now(s(now)),
            3 => session.works(),
            4 => session.served(session.generation()),
            _ => {}
        }
        session.end_if_due(at(now));
        now += 10;
    }
    assert!(logins.len() > 100, "{}", logins.len());
    for window in logins.windows(MAX_LOGINS_PER_HOUR + 1) {
        assert!(
            window[MAX_LOGINS_PER_HOUR] > window[0] + 3_600,
            "{window:?}"
        );
    }
}

#[test]
fn a_login_that_never_left_costs_nothing() {
    let mut session = session();
    for now in 0..20 {
        assert_eq!(due(&session, now), Some(now));
        session.logging_in(s(now));
        session.login_failed(at(now), false, 0.0);
        session.try_now(s(now + 1));
    }
}

#[test]
fn a_person_may_have_it_tried_at_once() {
    let mut session = session();
    session.logging_in(s(0));
    session.login_refused("no", at(0));
    session.try_now(s(60));
    assert_eq!(due(&session, 60), Some(60));
}

#[test]
fn an_end_in_the_past_is_not_believed() {
    let mut session = session();
    session.logging_in(s(0));
    session.logged_in(0, at(1));
    session.end_if_due(at(3_600));
    assert!(session.is_live());
    assert_eq!(due(&session, 3_600), Some(544_321));
}

#[test]
fn a_token_that_push_refuses_is_renewed_at_once_however_young_it_is() {
    let mut session = session();
    log_in(&mut session, 0, 20 * DAY);
    assert_eq!(session.push_refused(s(20), at(21)), Some(s(0)));
    assert_eq!(due(&session, 21), Some(21));
    assert!(session.is_live(), "other calls go on with it");
    assert!(!session.has_push_token(), "push waits for the next one");
    assert_eq!(session.push_refused(s(20), at(22)), None, "no news");
    log_in(&mut session, 22, 20 * DAY);
    assert!(session.has_push_token());
    assert_eq!(
        session.push_refused(s(20), at(23)),
        None,
        "that login left with the token before"
    );
}

#[test]
fn push_that_refuses_every_token_costs_few_logins() {
    let mut session = session();
    log_in(&mut session, 0, 20 * DAY);
    let mut now = 10;
    for wait in [0, 15 * 60, 3_600, 6 * 3_600, 6 * 3_600] {
        assert_eq!(session.push_refused(s(now), at(now)), Some(s(wait)));
        assert_eq!(session.has_push_token(), wait > 0, "push goes on trying");
        now += wait;
        assert_eq!(due(&session, now - wait), Some(now));
        log_in(&mut session, now, 20 * DAY);
        now += 10;
    }
    session.push_accepted();
    assert_eq!(session.push_refused(s(now), at(now)), Some(s(0)));
}

#[test]
fn losing_an_older_token_is_no_news() {
    let mut session = session();
    log_in(&mut session, 1, DAY);
    let older = session.generation();
    session.served(older);
    assert!(session.lost(older, at(2), 0.0));
    assert!(
        !session.lost(older, at(2), 0.0),
        "two calls lost the same token"
    );
    log_in(&mut session, 3, DAY);
    assert!(!session.lost(older, at(4), 0.0));
    assert!(session.is_live());
}
