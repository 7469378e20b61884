//! Momentary commands of a whole bridge: a feeder's button, over push and HTTP.

use std::sync::Arc;

use super::tests::{Town, settings};
use crate::bridge::settings::Settings;
use crate::profile::catalog::Catalog;
use crate::profile::load;

/// `wave` is written by the button alone.
const FEEDER: &str = "\
profile: feeder
title: Feeder
match: { product_keys: [pk] }
entities:
  feed: { platform: button, press: { set: { wave: 1 } } }
  temperature: { platform: number, state: temp_set }
";

fn feeder() -> Town {
    let profile = load::read(FEEDER).unwrap();
    Town::of(Settings {
        profiles: Arc::new(Catalog::new(vec![profile])),
        ..settings()
    })
}

#[test]
fn an_empty_payload_does_nothing_but_clear() {
    for verb in ["entity/feed/press/set", "set", "set/wave", "raw"] {
        for (payload, is_retained, wanted) in [
            ("", true, None),
            ("", false, Some("the payload is empty, so nothing was done")),
            (
                " \n",
                false,
                Some("the payload is empty, so nothing was done"),
            ),
        ] {
            let mut town = feeder();
            town.hears(&format!("g/spa/{verb}"), payload, is_retained);
            let results = town.published("g/spa/result").len();
            assert_eq!(results, usize::from(wanted.is_some()), "{verb} {payload:?}");
            if let Some(wanted) = wanted {
                assert_eq!(town.result()["error"], wanted, "{verb}");
            }
            assert_eq!(town.published("g/bridge/event"), [""; 0], "{verb}");
            town.run_for(1_000);
            assert_eq!((&town.orders[..], &town.calls[..]), (&[][..], &[][..]));
        }
    }
    let mut town = feeder();
    for topic in ["g/nobody/set", "g/nobody/entity/feed/press/set"] {
        town.hears(topic, "", false);
        assert_eq!(town.published, []);
    }
    town.message("get", "");
    assert_eq!(town.calls.len(), 1, "a get needs no payload");
}
