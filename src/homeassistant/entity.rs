//! One entity as one component of the discovery message.

use serde_json::{Map, Value, json};

use crate::model::{Access, DataType, Datapoint};
use crate::profile::entity::{Category, Entity, Part, Range, Reading, Statistics, Writing};
use crate::profile::platform::{Platform, Role, RoleKind};

use super::component::unique_id;
use super::discovery::DeviceView;
use super::roles::{self, Keys};
use super::topic::{Topics, attr_level};

/// More steps than a slider can hit; beyond it a person types the number.
const MAX_SLIDER_STEPS: f64 = 100.0;
/// The smallest step that Home Assistant takes.
const LEAST_STEP: f64 = 0.001;
/// More decimals than a person reads.
const MAX_SHOWN_DECIMALS: usize = 6;
/// How the option `none`, which Home Assistant reads as "no option", is shown.
const NONE_LABEL: &str = "(none)";

/// The component of an entity.
#[must_use]
pub fn component(topics: &Topics, view: DeviceView<'_>, entity: &Entity) -> Map<String, Value> {
    let mut body = common(entity, view);
    for (role, part) in &entity.parts {
        let Some(kind) = entity.platform.role(*role) else {
            continue;
        };
        let keys = roles::keys(entity.platform, *role);
        let level = |topic: Topic| match topic {
            Topic::Attr(attr) => attr_level(view.schema, attr),
            Topic::Own => own_level(&entity.key, *role),
        };
        if let (Some(key), Some(topic)) = (keys.state, state_topic(part)) {
            let topic = topics.below_device(view.level, &level(topic));
            body.insert(key.into(), topic.into());
        }
        if let (Some(key), Some(topic)) = (keys.command, command_topic(entity.platform, part)) {
            let topic = match topic {
                Topic::Attr(_) => format!("set/{}", level(topic)),
                Topic::Own => format!("{}/set", level(topic)),
            };
            let topic = topics.below_device(view.level, &topic);
            body.insert(key.into(), topic.into());
        }
        role_keys(&mut body, view, (entity, *role), (kind, part, keys));
    }
    platform_keys(&mut body, entity, view);
    body
}

/// Which topic carries a role: its attribute's, or one of its own.
enum Topic<'a> {
    Attr(&'a str),
    Own,
}

/// The level of a role's own topic, below the device's.
#[must_use]
pub fn own_level(key: &str, role: Role) -> String {
    format!("entity/{key}/{}", role.as_str())
}

fn state_topic(part: &Part) -> Option<Topic<'_>> {
    part.reads.as_ref().map(|reads| match reads {
        Reading::Attr(attr) => Topic::Attr(attr.as_str()),
        Reading::Map { .. }
        | Reading::Linear { .. }
        | Reading::Cases(_)
        | Reading::Any(_)
        | Reading::Faults { .. }
        | Reading::Unless { .. }
        | Reading::Colour(_)
        | Reading::First(_) => Topic::Own,
    })
}

/// Numbers of a climate and the like come in the user's unit, so they are rounded to what the device takes;
/// that is done for a role's own topic.
fn command_topic(platform: Platform, part: &Part) -> Option<Topic<'_>> {
    let is_composite = platform.is_composite() && !part.ranges.is_empty();
    part.writes.as_ref().map(|writes| match writes {
        Writing::Attr(attr) if !is_composite => Topic::Attr(attr.as_str()),
        Writing::Attr(_)
        | Writing::Words(_)
        | Writing::Steps(_)
        | Writing::Colour { .. }
        | Writing::First(_) => Topic::Own,
    })
}

/// Has this role a state topic of its own, that the bridge has to fill?
#[must_use]
pub fn has_own_state(part: &Part) -> bool {
    matches!(state_topic(part), Some(Topic::Own))
}

/// What every entity has.
fn common(entity: &Entity, view: DeviceView<'_>) -> Map<String, Value> {
    let category = match entity.category {
        Category::Main => None,
        Category::Config => Some("config"),
        Category::Diagnostic => Some("diagnostic"),
    };
    let statistics = entity.statistics.map(|statistics| match statistics {
        Statistics::Measurement => "measurement",
        Statistics::TotalIncreasing => "total_increasing",
    });
    let optional = [
        ("device_class", entity.device_class.as_deref()),
        ("icon", entity.icon.as_deref()),
        ("entity_category", category),
        ("state_class", statistics),
    ];
    let mut body = Map::new();
    body.insert("platform".into(), entity.platform.as_str().into());
    // Without a name of its own it takes the device's.
    body.insert("name".into(), entity.name.as_deref().into());
    let id = unique_id(&view.device.did, &entity.key);
    body.insert("unique_id".into(), id.into());
    for (key, value) in optional {
        body.extend(value.map(|value| (key.to_owned(), value.into())));
    }
    if !entity.enabled {
        body.insert("enabled_by_default".into(), false.into());
    }
    body
}

fn role_keys(
    body: &mut Map<String, Value>,
    view: DeviceView<'_>,
    (entity, role): (&Entity, Role),
    (kind, part, keys): (RoleKind, &Part, Keys),
) {
    match kind {
        RoleKind::Words => label_keys(body, entity.platform, part, keys),
        RoleKind::Number => number_keys(body, view, (entity, role), (part, keys)),
        RoleKind::Any => any_keys(body, view, entity, part, keys),
        RoleKind::Bool | RoleKind::Press => {}
    }
}

/// Keys that do not belong to one role.
fn platform_keys(body: &mut Map<String, Value>, entity: &Entity, view: DeviceView<'_>) {
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    match entity.platform {
        Platform::Switch
        | Platform::BinarySensor
        | Platform::Fan
        | Platform::Light
        | Platform::Humidifier => {
            set("payload_on", "true".into());
            set("payload_off", "false".into());
        }
        Platform::Climate | Platform::WaterHeater => {
            if entity.parts.contains_key(&Role::Power) {
                set("payload_on", "true".into());
                set("payload_off", "false".into());
            }
            let range = entity.parts.get(&Role::TargetTemperature);
            let range = range.or_else(|| entity.parts.get(&Role::CurrentTemperature));
            let unit = range.and_then(|part| part.range(view.attrs)?.unit.clone());
            set(
                "temperature_unit",
                if unit.as_deref() == Some("°F") {
                    "F"
                } else {
                    "C"
                }
                .into(),
            );
        }
        Platform::Valve if entity.parts.contains_key(&Role::Position) => {
            set("reports_position", true.into());
        }
        Platform::Valve => {
            for (key, word) in [
                ("payload_open", "true"),
                ("payload_close", "false"),
                ("state_open", "true"),
                ("state_closed", "false"),
            ] {
                set(key, word.into());
            }
        }
        Platform::Button
        | Platform::Number
        | Platform::Select
        | Platform::Sensor
        | Platform::Text => {}
    }
    if entity.parts.contains_key(&Role::Oscillation) {
        body.insert("payload_oscillation_on".into(), "true".into());
        body.insert("payload_oscillation_off".into(), "false".into());
    }
    if entity.parts.contains_key(&Role::ColorTemperature) {
        body.insert("color_temp_kelvin".into(), true.into());
    }
}

/// An empty label cannot be shown or chosen, and two equal ones are one.
fn label_keys(body: &mut Map<String, Value>, platform: Platform, part: &Part, keys: Keys) {
    let is_none = |label: &str| label.eq_ignore_ascii_case("none");
    let mut options: Vec<&str> = Vec::new();
    let labels = part.options.iter().map(String::as_str);
    for label in labels.filter(|label| !label.trim().is_empty()) {
        let shown = if is_none(label) { NONE_LABEL } else { label };
        if !options.contains(&shown) {
            options.push(shown);
        }
    }
    if let Some(none) = part.options.iter().find(|label| is_none(label))
        && matches!(platform, Platform::Select | Platform::Sensor)
    {
        let template = format!("{{{{ '{NONE_LABEL}' if value | lower == 'none' else value }}}}");
        body.insert("value_template".into(), template.into());
        if platform == Platform::Select {
            let template = format!("{{{{ '{none}' if value == '{NONE_LABEL}' else value }}}}");
            body.insert("command_template".into(), template.into());
        }
    }
    // Home Assistant refuses an empty list.
    if let (Some(key), false) = (keys.options, options.is_empty()) {
        body.insert(key.into(), json!(options));
    }
}

fn number_keys(
    body: &mut Map<String, Value>,
    view: DeviceView<'_>,
    (entity, role): (&Entity, Role),
    (part, keys): (&Part, Keys),
) {
    let Some(range) = part.range(view.attrs) else {
        return;
    };
    let (mut min, max) = widened(view, part, range);
    if entity.platform == Platform::Fan {
        // Home Assistant refuses a fan whose slowest speed is 0: that is off, and it has a state for it.
        min = min.map(|min| min.max(1.0));
    }
    let step = range.step.map(|step| step.max(LEAST_STEP));
    for (key, value) in [(keys.min, min), (keys.max, max), (keys.step, step)] {
        if let (Some(key), Some(value)) = (key, value) {
            body.insert(key.into(), number(value));
        }
    }
    if entity.platform != Platform::Number || role != Role::State {
        return;
    }
    if let Some(unit) = &range.unit {
        body.insert("unit_of_measurement".into(), unit.as_str().into());
        if let (Some(datapoint), true) = (datapoint(view, part), command_is_plain(part)) {
            // A person who sees °F sets a °F number; turned into °C it falls between two steps.
            if let DataType::Number(spec) = &datapoint.data_type {
                let (step, offset) = (number(spec.ratio), number(spec.addition));
                let nearest =
                    format!("{{{{ ((value - {offset}) / {step}) | round * {step} + {offset} }}}}");
                body.insert("command_template".into(), nearest.into());
            }
        }
    }
    let steps = (max.unwrap_or(0.0) - min.unwrap_or(0.0)) / step.unwrap_or(1.0);
    let mode = if steps > MAX_SLIDER_STEPS {
        "box"
    } else {
        "slider"
    };
    body.insert("mode".into(), mode.into());
}

fn command_is_plain(part: &Part) -> bool {
    matches!(part.writes, Some(Writing::Attr(_)))
}

/// Home Assistant ignores a state outside the announced range, so the range widens to what was seen.
fn widened(view: DeviceView<'_>, part: &Part, range: &Range) -> (Option<f64>, Option<f64>) {
    let seen = datapoint(view, part).and_then(|datapoint| view.observed.get(&datapoint.name));
    match seen {
        Some((low, high)) => (
            range.min.map(|min| min.min(*low)),
            range.max.map(|max| max.max(*high)),
        ),
        None => (range.min, range.max),
    }
}

fn datapoint<'a>(view: DeviceView<'a>, part: &Part) -> Option<&'a Datapoint> {
    match &part.reads {
        Some(Reading::Attr(attr)) => view.schema.get(attr.as_str()),
        _ => None,
    }
}

/// The state of a sensor or a text.
fn any_keys(
    body: &mut Map<String, Value>,
    view: DeviceView<'_>,
    entity: &Entity,
    part: &Part,
    keys: Keys,
) {
    if entity.platform == Platform::Text {
        // No limits of length: Home Assistant raises an error for a state beyond them, also for the empty
        // one of a value that cannot be read. The bridge itself refuses bytes of the wrong number.
        body.insert("pattern".into(), "^([0-9a-fA-F]{2})*$".into());
        return;
    }
    if entity.device_class.as_deref() == Some("enum") {
        label_keys(body, entity.platform, part, keys);
    }
    if let Some(unit) = part
        .range(view.attrs)
        .and_then(|range| range.unit.as_deref())
    {
        body.insert("unit_of_measurement".into(), unit.into());
    }
    let spec = datapoint(view, part).filter(|datapoint| datapoint.access != Access::Inferred);
    if let Some(DataType::Number(spec)) = spec.map(|datapoint| &datapoint.data_type) {
        let decimals = spec.decimals();
        if decimals <= MAX_SHOWN_DECIMALS {
            body.insert("suggested_display_precision".into(), decimals.into());
        }
    }
}

/// `21`, not `21.0`.
fn number(value: f64) -> Value {
    crate::model::AttrValue::Number(value).to_json()
}
