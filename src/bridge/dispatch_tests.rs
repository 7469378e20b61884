//! Which call leaves next, seen from outside: whole bridges against a cloud that is told how to answer.

use serde_json::json;

use super::input::{ErrorClass, Input};
use super::machine::{Bridge, Restored};
use super::town::{Town, at, name, s};

#[test]
fn accounts_behind_one_limit_take_turns_and_none_starves() {
    let mut town = Town::new(&[("a", 90), ("b", 3), ("c", 1)], |settings| {
        settings.total_requests_per_minute = Some(12);
        settings.requests_per_minute = 60;
    });
    // The many devices of `a` are never well, and always more urgent.
    town.rules.push(("latest a", ErrorClass::Transient));
    town.run_until(s(3600));
    let most = town.most_in_a_minute();
    assert!((10..=12).contains(&most), "{most} calls in a minute");
    for account in ["a", "b", "c"] {
        assert_eq!(town.count(account, "login", s(0)), 1, "{account}");
        assert!(town.count(account, "bindings", s(1000)) >= 2, "{account}");
    }
    for (account, did) in [("b", "b000"), ("b", "b001"), ("b", "b002"), ("c", "c000")] {
        let polls = town.count(account, &format!("latest {did}"), s(600));
        assert!(polls >= 15, "{polls} polls of {did} in fifty minutes");
    }
    let spent = town.calls.iter().filter(|(at, ..)| *at >= s(600)).count();
    assert!(spent > 50 * 9, "only {spent} calls: the limit is not used");
    assert!(town.reasons.contains("shared limit"));
}

#[test]
fn a_command_passes_where_polls_use_up_the_shared_limit() {
    let mut town = Town::new(&[("a", 90), ("b", 1)], |settings| {
        settings.total_requests_per_minute = Some(10);
    });
    town.run_until(s(600));
    for n in 0..5 {
        let since = town.now;
        town.order(
            "g/b000/set",
            format!("{{\"on\": {}}}", n % 2 == 0).as_bytes(),
        );
        town.run_until(since + s(45));
        // The devices here show nothing, so one may go out once more.
        assert!((1..=2).contains(&town.count("b", "control", since)));
        let left = town
            .calls
            .iter()
            .find(|(at, _, text)| *at >= since && text.contains("control"));
        assert_eq!(left.unwrap().0, since, "at once");
    }
    assert!(town.most_in_a_minute() <= 10);
}

#[test]
fn devices_that_always_fail_keep_neither_listings_nor_other_polls_from_going_on() {
    let mut town = Town::new(&[("a", 60)], |settings| {
        settings.requests_per_minute = 12;
        settings.poll_interval = s(30);
    });
    town.rules.push(("latest a00", ErrorClass::Refused));
    town.run_until(s(600));
    town.rules = vec![
        ("latest a00", ErrorClass::Transient),
        ("latest a01", ErrorClass::Transient),
    ];
    town.run_until(s(7200));
    assert!(town.most_in_a_minute() <= 12);
    let listings = town.count("a", "bindings", s(3600));
    assert!(listings >= 4, "{listings} listings in an hour");
    for n in 20..60 {
        let polls = town.count("a", &format!("latest a0{n}"), s(3600));
        assert!(polls >= 2, "{polls} polls of device {n} in an hour");
    }
}

#[test]
fn a_device_without_values_goes_before_all_that_wait_for_their_round() {
    let mut town = Town::new(&[("a", 40)], |settings| settings.requests_per_minute = 12);
    town.run_until(s(1800));
    town.homes.insert(name("a"), 41);
    town.order("g/bridge/request/refresh", b"{}");
    let since = town.now;
    town.run_until(since + s(900));
    let calls = town.calls.iter().filter(|(at, ..)| *at >= since);
    let texts: Vec<&str> = calls.map(|(.., text)| text.as_str()).collect();
    let listed = texts.iter().position(|text| *text == "bindings").unwrap();
    let first = texts
        .iter()
        .position(|text| *text == "latest a040")
        .unwrap();
    assert!(first <= listed + 5, "{first} after the listing at {listed}");
    assert!(texts.len() > first + 40, "the others were waiting");
}

#[test]
fn in_an_outage_a_new_command_does_not_wait_behind_one_that_came_back() {
    let mut town = Town::new(&[("a", 2)], |_| {});
    town.run_until(s(120));
    town.rules.push(("", ErrorClass::Unsent));
    // Long enough for the pauses between two tries to be long.
    town.order("g/a000/set", b"{\"on\": false}");
    town.run_until(s(240));
    assert!(town.count("a", "control a000", s(120)) >= 1);
    let since = town.now;
    town.order("g/a001/set", b"{\"on\": false}");
    assert_eq!(town.count("a", "control a001", since), 1);
}

#[test]
fn the_rate_falls_with_9041_is_shown_and_comes_back() {
    let mut town = Town::new(&[("a", 40)], |_| {});
    town.run_until(s(300));
    town.rules.push(("latest", ErrorClass::Throttled));
    town.run_until(s(301));
    town.rules.clear();
    town.run_until(s(420));
    let shown = &town.health["budget"]["a"];
    assert_eq!(
        (&shown["limit"], &shown["learnt"]),
        (&json!(30), &json!(15))
    );
    assert_eq!(town.health["remaining_budget"]["a"], shown["left"]);
    assert_eq!(town.saved[&name("a")].per_minute, Some(15));
    let calls = town.count("a", "", s(340)) - town.count("a", "", s(400));
    assert!((10..=15).contains(&calls), "{calls} calls in that minute");
    town.run_until(s(300 + 3600));
    assert_eq!(town.health["budget"]["a"]["learnt"], 30);
    assert_eq!(town.saved[&name("a")].per_minute, None, "that is kept, too");
}

#[test]
fn a_restart_is_no_way_around_the_limit() {
    let mut town = Town::new(&[("a", 40)], |settings| {
        settings.total_requests_per_minute = Some(25);
    });
    for _ in 0..6 {
        town.run_until(town.now + s(7));
        town.tell(Input::Stop);
        let restored = Restored {
            budgets: town.saved.clone(),
            ..Restored::default()
        };
        town.under_way.clear();
        town.bridge = Bridge::new(town.settings.clone(), restored, 1, at(town.now));
        town.tell(Input::Tick);
    }
    town.run_until(town.now + s(120));
    let most = town.most_in_a_minute();
    assert!((20..=25).contains(&most), "{most} calls in a minute");
}

#[test]
fn a_reload_changes_the_shared_limit_and_forgets_no_call() {
    let mut town = Town::new(&[("a", 30), ("b", 30)], |settings| {
        settings.requests_per_minute = 600;
    });
    town.run_until(s(20));
    let before = town.calls.len();
    assert!(before > 20);
    town.settings.total_requests_per_minute = Some(10);
    town.tell(Input::Reconfigure(Box::new(town.settings.clone())));
    town.run_until(s(59));
    assert_eq!(town.calls.len(), before, "more than ten are spent already");
    town.run_until(s(300));
    let late = town
        .calls
        .iter()
        .filter(|(at, ..)| *at >= s(120) && *at < s(180));
    assert!((6..=10).contains(&late.count()));
}
