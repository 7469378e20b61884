//! What belongs together in a product that no profile knows: power, target and current temperature are a
//! climate; power and a speed a fan; power and brightness a light; power and a target humidity a
//! humidifier.
//!
//! A wrong guess hides controls behind a card that does not work, so it is made only where exactly one
//! attribute fits each part.

use std::collections::BTreeMap;

use crate::ids::AttrName;
use crate::model::{AttrValue, DataType, Datapoint, NumberSpec, ProductSchema};

use super::entity::{
    Case, Category, Condition, Entity, Given, Part, Range, Reading, Step, Test, Writing,
};
use super::hints;
use super::platform::{Platform, Role};

/// The entity that the product is, if that is plain; it takes the device's name.
#[must_use]
pub fn entity(schema: &ProductSchema) -> Option<Entity> {
    // What is only inferred says nothing of what can be set.
    if schema.inferred {
        return None;
    }
    let found = Found::of(schema);
    let power = found.power?;
    found
        .climate(schema, power)
        .or_else(|| found.humidifier(power))
        .or_else(|| found.fan(power))
        .or_else(|| found.light(power))
}

/// The attributes that could be parts, where there is exactly one.
struct Found<'a> {
    power: Option<&'a Datapoint>,
    target_temperature: Option<(&'a Datapoint, NumberSpec)>,
    current_temperature: Option<(&'a Datapoint, NumberSpec)>,
    target_humidity: Option<(&'a Datapoint, NumberSpec)>,
    current_humidity: Option<(&'a Datapoint, NumberSpec)>,
    speed: Option<(&'a Datapoint, NumberSpec)>,
    brightness: Option<(&'a Datapoint, NumberSpec)>,
    mode: Option<&'a Datapoint>,
}

impl<'a> Found<'a> {
    fn of(schema: &'a ProductSchema) -> Self {
        let all = || schema.datapoints().iter();
        let is = |words: &'static [&'static str]| move |d: &&Datapoint| hints::named(d, words);
        let settable = |d: &&Datapoint| d.is_settable();
        let only = |found: Vec<&'a Datapoint>| match found.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let number = |found: Vec<&'a Datapoint>| {
            let found = found.into_iter().filter(|d| !hints::is_internal(d));
            let one = only(found.collect())?;
            match &one.data_type {
                DataType::Number(spec) => Some((one, *spec)),
                DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text => {
                    None
                }
            }
        };
        let of_kind = |d: &&Datapoint, kind: &DataType| {
            std::mem::discriminant(&d.data_type) == std::mem::discriminant(kind)
        };
        let bools = all()
            .filter(|d| of_kind(d, &DataType::Bool))
            .filter(settable);
        let power = only(bools.clone().filter(|d| hints::is_power(d)).collect());
        let is_number = |d: &&Datapoint| matches!(d.data_type, DataType::Number(_));
        let temperatures = || {
            all()
                .filter(is_number)
                .filter(|d| hints::is_temperature_of(d))
        };
        let humidities = || all().filter(is_number).filter(is(&["humi", "湿度"]));
        let enums = all().filter(|d| matches!(d.data_type, DataType::Enum(_)));
        Self {
            power,
            target_temperature: number(temperatures().filter(settable).collect()),
            current_temperature: number(temperatures().filter(|d| !d.is_settable()).collect()),
            target_humidity: number(humidities().filter(settable).collect()),
            current_humidity: number(humidities().filter(|d| !d.is_settable()).collect()),
            speed: number(
                all()
                    .filter(is_number)
                    .filter(settable)
                    .filter(|d| hints::is_speed(d))
                    .collect(),
            ),
            brightness: number(
                all()
                    .filter(is_number)
                    .filter(settable)
                    .filter(is(&["bright", "亮度"]))
                    .collect(),
            ),
            mode: only(
                enums
                    .filter(settable)
                    .filter(|d| hints::is_mode(d))
                    .collect(),
            ),
        }
    }

    fn climate(&self, schema: &ProductSchema, power: &Datapoint) -> Option<Entity> {
        let (target, spec) = self.target_temperature?;
        let mut parts = BTreeMap::from([
            (Role::TargetTemperature, degrees(schema, target, spec)),
            (Role::Mode, off_or(power, "heat")),
        ]);
        if let Some((current, spec)) = self.current_temperature {
            parts.insert(Role::CurrentTemperature, degrees(schema, current, spec));
        }
        self.preset(&mut parts);
        Some(main(Platform::Climate, parts))
    }

    fn humidifier(&self, power: &Datapoint) -> Option<Entity> {
        let (target, spec) = self.target_humidity?;
        let mut parts = BTreeMap::from([
            (Role::State, plain(power)),
            (Role::TargetHumidity, numbered(target, spec)),
        ]);
        if let Some((current, spec)) = self.current_humidity {
            parts.insert(Role::CurrentHumidity, numbered(current, spec));
        }
        if let Some(mode) = self.mode {
            parts.insert(Role::Mode, plain(mode));
        }
        Some(main(Platform::Humidifier, parts))
    }

    fn fan(&self, power: &Datapoint) -> Option<Entity> {
        let (speed, spec) = self.speed?;
        // Home Assistant takes whole numbers from 1 on.
        let is_whole = spec.ratio == 1.0 && spec.max >= 2.0 && spec.min >= 0.0;
        if !is_whole {
            return None;
        }
        let spec = NumberSpec {
            min: spec.min.max(1.0),
            ..spec
        };
        let mut parts = BTreeMap::from([
            (Role::State, plain(power)),
            (Role::Speed, numbered(speed, spec)),
        ]);
        self.preset(&mut parts);
        Some(main(Platform::Fan, parts))
    }

    fn light(&self, power: &Datapoint) -> Option<Entity> {
        let (brightness, spec) = self.brightness?;
        let parts = BTreeMap::from([
            (Role::State, plain(power)),
            (Role::Brightness, numbered(brightness, spec)),
        ]);
        Some(main(Platform::Light, parts))
    }

    /// A list with a preset `none` cannot be had in Home Assistant.
    fn preset(&self, parts: &mut BTreeMap<Role, Part>) {
        let Some(mode) = self.mode else {
            return;
        };
        let part = plain(mode);
        let is_none =
            |label: &String| label.trim().is_empty() || label.eq_ignore_ascii_case("none");
        if !part.options.iter().any(is_none) {
            parts.insert(Role::Preset, part);
        }
    }
}

fn main(platform: Platform, parts: BTreeMap<Role, Part>) -> Entity {
    Entity {
        key: platform.as_str().to_owned(),
        name: None,
        platform,
        parts,
        device_class: None,
        icon: None,
        category: Category::Main,
        enabled: true,
        statistics: None,
    }
}

fn plain(datapoint: &Datapoint) -> Part {
    let options = match &datapoint.data_type {
        DataType::Enum(labels) => labels.clone(),
        DataType::Bool | DataType::Number(_) | DataType::Binary { .. } | DataType::Text => {
            Vec::new()
        }
    };
    Part {
        reads: Some(Reading::Attr(datapoint.name.clone())),
        writes: datapoint
            .is_settable()
            .then(|| Writing::Attr(datapoint.name.clone())),
        options,
        ranges: Vec::new(),
    }
}

fn numbered(datapoint: &Datapoint, spec: NumberSpec) -> Part {
    let range = Range {
        min: Some(spec.min),
        max: Some(spec.max),
        step: Some(spec.ratio),
        ..Range::default()
    };
    Part {
        ranges: vec![range],
        ..plain(datapoint)
    }
}

/// °C, unless the device's own switch says °F; where that is not plain, what the schema says.
fn degrees(schema: &ProductSchema, datapoint: &Datapoint, spec: NumberSpec) -> Part {
    let mut part = numbered(datapoint, spec);
    let unit = |unit: &str| Some(unit.to_owned());
    if let Some(range) = part.ranges.first_mut() {
        range.unit = unit("°C");
    }
    if let Some((switch, fahrenheit)) = hints::fahrenheit_when(schema) {
        let range = Range {
            when: is(switch, fahrenheit),
            min: Some(spec.min),
            max: Some(spec.max),
            step: Some(spec.ratio),
            unit: unit("°F"),
        };
        part.ranges.insert(0, range);
    }
    part
}

fn off_or(power: &Datapoint, word: &str) -> Part {
    let word = word.to_owned();
    let on = |on: bool| {
        vec![Step(vec![(
            power.name.clone(),
            Given::Fixed(AttrValue::Bool(on)),
        )])]
    };
    let text = |text: &str| AttrValue::Text(text.into());
    Part {
        reads: Some(Reading::Cases(vec![
            Case {
                when: is(power.name.clone(), AttrValue::Bool(false)),
                is: text("off"),
            },
            Case {
                when: is(power.name.clone(), AttrValue::Bool(true)),
                is: text(&word),
            },
        ])),
        writes: Some(Writing::Words(vec![
            ("off".into(), on(false)),
            (word.clone(), on(true)),
        ])),
        options: vec!["off".into(), word],
        ranges: Vec::new(),
    }
}

fn is(attr: AttrName, value: AttrValue) -> Condition {
    Condition(vec![(attr, Test::OneOf(vec![value]))])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ids::ProductKey;

    fn schema(attrs: &Value) -> ProductSchema {
        let document = json!({ "entities": [{ "attrs": attrs }] });
        let product_key = ProductKey::new("pk").unwrap();
        ProductSchema::parse(&product_key, &document).unwrap().0
    }

    fn point(name: &str, kind: &str, data_type: &str) -> Value {
        json!({ "name": name, "type": kind, "data_type": data_type, "enum": ["a", "b"],
            "uint_spec": { "min": 1, "max": 100, "ratio": 1, "addition": 0 } })
    }

    #[test]
    fn what_belongs_together_is_one_entity() {
        let set = "status_writable";
        let get = "status_readonly";
        let power = point("power", set, "bool");
        for (attrs, want) in [
            (
                json!([
                    power,
                    point("temp_set", set, "uint8"),
                    point("temp_now", get, "uint8"),
                    point("mode", set, "enum")
                ]),
                Some((Platform::Climate, 4)),
            ),
            (
                json!([
                    point("SwitchON", set, "bool"),
                    point("Motor_Speed", set, "uint8")
                ]),
                Some((Platform::Fan, 2)),
            ),
            (
                json!([power, point("brightness", set, "uint8")]),
                Some((Platform::Light, 2)),
            ),
            (
                json!([
                    power,
                    point("humi_set", set, "uint8"),
                    point("humi", get, "uint8")
                ]),
                Some((Platform::Humidifier, 3)),
            ),
            (json!([power, point("temp_now", get, "uint8")]), None),
            (json!([point("temp_set", set, "uint8")]), None),
            (
                json!([
                    power,
                    point("temp_set1", set, "uint8"),
                    point("temp_set2", set, "uint8")
                ]),
                None,
            ),
        ] {
            let found = entity(&schema(&attrs)).map(|e| (e.platform, e.parts.len()));
            assert_eq!(found, want, "{attrs}");
        }
    }

    #[test]
    fn the_devices_own_switch_decides_on_fahrenheit() {
        let unit = json!({ "name": "unit", "type": "status_writable", "data_type": "enum", "enum": ["摄氏", "华氏"] });
        let attrs = json!([
            point("power", "status_writable", "bool"),
            point("temp_set", "status_writable", "uint8"),
            unit
        ]);
        let climate = entity(&schema(&attrs)).unwrap();
        let target = &climate.parts[&Role::TargetTemperature];
        let shown = |label: &str| {
            let attr = AttrName::new("unit").unwrap();
            let attrs = [(attr, AttrValue::Enum(label.into()))]
                .into_iter()
                .collect();
            target.range(&attrs).unwrap().unit.clone().unwrap()
        };
        assert_eq!((shown("摄氏"), shown("华氏")), ("°C".into(), "°F".into()));
    }
}
