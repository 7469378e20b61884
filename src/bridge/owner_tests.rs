//! Who owns a device, and what is taken from Home Assistant when that changes.

use std::collections::{BTreeMap, BTreeSet};

use super::input::{ErrorClass, Input};
use super::registry::Registry;
use super::settings::{HomeAssistant, Settings, Shard};
use super::testing::device;
use super::town::{Town, name, s};
use crate::ids::Did;

fn announcing(settings: &mut Settings) {
    settings.homeassistant = Some(HomeAssistant {
        discovery_prefix: "ha".into(),
        status_topic: "ha/status".into(),
    });
    settings.bindings_interval = s(60);
}

fn discovery(did: &str) -> String {
    format!("ha/device/gizwits2mqtt_{did}/config")
}

fn reload(town: &mut Town, change: impl FnOnce(&mut Settings)) {
    change(&mut town.settings);
    town.tell(Input::Reconfigure(Box::new(town.settings.clone())));
}

/// Nothing of these devices was emptied.
fn keeps(town: &Town, dids: &[&str]) {
    for did in dids {
        let level = format!("g/{did}");
        let mut emptied = town.emptied.iter();
        let of_device =
            emptied.find(|topic| topic.starts_with(&level) || **topic == discovery(did));
        assert_eq!(of_device, None, "{did}");
        assert!(town.retained.contains_key(&discovery(did)), "{did}");
    }
}

#[test]
fn listings_that_lack_a_device_take_it_only_after_a_quarter_of_an_hour() {
    let mut town = Town::new(&[("a", 2)], announcing);
    town.run_until(s(120));
    town.homes.insert(name("a"), 0);
    town.run_until(s(900));
    keeps(&town, &["a000", "a001"]);
    town.run_until(s(1_300));
    assert!(town.emptied.contains(&discovery("a000")));
    assert!(town.emptied.contains(&"g/a000/availability".to_owned()));
    assert!(!town.retained.contains_key(&discovery("a001")));
}

#[test]
fn a_call_of_its_own_that_is_refused_as_not_bound_proves_it() {
    let mut town = Town::new(&[("a", 2)], announcing);
    town.run_until(s(120));
    town.rules.push(("latest a001", ErrorClass::DeviceGone));
    town.run_until(s(600));
    keeps(&town, &["a000", "a001"]);
    town.homes.insert(name("a"), 1);
    town.run_until(s(800));
    assert!(town.emptied.contains(&discovery("a001")));
    keeps(&town, &["a000"]);
}

#[test]
fn a_device_that_another_account_has_now_moves_there_and_nothing_is_emptied() {
    let mut town = Town::new(&[("a", 2), ("b", 1)], |settings: &mut Settings| {
        announcing(settings);
        settings.bindings_interval = s(600);
    });
    town.run_until(s(120));
    town.homes.insert(name("a"), 1);
    town.bound.insert(name("b"), vec!["a001"]);
    town.run_until(s(3_600));
    keeps(&town, &["a000", "a001", "b000"]);
    let since = s(3_000);
    assert!(town.count("b", "latest a001", since) > 5, "b polls it");
    assert_eq!(town.count("a", "latest a001", since), 0);
}

#[test]
fn an_account_that_is_renamed_keeps_its_devices() {
    let mut town = Town::new(&[("a", 2)], announcing);
    town.run_until(s(120));
    town.bound.insert(name("new"), vec!["a000", "a001"]);
    town.homes.insert(name("new"), 0);
    reload(&mut town, |settings| {
        let account = settings.accounts.remove(&name("a")).unwrap();
        settings.accounts.insert(name("new"), account);
    });
    town.run_until(s(1_800));
    keeps(&town, &["a000", "a001"]);
    assert!(town.count("new", "latest a000", s(1_000)) > 5);
}

#[test]
fn what_another_bridge_announces_of_an_excluded_device_stays() {
    for is_ours in [true, false] {
        let mut town = Town::new(&[("a", 2)], announcing);
        town.run_until(s(120));
        if !is_ours {
            let theirs = br#"{"availability":[{"topic":"other/bridge/state"}]}"#;
            town.retained.insert(discovery("a001"), theirs.to_vec());
        }
        reload(&mut town, |settings| {
            let account = settings.accounts.get_mut(&name("a")).unwrap();
            account.exclude = BTreeSet::from([Did::new("a001").unwrap()]);
        });
        town.run_until(s(200));
        assert!(town.emptied.contains(&"g/a001/on".to_owned()), "{is_ours}");
        assert_eq!(town.emptied.contains(&discovery("a001")), is_ours);
        keeps(&town, &["a000"]);
    }
}

#[test]
fn one_instance_more_takes_devices_over_and_nothing_of_them_is_emptied() {
    let mut town = Town::new(&[("a", 8)], announcing);
    town.run_until(s(120));
    let dids: Vec<String> = (0..8).map(|n| format!("a{n:03}")).collect();
    let dids: Vec<&str> = dids.iter().map(String::as_str).collect();
    town.tell(Input::MqttDown {
        reason: "another will".into(),
    });
    town.retained
        .insert("g/bridge/state".into(), b"offline".to_vec());
    reload(&mut town, |settings| {
        settings.shard = Shard { index: 0, count: 2 };
    });
    town.tell(Input::MqttUp);
    town.run_until(s(2_000));
    keeps(&town, &dids);
    assert!(!town.retained.contains_key("g/bridge/state"));
    assert!(!town.retained.contains_key("g/bridge/devices"));
    assert_eq!(town.retained["g/bridge-0/state"], b"online");
    let is_here = |did: &&str| Did::new(*did).unwrap().shard(2) == 0;
    for did in dids {
        let polls = town.count("a", &format!("latest {did}"), s(1_000));
        assert_eq!(polls > 0, is_here(&did), "{did}");
        // Only its owner tells what became of a command.
        town.results.clear();
        town.order(&format!("g/{did}/set"), b"{}");
        assert_eq!(town.results.len(), usize::from(is_here(&did)), "{did}");
    }
    town.results.clear();
    town.order("g/nobody/set", b"{}");
    assert_eq!(town.results.len(), 1, "the first instance answers");
    reload(&mut town, |settings| {
        settings.shard = Shard { index: 1, count: 2 };
    });
    town.run_until(s(2_100));
    town.results.clear();
    town.order("g/nobody/set", b"{}");
    assert_eq!(town.results.len(), 0, "the second one does not");
}

#[test]
fn instances_never_choose_the_same_level() {
    let levels_of = |index| {
        let town = Town::new(&[("a", 0)], |settings: &mut Settings| {
            settings.shard = Shard { index, count: 2 };
        });
        let mut registry = Registry::new(BTreeMap::new());
        let rows = (0..40).map(|n| {
            let mut row = device(&format!("did{n:03}"), "p");
            row.alias = format!("Pool {}", n % 3);
            row
        });
        let listing = (s(0), rows.collect());
        registry.update(&name("a"), listing, &town.settings, s(1));
        registry
            .iter()
            .map(|(_, entry)| entry.level.clone())
            .collect::<BTreeSet<_>>()
    };
    let (first, second) = (levels_of(0), levels_of(1));
    assert!(
        first.len() > 10 && second.len() > 10,
        "{first:?} {second:?}"
    );
    assert_eq!(first.len() + second.len(), 40);
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
}
