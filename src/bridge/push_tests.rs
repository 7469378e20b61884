//! What push saves, and what is done without it: whole bridges over hours and days.

use std::time::Duration;

use super::input::Input;
use super::settings::Settings;
use super::town::{Town, s};

const DAY: Duration = Duration::from_secs(86_400);

/// All devices are heard over push.
fn town(devices: u32) -> Town {
    let mut town = Town::new(&[("a", devices)], |settings: &mut Settings| {
        settings.push = true
    });
    town.run_until(s(120));
    assert_eq!(state(&town), "ok");
    town
}

fn state(town: &Town) -> &str {
    let (_, info) = town.infos.last().unwrap();
    info["push"]["state"].as_str().unwrap()
}

/// Each device is polled once a minute from then on.
fn is_polled_as_without_push(town: &mut Town, dids: &[&str]) {
    let since = town.now;
    town.run_until(since + s(600));
    for did in dids {
        let polls = town.count("a", &format!("latest {did}"), since);
        assert!(
            (9..=12).contains(&polls),
            "{did}: {polls} polls in ten minutes"
        );
    }
}

#[test]
fn ten_idle_devices_cost_fewer_than_600_calls_a_day() {
    let mut town = Town::new(&[("a", 10)], |settings: &mut Settings| {
        settings.push = true;
        settings.poll_interval_with_push = s(1_800);
    });
    town.run_until(DAY);
    let kinds = ["login", "bindings", "schema", "latest", "schedules"];
    let counts = kinds.map(|kind| (kind, town.count("a", kind, s(0))));
    let calls = town.calls.len();
    assert!(calls < 600, "{calls} calls: {counts:?}");
    assert!(
        town.count("a", "latest", s(0)) > 400,
        "no safety net: {counts:?}"
    );
    assert_eq!(town.sockets.len(), 1, "one connection held all day");
}

#[test]
fn after_a_reload_without_push_devices_are_polled_again() {
    let mut town = town(3);
    town.run_until(s(7_200));
    town.settings.push = false;
    town.tell(Input::Reconfigure(Box::new(town.settings.clone())));
    is_polled_as_without_push(&mut town, &["a000", "a001", "a002"]);
}

#[test]
fn a_device_that_moves_to_a_host_that_is_dark_is_polled() {
    let mut town = town(3);
    town.run_until(s(7_200));
    town.moved.insert("a001".into(), "elsewhere");
    town.dark.insert("elsewhere");
    town.order("g/bridge/request/refresh", b"{}");
    town.run_until(s(7_260));
    is_polled_as_without_push(&mut town, &["a001"]);
    assert_eq!(state(&town), "partial");
    let since = town.now - s(600);
    assert!(town.count("a", "latest a000", since) <= 2, "it is heard");
}

#[test]
fn when_push_is_lost_devices_are_polled_and_the_bindings_listed_again() {
    let mut town = town(3);
    town.run_until(s(14_400));
    town.dark.insert("m2m");
    town.drop_sockets();
    let since = town.now;
    is_polled_as_without_push(&mut town, &["a000", "a001", "a002"]);
    assert!(
        town.count("a", "bindings", since) >= 1,
        "nobody tells of changes"
    );
}

#[test]
fn hours_without_push_are_told_once() {
    let mut town = town(3);
    town.dark.insert("m2m");
    town.drop_sockets();
    let since = town.now;
    town.run_until(since + s(10));
    assert_eq!(state(&town), "down");
    let told = town.infos.len();
    town.run_until(since + s(7_200));
    assert!(town.sockets.len() > 50, "it goes on trying");
    let later: Vec<_> = town.infos.iter().skip(told).collect();
    assert!(later.len() <= 1, "told {} times", later.len());
    let (_, info) = town.infos.last().unwrap();
    let connection = &info["push"]["connections"][0];
    assert_eq!(connection["reason"], "nobody there");
    town.dark.clear();
    town.run_until(town.now + s(120));
    assert_eq!(state(&town), "ok");
}

#[test]
fn a_host_that_answers_no_subscription_is_tried_anew() {
    let mut town = Town::new(&[("a", 1)], |settings: &mut Settings| settings.push = true);
    town.is_deaf = true;
    town.run_until(s(600));
    assert!(town.sockets.len() >= 5, "{:?}", town.sockets);
    town.is_deaf = false;
    town.run_until(s(900));
    assert_eq!(state(&town), "ok");
    let polls = town.count("a", "latest", s(750));
    assert!(polls <= 2, "{polls} polls: it is heard");
}

#[test]
fn a_device_that_push_never_brings_costs_a_connection_an_hour_at_most() {
    let mut town = town(2);
    town.mute = Some("a001");
    town.run_until(s(120) + s(6 * 3_600));
    let opened = town.sockets.len();
    assert!(
        (2..=8).contains(&opened),
        "{opened} connections in six hours"
    );
}

#[test]
fn a_mute_connection_is_ended_within_minutes_and_its_devices_are_polled() {
    for devices in [1, 5] {
        let mut town = Town::new(&[("a", devices)], |settings: &mut Settings| {
            settings.push = true;
            settings.poll_interval_with_push = s(1_800);
        });
        town.run_until(s(3_600));
        assert_eq!(town.sockets.len(), 1, "a good connection is kept");
        town.is_mute = true;
        let since = town.now;
        town.run_until(since + s(240));
        assert!(town.sockets.len() >= 2, "{devices}: it was not ended");
        is_polled_as_without_push(&mut town, &["a000"]);
        town.run_until(since + s(6 * 3_600));
        let opened = town.sockets.len();
        assert!(opened < 20, "{devices}: {opened} connections in six hours");
        town.is_mute = false;
        let since = town.now + s(600);
        town.run_until(since + s(3_600));
        let polls = town.count("a", "latest a000", since);
        assert!(polls <= 3, "{devices}: {polls} polls though it is heard");
    }
}

#[test]
fn one_doubted_device_costs_the_others_no_poll() {
    let mut town = town(20);
    town.run_until(s(3_600));
    town.mute = Some("a001");
    let since = town.now;
    town.run_until(since + s(300));
    town.mute = None;
    town.run_until(since + s(1_800));
    let polls = town.count("a", "latest a000", since);
    assert!(polls <= 8, "{polls} polls of a device that nobody doubts");
}
