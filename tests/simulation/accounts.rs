//! Logins, regions, listings, reloads.

use std::collections::{BTreeMap, BTreeSet};

use gizwits2mqtt::bridge::settings::Account;
use gizwits2mqtt::bridge::{Input, Restored};
use gizwits2mqtt::ids::{AccountName, Did};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::simulator::Scenario;
use serde_json::{Value, json};

use super::universe::Universe;
use super::{settings, still};

#[test]
fn a_first_listing_that_fails_is_soon_repeated() {
    let mut universe = Universe::prepare(9, still(), settings(), Restored::default());
    universe.sim(
        "faults",
        &json!({ "path": "/app/bindings", "kind": "error", "code": 9008, "count": 3 }),
    );
    universe.start();
    universe.run_for(180);
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"38");
}

#[test]
fn a_listing_that_loses_its_token_twice_is_soon_repeated() {
    let mut universe = Universe::prepare(4, still(), settings(), Restored::default());
    universe.sim(
        "faults",
        &json!({ "path": "/app/bindings", "kind": "error", "code": 9004, "count": 2 }),
    );
    universe.start();
    universe.run_for(240);
    universe.check_truth();
}

#[test]
fn devices_are_found_in_the_region_that_has_them() {
    let mut wide = settings();
    for account in wide.accounts.values_mut() {
        account.regions = vec![Region::Eu, Region::Us, Region::Cn];
    }
    let mut universe = Universe::prepare(2, still(), wide, Restored::default());
    universe.empty_region = Some(Region::Eu);
    universe.start();
    universe.run_for(60);
    assert_eq!(universe.retained["g/hot_tub/temp_set"], b"38");
    let info: Value = serde_json::from_slice(&universe.retained["g/bridge/info"]).unwrap();
    assert_eq!(info["accounts"]["home"]["region"], "us");
}

#[test]
fn a_reload_in_the_middle_of_a_command_ends_it_with_a_result() {
    let mut universe = Universe::new(6, still());
    universe.run_for(60);
    universe.command();
    assert!(!universe.here.flights.is_empty(), "the call is under way");
    let mut changed = settings();
    for account in changed.accounts.values_mut() {
        account.regions = vec![Region::Eu];
    }
    universe.tell(Input::Reconfigure(Box::new(changed)));
    universe.run_for(60);
    assert_eq!(universe.results[&1].len(), 1);
    universe.command();
    universe.run_for(60);
    assert_eq!(universe.results[&2][0]["confirmed"], true);
}

#[test]
fn one_account_does_not_wait_for_the_schema_that_another_asks_for() {
    let mut both = settings();
    let account = |did: &str| Account {
        user: 1,
        regions: vec![Region::Custom],
        include: Some(BTreeSet::from([Did::new(did).unwrap()])),
        exclude: BTreeSet::new(),
    };
    let scenario = Scenario::with_devices(20);
    let tub = |alias: &str| {
        let mut devices = scenario.devices.iter();
        devices.find(|device| device.alias == alias).unwrap()
    };
    let (first, second) = (tub("Hot tub 0"), tub("Hot tub 8"));
    assert_eq!(first.product_key, second.product_key);
    both.accounts = BTreeMap::from([
        (AccountName::new("a").unwrap(), account(&first.did)),
        (AccountName::new("b").unwrap(), account(&second.did)),
    ]);
    let mut universe = Universe::prepare(3, scenario, both, Restored::default());
    universe.cut = Some(("a", "schema"));
    universe.start();
    universe.run_for(60);
    assert_eq!(universe.retained["g/hot_tub_8/temp_set"], b"38");
}

#[test]
fn an_account_that_is_taken_out_takes_its_sensor_along() {
    let mut both = settings();
    let spare = both.accounts.values().next().unwrap().clone();
    both.accounts
        .insert(AccountName::new("spare").unwrap(), spare);
    let mut universe = Universe::prepare(4, still(), both, Restored::default());
    universe.start();
    universe.run_for(30);
    universe.tell(Input::Reconfigure(Box::new(settings())));
    universe.run_for(30);
    let topics = universe.retained.keys();
    let mut topics = topics.filter(|topic| topic.contains("gizwits2mqtt_bridge"));
    let components = &universe.retained_json(topics.next().unwrap())["components"];
    let key = "account_spare";
    let component = components.as_object().unwrap().iter();
    let mut component = component.filter(|(name, _)| name.contains(key));
    let (_, stub) = component.next().unwrap();
    assert_eq!(*stub, json!({ "platform": "sensor" }));
    assert!(component.next().is_none());
}

#[test]
fn another_user_under_the_same_name_is_searched_for_in_all_regions() {
    let wide = |user: u64| {
        let mut wide = settings();
        for account in wide.accounts.values_mut() {
            account.user = user;
            account.regions = vec![Region::Eu, Region::Us, Region::Cn];
        }
        wide
    };
    let mut universe = Universe::prepare(2, still(), wide(1), Restored::default());
    universe.start();
    universe.run_for(60);
    let region = |universe: &Universe| {
        universe.retained_json("g/bridge/info")["accounts"]["home"]["region"].clone()
    };
    assert_eq!(region(&universe), "eu");
    universe.empty_region = Some(Region::Eu);
    universe.here.settings = wide(2);
    universe.tell(Input::Reconfigure(Box::new(wide(2))));
    universe.run_for(60);
    assert_eq!(region(&universe), "us", "the other user has devices there");
    universe.check_truth();
}
