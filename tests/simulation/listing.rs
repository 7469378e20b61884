//! Listings that take long: of so many devices that the next one is due before the end, and with an answer
//! that is old when it comes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use gizwits2mqtt::bridge::{Restored, Settings};
use gizwits2mqtt::simulator::Scenario;
use serde_json::json;

use super::core::Bug;
use super::laws::Broken;
use super::universe::Universe;
use super::{settings, still};

/// 6 pages. The first values of the devices on a page go before the next page.
const DEVICES: usize = 100;
const PER_MINUTE: u32 = 7;
/// So long the first listing takes at most: a call for each page and each device, a fifth of the calls left
/// for others. The next listing is due 10 minutes after it began.
const LISTED_WITHIN: u64 = 45 * 60;
/// A device that was bound while everything works is known by then.
const FOUND_WITHIN: u64 = 120;

fn universe(bug: Option<Bug>, scenario: Scenario, per_minute: u32) -> Universe {
    let settings = Settings {
        push: true,
        poll_interval_with_push: Duration::from_secs(1_800),
        requests_per_minute: per_minute,
        ..settings()
    };
    let mut universe = Universe::with_bug(bug, 1, scenario, settings, Restored::default());
    universe.is_strict = true;
    let slow = json!({ "path": "/app/bindings", "kind": "slow", "seconds": 4, "count": 100_000 });
    universe.sim("faults", &slow);
    universe.start();
    universe
}

fn bind(universe: &mut Universe, did: &str) {
    let device = json!({
        "did": did,
        "product_key": "5a1a9d1de0f54a4e8b9f7b1c62d0a002",
        "mac": "0fffffffff01",
        "alias": did,
        "users": ["demo@example.com"],
        "attrs": { "mode": "eco" },
    });
    universe.sim("devices", &device);
}

fn must_know(universe: &Universe, did: &str) {
    let listed = universe.retained.get("g/bridge/devices");
    let listed = listed.map(|listed| String::from_utf8_lossy(listed));
    if !listed.as_ref().is_some_and(|listed| listed.contains(did)) {
        let count = listed.map(|listed| listed.matches("\"did\"").count());
        universe.fail("hint", format!("{did} is not among the {count:?} devices"));
    }
}

/// A listing that is still under way when the next one is due.
fn list_many(bug: Option<Bug>) {
    let mut universe = universe(bug, Scenario::with_devices(DEVICES), PER_MINUTE);
    universe.run_for(5 * 60);
    bind(&mut universe, "NewHeater0000000000001");
    universe.run_for(LISTED_WITHIN);
    must_know(&universe, "NewHeater0000000000001");
}

/// The second device is bound when the cloud has answered what the first one led to, and before the answer
/// is here.
fn bind_two(bug: Option<Bug>) {
    let mut universe = universe(bug, still(), 30);
    universe.run_for(120);
    bind(&mut universe, "NewHeater0000000000001");
    universe.run_for(4);
    bind(&mut universe, "NewHeater0000000000002");
    universe.run_for(FOUND_WITHIN);
    must_know(&universe, "NewHeater0000000000001");
    must_know(&universe, "NewHeater0000000000002");
}

fn must_hold(live: fn(Option<Bug>)) {
    if let Err(broken) = catch_unwind(|| live(None)) {
        match broken.downcast::<Broken>() {
            Ok(broken) => panic!(
                "{}\n{}: {}",
                broken.trace.join("\n"),
                broken.law,
                broken.what
            ),
            Err(other) => std::panic::resume_unwind(other),
        }
    }
}

#[test]
fn a_listing_that_takes_longer_than_its_interval_comes_to_its_end() {
    must_hold(list_many);
}

#[test]
fn a_device_that_is_bound_while_a_listing_is_under_way_is_found() {
    must_hold(bind_two);
}

#[test]
fn a_listing_that_is_begun_anew_and_a_hint_that_is_lost_are_seen() {
    let broken = |live: fn(Option<Bug>), bug: Bug| {
        let lived = catch_unwind(AssertUnwindSafe(|| live(Some(bug))));
        let broken = lived.expect_err("it is not seen").downcast::<Broken>();
        broken.expect("another panic").law
    };
    assert_eq!(broken(list_many, Bug::ListingRestarted), "listing");
    assert_eq!(broken(bind_two, Bug::HintLost), "hint");
}
