//! What a command to an entity's role sets: the steps with their values, checked by the schema.

use serde_json::Value;

use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs, ProductSchema};

use super::entity::{Given, Part, Portion, Step, Writing};

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
        match (writes, wish) {
            (Writing::Attr(attr), wish) => {
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
            (Writing::Words(words), Wish::Word(word)) => {
                let steps = words.iter().find(|(known, _)| known == word);
                let (_, steps) = steps.ok_or_else(|| {
                    let known: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                    format!("{word:?} is refused; accepted: {}", known.join(", "))
                })?;
                fill(schema, steps, 0.0)
            }
            (Writing::Steps(steps), Wish::Number(number)) => fill(schema, steps, *number),
            (Writing::Steps(steps), Wish::Press) => fill(schema, steps, 0.0),
            (Writing::Words(_) | Writing::Steps(_), _) => Err("that is no value for it".into()),
        }
    }

    fn check_range(&self, attrs: &Attrs, number: f64) -> Result<(), String> {
        let range = self.range(attrs);
        let min = range.and_then(|range| range.min).unwrap_or(f64::MIN);
        let max = range.and_then(|range| range.max).unwrap_or(f64::MAX);
        if (min..=max).contains(&number) {
            Ok(())
        } else {
            Err(format!("{number} is refused; accepted: {min} to {max}"))
        }
    }
}

fn fill(schema: &ProductSchema, steps: &[Step], number: f64) -> Result<Vec<Attrs>, String> {
    let step = |step: &Step| {
        let given = step.0.iter().map(|(attr, given)| match given {
            Given::Fixed(value) => Ok((attr.clone(), value.clone())),
            Given::Value { times, plus, part } => {
                let raw = (number - plus) / times;
                let raw = match part {
                    Portion::Whole => raw,
                    Portion::High => (raw.round() / 256.0).floor(),
                    Portion::Low => raw.round().rem_euclid(256.0),
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
