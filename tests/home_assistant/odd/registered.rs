//! What Home Assistant has registered, held against what the bridge announces.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::household::{Household, Member};
use super::{PATIENCE, announced};
use crate::stage::Stage;
use crate::support::watcher::{Seen, Watcher};

/// A retained message of this size is no sane one, and some brokers refuse it.
const MAX_BYTES: usize = 1024 * 1024;

/// Platform and `unique_id` of each entity, with the rest.
pub(super) type Registry = BTreeMap<(String, String), Value>;

/// An enabled entity: whose it is, its device's message, its component, and its registration.
pub(super) struct Alive<'a> {
    pub(super) member: &'a Member,
    pub(super) message: Value,
    pub(super) component: Value,
    pub(super) entry: Value,
}

/// The enabled entities, once all is registered that is announced; with what is wrong in the end.
pub(super) async fn alive<'a>(
    stage: &Stage,
    watcher: &Watcher,
    household: &'a Household,
) -> (Vec<Alive<'a>>, Vec<String>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mark = watcher.mark();
        let (alive, faults) = compare(stage, watcher, household).await;
        // Each announcement goes out twice, so another look is worth it after the next.
        let next = watcher.message(mark, |seen: &Seen| seen.topic.ends_with("/config"));
        if faults.is_empty() || timeout_at(deadline, next).await.is_err() {
            return (alive, faults);
        }
    }
}

async fn compare<'a>(
    stage: &Stage,
    watcher: &Watcher,
    household: &'a Household,
) -> (Vec<Alive<'a>>, Vec<String>) {
    let devices = stage
        .ha
        .ask(json!({ "type": "config/device_registry/list" }));
    let devices = devices.await.unwrap();
    let registry = registry(stage).await;
    let (mut alive, mut faults) = (Vec::new(), Vec::new());
    for member in &household.members {
        let seed = member.product.seed;
        let message = announced(watcher, member).await;
        let told = &message["device"];
        let is_it = |device: &&Value| {
            device["identifiers"][0][1] == told["identifiers"][0] && device["name"] == told["name"]
        };
        let Some(device) = devices.as_array().unwrap().iter().find(is_it) else {
            faults.push(format!("seed {seed}: no device {told}"));
            continue;
        };
        let components = message["components"].as_object().unwrap().values();
        // What is left of one that is gone has none.
        let components = components.filter(|component| component["unique_id"].is_string());
        for component in components.clone() {
            let entry = registry.get(&identity(component));
            let Some(entry) = entry.filter(|entry| entry["device_id"] == device["id"]) else {
                faults.push(format!("seed {seed}: no entity of {component}"));
                continue;
            };
            let is_off = component["enabled_by_default"] == false;
            if is_off != (entry["disabled_by"] == "integration") {
                faults.push(format!("seed {seed}: {entry} of {component}"));
            }
            if !is_off {
                alive.push(Alive {
                    member,
                    message: message.clone(),
                    component: component.clone(),
                    entry: entry.clone(),
                });
            }
        }
        let there = registry.values();
        let there = there.filter(|entry| entry["device_id"] == device["id"]);
        let (there, told) = (there.count(), components.count());
        if there != told {
            faults.push(format!("seed {seed}: {there} entities, {told} announced"));
        }
    }
    (alive, faults)
}

pub(super) fn identity(component: &Value) -> (String, String) {
    let text = |key: &str| component[key].as_str().unwrap().to_owned();
    (text("platform"), text("unique_id"))
}

pub(super) async fn registry(stage: &Stage) -> Registry {
    let all = stage
        .ha
        .ask(json!({ "type": "config/entity_registry/list" }));
    let all = all.await.unwrap();
    let of_mqtt = all.as_array().unwrap().iter();
    let of_mqtt = of_mqtt.filter(|entry| entry["platform"] == "mqtt");
    let identified = of_mqtt.map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap();
        let (domain, _) = text("entity_id").split_once('.').unwrap();
        let identity = (domain.to_owned(), text("unique_id").to_owned());
        (identity, entry.clone())
    });
    identified.collect()
}

/// What the script that asks Home Assistant's own schemas has to say.
pub(super) async fn by_schemas(stage: &Stage, household: &Household) -> Vec<String> {
    let mut script = stage.ha.script("assert_discovery.py");
    let count = (household.members.len() + 1).to_string();
    let options = ["--no-extra", "--no-log", "--timeout", "60", "--devices"];
    let output = script.args(options).arg(&count).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // It must have come to its end.
    let Some(sum) = said.lines().last().filter(|line| line.ends_with(" faults")) else {
        return vec![format!("{output:?}")];
    };
    eprintln!("{sum}");
    // The schemas are asked outside Home Assistant, where they cannot look at templates and refuse each.
    let is_fault = |line: &&str| {
        !line.contains("Validates schema outside the event loop") && !line.ends_with(" faults")
    };
    said.lines().filter(is_fault).map(str::to_owned).collect()
}

/// What is too large, and how large the largest message is.
pub(super) async fn too_large(watcher: &Watcher, household: &Household) -> Option<String> {
    let mut largest = (0, 0);
    for member in &household.members {
        let message = announced(watcher, member).await;
        largest = largest.max((message.to_string().len(), member.product.seed));
    }
    let (bytes, seed) = largest;
    eprintln!("the largest discovery message has {bytes} bytes (seed {seed})");
    (bytes >= MAX_BYTES).then(|| format!("seed {seed}: {bytes} bytes are too many"))
}
