//! The profile that every schema gets when nobody wrote one for its product.

use crate::model::{Access, DataType, Datapoint, ProductSchema};

use super::hints;
use super::rules::{Category, EntityRule, Kind, Meaning};

/// Home Assistant refuses a state of more characters; a byte takes two of them.
const MAX_STATE_CHARS: usize = 255;

/// What a datapoint becomes; `None` when Home Assistant could not show it.
#[must_use]
pub fn rule(schema: &ProductSchema, datapoint: &Datapoint) -> Option<EntityRule> {
    let kind = kind(datapoint)?;
    let alarm = matches!(datapoint.access, Access::Alert | Access::Fault);
    let binary = matches!(datapoint.data_type, DataType::Binary { .. });
    let meaning = match &datapoint.data_type {
        DataType::Number(spec) => hints::meaning(schema, datapoint, spec),
        DataType::Bool if alarm => Meaning {
            device_class: Some("problem"),
            unit: None,
        },
        DataType::Enum(_) if kind == Kind::Sensor => Meaning {
            device_class: Some("enum"),
            unit: None,
        },
        DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text => {
            Meaning::default()
        }
    };
    let internal = binary || hints::is_internal(datapoint);
    Some(EntityRule {
        kind,
        name: super::name::entity_name(schema, datapoint),
        meaning,
        category: category(
            kind,
            alarm || internal,
            internal || hints::is_setting(datapoint),
        ),
        enabled: !internal,
        statistics: kind == Kind::Sensor
            && datapoint.access == Access::ReadOnly
            && matches!(datapoint.data_type, DataType::Number(_)),
    })
}

/// What was only inferred is never a control: nobody said that it can be set.
fn kind(datapoint: &Datapoint) -> Option<Kind> {
    let settable = datapoint.is_settable() && datapoint.access != Access::Inferred;
    Some(match (&datapoint.data_type, settable) {
        (DataType::Bool, true) => Kind::Switch,
        (DataType::Bool, false) => Kind::BinarySensor,
        (DataType::Enum(_), true) => Kind::Select,
        (DataType::Number(_), true) => Kind::Number,
        (DataType::Binary { len }, _) if len * 2 > MAX_STATE_CHARS => return None,
        (DataType::Binary { .. }, true) => Kind::Text,
        (DataType::Enum(_) | DataType::Number(_) | DataType::Binary { .. } | DataType::Text, _) => {
            Kind::Sensor
        }
    })
}

/// Home Assistant refuses `config` for what cannot be set.
const fn category(kind: Kind, hidden: bool, setting: bool) -> Category {
    match kind {
        Kind::Sensor | Kind::BinarySensor if hidden => Category::Diagnostic,
        Kind::Sensor | Kind::BinarySensor => Category::Main,
        Kind::Switch | Kind::Number | Kind::Select | Kind::Text if setting => Category::Config,
        Kind::Switch | Kind::Number | Kind::Select | Kind::Text => Category::Main,
    }
}
