//! What an entity's role shows, by what its device last reported.

use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs};

use super::entity::{Channel, Condition, Part, Range, Reading, Test};

/// What one of a higher byte counts.
pub(super) const HIGH_BYTE: f64 = 256.0;
/// A colour at its brightest, as Home Assistant counts.
pub(super) const FULL_COLOUR: f64 = 255.0;

impl Part {
    /// The value that is shown; `None` while it cannot be known.
    #[must_use]
    pub fn shown(&self, attrs: &Attrs) -> Option<AttrValue> {
        self.reads.as_ref()?.shown(attrs)
    }

    /// The limits and the unit that hold now: those of the first range that counts.
    #[must_use]
    pub fn range(&self, attrs: &Attrs) -> Option<&Range> {
        self.ranges.iter().find(|range| range.when.holds(attrs))
    }
}

impl Reading {
    fn shown(&self, attrs: &Attrs) -> Option<AttrValue> {
        match self {
            Self::Attr(attr) => attrs.get(attr.as_str()).cloned(),
            Self::Map { attr, words } => {
                let value = attrs.get(attr.as_str())?;
                let word = words.iter().find(|(_, values)| values.contains(value));
                word.map(|(word, _)| AttrValue::Text(word.as_str().into()))
            }
            Self::Linear { terms, plus } => {
                let term = |(attr, times): &(AttrName, f64)| Some(number(attrs, attr)? * times);
                let sum: Option<f64> = terms.iter().map(term).sum();
                sum.map(|sum| AttrValue::Number(tidy(sum + plus)))
            }
            Self::Cases(cases) => {
                let case = cases.iter().find(|case| case.when.holds(attrs));
                case.map(|case| case.is.clone())
            }
            Self::Any(names) => {
                let mut known = names.iter().filter_map(|name| attrs.get(name.as_str()));
                let any = known.clone().any(is_on);
                known.next().map(|_| AttrValue::Bool(any))
            }
            Self::Faults { words, none } => {
                let known = words.iter();
                let mut known =
                    known.filter_map(|(name, word)| Some((attrs.get(name.as_str())?, word)));
                let on: Vec<&str> = known
                    .clone()
                    .filter(|(value, _)| is_on(value))
                    .map(|(_, word)| word.as_str())
                    .collect();
                known.next()?;
                let text = if on.is_empty() {
                    none.clone()
                } else {
                    on.join("; ")
                };
                Some(AttrValue::Text(text.into()))
            }
            Self::Unless { attr, unset, of } => {
                let value = attrs.get(attr.as_str())?;
                (!unset.contains(value)).then(|| of.shown(attrs)).flatten()
            }
            Self::Colour(channels) => {
                let shown = |channel: &Channel| {
                    let share = number(attrs, &channel.attr)? / channel.full;
                    Some(
                        (share * FULL_COLOUR)
                            .round()
                            .clamp(0.0, FULL_COLOUR)
                            .to_string(),
                    )
                };
                let colours: Option<Vec<String>> = channels.iter().map(shown).collect();
                Some(AttrValue::Text(colours?.join(",").into()))
            }
            Self::First(variants) => {
                let (_, reading) = variants.iter().find(|(when, _)| when.holds(attrs))?;
                reading.shown(attrs)
            }
        }
    }
}

impl Condition {
    /// Does it hold?
    #[must_use]
    pub fn holds(&self, attrs: &Attrs) -> bool {
        let holds = |(name, test): &(AttrName, Test)| match test {
            Test::OneOf(values) => attrs
                .get(name.as_str())
                .is_some_and(|value| values.contains(value)),
            Test::Between { above, below } => {
                number(attrs, name).is_some_and(|number| *above < number && number < *below)
            }
        };
        self.0.iter().all(holds)
    }
}

/// A bool that is true, or a number that is not 0.
fn is_on(value: &AttrValue) -> bool {
    match value {
        AttrValue::Bool(on) => *on,
        AttrValue::Number(number) => *number != 0.0,
        AttrValue::Enum(_) | AttrValue::Binary(_) | AttrValue::Text(_) => false,
    }
}

fn number(attrs: &Attrs, name: &AttrName) -> Option<f64> {
    match attrs.get(name.as_str())? {
        AttrValue::Number(number) => Some(*number),
        AttrValue::Bool(on) => Some(f64::from(u8::from(*on))),
        AttrValue::Enum(_) | AttrValue::Binary(_) | AttrValue::Text(_) => None,
    }
}

/// Without the dust of binary fractions; no device measures finer than a millionth.
pub(super) fn tidy(number: f64) -> f64 {
    const FINEST: f64 = 1e6;
    let scaled = number * FINEST;
    if scaled.abs() < 1e15 {
        scaled.round() / FINEST
    } else {
        number
    }
}
