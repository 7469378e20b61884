//! Service calls on what can be set: each sets its attribute to what was asked for, and no other.

use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::household::Member;
use super::registered::{identity, registry};
use super::{PATIENCE, announced, level};
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

/// How many calls there were on a device's entities, one after the other, and what is wrong after them.
pub(super) async fn made(
    stage: &Stage,
    watcher: &Watcher,
    member: &Member,
) -> (usize, Vec<String>) {
    let message = announced(watcher, member).await;
    let registry = registry(stage).await;
    let components = message["components"].as_object().unwrap().values();
    let settable = components.filter(|component| {
        component["enabled_by_default"] != false && component["unique_id"].is_string()
    });
    let (mut faults, mut entities, mut made) = (Vec::new(), 0, 0);
    for component in settable {
        let calls = calls(member, &level(&message), component);
        if calls.is_empty() || entities >= MOST {
            continue;
        }
        entities += 1;
        let Some(entry) = registry.get(&identity(component)) else {
            faults.push(format!("seed {}: no {component}", member.product.seed));
            continue;
        };
        let entity = entry["entity_id"].as_str().unwrap();
        for call in calls {
            made += 1;
            if let Err(why) = obeys(stage, watcher, member, (entity, &call)).await {
                let (seed, service) = (member.product.seed, call.service);
                let data = &call.data;
                faults.push(format!(
                    "seed {seed}: {service} {data} on {entity}: {why}; {component}"
                ));
            }
        }
    }
    (made, faults)
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
    // One for each attribute.
    let results = watcher.messages(mark, call.attrs.len(), |seen| seen.topic == topic);
    let results = timeout(PATIENCE, results).await.map_err(|_| "no result")?;
    let mut results = results.iter();
    if let Some(result) = results.find(|result| result.json()["status"] != "ok") {
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

/// Home Assistant shows a temperature in °C and takes it so, also of a device that counts in °F; a difference
/// of temperatures it leaves alone.
fn as_shown(component: &Value, value: &Value) -> Value {
    let is_fahrenheit =
        component["unit_of_measurement"] == "°F" && component["device_class"] == "temperature";
    match value.as_f64() {
        Some(degrees) if is_fahrenheit => ((degrees - 32.0) / 1.8).into(),
        _ => value.clone(),
    }
}

fn calls(member: &Member, level: &str, component: &Value) -> Vec<Call> {
    let point = |key: &str| {
        let topic = component[key].as_str()?;
        let topic = topic.strip_prefix(&format!("gizwits2mqtt/{level}/"))?;
        if let Some(attr) = topic.strip_prefix("set/") {
            return member.at_level(attr);
        }
        let (key, role) = topic.strip_prefix("entity/")?.split_once('/')?;
        member.of_role(key, role.strip_suffix("/set")?)
    };
    let platform = component["platform"].as_str().unwrap();
    let mut calls = Vec::new();
    let mut add = |service: &'static str, data: Value, sets: &[(&OddPoint, &Value)]| {
        let attrs = sets.iter();
        let attrs = attrs.map(|(point, value)| (point.name().to_owned(), (*value).clone()));
        calls.push(Call {
            service,
            data,
            attrs: attrs.collect(),
        });
    };
    let power = point("command_topic");
    if let Some(point) = power {
        for (service, on) in ON_OFF {
            if service.split_once('.').unwrap().0 == platform {
                add(service, json!({}), &[(point, &on.into())]);
            }
        }
        for value in point.legal.iter().take(2) {
            match platform {
                "number" => {
                    let data = json!({ "value": as_shown(component, value) });
                    add("number.set_value", data, &[(point, value)]);
                }
                "text" => add(
                    "text.set_value",
                    json!({ "value": value }),
                    &[(point, value)],
                ),
                _ => {}
            }
        }
    }
    for (topic, list, service, data) in CHOICES {
        let options = component[list].as_array().into_iter().flatten();
        if let Some(point) = point(topic).filter(|_| service.starts_with(platform)) {
            // In the order of the labels.
            for (option, label) in options.zip(labels(point)).take(3) {
                add(service, json!({ data: option }), &[(point, label)]);
            }
        }
    }
    if let Some(point) = point("mode_command_topic").filter(|_| platform == "climate") {
        for (mode, on) in [("off", false), ("heat", true)] {
            let data = json!({ "hvac_mode": mode });
            add("climate.set_hvac_mode", data, &[(point, &on.into())]);
        }
    }
    // Of one that switches to °F the limits that hold are told later.
    let is_celsius = member.product.get("temp_set_unit").is_none();
    if let Some(point) = point("temperature_command_topic").filter(|_| is_celsius) {
        for value in point.legal.iter().take(2) {
            let data = json!({ "temperature": value });
            add("climate.set_temperature", data, &[(point, value)]);
        }
    }
    let largest = |topic: &str| {
        let point = point(topic)?;
        Some((point, point.legal.get(1)?))
    };
    if let Some(fastest) = largest("percentage_command_topic") {
        add(
            "fan.set_percentage",
            json!({ "percentage": 100 }),
            &[fastest],
        );
    }
    if let Some(wettest) = largest("target_humidity_command_topic") {
        let data = json!({ "humidity": wettest.1 });
        add("humidifier.set_humidity", data, &[wettest]);
    }
    if let (Some(brightest), Some(power)) = (largest("brightness_command_topic"), power) {
        let on = (power, &Value::Bool(true));
        add(
            "light.turn_on",
            json!({ "brightness": 255 }),
            &[brightest, on],
        );
    }
    let is_plain = |call: &Call| {
        call.attrs
            .keys()
            .all(|name| !member.product.is_doubled(name))
    };
    calls.retain(is_plain);
    calls
}

/// Each once.
fn labels(point: &OddPoint) -> Vec<&Value> {
    let mut labels = Vec::new();
    for label in &point.legal {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
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

/// Where the words of a list go, which list, by which service, and how that calls the word.
const CHOICES: [(&str, &str, &str, &str); 4] = [
    ("command_topic", "options", "select.select_option", "option"),
    (
        "preset_mode_command_topic",
        "preset_modes",
        "climate.set_preset_mode",
        "preset_mode",
    ),
    (
        "preset_mode_command_topic",
        "preset_modes",
        "fan.set_preset_mode",
        "preset_mode",
    ),
    ("mode_command_topic", "modes", "humidifier.set_mode", "mode"),
];
