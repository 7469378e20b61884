//! `Entity`: what one or several datapoints shall be to a person. Intent only: which kind of thing, and
//! what each of its roles reads and writes; nothing here knows a topic.

use std::collections::BTreeMap;

use crate::ids::AttrName;
use crate::model::AttrValue;

use super::platform::{Platform, Role};

/// One thing that Home Assistant shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The end of its `unique_id`, stable for ever. A generic entity's is its attribute's name.
    pub key: String,
    /// Its name beside the device's, in sentence case; `None`: it is the device's main feature and takes
    /// the device's name.
    pub name: Option<String>,
    /// What it is.
    pub platform: Platform,
    /// What each of its roles reads and writes; the platform says which there may be.
    pub parts: BTreeMap<Role, Part>,
    /// `temperature`, `problem`, …
    pub device_class: Option<String>,
    /// `mdi:…`
    pub icon: Option<String>,
    /// Where it stands.
    pub category: Category,
    /// False: made, but switched off until a person wants it.
    pub enabled: bool,
    /// What statistics make of it.
    pub statistics: Option<Statistics>,
}

/// Where an entity stands on its device's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Category {
    /// Among the controls and sensors.
    #[default]
    Main,
    /// Among the settings.
    Config,
    /// Among the facts for a person who looks for a fault.
    Diagnostic,
}

/// What long-term statistics make of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// A quantity that goes up and down.
    Measurement,
    /// A counter that only rises, apart from a reset.
    TotalIncreasing,
}

/// One role of an entity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Part {
    /// Where its value comes from; `None`: it only takes commands (a button).
    pub reads: Option<Reading>,
    /// What a command does; `None`: it only shows.
    pub writes: Option<Writing>,
    /// The words that it can be, in the order in which a person chooses; empty for what is no word.
    pub options: Vec<String>,
    /// Limits and units of a number; the first whose condition holds counts.
    pub ranges: Vec<Range>,
    /// What it sets falls back by itself, so that setting it twice does a thing twice: a press.
    pub momentary: bool,
}

/// Limits and unit of a number, perhaps depending on another attribute (°C or °F).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Range {
    /// Always, when empty.
    pub when: Condition,
    /// Smallest value.
    pub min: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// The distance of two values.
    pub step: Option<f64>,
    /// In Home Assistant's spelling.
    pub unit: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// One attribute as it is.
    Attr(AttrName),
    /// Words for one attribute's values; a value that stands nowhere is unknown.
    Map {
        /// The attribute.
        attr: AttrName,
        /// Each word with the values that read so.
        words: Vec<(String, Vec<AttrValue>)>,
    },
    /// Attributes times a factor each, and something more: scales, offsets, registers of two bytes.
    Linear {
        /// All of them must be known.
        terms: Vec<(AttrName, f64)>,
        /// Added in the end.
        plus: f64,
    },
    /// The first case that holds; unknown when none does.
    Cases(Vec<Case>),
    /// True when any of them is on; unknown while none of them was reported.
    Any(Vec<AttrName>),
    /// The words of those that are on, joined by `; `.
    Faults {
        /// Attribute and word.
        words: Vec<(AttrName, String)>,
        /// The word when none is.
        none: String,
    },
    /// `of`, unless the attribute says that there is nothing.
    Unless {
        /// The attribute.
        attr: AttrName,
        /// Its values that mean nothing.
        unset: Vec<AttrValue>,
        /// What it is otherwise.
        of: Box<Self>,
    },
    /// Red, green and blue, each from 0 to 255, joined by commas.
    Colour(Vec<Channel>),
    /// The first whose condition holds.
    First(Vec<(Condition, Self)>),
}

/// One colour of a light.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// The attribute.
    pub attr: AttrName,
    /// Its value at full brightness.
    pub full: f64,
}

/// `is` when the condition holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Always, when empty.
    pub when: Condition,
    /// A word, a number, or true or false.
    pub is: AttrValue,
}

/// All of them hold; an attribute that was not reported fulfils none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Condition(pub Vec<(AttrName, Test)>);

/// What an attribute is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is one of these.
    OneOf(Vec<AttrValue>),
    /// It is a number between these, which do not count themselves.
    Between {
        /// More than this.
        above: f64,
        /// Less than this.
        below: f64,
    },
}

/// What a command does.
#[derive(Debug, Clone, PartialEq)]
pub enum Writing {
    /// Sets one attribute as it is.
    Attr(AttrName),
    /// Each word its own steps; on/off are the words `on` and `off`.
    Words(Vec<(String, Vec<Step>)>),
    /// A number, or a press, the same steps each time.
    Steps(Vec<Step>),
    /// Red, green and blue in one call.
    Colour {
        /// One attribute each.
        channels: Vec<Channel>,
        /// What is set along with them.
        with: Vec<(AttrName, AttrValue)>,
    },
    /// The first whose condition holds.
    First(Vec<(Condition, Self)>),
}

/// One control call. Several go out in order, each after the one before was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Step(pub Vec<(AttrName, Given)>);

/// What a step sets an attribute to.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// Always this.
    Fixed(AttrValue),
    /// The command's number: `(value - plus) / times`, of which this byte, or all of it.
    Value {
        /// The factor of the reading.
        times: f64,
        /// What the reading adds.
        plus: f64,
        /// Which part of the result.
        part: Portion,
    },
}

/// Which part of a number goes into a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// All of it.
    Whole,
    /// The number divided by 256.
    High,
    /// What is left of it.
    Low,
}

impl Entity {
    /// Every attribute that it reads or writes.
    #[must_use]
    pub fn attributes(&self) -> Vec<&AttrName> {
        let mut names = Vec::new();
        for part in self.parts.values() {
            part.reads
                .iter()
                .for_each(|reading| reading.names(&mut names));
            part.writes
                .iter()
                .for_each(|writing| writing.names(&mut names));
            for range in &part.ranges {
                range.when.names(&mut names);
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Reading {
    /// Every attribute that it depends on.
    #[must_use]
    pub fn attributes(&self) -> Vec<&AttrName> {
        let mut names = Vec::new();
        self.names(&mut names);
        names
    }

    fn names<'a>(&'a self, into: &mut Vec<&'a AttrName>) {
        match self {
            Self::Attr(attr) | Self::Map { attr, .. } => into.push(attr),
            Self::Linear { terms, .. } => into.extend(terms.iter().map(|(attr, _)| attr)),
            Self::Cases(cases) => cases.iter().for_each(|case| case.when.names(into)),
            Self::Any(attrs) => into.extend(attrs),
            Self::Faults { words, .. } => into.extend(words.iter().map(|(attr, _)| attr)),
            Self::Unless { attr, of, .. } => {
                into.push(attr);
                of.names(into);
            }
            Self::Colour(channels) => into.extend(channels.iter().map(|channel| &channel.attr)),
            Self::First(variants) => {
                for (when, reading) in variants {
                    when.names(into);
                    reading.names(into);
                }
            }
        }
    }
}

impl Condition {
    fn names<'a>(&'a self, into: &mut Vec<&'a AttrName>) {
        into.extend(self.0.iter().map(|(attr, _)| attr));
    }
}

impl Writing {
    /// Every attribute that it may set.
    #[must_use]
    pub fn sets(&self) -> Vec<&AttrName> {
        let mut names = Vec::new();
        self.add_sets(&mut names);
        names
    }

    /// The same, with those that its conditions look at.
    fn names<'a>(&'a self, into: &mut Vec<&'a AttrName>) {
        self.add_sets(into);
        if let Self::First(variants) = self {
            for (when, writing) in variants {
                when.names(into);
                writing.names(into);
            }
        }
    }

    fn add_sets<'a>(&'a self, into: &mut Vec<&'a AttrName>) {
        let steps = |steps: &'a [Step], into: &mut Vec<&'a AttrName>| {
            let attrs = steps.iter().flat_map(|step| &step.0);
            into.extend(attrs.map(|(attr, _)| attr));
        };
        match self {
            Self::Attr(attr) => into.push(attr),
            Self::Words(words) => words.iter().for_each(|(_, word)| steps(word, into)),
            Self::Steps(all) => steps(all, into),
            Self::Colour { channels, with } => {
                into.extend(channels.iter().map(|channel| &channel.attr));
                into.extend(with.iter().map(|(attr, _)| attr));
            }
            Self::First(variants) => {
                for (_, writing) in variants {
                    writing.add_sets(into);
                }
            }
        }
    }
}
