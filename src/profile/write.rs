//! What a command to an entity's role sets: the steps with their values, checked by the schema.

use serde_json::Value;

use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs, ProductSchema};

use super::entity::{Given, Part, Portion, Step, Writing};
use super::read::{FULL_COLOUR, HIGH_BYTE};

/// What a command says.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// On or off, or a word to choose.
    Word(String),
    /// A number.
    Number(f64),
    /// A press.
    Press,
    /// What the attribute takes as it is.
    Plain(Value),
}

impl Part {
    /// The control calls that a command becomes, in order; each sets at least one attribute.
    ///
    /// # Errors
    /// For people: why it cannot be done, and what is accepted.
    pub fn steps(
        &self,
        schema: &ProductSchema,
        attrs: &Attrs,
        wish: &Wish,
    ) -> Result<Vec<Attrs>, String> {
        let writes = self.writes.as_ref().ok_or("it is only shown")?;
        if let Wish::Number(number) = wish {
            self.check_range(attrs, *number)?;
        }
        writes.calls(schema, attrs, wish)
    }

    fn check_range(&self, attrs: &Attrs, number: f64) -> Result<(), String> {
        let range = self.range(attrs);
        let (min, max) = range.map_or((None, None), |range| (range.min, range.max));
        if min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max) {
            return Ok(());
        }
        let accepted = match (min, max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => "numbers".into(),
        };
        Err(format!("{number} is refused; accepted: {accepted}"))
    }
}

impl Writing {
    fn calls(
        &self,
        schema: &ProductSchema,
        attrs: &Attrs,
        wish: &Wish,
    ) -> Result<Vec<Attrs>, String> {
        match (self, wish) {
            (Self::Attr(attr), wish) => {
                let value = match wish {
                    Wish::Word(word) => Value::String(word.clone()),
                    Wish::Number(number) => {
                        AttrValue::Number(nearest(schema, attr, *number)).to_json()
                    }
                    Wish::Plain(value) => value.clone(),
                    Wish::Press => return Err("a press sets nothing here".into()),
                };
                Ok(vec![Attrs::from_iter([accept(schema, attr, &value)?])])
            }
            (Self::Words(words), Wish::Word(word)) => {
                let steps = words.iter().find(|(known, _)| known == word);
                let (_, steps) = steps.ok_or_else(|| {
                    let known: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                    format!("{word:?} is refused; accepted: {}", known.join(", "))
                })?;
                fill(schema, steps, 0.0)
            }
            // Of a variant: only here it is known that on/off are words.
            (Self::Words(_), Wish::Plain(Value::Bool(on))) => {
                let word = if *on { "on" } else { "off" };
                self.calls(schema, attrs, &Wish::Word(word.into()))
            }
            (Self::Steps(steps), Wish::Number(number)) => fill(schema, steps, *number),
            (Self::Steps(steps), Wish::Press) => fill(schema, steps, 0.0),
            (Self::Colour { channels, with }, Wish::Plain(Value::String(text))) => {
                let colours = colours(text).filter(|colours| colours.len() == channels.len());
                let colours = colours.ok_or_else(|| {
                    format!("{text:?} is refused; accepted: red,green,blue, each 0 to 255")
                })?;
                let mut call: Attrs = with.iter().cloned().collect();
                for (channel, colour) in channels.iter().zip(colours) {
                    let raw = nearest(schema, &channel.attr, colour / FULL_COLOUR * channel.full);
                    let raw = AttrValue::Number(raw).to_json();
                    let (attr, value) = accept(schema, &channel.attr, &raw)?;
                    call.insert(attr, value);
                }
                Ok(vec![call])
            }
            (Self::First(variants), wish) => {
                let holds = variants.iter().find(|(when, _)| when.holds(attrs));
                let (_, writing) = holds.ok_or("it cannot be set as the device is now")?;
                writing.calls(schema, attrs, wish)
            }
            (Self::Words(_) | Self::Steps(_) | Self::Colour { .. }, _) => {
                Err("that is no value for it".into())
            }
        }
    }
}

/// `255,0,10`.
fn colours(text: &str) -> Option<Vec<f64>> {
    let colour = |text: &str| {
        let number: f64 = text.trim().parse().ok()?;
        (0.0..=FULL_COLOUR).contains(&number).then_some(number)
    };
    text.split(',').map(colour).collect()
}

fn fill(schema: &ProductSchema, steps: &[Step], number: f64) -> Result<Vec<Attrs>, String> {
    let step = |step: &Step| {
        let given = step.0.iter().map(|(attr, given)| match given {
            Given::Fixed(value) => Ok((attr.clone(), value.clone())),
            Given::Value { times, plus, part } => {
                let raw = (number - plus) / times;
                let raw = match part {
                    Portion::Whole => raw,
                    Portion::High => (raw.round() / HIGH_BYTE).floor(),
                    Portion::Low => raw.round().rem_euclid(HIGH_BYTE),
                };
                accept(
                    schema,
                    attr,
                    &AttrValue::Number(nearest(schema, attr, raw)).to_json(),
                )
            }
        });
        given.collect::<Result<Attrs, String>>()
    };
    steps.iter().map(step).collect()
}

/// The value that the attribute can take which is nearest: a person who sees °F asks for what falls
/// between two steps in °C.
fn nearest(schema: &ProductSchema, attr: &AttrName, value: f64) -> f64 {
    use crate::model::DataType;
    match schema
        .get(attr.as_str())
        .map(|datapoint| &datapoint.data_type)
    {
        Some(DataType::Number(spec)) => {
            let raw = ((value - spec.addition) / spec.ratio).round();
            spec.round(raw.mul_add(spec.ratio, spec.addition))
        }
        Some(DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text)
        | None => value,
    }
}

fn accept(
    schema: &ProductSchema,
    attr: &AttrName,
    value: &Value,
) -> Result<(AttrName, AttrValue), String> {
    let datapoint = schema.get(attr.as_str());
    let datapoint = datapoint.ok_or_else(|| format!("the device has no attribute {attr}"))?;
    let value = AttrValue::accept(datapoint, value).map_err(|err| err.to_string())?;
    Ok((attr.clone(), value))
}
