//! One entity as one component of the discovery message.

use serde_json::{Map, Value, json};

use crate::ids::AttrName;
use crate::model::{Access, DataType, Datapoint};
use crate::profile::entity::{Category, Entity, Part, Range, Reading, Statistics, Writing};
use crate::profile::platform::{Platform, Role, RoleKind};

use super::component::unique_id;
use super::discovery::DeviceView;
use super::labels::labels;
use super::roles::{self, Keys};
use super::templates;
use super::topic::Topics;

/// More steps than a slider can hit; beyond it a person types the number.
const MAX_SLIDER_STEPS: f64 = 100.0;
/// The smallest step that Home Assistant takes.
const LEAST_STEP: f64 = 0.001;
/// More decimals than a person reads.
const MAX_SHOWN_DECIMALS: usize = 6;

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
            Topic::Attr(attr) => view.schema.level(attr).into_owned(),
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

/// A word outside the list is unknown, and one that cannot be shown as it is has another there.
fn label_keys(body: &mut Map<String, Value>, platform: Platform, part: &Part, keys: Keys) {
    let Some(list) = keys.options else {
        return;
    };
    let labels = labels(&part.options);
    // Home Assistant refuses an empty list.
    if labels.is_empty() {
        return;
    }
    let shown: Vec<&str> = labels.iter().map(|label| label.shown.as_str()).collect();
    body.insert(list.into(), json!(shown));
    let is_attr = matches!(part.reads, Some(Reading::Attr(_)));
    // What the bridge itself says is one of its words; but of a device that is renamed the old topic is emptied
    // before Home Assistant knows the new one, and a card with modes complains of that.
    let is_known = !is_attr && !platform.is_composite();
    if let Some(key) = keys.template
        && (!is_known || labels.iter().any(|label| !label.is_plain()))
    {
        let template = templates::to_shown(&labels, templates::UNKNOWN);
        body.insert(key.into(), template.into());
    }
    if let (Some(topic), Some(to)) = (keys.command, command_topic(platform, part)) {
        let is_attr = matches!(to, Topic::Attr(_));
        if let Some(template) = templates::to_spelt(&labels, is_attr) {
            let key = topic.replacen("_topic", "_template", 1);
            body.insert(key, template.into());
        }
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
    // What is set in percent of its limits keeps them.
    let (mut min, max) = if entity.platform == Platform::Number {
        widened(view, part, range)
    } else {
        (range.min, range.max)
    };
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
    if let Some(key) = keys.template {
        let template = limited(entity.platform, role, min, max);
        body.insert(key.into(), template.into());
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

/// Within the announced limits, as the platform wants it.
fn limited(platform: Platform, role: Role, min: Option<f64>, max: Option<f64>) -> String {
    let (low, high) = (min.map(number), max.map(number));
    let (low, high) = (low.as_ref(), high.as_ref());
    match (platform, role) {
        // Slower than the slowest is standing still.
        (Platform::Fan, _) if min == Some(1.0) => {
            templates::whole_within(Some(&0.into()), high, templates::UNKNOWN)
        }
        (Platform::Fan, _) => templates::whole_within(low, high, templates::UNKNOWN),
        (Platform::Light, Role::Brightness) => {
            templates::within(Some(&0.into()), high, templates::NOTHING)
        }
        (_, Role::CurrentHumidity) => {
            templates::within(Some(&0.into()), Some(&100.into()), templates::UNKNOWN)
        }
        // It may shine in more colours than it can be told.
        (Platform::Light, _) => templates::whole_within(None, None, templates::NOTHING),
        _ => templates::within(low, high, templates::UNKNOWN),
    }
}

fn command_is_plain(part: &Part) -> bool {
    matches!(part.writes, Some(Writing::Attr(_)))
}

/// Home Assistant ignores a state outside the announced range, so the range widens to what was seen.
fn widened(view: DeviceView<'_>, part: &Part, range: &Range) -> (Option<f64>, Option<f64>) {
    let attr = limited_attr(Platform::Number, part);
    limits(
        range,
        attr.and_then(|attr| view.observed.get(attr).copied()),
    )
}

/// The attribute whose numbers widen the limits that a part announces; `None` where a part announces no
/// limits, or keeps them.
#[must_use]
pub fn limited_attr(platform: Platform, part: &Part) -> Option<&AttrName> {
    match &part.reads {
        Some(Reading::Attr(attr)) if platform == Platform::Number => Some(attr),
        _ => None,
    }
}

/// The least and the greatest number that is announced; `seen` are those that were reported.
#[must_use]
pub fn limits(range: &Range, seen: Option<(f64, f64)>) -> (Option<f64>, Option<f64>) {
    let (low, high) = seen.unzip();
    let min = range.min.map(|min| low.map_or(min, |low| min.min(low)));
    let max = range.max.map(|max| high.map_or(max, |high| max.max(high)));
    (min, max)
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
        let template = templates::not_too_long(templates::NOTHING);
        body.extend(keys.template.map(|key| (key.to_owned(), template.into())));
        return;
    }
    if entity.platform == Platform::Light {
        let template = templates::known();
        body.extend(keys.template.map(|key| (key.to_owned(), template.into())));
        return;
    }
    if entity.device_class.as_deref() == Some("enum") {
        label_keys(body, entity.platform, part, keys);
    } else if datapoint(view, part).is_some_and(is_text) {
        let template = templates::not_too_long(templates::UNKNOWN);
        body.extend(keys.template.map(|key| (key.to_owned(), template.into())));
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

/// What may be of any length; what was guessed to be a number may yet turn out as a text.
fn is_text(datapoint: &Datapoint) -> bool {
    datapoint.access == Access::Inferred
        || matches!(
            datapoint.data_type,
            DataType::Text | DataType::Binary { .. } | DataType::Enum(_)
        )
}

/// `21`, not `21.0`.
fn number(value: f64) -> Value {
    crate::model::AttrValue::Number(value).to_json()
}
