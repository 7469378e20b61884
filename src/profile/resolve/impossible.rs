//! What a part says that no product could ever make work.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Resolver;
use crate::profile::file::{FullPart, OneOrMany, Steps, TestFile};
use crate::profile::platform::{Platform, Role, RoleKind};

/// What Home Assistant knows (MQTT climate, `modes`); with another it refuses the entity.
const CLIMATE_MODES: [&str; 7] = [
    "auto",
    "off",
    "cool",
    "heat",
    "dry",
    "fan_only",
    "heat_cool",
];
/// The same of `action_topic`.
const CLIMATE_ACTIONS: [&str; 8] = [
    "off",
    "preheating",
    "heating",
    "cooling",
    "drying",
    "fan",
    "idle",
    "defrosting",
];
const ON_OFF: [&str; 2] = ["on", "off"];

impl Resolver<'_> {
    /// Tells it of the part, and of its variants.
    pub(super) fn check_words(
        &mut self,
        platform: Platform,
        role: Role,
        kind: RoleKind,
        file: &FullPart,
    ) {
        if file.scale == Some(0.0) {
            self.fault_at(
                "scale",
                "by 0 nothing could be set: write another factor".into(),
            );
        }
        self.check_values(file);
        if file.set.is_some()
            && file.channels.is_none()
            && matches!(kind, RoleKind::Words | RoleKind::Bool)
        {
            self.fault_at(
                "set",
                "`set` is for a number, a button or a colour; for words write `write`".into(),
            );
        }
        let known: &[&str] = match (platform, role) {
            _ if kind == RoleKind::Bool => &ON_OFF,
            (Platform::Climate, Role::Mode) => &CLIMATE_MODES,
            (Platform::Climate, Role::Action) => &CLIMATE_ACTIONS,
            _ => &[],
        };
        let mapped = file.map.iter().flat_map(|map| &map.0);
        let mapped = mapped.map(|(word, _)| (format!("map.{word}"), word.clone()));
        let written = file.write.iter().flat_map(|write| &write.0);
        let written = written.map(|(word, _)| (format!("write.{word}"), word.clone()));
        let cases = file.read.iter().enumerate();
        let read = cases.filter_map(|(at, case)| {
            let word = case.is.as_str()?.to_owned();
            Some((format!("read.{at}.is"), word))
        });
        let words: Vec<(String, String)> = mapped.chain(written).chain(read).collect();
        for (below, word) in words {
            if !known.is_empty() && !known.contains(&word.as_str()) {
                let message = format!("{word:?} is none of {}", known.join(", "));
                self.fault_at(&below, message);
            }
        }
        let path = self.path.clone();
        for (at, variant) in file.variants.iter().enumerate() {
            self.path = format!("{path}.variants.{at}.use");
            self.check_words(platform, role, kind, &variant.part.0);
        }
        self.path = path;
    }

    /// Tells of conditions, words and steps with a value that no attribute has.
    fn check_values(&mut self, file: &FullPart) {
        let cases = file.read.iter().enumerate();
        let cases = cases.map(|(at, case)| (format!("read.{at}.when"), &case.when));
        let ranges = file.ranges.iter().enumerate();
        let ranges = ranges.map(|(at, range)| (format!("ranges.{at}.when"), &range.when));
        let variants = file.variants.iter().enumerate();
        let variants = variants.map(|(at, of)| (format!("variants.{at}.when"), &of.when));
        for (below, when) in cases.chain(ranges).chain(variants) {
            for (attr, _) in when.iter().filter(|(_, test)| is_empty(test)) {
                self.fault_at(
                    &format!("{below}.{attr}"),
                    "it compares with nothing: write a value, a list of values, or `above` and `below`"
                        .into(),
                );
            }
        }
        let words = file.map.iter().flat_map(|map| &map.0);
        let words = words.filter(|(_, values)| is_valueless(values));
        let words = words.map(|(word, _)| format!("map.{word}"));
        let unset = file.unset.iter().filter(|values| is_valueless(values));
        let unset = unset.map(|_| "unset".to_owned());
        let written = file.write.iter().flat_map(|write| &write.0);
        let written = written.map(|(word, steps)| (format!("write.{word}"), steps));
        let set = file.set.iter().map(|steps| ("set".to_owned(), steps));
        let steps = written
            .chain(set)
            .flat_map(|(below, steps)| valueless_steps(&below, steps));
        let without: Vec<String> = words.chain(unset).chain(steps).collect();
        for below in without {
            self.fault_at(&below, "write a word, a number, true or false".into());
        }
    }
}

/// A condition that no report fulfils, whatever the attribute is.
fn is_empty(test: &TestFile) -> bool {
    match test {
        TestFile::One(value) => !is_value(value),
        TestFile::Many(values) => values.is_empty() || !values.iter().all(is_value),
        TestFile::Between(between) => between.above.is_none() && between.below.is_none(),
    }
}

fn is_valueless(values: &OneOrMany) -> bool {
    let all = values.all();
    all.is_empty() || !all.into_iter().all(is_value)
}

/// The paths of what steps set to no value.
fn valueless_steps(below: &str, steps: &Steps) -> Vec<String> {
    let of = |at: String, step: &BTreeMap<String, Value>| -> Vec<String> {
        let bad = step.iter().filter(|(_, value)| !is_value(value));
        bad.map(|(attr, _)| format!("{at}.{attr}")).collect()
    };
    match steps {
        Steps::One(step) => of(below.to_owned(), step),
        Steps::Many(steps) => {
            let steps = steps.iter().enumerate();
            steps
                .flat_map(|(at, step)| of(format!("{below}.{at}"), step))
                .collect()
        }
    }
}

const fn is_value(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}
