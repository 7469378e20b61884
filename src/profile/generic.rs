//! The entity that a datapoint becomes where no profile says another.

use std::collections::BTreeMap;

use crate::model::{Access, DataType, Datapoint, ProductSchema};

use super::entity::{Category, Entity, Part, Range, Reading, Statistics, Writing};
use super::hints::{self, Meaning};
use super::platform::{Platform, Role};

/// Home Assistant refuses a state of more characters; a byte takes two of them.
const MAX_STATE_CHARS: usize = 255;

/// What a datapoint becomes; `None` when Home Assistant could not show it.
#[must_use]
pub fn entity(schema: &ProductSchema, datapoint: &Datapoint) -> Option<Entity> {
    let platform = platform(datapoint)?;
    let alarm = matches!(datapoint.access, Access::Alert | Access::Fault);
    let meaning = meaning(schema, datapoint, platform, alarm);
    let binary = matches!(datapoint.data_type, DataType::Binary { .. });
    let internal = binary || hints::is_internal(datapoint);
    let setting = internal || hints::is_setting(datapoint);
    let counts = platform == Platform::Sensor
        && datapoint.access == Access::ReadOnly
        && matches!(datapoint.data_type, DataType::Number(_));
    Some(Entity {
        key: datapoint.name.to_string(),
        name: Some(super::name::entity_name(schema, datapoint)),
        platform,
        parts: BTreeMap::from([(Role::State, part(datapoint, platform, meaning))]),
        device_class: meaning.device_class.map(str::to_owned),
        icon: None,
        category: category(platform, alarm || internal, setting),
        enabled: !internal,
        statistics: counts.then_some(Statistics::Measurement),
    })
}

/// What was only inferred is never a control: nobody said that it can be set.
fn platform(datapoint: &Datapoint) -> Option<Platform> {
    let settable = datapoint.is_settable() && datapoint.access != Access::Inferred;
    Some(match (&datapoint.data_type, settable) {
        (DataType::Bool, true) => Platform::Switch,
        (DataType::Bool, false) => Platform::BinarySensor,
        (DataType::Enum(_), true) => Platform::Select,
        (DataType::Number(_), true) => Platform::Number,
        (DataType::Binary { len }, _) if len * 2 > MAX_STATE_CHARS => return None,
        (DataType::Binary { .. }, true) => Platform::Text,
        (DataType::Enum(_) | DataType::Number(_) | DataType::Binary { .. } | DataType::Text, _) => {
            Platform::Sensor
        }
    })
}

fn meaning(
    schema: &ProductSchema,
    datapoint: &Datapoint,
    platform: Platform,
    alarm: bool,
) -> Meaning {
    let class = |class| Meaning {
        device_class: Some(class),
        unit: None,
    };
    match &datapoint.data_type {
        DataType::Number(spec) => hints::meaning(schema, datapoint, spec),
        DataType::Bool if alarm => class("problem"),
        DataType::Enum(_) if platform == Platform::Sensor => class("enum"),
        DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text => {
            Meaning::default()
        }
    }
}

fn part(datapoint: &Datapoint, platform: Platform, meaning: Meaning) -> Part {
    let name = || datapoint.name.clone();
    let (options, ranges) = match &datapoint.data_type {
        DataType::Enum(labels) => (labels.clone(), Vec::new()),
        DataType::Number(spec) => {
            let range = Range {
                min: Some(spec.min),
                max: Some(spec.max),
                step: Some(spec.ratio),
                unit: meaning.unit.map(str::to_owned),
                ..Range::default()
            };
            (Vec::new(), vec![range])
        }
        DataType::Bool | DataType::Binary { .. } | DataType::Text => (Vec::new(), Vec::new()),
    };
    Part {
        reads: Some(Reading::Attr(name())),
        writes: platform.is_control().then(|| Writing::Attr(name())),
        options,
        ranges,
    }
}

/// Home Assistant refuses `config` for what cannot be set.
const fn category(platform: Platform, hidden: bool, setting: bool) -> Category {
    if platform.is_control() {
        if setting {
            Category::Config
        } else {
            Category::Main
        }
    } else if hidden {
        Category::Diagnostic
    } else {
        Category::Main
    }
}
