//! Which other values of a device's attributes would make a role show something else.

use std::collections::BTreeMap;

use gizwits2mqtt::ids::AttrName;
use gizwits2mqtt::model::{AttrValue, Attrs, DataType, Datapoint};
use gizwits2mqtt::profile::entity::{Entity, Part};
use gizwits2mqtt::profile::platform::{Platform, Role};

use super::family::Family;

/// Numbers with no more values than these are tried in full.
const MAX_VALUES: f64 = 300.0;
/// Of others so many, evenly apart.
const SHARES: u32 = 128;
/// So many values of each of two attributes that change together.
const MAX_OF_PAIR: usize = 12;
/// So many changes of a role that is not one of some words.
const ENOUGH: usize = 2;

/// Changes with what the role shows then: each word that can be reached, or a few values.
pub(crate) fn changes(
    family: &Family,
    (entity, role): (&Entity, Role),
    attrs: &Attrs,
) -> Vec<(Attrs, AttrValue)> {
    let part = &entity.parts[&role];
    let alone = Entity {
        parts: BTreeMap::from([(role, part.clone())]),
        ..entity.clone()
    };
    let points: Vec<&Datapoint> = alone
        .attributes()
        .into_iter()
        .filter_map(|name| family.schema.get(name.as_str()))
        .collect();
    let wanted = if part.options.is_empty() {
        ENOUGH
    } else {
        part.options.len()
    };
    let now = part.shown(attrs);
    let mut found: Vec<(Attrs, AttrValue)> = Vec::new();
    let mut look = |change: &[(AttrName, AttrValue)]| {
        let mut changed = attrs.clone();
        for (name, value) in change {
            changed.insert(name.clone(), value.clone());
        }
        if let Some(shown) = part.shown(&changed)
            && Some(&shown) != now.as_ref()
            && can_be(entity.platform, role, part, &changed, &shown)
            && found.iter().all(|(_, known)| *known != shown)
            && found.len() < wanted
        {
            found.push((changed, shown));
        }
        found.len() >= wanted
    };
    for point in &points {
        for value in values(point) {
            look(&[(point.name.clone(), value)]);
        }
    }
    for (index, one) in points.iter().enumerate() {
        for other in points.iter().skip(index + 1) {
            for value in few(one) {
                for beside in few(other) {
                    let change = [
                        (one.name.clone(), value.clone()),
                        (other.name.clone(), beside),
                    ];
                    if look(&change) {
                        return found;
                    }
                }
            }
        }
    }
    found
}

/// Does Home Assistant take it? A number is within its limits, a word among its options.
fn can_be(platform: Platform, role: Role, part: &Part, attrs: &Attrs, shown: &AttrValue) -> bool {
    let bare = shown.to_bare();
    if !part.options.is_empty() {
        return part.options.contains(&bare);
    }
    let range = part.range(attrs).filter(|_| platform != Platform::Sensor);
    match (shown, range) {
        // Home Assistant takes it for no answer.
        (AttrValue::Number(number), _) if role == Role::Brightness && *number == 0.0 => false,
        (AttrValue::Number(number), Some(range)) => {
            range.min.is_none_or(|min| min <= *number) && range.max.is_none_or(|max| *number <= max)
        }
        _ if role == Role::Rgb => bare != "0,0,0",
        _ => !bare.is_empty(),
    }
}

fn few(point: &Datapoint) -> Vec<AttrValue> {
    let all = values(point);
    let step = all.len().div_ceil(MAX_OF_PAIR).max(1);
    all.into_iter().step_by(step).collect()
}

/// Legal values of an attribute.
fn values(point: &Datapoint) -> Vec<AttrValue> {
    match &point.data_type {
        DataType::Bool => [true, false].map(AttrValue::Bool).into(),
        DataType::Enum(labels) => {
            let label = |label: &String| AttrValue::Enum(label.as_str().into());
            labels.iter().map(label).collect()
        }
        DataType::Number(spec) => {
            let steps = (spec.max - spec.min) / spec.ratio;
            let all = if steps <= MAX_VALUES {
                let mut all = vec![spec.min];
                while let Some(last) = all.last().filter(|last| **last < spec.max).copied() {
                    all.push(last + spec.ratio);
                }
                all
            } else {
                let share = |share: u32| f64::from(share) / f64::from(SHARES);
                let at = |of: f64| spec.min + (steps * of).floor() * spec.ratio;
                (0..=SHARES).map(|index| at(share(index))).collect()
            };
            let number = |number: f64| AttrValue::Number(spec.tidy(number));
            all.into_iter().map(number).collect()
        }
        DataType::Binary { len } => [1, 0xab]
            .map(|byte| AttrValue::Binary(vec![byte; *len].into()))
            .into(),
        DataType::Text => ["a", "b"].map(|text| AttrValue::Text(text.into())).into(),
    }
}
