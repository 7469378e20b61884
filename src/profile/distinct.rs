//! Every entity of a device has a key and a name of its own, whatever its attributes are called.

use std::collections::BTreeSet;

use super::entity::Entity;
use super::name::{reads_alike, sentence};

/// A sensor that every device has, whatever its product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// The end of its `unique_id`.
    pub key: &'static str,
    /// Its name beside the device's.
    pub name: &'static str,
}

/// When the device last reported.
pub const LAST_REPORT: Own = Own {
    key: "_meta_updated_at",
    name: "Last report",
};
/// When a schedule runs next.
pub const NEXT_RUN: Own = Own {
    key: "_schedules_next_run",
    name: "Next scheduled run",
};
/// How the last run of a schedule ended.
pub const LAST_RESULT: Own = Own {
    key: "_schedules_last_result",
    name: "Last scheduled run",
};
const OWN: [Own; 3] = [LAST_REPORT, NEXT_RUN, LAST_RESULT];

/// Of two with one key the earlier keeps it, and `_` is appended to the other's. Of two whose names read alike
/// the other is called like its key, or gets a number: Home Assistant would tell them apart by numbers in
/// their ids alone.
pub(super) fn make_distinct(entities: &mut [Entity]) {
    let mut keys: BTreeSet<String> = OWN.iter().map(|own| own.key.to_owned()).collect();
    let mut names: Vec<String> = OWN.iter().map(|own| own.name.to_owned()).collect();
    for entity in entities {
        let Entity { key, name, .. } = entity;
        if let Some(name) = name {
            let is_free = |name: &str| !names.iter().any(|taken| reads_alike(taken, name));
            if !is_free(name) {
                let of_key = Some(sentence(key)).filter(|name| !name.is_empty());
                let numbered = (2..).map(|number| format!("{name} {number}"));
                let free = of_key
                    .into_iter()
                    .chain(numbered)
                    .find(|name| is_free(name));
                *name = free.unwrap_or_default();
            }
            names.push(name.clone());
        }
        while !keys.insert(key.clone()) {
            key.push('_');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::ids::ProductKey;
    use crate::model::ProductSchema;
    use crate::profile::catalog::{Catalog, Product};

    #[test]
    fn no_two_entities_share_a_key_or_a_name() {
        for (names, keys, shown) in [
            (
                ["temp_set", "temp-set", "TEMP_SET"],
                ["temp_set", "temp-set", "TEMP_SET"],
                ["Temp set", "Temp set 2", "Temp set 3"],
            ),
            (
                ["a b", "A_B", "a b "],
                ["a b", "A_B", "a b "],
                ["A b", "A B 2", "A b 3"],
            ),
            (
                ["_meta_updated_at", "_meta_updated_at_", "last report"],
                ["_meta_updated_at_", "_meta_updated_at__", "last report"],
                ["Meta updated at", "Meta updated at 2", "Last report 2"],
            ),
        ] {
            let attrs = names.map(|name| json!({ "name": name, "data_type": "bool" }));
            let document = json!({ "entities": [{ "attrs": attrs }] });
            let key = ProductKey::new("pk").unwrap();
            let (schema, _) = ProductSchema::parse(&key, &document).unwrap();
            let plan = Catalog::default().plan(Product {
                schema: &schema,
                name: "",
                chosen: None,
            });
            let found = plan.entities.iter();
            let found = found.map(|e| (e.key.as_str(), e.name.as_deref().unwrap()));
            let want: Vec<_> = keys.into_iter().zip(shown).collect();
            assert_eq!(found.collect::<Vec<_>>(), want, "{names:?}");
        }
    }
}
