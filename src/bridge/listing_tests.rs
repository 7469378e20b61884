//! When whole bridges list the bindings.

use super::settings::Settings;
use super::town::{Town, name, s};

/// Moments at which a listing began, since then.
fn listings(town: &Town, since: u64) -> Vec<u64> {
    let firsts = town.pages.iter().filter(|(_, skip)| *skip == 0);
    let times = firsts.map(|(at, _)| at.as_secs());
    times.filter(|at| *at >= since).collect()
}

#[test]
fn a_listing_that_takes_longer_than_its_interval_ends_and_its_devices_are_polled_meanwhile() {
    let mut town = Town::new(&[("a", 600)], |settings: &mut Settings| {
        settings.requests_per_minute = 4;
    });
    town.is_paged = true;
    town.run_until(s(600));
    assert!(town.count("a", "latest", s(0)) > 0, "first polls starve");
    town.run_until(s(6 * 3_600));
    let pages: Vec<u32> = town.pages.iter().map(|(_, skip)| *skip).take(31).collect();
    let whole: Vec<u32> = (0..=30).map(|page| page * 20).collect();
    assert_eq!(pages, whole, "one listing, never begun anew");
    for n in 0..600 {
        let polls = town.count("a", &format!("latest a{n:03}"), s(0));
        assert!(polls > 0, "a{n:03} was never polled");
    }
    assert!(listings(&town, 1).len() > 1, "there is a next one");
}

#[test]
fn a_refresh_does_not_begin_a_listing_anew_and_leads_to_one_more() {
    let mut town = Town::new(&[("a", 100)], |settings: &mut Settings| {
        settings.requests_per_minute = 30;
        settings.bindings_interval = s(86_400);
    });
    town.is_paged = true;
    while town.pages.len() < 3 {
        town.run_until(town.now + s(1));
    }
    for _ in 0..3 {
        town.order("g/bridge/request/refresh", b"{}");
    }
    town.run_until(s(3_600));
    let skips: Vec<u32> = town.pages.iter().map(|(_, skip)| *skip).collect();
    let whole = [0, 20, 40, 60, 80, 100];
    assert_eq!(skips[..6], whole);
    assert_eq!(skips[6..12], whole, "one more for all three");
    assert_eq!(skips.len(), 12, "{skips:?}");
}

#[test]
fn an_account_without_devices_is_listed_each_interval() {
    for push in [false, true] {
        let mut town = Town::new(&[("a", 0)], |settings: &mut Settings| settings.push = push);
        town.run_until(s(3_300));
        let times = listings(&town, 1);
        assert_eq!(times.len(), 5, "{times:?}");
        town.homes.insert(name("a"), 1);
        town.run_until(s(3_700));
        assert!(town.count("a", "latest a000", s(3_300)) > 0, "it joined");
    }
}

#[test]
fn listings_come_at_the_interval_with_push_where_push_brings_all_devices() {
    let mut town = Town::new(&[("a", 3)], |settings: &mut Settings| {
        settings.push = true;
        settings.bindings_interval_with_push = s(1_800);
    });
    town.run_until(s(10_000));
    // The first one comes before there is a connection.
    let times = listings(&town, 1);
    let apart: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(times[0] <= 601, "{times:?}");
    assert!(
        apart.iter().all(|apart| (1_800..1_830).contains(apart)) && apart.len() >= 4,
        "{times:?}"
    );
    town.moved.insert("a001".into(), "elsewhere");
    town.dark.insert("elsewhere");
    town.order("g/bridge/request/refresh", b"{}");
    town.run_until(s(14_000));
    let times = listings(&town, 10_100);
    let apart = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(
        apart.clone().all(|apart| (600..630).contains(&apart)) && apart.count() >= 4,
        "push does not bring a001: {times:?}"
    );
}
