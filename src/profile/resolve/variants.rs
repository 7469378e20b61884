//! Parts that are more than one attribute: variants by a condition, colours, and on/off that is a number.

use crate::ids::AttrName;
use crate::model::{AttrValue, DataType};

use super::Resolver;
use crate::profile::entity::{
    Case, Channel, Condition, Given, Part, Range, Reading, Step, Test, Writing,
};
use crate::profile::file::FullPart;
use crate::profile::platform::RoleKind;

/// What a channel's largest value is where no schema says.
const FULL_BYTE: f64 = 255.0;

impl Resolver<'_> {
    /// A part that is another one under another condition.
    pub(super) fn variants(&mut self, kind: RoleKind, file: &FullPart) -> Option<Part> {
        let is_more = [
            file.attr.is_some(),
            file.bytes.is_some(),
            file.channels.is_some(),
            file.faults.is_some(),
            !file.read.is_empty(),
            !file.any.is_empty(),
        ];
        if is_more.contains(&true) {
            self.fault("with `variants`, what is read stands in each of them".into());
        }
        let path = self.path.clone();
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        let (mut options, mut ranges) = (Vec::new(), Vec::new());
        let mut momentary = self.is_momentary(kind, file);
        for (at, variant) in file.variants.iter().enumerate() {
            self.path = format!("{path}.variants.{at}.use");
            let Some(when) = self.condition(&variant.when) else {
                continue;
            };
            let Some(part) = self.part(kind, &inherit(&variant.part.0, file)) else {
                continue;
            };
            momentary |= part.momentary;
            reads.extend(part.reads.map(|reading| (when.clone(), reading)));
            writes.extend(part.writes.map(|writing| (when.clone(), writing)));
            for option in part.options {
                if !options.contains(&option) {
                    options.push(option);
                }
            }
            let of = part.ranges.into_iter();
            ranges.extend(of.map(|range| under(&when, range, file)));
        }
        self.path = path;
        if reads.is_empty() {
            return None;
        }
        let own = if file.read_only {
            None
        } else if file.set.is_some() || file.write.is_some() {
            self.writing(kind, file)
        } else {
            (!writes.is_empty()).then_some(Writing::First(writes))
        };
        ranges.extend(self.ranges(file));
        Some(Part {
            reads: Some(Reading::First(reads)),
            writes: own,
            options,
            ranges,
            momentary,
        })
    }

    /// A switch that is reported as 0 and 1 is a number to a schema that says so, and to one that was
    /// guessed. The words of a profile are on and off.
    pub(super) fn on_off(
        &self,
        kind: RoleKind,
        reads: Option<Reading>,
        writes: Option<Writing>,
    ) -> (Option<Reading>, Option<Writing>) {
        let is_number = |attr: &AttrName| {
            let data_type = self.datapoint(attr).map(|datapoint| &datapoint.data_type);
            kind == RoleKind::Bool && matches!(data_type, Some(DataType::Number(_)))
        };
        let reads = match reads {
            Some(Reading::Attr(attr)) if is_number(&attr) => Some(Reading::Any(vec![attr])),
            Some(reading) if kind == RoleKind::Bool => Some(as_bool(reading)),
            other => other,
        };
        let writes = match writes {
            Some(Writing::Attr(attr)) if is_number(&attr) => {
                let word = |word: &str, number: f64| {
                    let value = Given::Fixed(AttrValue::Number(number));
                    (word.to_owned(), vec![Step(vec![(attr.clone(), value)])])
                };
                Some(Writing::Words(vec![word("on", 1.0), word("off", 0.0)]))
            }
            other => other,
        };
        (reads, writes)
    }

    /// `None` when the product lacks one of them.
    pub(super) fn channels(&mut self, names: &[String; 3]) -> Option<Vec<Channel>> {
        let channel = |name: &String| {
            let attr = self.attr(name)?;
            let full = match self.datapoint(&attr).map(|datapoint| &datapoint.data_type) {
                Some(DataType::Number(spec)) if spec.max > 0.0 => spec.max,
                Some(
                    DataType::Number(_)
                    | DataType::Bool
                    | DataType::Enum(_)
                    | DataType::Binary { .. }
                    | DataType::Text,
                )
                | None => FULL_BYTE,
            };
            Some(Channel { attr, full })
        };
        names.iter().map(channel).collect()
    }

    /// All three channels in one call, with what `set` adds.
    pub(super) fn colour(&mut self, names: &[String; 3], file: &FullPart) -> Option<Writing> {
        for name in names {
            self.settable(name)?;
        }
        let channels = self.channels(names)?;
        let mut with = Vec::new();
        if let Some(set) = &file.set {
            for step in self.steps(set, file)? {
                let fixed = step.0.into_iter().filter_map(|(attr, given)| match given {
                    Given::Fixed(value) => Some((attr, value)),
                    Given::Value { .. } => None,
                });
                with.extend(fixed);
            }
        }
        Some(Writing::Colour { channels, with })
    }
}

/// What a variant does not limit, the whole part does, before the schema.
fn inherit(variant: &FullPart, whole: &FullPart) -> FullPart {
    FullPart {
        min: variant.min.or(whole.min),
        max: variant.max.or(whole.max),
        step: variant.step.or(whole.step),
        ..variant.clone()
    }
}

/// With true and false for `on` and `off`.
fn as_bool(reading: Reading) -> Reading {
    let is = |word: AttrValue| match word.to_bare().as_str() {
        "on" => AttrValue::Bool(true),
        "off" => AttrValue::Bool(false),
        _ => word,
    };
    match reading {
        Reading::Map { attr, words } => {
            let words = words.into_iter();
            let cases = words.map(|(word, values)| Case {
                when: Condition(vec![(attr.clone(), Test::OneOf(values))]),
                is: is(AttrValue::Text(word.as_str().into())),
            });
            Reading::Cases(cases.collect())
        }
        Reading::Cases(cases) => {
            let cases = cases.into_iter().map(|case| Case {
                is: is(case.is),
                ..case
            });
            Reading::Cases(cases.collect())
        }
        Reading::Unless { attr, unset, of } => Reading::Unless {
            attr,
            unset,
            of: Box::new(as_bool(*of)),
        },
        other @ (Reading::Attr(_)
        | Reading::Linear { .. }
        | Reading::Any(_)
        | Reading::Faults { .. }
        | Reading::Colour(_)
        | Reading::First(_)) => other,
    }
}

/// A variant's range counts where both conditions hold; what it lacks, the whole part says.
fn under(when: &Condition, range: Range, file: &FullPart) -> Range {
    let both = when.0.iter().chain(&range.when.0).cloned();
    Range {
        when: Condition(both.collect()),
        min: range.min.or(file.min),
        max: range.max.or(file.max),
        step: range.step.or(file.step),
        unit: range.unit.or_else(|| file.unit.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::ids::ProductKey;
    use crate::model::ProductSchema;
    use crate::profile::entity::Entity;
    use crate::profile::hints::testing::attrs;
    use crate::profile::load;
    use crate::profile::platform::Role;
    use crate::profile::resolve;
    use crate::profile::write::Wish;

    const PROFILE: &str = "\
profile: x
title: X
match: {}
entities:
  heater:
    platform: climate
    target_temperature:
      unit: °C
      variants:
        - { when: { mode: eco }, use: { attr: eco_temp, scale: 0.1, min: 10, max: 19 } }
        - { when: { mode: [cft, fro] }, use: { attr: cft_temp, scale: 0.1, min: 15, max: 30 } }
  timer:
    platform: number
    state: { attr: timer, unset: 59940, unit: min }
  lamp:
    platform: light
    state: lamp
    rgb: { channels: [red, green, blue], set: { colour: own } }
  speed:
    platform: select
    state: { attr: colour, map: { Own: own, Pink: pink, Gold: gold } }
";

    fn schema() -> ProductSchema {
        let number = |name: &str, max: u32| {
            json!({ "name": name, "type": "status_writable", "data_type": "uint16",
                "uint_spec": { "min": 0, "max": max, "ratio": 1, "addition": 0 } })
        };
        let label = |name: &str, labels: &[&str]| json!({ "name": name, "type": "status_writable", "data_type": "enum", "enum": labels });
        let attrs = [
            label("mode", &["cft", "eco", "fro", "stop"]),
            label("colour", &["own", "pink"]),
            number("eco_temp", 500),
            number("cft_temp", 500),
            number("timer", 65_535),
            number("lamp", 1),
            number("red", 254),
            number("green", 254),
            number("blue", 254),
        ];
        let key = ProductKey::new("pk").unwrap();
        let document = json!({ "entities": [{ "attrs": attrs }] });
        ProductSchema::parse(&key, &document).unwrap().0
    }

    fn entities(schema: &ProductSchema) -> Vec<Entity> {
        resolve::entities(&load::read(PROFILE).unwrap(), schema)
    }

    #[test]
    fn what_holds_is_shown_and_set() {
        let schema = schema();
        let entities = entities(&schema);
        let (number, word) = (Wish::Number, |text: &str| Wish::Plain(json!(text)));
        let set = |value: Value| Ok(vec![value]);
        let no = |why| Err(why);
        for (report, at, role, shown, wish, calls) in [
            (
                json!({ "mode": "eco", "eco_temp": 165, "cft_temp": 200 }),
                0,
                Role::TargetTemperature,
                Some("16.5"),
                number(18.5),
                set(json!({ "eco_temp": 185 })),
            ),
            (
                json!({ "mode": "cft", "eco_temp": 165, "cft_temp": 205 }),
                0,
                Role::TargetTemperature,
                Some("20.5"),
                number(21.0),
                set(json!({ "cft_temp": 210 })),
            ),
            (
                json!({ "mode": "eco", "eco_temp": 165, "cft_temp": 205 }),
                0,
                Role::TargetTemperature,
                Some("16.5"),
                number(21.0),
                no("accepted: 10 to 19"),
            ),
            (
                json!({ "mode": "stop", "eco_temp": 165, "cft_temp": 205 }),
                0,
                Role::TargetTemperature,
                None,
                number(21.0),
                no("cannot be set as the device is now"),
            ),
            (
                json!({ "timer": 59_940 }),
                1,
                Role::State,
                None,
                number(90.0),
                set(json!({ "timer": 90 })),
            ),
            (
                json!({ "timer": 90 }),
                1,
                Role::State,
                Some("90"),
                number(59_940.0),
                set(json!({ "timer": 59_940 })),
            ),
            (
                json!({ "lamp": 1 }),
                2,
                Role::State,
                Some("true"),
                Wish::Word("off".into()),
                set(json!({ "lamp": 0 })),
            ),
            (
                json!({ "red": 254, "green": 127, "blue": 0 }),
                2,
                Role::Rgb,
                Some("255,128,0"),
                word("0,128,255"),
                set(json!({ "red": 0, "green": 127, "blue": 254, "colour": "own" })),
            ),
            (
                json!({ "red": 254, "green": 127 }),
                2,
                Role::Rgb,
                None,
                word("0,300,0"),
                no("red,green,blue"),
            ),
        ] {
            let attrs = attrs(&schema, &report);
            let part = &entities[at].parts[&role];
            let now = part.shown(&attrs).map(|value| value.to_bare());
            assert_eq!(now.as_deref(), shown, "{report}");
            let steps = part.steps(&schema, &attrs, &wish);
            match (steps, calls) {
                (Ok(steps), Ok(calls)) => {
                    let steps = steps.iter().map(|step| Value::Object(step.to_json()));
                    assert_eq!(steps.collect::<Vec<_>>(), calls, "{report}");
                }
                (Err(why), Err(words)) => assert!(why.contains(words), "{report}: {why}"),
                (got, want) => panic!("{report}: {got:?}, wanted {want:?}"),
            }
        }
    }

    #[test]
    fn a_word_that_the_enumeration_lacks_is_no_choice() {
        let part = &entities(&schema())[3].parts[&Role::State];
        assert_eq!(part.options, ["Own", "Pink"]);
    }

    #[test]
    fn the_unit_of_the_whole_part_holds_in_each_variant() {
        let schema = schema();
        let part = &entities(&schema)[0].parts[&Role::TargetTemperature];
        for (mode, min) in [("eco", Some(10.0)), ("cft", Some(15.0)), ("stop", None)] {
            let range = part
                .range(&attrs(&schema, &json!({ "mode": mode })))
                .unwrap();
            assert_eq!(
                (range.unit.as_deref(), range.min),
                (Some("°C"), min),
                "{mode}"
            );
        }
    }

    #[test]
    fn a_variant_names_the_line_of_its_fault() {
        let text = PROFILE.replace("min: 10, max: 19", "min: 20, max: 19");
        let faults = load::read(&text).unwrap_err();
        assert_eq!(faults[0].line, 10, "{faults:?}");
    }
}
