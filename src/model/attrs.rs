//! Attribute values of one device, ordered by name.

use std::collections::BTreeMap;

use crate::ids::AttrName;

use super::AttrValue;

/// Name to value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attrs(BTreeMap<AttrName, AttrValue>);

impl Attrs {
    /// Takes each value of `newer` and returns the names whose value is now another one, in order.
    /// What `newer` does not name stays: a device may report a part (seen on `var_len` products).
    pub fn merge(&mut self, newer: Self) -> Vec<AttrName> {
        let mut changed = Vec::new();
        for (name, value) in newer.0 {
            match self.0.get_mut(&name) {
                Some(known) if *known == value => {}
                Some(known) => {
                    *known = value;
                    changed.push(name);
                }
                None => {
                    self.0.insert(name.clone(), value);
                    changed.push(name);
                }
            }
        }
        changed
    }

    /// Sets one value; true when it is another one than before.
    pub fn insert(&mut self, name: AttrName, value: AttrValue) -> bool {
        let changed = self.0.get(&name) != Some(&value);
        self.0.insert(name, value);
        changed
    }

    /// Removes one value.
    pub fn remove(&mut self, name: &AttrName) -> Option<AttrValue> {
        self.0.remove(name)
    }

    /// The value under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttrValue> {
        self.0.get(name)
    }

    /// All of them, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&AttrName, &AttrValue)> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a JSON object, for payloads and control calls.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        self.iter()
            .map(|(name, value)| (name.to_string(), value.to_json()))
            .collect()
    }
}

impl FromIterator<(AttrName, AttrValue)> for Attrs {
    fn from_iter<I: IntoIterator<Item = (AttrName, AttrValue)>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl IntoIterator for Attrs {
    type Item = (AttrName, AttrValue);
    type IntoIter = std::collections::btree_map::IntoIter<AttrName, AttrValue>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attrs() -> impl Strategy<Value = Attrs> {
        let value = prop_oneof![
            any::<bool>().prop_map(AttrValue::Bool),
            (-50..50_i32).prop_map(|n| AttrValue::Number(f64::from(n) / 10.0)),
            "[a-c]{0,2}".prop_map(|text| AttrValue::Text(text.into())),
        ];
        proptest::collection::btree_map("[a-e]", value, 0..5).prop_map(|map| {
            map.into_iter()
                .map(|(name, value)| (AttrName::new(name).unwrap(), value))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn merge_names_exactly_what_differs_now(old in attrs(), newer in attrs()) {
            let mut merged = old.clone();
            let changed = merged.merge(newer.clone());
            let differing: Vec<AttrName> = merged
                .iter()
                .filter(|(name, value)| old.get(name.as_str()) != Some(*value))
                .map(|(name, _)| name.clone())
                .collect();
            prop_assert_eq!(changed, differing);
            for (name, value) in newer.iter() {
                prop_assert_eq!(merged.get(name.as_str()), Some(value));
            }
            for (name, value) in old.iter().filter(|(name, _)| newer.get(name.as_str()).is_none()) {
                prop_assert_eq!(merged.get(name.as_str()), Some(value));
            }
        }

        #[test]
        fn merging_the_same_again_changes_nothing(old in attrs(), newer in attrs()) {
            let mut merged = old;
            merged.merge(newer.clone());
            let once = merged.clone();
            prop_assert_eq!(merged.merge(newer), Vec::<AttrName>::new());
            prop_assert_eq!(merged, once);
        }
    }
}
