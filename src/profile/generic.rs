//! The entity that a datapoint becomes where no profile says another.

use std::collections::BTreeMap;

use crate::model::{Access, DataType, Datapoint, ProductSchema};

use super::entity::{Category, Entity, Part};
use super::hints::measures::{self, Meaning};
use super::hints::{conditions, icons, purpose};
use super::options;
use super::platform::{Platform, Role};

/// Home Assistant refuses a state of more characters; a byte takes two of them.
const MAX_STATE_CHARS: usize = 255;

/// What a datapoint becomes; `None` when Home Assistant could not show it.
#[must_use]
pub fn entity(schema: &ProductSchema, datapoint: &Datapoint) -> Option<Entity> {
    let platform = platform(datapoint)?;
    let meaning = meaning(schema, datapoint, platform);
    let is_packed = matches!(datapoint.data_type, DataType::Binary { .. });
    let internal = is_packed || purpose::is_internal(datapoint);
    let icon = match meaning.device_class {
        None | Some("enum") => icons::icon(datapoint),
        Some(_) => None,
    };
    let part = if is_level(datapoint.name.as_str()) {
        options::readable(datapoint)
    } else {
        options::plain(datapoint)
    };
    let is_measured = platform == Platform::Sensor;
    Some(Entity {
        key: datapoint.name.to_string(),
        name: Some(super::name::entity_name(schema, datapoint)),
        platform,
        category: category(datapoint, platform, &meaning, internal),
        device_class: meaning.device_class.map(str::to_owned),
        icon: icon.map(str::to_owned),
        enabled: !internal,
        statistics: meaning.statistics.filter(|_| is_measured),
        parts: BTreeMap::from([(
            Role::State,
            Part {
                ranges: meaning.ranges,
                writes: part.writes.filter(|_| platform.is_control()),
                ..part
            },
        )]),
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

fn meaning(schema: &ProductSchema, datapoint: &Datapoint, platform: Platform) -> Meaning {
    let device_class = match &datapoint.data_type {
        DataType::Number(spec) => return measures::meaning(schema, datapoint, spec),
        DataType::Bool if platform == Platform::BinarySensor => conditions::class(datapoint),
        DataType::Enum(_) if platform == Platform::Sensor => Some("enum"),
        DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text => None,
    };
    Meaning {
        device_class,
        ..Meaning::default()
    }
}

/// Home Assistant refuses `config` for what cannot be set.
fn category(
    datapoint: &Datapoint,
    platform: Platform,
    meaning: &Meaning,
    internal: bool,
) -> Category {
    if platform.is_control() {
        let is_setting = internal || purpose::is_setting(datapoint);
        return if is_setting {
            Category::Config
        } else {
            Category::Main
        };
    }
    let is_alarm = matches!(datapoint.access, Access::Alert | Access::Fault)
        && !meaning.device_class.is_some_and(conditions::is_danger);
    if internal || is_alarm || meaning.is_diagnostic || purpose::is_fact(datapoint) {
        Category::Diagnostic
    } else {
        Category::Main
    }
}

/// Can it be a level of a topic as it is?
fn is_level(key: &str) -> bool {
    key.chars()
        .all(|c| c.is_alphanumeric() || "_-. ".contains(c))
}
