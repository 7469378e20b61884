//! One datapoint as one component of the discovery message.

use serde_json::{Map, Value, json};

use crate::model::{Access, DataType, Datapoint, NumberSpec};
use crate::profile::generic;
use crate::profile::rules::{Category, EntityRule, Kind};

use super::component::{Platform, unique_id};
use super::discovery::DeviceView;
use super::topic::{Topics, attr_level};

/// More steps than a slider can hit; beyond it a person types the number.
const MAX_SLIDER_STEPS: f64 = 100.0;
/// The smallest step that Home Assistant takes.
const LEAST_STEP: f64 = 0.001;
/// More decimals than a person reads.
const MAX_SHOWN_DECIMALS: usize = 6;
/// How the option `none`, which Home Assistant reads as "no option", is shown.
const NONE_LABEL: &str = "(none)";

/// The component of a datapoint; `None` when Home Assistant could not show it.
#[must_use]
pub fn component(
    topics: &Topics,
    view: DeviceView<'_>,
    datapoint: &Datapoint,
) -> Option<(Platform, Map<String, Value>)> {
    let rule = generic::rule(view.schema, datapoint)?;
    let attr = attr_level(view.schema, datapoint.name.as_str());
    let platform = platform(rule.kind);
    let mut body = common(&rule, platform);
    let id = unique_id(&view.device.did, datapoint.name.as_str());
    body.insert("unique_id".into(), id.into());
    body.insert(
        "state_topic".into(),
        topics.below_device(view.level, &attr).into(),
    );
    if matches!(
        rule.kind,
        Kind::Switch | Kind::Number | Kind::Select | Kind::Text
    ) {
        let topic = topics.below_device(view.level, &format!("set/{attr}"));
        body.insert("command_topic".into(), topic.into());
    }
    match &datapoint.data_type {
        DataType::Bool => bool_keys(&mut body),
        DataType::Enum(labels) => label_keys(&mut body, rule.kind, labels),
        DataType::Number(spec) => number_keys(&mut body, rule.kind, view, datapoint, *spec),
        DataType::Binary { .. } if rule.kind == Kind::Text => hex_keys(&mut body),
        DataType::Binary { .. } | DataType::Text => {}
    }
    Some((platform, body))
}

const fn platform(kind: Kind) -> Platform {
    match kind {
        Kind::Switch => Platform::Switch,
        Kind::BinarySensor => Platform::BinarySensor,
        Kind::Sensor => Platform::Sensor,
        Kind::Number => Platform::Number,
        Kind::Select => Platform::Select,
        Kind::Text => Platform::Text,
    }
}

/// What every entity has.
fn common(rule: &EntityRule, platform: Platform) -> Map<String, Value> {
    let category = match rule.category {
        Category::Main => None,
        Category::Config => Some("config"),
        Category::Diagnostic => Some("diagnostic"),
    };
    let optional = [
        ("device_class", rule.meaning.device_class),
        ("unit_of_measurement", rule.meaning.unit),
        ("entity_category", category),
        ("state_class", rule.statistics.then_some("measurement")),
    ];
    let mut body = Map::new();
    body.insert("platform".into(), platform.as_str().into());
    body.insert("name".into(), rule.name.as_str().into());
    for (key, value) in optional {
        body.extend(value.map(|value| (key.to_owned(), value.into())));
    }
    if !rule.enabled {
        body.insert("enabled_by_default".into(), false.into());
    }
    body
}

fn bool_keys(body: &mut Map<String, Value>) {
    body.insert("payload_on".into(), "true".into());
    body.insert("payload_off".into(), "false".into());
}

/// An empty label cannot be shown or chosen, and two equal ones are one.
fn label_keys(body: &mut Map<String, Value>, kind: Kind, labels: &[String]) {
    let is_none = |label: &str| label.eq_ignore_ascii_case("none");
    let mut options: Vec<&str> = Vec::new();
    for label in labels
        .iter()
        .map(String::as_str)
        .filter(|label| !label.trim().is_empty())
    {
        let shown = if is_none(label) { NONE_LABEL } else { label };
        if !options.contains(&shown) {
            options.push(shown);
        }
    }
    if let Some(none) = labels.iter().find(|label| is_none(label)) {
        let template = format!("{{{{ '{NONE_LABEL}' if value | lower == 'none' else value }}}}");
        body.insert("value_template".into(), template.into());
        if kind == Kind::Select {
            let template = format!("{{{{ '{none}' if value == '{NONE_LABEL}' else value }}}}");
            body.insert("command_template".into(), template.into());
        }
    }
    // Home Assistant refuses an empty list.
    if !options.is_empty() {
        body.insert("options".into(), json!(options));
    }
}

fn number_keys(
    body: &mut Map<String, Value>,
    kind: Kind,
    view: DeviceView<'_>,
    datapoint: &Datapoint,
    spec: NumberSpec,
) {
    if kind == Kind::Number {
        let seen = view.observed.get(&datapoint.name);
        let (low, high) = seen.copied().unwrap_or((spec.min, spec.max));
        let (min, max) = (spec.min.min(low), spec.max.max(high));
        let step = spec.ratio.max(LEAST_STEP);
        body.insert("min".into(), number(min));
        body.insert("max".into(), number(max));
        body.insert("step".into(), number(step));
        if body.contains_key("unit_of_measurement") {
            // A person who sees °F sets a °F number; turned into °C it falls between two steps.
            let (step, offset) = (number(spec.ratio), number(spec.addition));
            let nearest =
                format!("{{{{ ((value - {offset}) / {step}) | round * {step} + {offset} }}}}");
            body.insert("command_template".into(), nearest.into());
        }
        let many = (max - min) / step > MAX_SLIDER_STEPS;
        body.insert("mode".into(), if many { "box" } else { "slider" }.into());
        return;
    }
    let decimals = spec.decimals();
    if datapoint.access != Access::Inferred && decimals <= MAX_SHOWN_DECIMALS {
        body.insert("suggested_display_precision".into(), decimals.into());
    }
}

/// No limits of length: Home Assistant raises an error for a state beyond them, also for the empty
/// one of a value that cannot be read. The bridge itself refuses bytes of the wrong number.
fn hex_keys(body: &mut Map<String, Value>) {
    body.insert("pattern".into(), "^([0-9a-fA-F]{2})*$".into());
}

/// `21`, not `21.0`.
fn number(value: f64) -> Value {
    crate::model::AttrValue::Number(value).to_json()
}
