//! What belongs together in a product that no profile knows: power, target and current temperature are a
//! climate; power and a speed a fan; power and brightness or colours a light; power and a target humidity a
//! humidifier.
//!
//! A wrong guess hides controls behind a card that does not work, so it is made only where exactly one
//! attribute fits each part.

mod found;
mod modes;

use std::collections::BTreeMap;

use crate::ids::AttrName;
use crate::model::{Datapoint, NumberSpec, ProductSchema};

use super::entity::{Category, Channel, Entity, Part, Reading, Writing};
use super::hints::{measures, parts};
use super::options::{plain, readable};
use super::platform::{Platform, Role};
use super::possible::is_possible;
use found::Found;

/// The entity that the product is, if that is plain; it takes the device's name.
#[must_use]
pub fn entity(schema: &ProductSchema) -> Option<Entity> {
    // What is only inferred says nothing of what can be set.
    if schema.inferred {
        return None;
    }
    let found = Found::of(schema);
    let is_possible = |entity: &Entity| {
        let mut parts = entity.parts.iter();
        parts.all(|(role, part)| is_possible(entity.platform, *role, part))
    };
    let of_power = found.power.and_then(|power| {
        let climate = found.climate(schema, power).filter(is_possible);
        climate
            .or_else(|| found.humidifier(schema, power).filter(is_possible))
            .or_else(|| found.fan(power).filter(is_possible))
    });
    let power = found.power.or(found.light_power);
    of_power.or_else(|| found.light(power?).filter(is_possible))
}

/// The attributes that need no entity of their own beside this one: a second switch of the same power is noise.
/// What is measured does: statistics are kept of sensors, not of a climate. So does the switch of units, which
/// the entity only reads.
#[must_use]
pub fn covered(entity: &Entity) -> Vec<AttrName> {
    let mut entity = entity.clone();
    entity.parts.retain(|role, _| !role.is_only_shown());
    for part in entity.parts.values_mut() {
        part.ranges.clear();
    }
    entity.attributes().into_iter().cloned().collect()
}

impl Found<'_> {
    fn climate(&self, schema: &ProductSchema, power: &Datapoint) -> Option<Entity> {
        let (target, spec) = self.target_temperature?;
        let degrees = |datapoint: &Datapoint, spec: NumberSpec| Part {
            ranges: measures::degrees(schema, &spec),
            ..plain(datapoint)
        };
        let mut parts = BTreeMap::from([(Role::TargetTemperature, degrees(target, spec))]);
        if let Some(mode) = self.mode.and_then(|mode| modes::of(power, mode)) {
            parts.insert(Role::Mode, mode);
        } else {
            parts.insert(Role::Mode, modes::off_or_heat(power));
            self.preset(&mut parts);
        }
        if let Some((current, spec)) = self.current_temperature {
            parts.insert(Role::CurrentTemperature, degrees(current, spec));
        }
        if let Some((current, spec)) = self.current_humidity {
            parts.insert(Role::CurrentHumidity, numbered(current, spec));
        }
        if let Some(speed) = self.speed_words {
            parts.insert(Role::FanMode, readable(speed));
        }
        Some(main(Platform::Climate, parts))
    }

    fn humidifier(&self, schema: &ProductSchema, power: &Datapoint) -> Option<Entity> {
        let (target, spec) = self.target_humidity?;
        let mut parts = BTreeMap::from([
            (Role::State, plain(power)),
            (Role::TargetHumidity, numbered(target, spec)),
        ]);
        if let Some((current, spec)) = self.current_humidity {
            parts.insert(Role::CurrentHumidity, numbered(current, spec));
        }
        if let Some(mode) = self.mode {
            parts.insert(Role::Mode, readable(mode));
        }
        let named = |d: &Datapoint| parts::dries(d.name.as_str()) || parts::dries(&d.display_name);
        let dries = parts::dries(&schema.name) || schema.datapoints().iter().any(named);
        Some(Entity {
            device_class: dries.then(|| "dehumidifier".to_owned()),
            ..main(Platform::Humidifier, parts)
        })
    }

    fn fan(&self, power: &Datapoint) -> Option<Entity> {
        let mut parts = BTreeMap::from([(Role::State, plain(power))]);
        if let Some((speed, spec)) = self.speed {
            // Home Assistant takes whole numbers from 1 on.
            let is_whole = spec.ratio == 1.0 && spec.max >= 2.0 && spec.min >= 0.0;
            if !is_whole {
                return None;
            }
            let spec = NumberSpec {
                min: spec.min.max(1.0),
                ..spec
            };
            parts.insert(Role::Speed, numbered(speed, spec));
            self.preset(&mut parts);
        } else {
            parts.insert(Role::Preset, preset(self.speed_words?)?);
        }
        Some(main(Platform::Fan, parts))
    }

    fn light(&self, power: &Datapoint) -> Option<Entity> {
        let mut parts = BTreeMap::from([(Role::State, plain(power))]);
        if let Some((brightness, spec)) = self.brightness {
            parts.insert(Role::Brightness, numbered(brightness, spec));
        }
        if let Some((kelvin, spec)) = self.color_temperature {
            parts.insert(Role::ColorTemperature, numbered(kelvin, spec));
        }
        if let Some(colours) = &self.colours {
            let channel = |(datapoint, spec): &(&Datapoint, NumberSpec)| Channel {
                attr: datapoint.name.clone(),
                full: spec.max,
            };
            let channels: Vec<Channel> = colours.iter().map(channel).collect();
            let part = Part {
                reads: Some(Reading::Colour(channels.clone())),
                writes: Some(Writing::Colour {
                    channels,
                    with: Vec::new(),
                }),
                ..Part::default()
            };
            parts.insert(Role::Rgb, part);
        }
        if parts.len() == 1 {
            return None;
        }
        if let Some(mode) = self.mode {
            parts.insert(Role::Effect, readable(mode));
        }
        Some(main(Platform::Light, parts))
    }

    fn preset(&self, parts: &mut BTreeMap<Role, Part>) {
        let part = self.mode.and_then(preset);
        parts.extend(part.map(|part| (Role::Preset, part)));
    }
}

/// A list with a preset `none` cannot be had in Home Assistant.
fn preset(datapoint: &Datapoint) -> Option<Part> {
    let part = readable(datapoint);
    let is_none = |label: &String| label.trim().is_empty() || label.eq_ignore_ascii_case("none");
    (!part.options.iter().any(is_none)).then_some(part)
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

fn numbered(datapoint: &Datapoint, spec: NumberSpec) -> Part {
    Part {
        ranges: vec![measures::range(&spec, "")],
        ..plain(datapoint)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::AttrValue;
    use crate::profile::hints::testing::schema;

    fn point(name: &str, kind: &str, data_type: &str) -> Value {
        json!({ "name": name, "type": kind, "data_type": data_type, "enum": ["a", "b"],
            "uint_spec": { "min": 1, "max": 100, "ratio": 1, "addition": 0 } })
    }

    fn words(label: &str, labels: Value) -> Value {
        json!({ "name": "x", "display_name": label, "type": "status_writable", "data_type": "enum", "enum": labels })
    }

    fn thermostat(mode: Value) -> Entity {
        let set = "status_writable";
        let attrs = json!([
            point("power", set, "bool"),
            point("temp_set", set, "uint8"),
            mode
        ]);
        entity(&schema(&attrs)).unwrap()
    }

    #[test]
    fn modes_that_home_assistant_knows_are_modes_and_others_presets() {
        let climate = thermostat(words("模式", json!(["自动", "制冷", "制热"])));
        let mode = &climate.parts[&Role::Mode];
        assert_eq!(mode.options, ["off", "auto", "cool", "heat"]);
        assert!(!climate.parts.contains_key(&Role::Preset));
        let attrs = |on: bool| {
            let power = (AttrName::new("power").unwrap(), AttrValue::Bool(on));
            let mode = (AttrName::new("x").unwrap(), AttrValue::Enum("制冷".into()));
            [power, mode].into_iter().collect()
        };
        let shown = |on| mode.shown(&attrs(on)).unwrap().to_bare();
        assert_eq!((shown(true), shown(false)), ("cool".into(), "off".into()));

        let climate = thermostat(words("模式", json!(["自动", "手动"])));
        assert_eq!(climate.parts[&Role::Mode].options, ["off", "heat"]);
        assert_eq!(
            climate.parts[&Role::Preset].options,
            ["Automatic", "Manual"]
        );
    }

    #[test]
    fn what_is_measured_and_the_switch_of_units_keep_entities_of_their_own() {
        let (set, get) = ("status_writable", "status_readonly");
        let attrs = json!([
            point("power", set, "bool"),
            point("temp_set", set, "uint8"),
            point("temp_now", get, "uint8"),
            { "name": "unit", "type": set, "data_type": "enum", "enum": ["摄氏", "华氏"] }
        ]);
        let climate = entity(&schema(&attrs)).unwrap();
        let covered = covered(&climate);
        assert_eq!(
            covered.iter().map(AttrName::as_str).collect::<Vec<_>>(),
            ["power", "temp_set"]
        );
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
            (
                json!([power, words("风速", json!(["低", "中", "高"]))]),
                Some((Platform::Fan, 2)),
            ),
            (
                json!([
                    point("led", set, "bool"),
                    point("LED_R", set, "uint8"),
                    point("LED_G", set, "uint8"),
                    point("LED_B", set, "uint8")
                ]),
                Some((Platform::Light, 2)),
            ),
            // Of five lamps three are no colour.
            (
                json!([
                    power,
                    point("red", set, "uint8"),
                    point("green", set, "uint8"),
                    point("blue", set, "uint8"),
                    point("white", set, "uint8")
                ]),
                None,
            ),
            (
                json!([
                    power,
                    point("set_temp", set, "uint8"),
                    point("set_temp_max", set, "uint8"),
                    point("room_temp", get, "uint8"),
                    point("floor_temp", get, "uint8")
                ]),
                Some((Platform::Climate, 3)),
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
