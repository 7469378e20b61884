//! From a profile as it is written to the entities of one product: attributes that the product lacks
//! take along what needs them, and each value becomes one of its datapoint.
//!
//! Without a schema the same walk finds the faults of a profile.

mod impossible;
mod limits;
mod variants;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ids::AttrName;
use crate::model::{AttrValue, Datapoint, ProductSchema};

use super::entity::{
    Case, Category, Condition, Entity, Given, Part, Portion, Reading, Statistics, Step, Test,
    Writing,
};
use super::file::{
    CategoryFile, EntityFile, FullPart, ProfileFile, StatisticsFile, Steps, TestFile,
};
use super::name;
use super::pattern::matching;
use super::platform::RoleKind;
use super::read::HIGH_BYTE;

/// Where a command's number goes in a step.
const VALUE: &str = "$value";
/// The word when no fault is on, unless the profile has another.
const NO_FAULT: &str = "OK";

/// What is wrong with a profile, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Keys and indices joined by dots, as `crate::yaml` counts lines by.
    pub path: String,
    /// For people: what is wrong, and what to write.
    pub message: String,
}

/// The entities of a product; what it has no attributes for is left out.
#[must_use]
pub fn entities(file: &ProfileFile, schema: &ProductSchema) -> Vec<Entity> {
    Resolver::new(Some(schema)).entities(file)
}

/// What is wrong with a profile whatever the product.
#[must_use]
pub fn faults(file: &ProfileFile) -> Vec<Fault> {
    let mut resolver = Resolver::new(None);
    let found = resolver.entities(file).len();
    if found < file.entities.0.len() && resolver.faults.is_empty() {
        resolver.path = "entities".into();
        resolver.fault("an entity reads and sets nothing".into());
    }
    resolver.faults
}

struct Resolver<'a> {
    schema: Option<&'a ProductSchema>,
    path: String,
    faults: Vec<Fault>,
}

impl<'a> Resolver<'a> {
    const fn new(schema: Option<&'a ProductSchema>) -> Self {
        Self {
            schema,
            path: String::new(),
            faults: Vec::new(),
        }
    }

    fn entities(&mut self, file: &ProfileFile) -> Vec<Entity> {
        let entities = file.entities.0.iter();
        let entity = |(key, entity): &(String, EntityFile)| self.entity(key, entity);
        entities.filter_map(entity).collect()
    }

    fn entity(&mut self, key: &str, file: &EntityFile) -> Option<Entity> {
        let path = format!("entities.{key}");
        self.path.clone_from(&path);
        if !is_key(key) {
            self.fault("a key is small letters, digits and _".into());
        }
        let mut parts = BTreeMap::new();
        for (role, part) in file.parts() {
            self.path = format!("{path}.{}", role.as_str());
            let Some(kind) = file.platform.role(role) else {
                let known = file.platform.roles().iter();
                let known: Vec<&str> = known.map(|(role, _)| role.as_str()).collect();
                let platform = file.platform.as_str();
                self.fault(format!("a {platform} has only {}", known.join(", ")));
                continue;
            };
            self.check_words(file.platform, role, kind, part);
            if let Some(part) = self.part(kind, part) {
                // What a guessed schema calls settable may be a thermometer.
                let sets = file.platform.is_control() && !role.is_only_shown();
                if part.momentary && !sets {
                    self.fault(
                        "what is only shown is not `momentary`: that is of what it sets".into(),
                    );
                }
                let writes = part.writes.filter(|_| sets);
                parts.insert(role, Part { writes, ..part });
            }
        }
        self.path = path;
        let required = file.platform.roles().iter().take(file.platform.required());
        let lacking = required
            .into_iter()
            .find(|(role, _)| !parts.contains_key(role));
        if let Some((role, _)) = lacking {
            if self.schema.is_none() && file.parts().all(|(known, _)| known != *role) {
                let platform = file.platform.as_str();
                self.fault(format!("a {platform} needs `{}`", role.as_str()));
            }
            return None;
        }
        if parts.is_empty() {
            return None;
        }
        if file.category == CategoryFile::Config && !file.platform.is_control() {
            self.fault("what cannot be set is no setting: write `category: diagnostic`".into());
        }
        let name = file.name.clone().unwrap_or_else(|| name::sentence(key));
        Some(Entity {
            key: key.to_owned(),
            name: (!file.main).then_some(name),
            platform: file.platform,
            parts,
            device_class: file.class.clone(),
            icon: file.icon.clone(),
            category: match file.category {
                CategoryFile::Main => Category::Main,
                CategoryFile::Config => Category::Config,
                CategoryFile::Diagnostic => Category::Diagnostic,
            },
            enabled: file.enabled,
            statistics: file.statistics.map(|statistics| match statistics {
                StatisticsFile::Measurement => Statistics::Measurement,
                StatisticsFile::TotalIncreasing => Statistics::TotalIncreasing,
            }),
        })
    }

    fn part(&mut self, kind: RoleKind, file: &FullPart) -> Option<Part> {
        if !file.variants.is_empty() {
            return self.variants(kind, file);
        }
        let reads = self.reading(file);
        let writes = if file.read_only {
            None
        } else {
            self.writing(kind, file)
        };
        let (reads, writes) = self.on_off(kind, reads, writes);
        if reads.is_none() && (writes.is_none() || kind != RoleKind::Press) {
            // What cannot be read is not shown: a control without a state would guess.
            return None;
        }
        let options = self.options(kind, file, reads.as_ref(), writes.as_ref());
        if kind == RoleKind::Words && options.is_empty() {
            if self.schema.is_none() && file.attr.is_none() {
                self.fault("it has no words: write `map`, `write` or `options`".into());
            }
            if self.schema.is_some() {
                return None;
            }
        }
        let ranges = self.ranges(file);
        Some(Part {
            reads,
            writes,
            options,
            ranges,
            momentary: self.is_momentary(kind, file),
        })
    }

    fn is_momentary(&mut self, kind: RoleKind, file: &FullPart) -> bool {
        if file.momentary && file.read_only {
            self.fault("what is only shown is not `momentary`: that is of what it sets".into());
        }
        kind == RoleKind::Press || file.momentary
    }

    fn reading(&mut self, file: &FullPart) -> Option<Reading> {
        let ways = [
            file.attr.is_some() || file.bytes.is_some() || file.channels.is_some(),
            !file.read.is_empty(),
            !file.any.is_empty(),
            file.faults.is_some(),
        ];
        // `attr` with `read` says what is set, and cases what is shown.
        let may_join = file.any.is_empty() && file.faults.is_none();
        match ways.iter().filter(|way| **way).count() {
            0 => return None,
            1 => {}
            _ if may_join => {}
            _ => self.fault("write only one of `attr`, `bytes`, `read`, `any`, `faults`".into()),
        }
        if !file.read.is_empty() {
            return self.cases(file);
        }
        if !file.any.is_empty() {
            let names = self.all_of(&file.any, &file.except);
            return (!names.is_empty()).then_some(Reading::Any(names));
        }
        if let Some(faults) = &file.faults {
            let words = faults.0.iter();
            let words: Vec<(AttrName, String)> = words
                .filter_map(|(attr, word)| Some((self.attr(attr)?, word.clone())))
                .collect();
            let none = file.none.clone().unwrap_or_else(|| NO_FAULT.into());
            return (!words.is_empty()).then_some(Reading::Faults { words, none });
        }
        let (times, plus) = (file.scale.unwrap_or(1.0), file.offset.unwrap_or(0.0));
        if let Some([high, low]) = &file.bytes {
            let terms = vec![
                (self.attr(high)?, times * HIGH_BYTE),
                (self.attr(low)?, times),
            ];
            return Some(Reading::Linear { terms, plus });
        }
        if let Some(channels) = &file.channels {
            return self.channels(channels).map(Reading::Colour);
        }
        let attr = self.attr(file.attr.as_ref()?)?;
        let reading = self.of_attr(&attr, file);
        let Some(unset) = &file.unset else {
            return Some(reading);
        };
        let unset = unset.all().into_iter();
        let unset = unset.filter_map(|value| self.value(&attr, value)).collect();
        let of = Box::new(reading);
        Some(Reading::Unless { attr, unset, of })
    }

    fn of_attr(&self, attr: &AttrName, file: &FullPart) -> Reading {
        let (times, plus) = (file.scale.unwrap_or(1.0), file.offset.unwrap_or(0.0));
        let attr = attr.clone();
        if let Some(map) = &file.map {
            let mut words = Vec::new();
            for (word, values) in &map.0 {
                let values = values.all().into_iter();
                let values: Vec<AttrValue> = values
                    .filter_map(|value| self.value(&attr, value))
                    .collect();
                if !values.is_empty() {
                    words.push((word.clone(), values));
                }
            }
            return Reading::Map { attr, words };
        }
        if file.scale.is_some() || file.offset.is_some() {
            return Reading::Linear {
                terms: vec![(attr, times)],
                plus,
            };
        }
        Reading::Attr(attr)
    }

    fn cases(&mut self, file: &FullPart) -> Option<Reading> {
        let mut cases = Vec::new();
        for (at, case) in file.read.iter().enumerate() {
            let Some(when) = self.condition(&case.when) else {
                continue;
            };
            match plain(&case.is) {
                Some(is) => cases.push(Case { when, is }),
                None => self.fault_at(
                    &format!("read.{at}.is"),
                    "write a word, a number, true or false".into(),
                ),
            }
        }
        // Without a condition that the product can fulfil it would say the same for ever.
        let says = cases.iter().any(|case| !case.when.0.is_empty());
        says.then_some(Reading::Cases(cases))
    }

    /// `None` when the product lacks an attribute of it.
    fn condition(&mut self, when: &BTreeMap<String, TestFile>) -> Option<Condition> {
        let mut tests = Vec::new();
        for (name, test) in when {
            let attr = self.attr(name)?;
            let test = match test {
                TestFile::One(value) => Test::OneOf(vec![self.value(&attr, value)?]),
                TestFile::Many(values) => {
                    let values = values.iter();
                    Test::OneOf(
                        values
                            .filter_map(|value| self.value(&attr, value))
                            .collect(),
                    )
                }
                TestFile::Between(between) => Test::Between {
                    above: between.above.unwrap_or(f64::NEG_INFINITY),
                    below: between.below.unwrap_or(f64::INFINITY),
                },
            };
            tests.push((attr, test));
        }
        Some(Condition(tests))
    }

    fn writing(&mut self, kind: RoleKind, file: &FullPart) -> Option<Writing> {
        if let Some(channels) = &file.channels {
            return self.colour(channels, file);
        }
        if let Some(write) = &file.write {
            if !matches!(kind, RoleKind::Words | RoleKind::Bool) {
                self.fault("`write` is for words; for a number or a button write `set`".into());
            }
            let mut words = Vec::new();
            for (word, steps) in &write.0 {
                if let Some(steps) = self.steps(steps, file) {
                    words.push((word.clone(), steps));
                }
            }
            return (!words.is_empty()).then_some(Writing::Words(words));
        }
        if let Some(set) = &file.set {
            return self.steps(set, file).map(Writing::Steps);
        }
        if let Some([high, low]) = &file.bytes {
            let (high, low) = (self.settable(high)?, self.settable(low)?);
            let step = Step(vec![
                (high, given(file, Portion::High)),
                (low, given(file, Portion::Low)),
            ]);
            return Some(Writing::Steps(vec![step]));
        }
        let attr = self.settable(file.attr.as_ref()?)?;
        if let Some(map) = &file.map {
            let mut words = Vec::new();
            for (word, values) in &map.0 {
                let mut values = values.all().into_iter();
                if let Some(value) = values.find_map(|value| self.accepted(&attr, value)) {
                    let step = Step(vec![(attr.clone(), Given::Fixed(value))]);
                    words.push((word.clone(), vec![step]));
                }
            }
            return Some(Writing::Words(words));
        }
        if file.scale.is_some() || file.offset.is_some() {
            let step = Step(vec![(attr, given(file, Portion::Whole))]);
            return Some(Writing::Steps(vec![step]));
        }
        Some(Writing::Attr(attr))
    }

    /// `None` when the product lacks an attribute of them.
    fn steps(&mut self, steps: &Steps, file: &FullPart) -> Option<Vec<Step>> {
        let mut all = Vec::new();
        for step in steps.all() {
            let mut set = Vec::new();
            for (name, value) in step {
                let attr = self.settable(name)?;
                let given = if value == VALUE {
                    given(file, Portion::Whole)
                } else {
                    Given::Fixed(self.accepted(&attr, value)?)
                };
                set.push((attr, given));
            }
            if set.is_empty() {
                self.fault("a step sets at least one attribute".into());
                return None;
            }
            all.push(Step(set));
        }
        (!all.is_empty()).then_some(all)
    }

    fn all_of(&self, patterns: &[String], except: &[String]) -> Vec<AttrName> {
        let Some(schema) = self.schema else {
            return patterns
                .iter()
                .filter_map(|name| AttrName::new(name.clone()).ok())
                .collect();
        };
        let names = schema.datapoints().iter().map(|datapoint| &datapoint.name);
        names
            .filter(|name| matching(patterns, name.as_str()) && !matching(except, name.as_str()))
            .cloned()
            .collect()
    }

    /// `None` when the product has no such attribute.
    fn attr(&mut self, name: &str) -> Option<AttrName> {
        match AttrName::new(name) {
            Err(err) => {
                self.fault(err.to_string());
                None
            }
            Ok(attr) if self.schema.is_none() => Some(attr),
            Ok(attr) => self
                .datapoint(&attr)
                .map(|datapoint| datapoint.name.clone()),
        }
    }

    /// `None` when the product has no such attribute, or it cannot be set.
    fn settable(&mut self, name: &str) -> Option<AttrName> {
        let attr = self.attr(name)?;
        let settable = |datapoint: &Datapoint| datapoint.is_settable();
        let is_known = self.schema.is_some();
        (!is_known || self.datapoint(&attr).is_some_and(settable)).then_some(attr)
    }

    fn datapoint(&self, attr: &AttrName) -> Option<&'a Datapoint> {
        self.schema?.get(attr.as_str())
    }

    /// `None` when the product's attribute cannot be that.
    fn value(&self, attr: &AttrName, json: &Value) -> Option<AttrValue> {
        match self.datapoint(attr) {
            Some(datapoint) => AttrValue::decode(datapoint, json).ok(),
            None => plain(json),
        }
    }

    /// `None` when the product's attribute cannot be set to that: what its enumeration lacks is no choice.
    fn accepted(&self, attr: &AttrName, json: &Value) -> Option<AttrValue> {
        match self.datapoint(attr) {
            Some(datapoint) => AttrValue::accept(datapoint, json).ok(),
            None => plain(json),
        }
    }

    fn fault(&mut self, message: String) {
        let path = self.path.clone();
        self.push_fault(path, message);
    }

    /// Of something below where it is.
    fn fault_at(&mut self, below: &str, message: String) {
        let path = format!("{}.{below}", self.path);
        self.push_fault(path, message);
    }

    fn push_fault(&mut self, path: String, message: String) {
        if self.schema.is_none() {
            self.faults.push(Fault { path, message });
        }
    }
}

const fn given(file: &FullPart, part: Portion) -> Given {
    Given::Value {
        times: match file.scale {
            Some(scale) => scale,
            None => 1.0,
        },
        plus: match file.offset {
            Some(offset) => offset,
            None => 0.0,
        },
        part,
    }
}

/// A value without a datapoint.
fn plain(json: &Value) -> Option<AttrValue> {
    match json {
        Value::Bool(is) => Some(AttrValue::Bool(*is)),
        Value::Number(number) => number.as_f64().map(AttrValue::Number),
        Value::String(text) => Some(AttrValue::Text(text.as_str().into())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_key(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !key.is_empty() && key.chars().all(plain)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
