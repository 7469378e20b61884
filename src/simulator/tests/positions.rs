//! The standard scenario's datapoints have the place in the device's status that a schema of the real
//! cloud gives them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Scenario;

/// The bits that a datapoint takes up, counted from the start of the status: first and length.
fn bits(datapoint: &Map<String, Value>) -> (u64, u64) {
    let position = &datapoint["position"];
    let number = |key: &str| {
        let number = position[key].as_u64();
        number.unwrap_or_else(|| panic!("{} has no {key}", datapoint["name"]))
    };
    let (start, len) = (number("byte_offset") * 8, number("len"));
    match position["unit"].as_str() {
        Some("bit") => (start + number("bit_offset"), len),
        Some("byte") => {
            assert_eq!(number("bit_offset"), 0, "{}", datapoint["name"]);
            (start, len * 8)
        }
        unit => panic!("{} has the unit {unit:?}", datapoint["name"]),
    }
}

/// The bits that a value of this type needs; `None`: as many bytes as it likes.
fn needed(datapoint: &Map<String, Value>) -> Option<u64> {
    match datapoint["data_type"].as_str() {
        Some("bool") => Some(1),
        Some("uint8") => Some(8),
        Some("uint16") => Some(16),
        Some("uint32") => Some(32),
        Some("enum") => {
            let labels = datapoint["enum"].as_array().unwrap().len();
            Some(labels.next_power_of_two().trailing_zeros().max(1).into())
        }
        Some("binary") => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_datapoint_of_the_standard_scenario_has_a_place_of_its_own() {
    let mut count = 0;
    for product in Scenario::standard().products {
        let mut taken: BTreeMap<u64, Value> = BTreeMap::new();
        for datapoint in product.datapoints.iter().flatten() {
            count += 1;
            let name = &datapoint["name"];
            let (first, len) = bits(datapoint);
            if let Some(needed) = needed(datapoint) {
                assert_eq!(len, needed, "{} {name}", product.name);
            }
            assert!(len > 0, "{} {name}", product.name);
            for bit in first..first + len {
                let other = taken.insert(bit, name.clone());
                assert_eq!(other, None, "{} {name}: bit {bit}", product.name);
            }
        }
        // A group of bits is filled up to its byte, so a hole has at most 7.
        let places: Vec<u64> = taken.into_keys().collect();
        assert!(places.first().is_none_or(|first| *first == 0));
        for pair in places.windows(2) {
            assert!(pair[1] - pair[0] <= 8, "{}: {pair:?}", product.name);
        }
    }
    assert!(count > 60, "{count}");
}
