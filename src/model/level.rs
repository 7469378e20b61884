//! The topic level of each attribute: its name, changed as little as MQTT demands.

use std::collections::BTreeSet;

/// Words that stand below a device's topic themselves, so that no attribute can stand there.
const TAKEN: [&str; 5] = ["availability", "set", "get", "raw", "result"];

/// The level of an attribute called `name`, different from all that are `taken`: `/ + #`, control
/// characters and noncharacters become `_`, and a level that is taken gets `_` appended.
#[must_use]
pub fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut level: String = name
        .chars()
        .map(|c| if is_special(c) { '_' } else { c })
        .collect();
    if TAKEN.contains(&level.as_str()) {
        level.push('_');
    }
    while is_taken(&level) {
        level.push('_');
    }
    level
}

/// The levels of attributes in this order. The later one of two that would share a level gets another.
pub(super) fn levels<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let level = |name: &'a str| {
        let level = unique(name, |level| taken.contains(level));
        taken.insert(level.clone());
        level
    };
    names.map(level).collect()
}

fn is_special(c: char) -> bool {
    breaks_topics(c) || matches!(c, '/' | '+' | '#')
}

/// Control characters and Unicode's noncharacters: a broker ends the connection over them.
#[must_use]
pub fn breaks_topics(c: char) -> bool {
    c.is_control() || matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_keep_apart_on_topics() {
        let names = [
            "a/b",
            "a+b",
            "a_b",
            "set",
            "set_",
            "availability",
            "température",
        ];
        assert_eq!(
            levels(names.into_iter()),
            [
                "a_b",
                "a_b_",
                "a_b__",
                "set_",
                "set__",
                "availability_",
                "température"
            ]
        );
    }

    proptest! {
        #[test]
        fn every_attribute_has_a_level_of_its_own(names in prop::collection::btree_set("[ab/+#_]{1,3}|set|get|raw_?", 1..12)) {
            let levels = levels(names.iter().map(String::as_str));
            let different: BTreeSet<&String> = levels.iter().collect();
            prop_assert_eq!(different.len(), names.len());
            let is_plain = |level: &String| !level.chars().any(is_special) && !TAKEN.contains(&level.as_str());
            prop_assert!(levels.iter().all(is_plain));
        }
    }
}
