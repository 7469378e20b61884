//! Products that nobody has seen before: Home Assistant takes every entity, shows every value and has no
//! complaint, and what is set arrives. `SEED=n` repeats one product
//! alone, `SEEDS=first..last` shows others.

mod calls;
mod household;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::stage::Stage;
use super::support::odd_schemas::seeds;
use super::support::watcher::Watcher;
use household::{Household, Member};

/// So many products at once.
const PRODUCTS: u64 = 50;
/// What fifty devices with thousands of entities may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// What Home Assistant has registered: platform and `unique_id`, with the rest.
type Registry = BTreeMap<(String, String), Value>;

#[tokio::test(flavor = "multi_thread")]
async fn products_never_seen_before_are_taken_whole() {
    let household = Household::of(seeds(0..PRODUCTS));
    let Some(stage) = Stage::start(&household.scenario()).await else {
        return;
    };
    let watcher = Watcher::start(stage.ha.broker).await;
    for member in &household.members {
        announced(&watcher, member).await;
    }
    let mut faults = live(&stage, &watcher, &household).await;
    faults.extend(taken(&stage, &watcher, &household).await);
    let calls = household.members.iter();
    let calls = calls.map(|member| calls::made(&stage, &watcher, member));
    let mut made = 0;
    for (calls, wrong) in join_all(calls).await {
        made += calls;
        faults.extend(wrong);
    }
    eprintln!("{made} calls of services");
    assert_eq!(stage.ha.complaints().await, "");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Of a single product there may be nothing to set.
    assert!(made > 0 || household.members.len() == 1);
}

/// Its discovery message, once it is there.
async fn announced(watcher: &Watcher, member: &Member) -> Value {
    let topic = format!("homeassistant/device/gizwits2mqtt_{}/config", member.did);
    let is_there = |message: &Value| message["components"].is_object();
    watcher.until_json(&topic, is_there).await
}

/// Each device reports what it should not, and in the end what it should. What is not shown of that.
async fn live(stage: &Stage, watcher: &Watcher, household: &Household) -> Vec<String> {
    let report = |member: &Member, attrs: &Map<String, Value>| {
        let path = format!("devices/{}/attrs", member.did);
        let attrs = Value::Object(attrs.clone());
        async move { stage.cloud.post(&path, attrs).await }
    };
    let mut chance = Rng::with_seed(household.members[0].product.seed);
    for _ in 0..3 {
        for member in &household.members {
            report(member, &member.product.wrong(&mut chance)).await;
        }
    }
    let mut shown = Vec::new();
    for member in &household.members {
        let right = member.product.right(&mut chance);
        report(member, &right).await;
        shown.push(shows(watcher, member, right));
    }
    join_all(shown).await.into_iter().flatten().collect()
}

/// What a device's topic does not show of a report.
async fn shows(watcher: &Watcher, member: &Member, right: Map<String, Value>) -> Option<String> {
    let topic = format!("gizwits2mqtt/{}", level(&announced(watcher, member).await));
    let other = |state: &Value| {
        let other = right.iter().filter(|(name, value)| state[*name] != **value);
        let other = other.map(|(name, value)| format!("{name:?}: {}, not {value}", state[name]));
        other.collect::<Vec<_>>()
    };
    let seen = watcher.until_json(&topic, |state| other(state).is_empty());
    if timeout(PATIENCE, seen).await.is_ok() {
        return None;
    }
    let state = serde_json::from_str(&watcher.newest(&topic)?).unwrap();
    let seed = member.product.seed;
    Some(format!(
        "seed {seed}: {topic} shows {}",
        other(&state).join(", ")
    ))
}

/// The device's topic level.
fn level(message: &Value) -> String {
    let topic = message["availability"][1]["topic"].as_str().unwrap();
    let level = topic.strip_prefix("gizwits2mqtt/").unwrap();
    level.strip_suffix("/availability").unwrap().to_owned()
}

async fn taken(stage: &Stage, watcher: &Watcher, household: &Household) -> Vec<String> {
    let (mut faults, mut largest) = (Vec::new(), (0, 0));
    let mut messages = Vec::new();
    for member in &household.members {
        let message = announced(watcher, member).await;
        largest = largest.max((message.to_string().len(), member.product.seed));
        messages.push((member, message));
    }
    let (bytes, seed) = largest;
    eprintln!("the largest discovery message has {bytes} bytes (seed {seed})");
    if bytes >= 1024 * 1024 {
        faults.push(format!("seed {seed}: {bytes} bytes are too many"));
    }
    // The script waits until all of it is there, or says what is not.
    let mut script = stage.ha.script("assert_discovery.py");
    let count = (household.members.len() + 1).to_string();
    script.args([
        "--devices",
        &count,
        "--no-extra",
        "--no-log",
        "--timeout",
        "60",
    ]);
    let output = script.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // The schemas are asked outside Home Assistant, where they cannot look at templates and refuse each.
    let is_fault = |line: &&str| {
        !line.contains("Validates schema outside the event loop") && !line.ends_with(" faults")
    };
    eprintln!("{}", said.lines().last().unwrap_or_default());
    faults.extend(said.lines().filter(is_fault).map(str::to_owned));
    assert!(said.contains(" faults"), "{said} {output:?}");
    let devices = stage
        .ha
        .ask(json!({ "type": "config/device_registry/list" }));
    let devices = devices.await.unwrap();
    let registry = registry(stage).await;
    let mut waits = Vec::new();
    for (member, message) in &messages {
        let seed = member.product.seed;
        let identifier = &message["device"]["identifiers"][0];
        let is_it = |device: &&Value| device["identifiers"][0][1] == *identifier;
        let device = devices.as_array().unwrap().iter().find(is_it);
        let Some(device) = device.filter(|device| device["name"] == message["device"]["name"])
        else {
            faults.push(format!(
                "seed {seed}: device {device:?}, not {}",
                message["device"]
            ));
            continue;
        };
        let mut known = 0;
        for component in message["components"].as_object().unwrap().values() {
            if component["unique_id"].is_null() {
                // What is left of one that is gone.
                continue;
            }
            known += 1;
            let text = |key: &str| component[key].as_str().unwrap().to_owned();
            let entry = registry.get(&(text("platform"), text("unique_id")));
            let Some(entry) = entry.filter(|entry| entry["device_id"] == device["id"]) else {
                faults.push(format!("seed {seed}: no entity of {component}"));
                continue;
            };
            let is_off = component["enabled_by_default"] == false;
            if is_off != (entry["disabled_by"] == "integration") {
                faults.push(format!("seed {seed}: {entry} of {component}"));
            }
            if !is_off {
                waits.push(has_state(
                    stage,
                    member,
                    message,
                    component.clone(),
                    entry.clone(),
                ));
            }
        }
        let there = registry.values();
        let there = there
            .filter(|entry| entry["device_id"] == device["id"])
            .count();
        if there != known {
            faults.push(format!("seed {seed}: {there} entities, {known} announced"));
        }
    }
    faults.extend(join_all(waits).await.into_iter().flatten());
    let complaints = stage.ha.complaints().await;
    faults.extend((!complaints.is_empty()).then_some(complaints));
    faults
}

pub(super) async fn registry(stage: &Stage) -> Registry {
    let all = stage
        .ha
        .ask(json!({ "type": "config/entity_registry/list" }));
    let all = all.await.unwrap();
    let of_mqtt = all.as_array().unwrap().iter();
    let of_mqtt = of_mqtt.filter(|entry| entry["platform"] == "mqtt");
    of_mqtt
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap();
            let (domain, _) = text("entity_id").split_once('.').unwrap();
            (
                (domain.to_owned(), text("unique_id").to_owned()),
                entry.clone(),
            )
        })
        .collect()
}

/// What is wrong with an entity's state: it has none, or it is not known though its attribute is.
async fn has_state(
    stage: &Stage,
    member: &Member,
    message: &Value,
    component: Value,
    entry: Value,
) -> Option<String> {
    let entity = entry["entity_id"].as_str().unwrap();
    let topic = component["state_topic"].as_str().unwrap_or_default();
    let attr = topic.strip_prefix(&format!("gizwits2mqtt/{}/", level(message)));
    let attr = attr.and_then(|attr| member.at_level(attr));
    let platform = component["platform"].as_str().unwrap();
    let is_composite = matches!(platform, "climate" | "fan" | "light" | "humidifier");
    let must_be_known = is_composite || attr.is_some();
    let is_right = |state: &Value| match state["state"].as_str() {
        None => false,
        Some("unknown" | "unavailable") => !must_be_known,
        Some(_) => true,
    };
    let state = stage.ha.wait(entity, PATIENCE, is_right).await.err()?;
    let seed = member.product.seed;
    Some(format!(
        "seed {seed}: {entity} is {state}: {component}, {attr:?}"
    ))
}
