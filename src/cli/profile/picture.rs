//! Entities with their states, for eyes and for scripts.

use serde_json::{Map, Value, json};

use crate::cli::output;
use crate::model::Attrs;
use crate::profile::entity::{Category, Entity, Part, Statistics};
use crate::profile::platform::{Platform, Role, RoleKind};

/// Limits so far apart are those of a guessed type, and not worth telling.
const ENDLESS: f64 = 1e9;

/// A row for each value: a thermostat has several.
pub(super) fn table(entities: &[&Entity], attrs: &Attrs) -> String {
    let headers = [
        "key", "platform", "name", "class", "state", "unit", "settable",
    ];
    let rows = entities.iter().flat_map(|entity| rows(entity, attrs));
    output::table(&headers, rows.collect())
}

fn rows<'a>(entity: &'a Entity, attrs: &'a Attrs) -> impl Iterator<Item = Vec<String>> + 'a {
    let parts = entity.parts.iter().enumerate();
    parts.map(move |(at, (role, part))| {
        let once = |text: &str| (if at == 0 { text } else { "" }).to_owned();
        let name = entity.name.as_deref().unwrap_or("(the device's)");
        let key = if entity.platform.is_composite() {
            format!("{}/{}", entity.key, role.as_str())
        } else {
            entity.key.clone()
        };
        let state = match (&part.reads, part.shown(attrs)) {
            (None, _) => String::new(),
            (Some(_), None) => "unknown".into(),
            (Some(_), Some(value)) => value.to_bare(),
        };
        let unit = part.range(attrs).and_then(|range| range.unit.clone());
        vec![
            key,
            once(entity.platform.as_str()),
            once(name),
            once(entity.device_class.as_deref().unwrap_or_default()),
            state,
            unit.unwrap_or_default(),
            settable(entity.platform, *role, part, attrs),
        ]
    })
}

const fn is_settable(role: Role, part: &Part) -> bool {
    part.writes.is_some() && !role.is_only_shown()
}

fn settable(platform: Platform, role: Role, part: &Part, attrs: &Attrs) -> String {
    if !is_settable(role, part) {
        return "no".into();
    }
    match platform.role(role) {
        Some(RoleKind::Bool) => "on, off".into(),
        Some(RoleKind::Words) => part.options.join(", "),
        Some(RoleKind::Press) => "press".into(),
        Some(RoleKind::Number) => match part.range(attrs).map(|it| (it.min, it.max, it.step)) {
            Some((Some(min), Some(max), _)) if max - min >= ENDLESS => "a number".into(),
            Some((Some(min), Some(max), Some(step))) => format!("{min} to {max}, step {step}"),
            Some((Some(min), Some(max), None)) => format!("{min} to {max}"),
            Some(_) | None => "a number".into(),
        },
        Some(RoleKind::Any) | None => "yes".into(),
    }
}

pub(super) fn document(entity: &Entity, attrs: &Attrs) -> Value {
    let values = entity.parts.iter().map(|(role, part)| {
        let range = part.range(attrs);
        let value = json!({
            "state": part.shown(attrs).map(|value| value.to_json()),
            "unit": range.and_then(|range| range.unit.as_deref()),
            "min": range.and_then(|range| range.min),
            "max": range.and_then(|range| range.max),
            "step": range.and_then(|range| range.step),
            "options": part.options,
            "settable": is_settable(*role, part),
        });
        (role.as_str().to_owned(), value)
    });
    json!({
        "key": entity.key,
        "platform": entity.platform.as_str(),
        "name": entity.name,
        "class": entity.device_class,
        "icon": entity.icon,
        "category": match entity.category {
            Category::Main => Value::Null,
            Category::Config => "config".into(),
            Category::Diagnostic => "diagnostic".into(),
        },
        "statistics": entity.statistics.map(|statistics| match statistics {
            Statistics::Measurement => "measurement",
            Statistics::TotalIncreasing => "total_increasing",
        }),
        "enabled": entity.enabled,
        "values": values.collect::<Map<String, Value>>(),
    })
}
