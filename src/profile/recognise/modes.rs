//! The modes of a climate: off by its power, else what its labels say, or that it heats.

use crate::ids::AttrName;
use crate::model::{AttrValue, Datapoint};
use crate::profile::entity::{Case, Condition, Given, Part, Reading, Step, Test, Writing};
use crate::profile::options::labels;

const OFF: &str = "off";

/// Home Assistant's modes, and how products call them.
const MODES: &[(&str, &[&str])] = &[
    ("auto", &["auto", "automatic", "自动"]),
    ("cool", &["cool", "cooling", "制冷"]),
    ("heat", &["heat", "heating", "制热", "加热"]),
    ("dry", &["dry", "dehumidify", "除湿", "抽湿"]),
    ("fan_only", &["fan", "fan only", "fan_only", "送风", "通风"]),
    (OFF, &["off", "stop", "关", "关机", "关闭", "停止", "停机"]),
];

/// The modes of an enumeration, if each label is one and none is there twice.
pub(super) fn of(power: &Datapoint, mode: &Datapoint) -> Option<Part> {
    let mut known: Vec<(&'static str, &str)> = Vec::new();
    for label in labels(mode) {
        let word = word(label)?;
        if known.iter().any(|(other, _)| *other == word) {
            return None;
        }
        known.push((word, label));
    }
    let mut cases = vec![Case {
        when: is(vec![(power, AttrValue::Bool(false))]),
        is: text(OFF),
    }];
    let mut words = vec![(OFF.to_owned(), step(vec![(power, AttrValue::Bool(false))]))];
    for (word, label) in known {
        let label = AttrValue::Enum(label.into());
        let both = vec![(power, AttrValue::Bool(true)), (mode, label)];
        cases.push(Case {
            when: is(both.clone()),
            is: text(word),
        });
        if word != OFF {
            words.push((word.to_owned(), step(both)));
        }
    }
    Some(part(cases, words))
}

/// It heats while it is on.
pub(super) fn off_or_heat(power: &Datapoint) -> Part {
    let all = [(OFF, false), ("heat", true)];
    let given = |on| vec![(power, AttrValue::Bool(on))];
    let case = |(word, on)| Case {
        when: is(given(on)),
        is: text(word),
    };
    part(
        all.map(case).to_vec(),
        all.map(|(word, on)| (word.to_owned(), step(given(on))))
            .to_vec(),
    )
}

fn part(cases: Vec<Case>, words: Vec<(String, Vec<Step>)>) -> Part {
    Part {
        options: words.iter().map(|(word, _)| word.clone()).collect(),
        reads: Some(Reading::Cases(cases)),
        writes: Some(Writing::Words(words)),
        ..Part::default()
    }
}

fn word(label: &str) -> Option<&'static str> {
    let label = label.trim().to_lowercase();
    let label = label.strip_suffix("模式").unwrap_or(&label);
    let mut modes = MODES.iter();
    let found = modes.find(|(_, names)| names.contains(&label));
    found.map(|(mode, _)| *mode)
}

fn named(given: Vec<(&Datapoint, AttrValue)>) -> impl Iterator<Item = (AttrName, AttrValue)> {
    let given = given.into_iter();
    given.map(|(datapoint, value)| (datapoint.name.clone(), value))
}

fn is(given: Vec<(&Datapoint, AttrValue)>) -> Condition {
    Condition(
        named(given)
            .map(|(name, value)| (name, Test::OneOf(vec![value])))
            .collect(),
    )
}

fn step(given: Vec<(&Datapoint, AttrValue)>) -> Vec<Step> {
    vec![Step(
        named(given)
            .map(|(name, value)| (name, Given::Fixed(value)))
            .collect(),
    )]
}

fn text(word: &str) -> AttrValue {
    AttrValue::Text(word.into())
}
