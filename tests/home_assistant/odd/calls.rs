//! Service calls on what can be set: each sets its attribute to what was asked for, and no other.

use serde_json::{Map, Value, json};

use super::household::Member;
use super::{PATIENCE, announced, level, registry};
use crate::stage::Stage;
use crate::support::odd_schemas::OddPoint;
use crate::support::watcher::Watcher;

/// A device of three hundred attributes does not have each of them set.
const MOST: usize = 25;

/// One call: the service, its data, and what the attributes are after it.
struct Call {
    service: &'static str,
    data: Value,
    attrs: Map<String, Value>,
}

/// What is wrong after calls on a device's entities, one after the other.
pub(super) async fn faults(stage: &Stage, watcher: &Watcher, member: &Member) -> Vec<String> {
    let message = announced(watcher, member).await;
    let registry = registry(stage).await;
    let components = message["components"].as_object().unwrap().values();
    let settable = components.filter(|component| {
        component["enabled_by_default"] != false && component["unique_id"].is_string()
    });
    let (mut faults, mut called) = (Vec::new(), 0);
    for component in settable {
        let calls = calls(member, &level(&message), component);
        if calls.is_empty() || called >= MOST {
            continue;
        }
        called += 1;
        let text = |key: &str| component[key].as_str().unwrap().to_owned();
        let entry = &registry[&(text("platform"), text("unique_id"))];
        let entity = entry["entity_id"].as_str().unwrap();
        for call in calls {
            if let Err(why) = obeys(stage, watcher, member, (entity, &call)).await {
                let (seed, service) = (member.product.seed, call.service);
                let data = &call.data;
                faults.push(format!(
                    "seed {seed}: {service} {data} on {entity}: {why}; {component}"
                ));
            }
        }
    }
    faults
}

async fn obeys(
    stage: &Stage,
    watcher: &Watcher,
    member: &Member,
    (entity, call): (&str, &Call),
) -> Result<(), String> {
    let path = format!("devices/{}", member.did);
    let mut wanted = stage.cloud.get(&path).await["attrs"].clone();
    for (name, value) in &call.attrs {
        wanted[name] = value.clone();
    }
    let mark = watcher.mark();
    let answer = stage.ha.call(call.service, entity, call.data.clone()).await;
    answer.map_err(|why| format!("refused: {why}"))?;
    let topic = format!(
        "gizwits2mqtt/{}/result",
        level(&announced(watcher, member).await)
    );
    let result = watcher.message(mark, |seen| seen.topic == topic).await;
    if result.json()["status"] != "ok" {
        return Err(result.text());
    }
    let found = stage.cloud.get(&path).await["attrs"].clone();
    if found != wanted {
        let differs = |(name, value): &(&String, &Value)| wanted[*name] != **value;
        let found = found.as_object().unwrap().iter();
        let other: Vec<_> = found.filter(differs).collect();
        return Err(format!("{other:?}, wanted {:?}", call.attrs));
    }
    Ok(())
}

fn calls(member: &Member, level: &str, component: &Value) -> Vec<Call> {
    let attr = |key: &str| {
        let topic = component[key].as_str()?;
        let attr = topic.strip_prefix(&format!("gizwits2mqtt/{level}/set/"))?;
        member.at_level(attr)
    };
    let one = |service: &'static str, point: &OddPoint, data: Value, value: &Value| Call {
        service,
        data,
        attrs: Map::from_iter([(point.name().to_owned(), value.clone())]),
    };
    let mut calls = Vec::new();
    if let (Some(point), Some(platform)) = (attr("command_topic"), component["platform"].as_str()) {
        let legal = &point.legal;
        match platform {
            "switch" | "fan" | "light" | "humidifier" => {
                for (service, on) in ON_OFF
                    .iter()
                    .filter(|(service, _)| service.starts_with(platform))
                {
                    calls.push(one(service, point, json!({}), &(*on).into()));
                }
            }
            "number" => {
                let limits = legal.iter().take(2);
                calls.extend(
                    limits.map(|value| {
                        one("number.set_value", point, json!({ "value": value }), value)
                    }),
                );
            }
            "select" => {
                let options = component["options"].as_array().unwrap().iter();
                // In the order of the labels, of equal ones the first.
                let mut labels: Vec<&Value> = Vec::new();
                for label in legal {
                    if !labels.contains(&label) {
                        labels.push(label);
                    }
                }
                let choices = options.zip(labels).take(3);
                calls.extend(choices.map(|(option, label)| {
                    one(
                        "select.select_option",
                        point,
                        json!({ "option": option }),
                        label,
                    )
                }));
            }
            "text" => calls.extend(
                legal
                    .iter()
                    .map(|value| one("text.set_value", point, json!({ "value": value }), value)),
            ),
            _ => {}
        }
    }
    if let Some(point) = attr("preset_mode_command_topic") {
        let service = if component["platform"] == "fan" {
            "fan.set_preset_mode"
        } else {
            "climate.set_preset_mode"
        };
        let option = &component["preset_modes"][0];
        calls.push(one(
            service,
            point,
            json!({ "preset_mode": option }),
            &point.legal[0],
        ));
    }
    calls
}

const ON_OFF: [(&str, bool); 8] = [
    ("switch.turn_off", false),
    ("switch.turn_on", true),
    ("fan.turn_off", false),
    ("fan.turn_on", true),
    ("light.turn_off", false),
    ("light.turn_on", true),
    ("humidifier.turn_off", false),
    ("humidifier.turn_on", true),
];
