//! Everything that was announced is in Home Assistant's registries, and nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::family::Family;
use super::scene::{Scene, config_topic, unique_id};
use crate::support::DEADLINE;

/// The registry is asked again when nothing tells that it changed.
const AGAIN: Duration = Duration::from_secs(1);

/// Home Assistant's registry of MQTT's entities, by unique id.
pub(crate) async fn registry(scene: &Scene) -> BTreeMap<String, Value> {
    let all = scene
        .stage
        .ha
        .ask(json!({ "type": "config/entity_registry/list" }))
        .await
        .unwrap();
    let all = all.as_array().unwrap().iter();
    let ours = all.filter(|entry| entry["platform"] == "mqtt");
    ours.map(|entry| {
        (
            entry["unique_id"].as_str().unwrap().to_owned(),
            entry.clone(),
        )
    })
    .collect()
}

/// Home Assistant's ids of devices, by their identifiers.
pub(crate) async fn devices(scene: &Scene) -> BTreeMap<String, Value> {
    let all = scene
        .stage
        .ha
        .ask(json!({ "type": "config/device_registry/list" }))
        .await
        .unwrap();
    let mut devices = BTreeMap::new();
    for device in all.as_array().unwrap() {
        for identifier in device["identifiers"].as_array().unwrap() {
            devices.insert(
                identifier[1].as_str().unwrap().to_owned(),
                device["id"].clone(),
            );
        }
    }
    devices
}

/// Waits until all of them are announced and registered, remembers their ids, and tells what is amiss.
pub(crate) async fn take(scene: &mut Scene, families: &[Family]) -> Vec<String> {
    let mut announced: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for family in families {
        let is_whole = |config: &Value| {
            let components = config["components"].as_object();
            components.is_some_and(|components| components.len() >= family.plan.entities.len())
        };
        let config = scene
            .watcher
            .until_json(&config_topic(family), is_whole)
            .await;
        for body in config["components"].as_object().unwrap().values() {
            let id = body["unique_id"].as_str().unwrap().to_owned();
            let of = format!("gizwits2mqtt_{}", family.did);
            announced.insert(id, (of, body.clone()));
        }
    }
    let ha = &scene.stage.ha;
    let changes = json!({ "type": "subscribe_events", "event_type": "entity_registry_updated" });
    let mut changes = ha.listen(changes).await.unwrap();
    let complete = async {
        loop {
            let known = registry(scene).await;
            if announced.keys().all(|id| known.contains_key(id)) {
                return known;
            }
            // Whatever it tells, it is asked again.
            drop(timeout(AGAIN, changes.recv()).await);
        }
    };
    let known = match timeout(DEADLINE, complete).await {
        Ok(known) => known,
        Err(_) => registry(scene).await,
    };
    let ids = known
        .iter()
        .map(|(id, entry)| (id.clone(), entry["entity_id"].as_str().unwrap().to_owned()));
    let ids = ids.collect();
    let faults = compare(&announced, &known, &devices(scene).await, families);
    scene.ids = ids;
    faults
}

fn compare(
    announced: &BTreeMap<String, (String, Value)>,
    known: &BTreeMap<String, Value>,
    devices: &BTreeMap<String, Value>,
    families: &[Family],
) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, (device, body)) in announced {
        let Some(entry) = known.get(id) else {
            faults.push(format!("{id} is not registered: {body}"));
            continue;
        };
        let entity = entry["entity_id"].as_str().unwrap();
        let platform = body["platform"].as_str().unwrap();
        if !entity.starts_with(&format!("{platform}.")) {
            faults.push(format!("{id}, a {platform}, is {entity}"));
        }
        if Some(&entry["device_id"]) != devices.get(device) {
            faults.push(format!("{entity} is not on its device {device}"));
        }
        let is_disabled = body["enabled_by_default"] == false;
        let by = &entry["disabled_by"];
        if is_disabled != (by == "integration") || (!is_disabled && !by.is_null()) {
            faults.push(format!("{entity} is disabled by {by}: {body}"));
        }
    }
    for family in families {
        let ids: BTreeSet<String> = family
            .plan
            .entities
            .iter()
            .map(|entity| unique_id(family, &entity.key))
            .collect();
        let missing: Vec<&String> = ids
            .iter()
            .filter(|id| !announced.contains_key(*id))
            .collect();
        if !missing.is_empty() {
            faults.push(family.at(&format!("does not announce {missing:?}")));
        }
    }
    let of_bridge = |id: &str| id.starts_with("gizwits2mqtt_bridge");
    let more = known
        .keys()
        .filter(|id| !announced.contains_key(*id) && !of_bridge(id));
    faults.extend(more.map(|id| format!("nobody announced {id}")));
    faults
}

/// Enables what is disabled by default, on all devices: Home Assistant then reads everything anew, once.
pub(crate) async fn enable_all(scene: &Scene) {
    let ha = &scene.stage.ha;
    let mut disabled = Vec::new();
    for entry in registry(scene).await.values() {
        if entry["disabled_by"] == "integration" {
            let id = entry["entity_id"].as_str().unwrap();
            let enable = json!({
                "type": "config/entity_registry/update", "entity_id": id, "disabled_by": null,
            });
            ha.ask(enable).await.unwrap();
            disabled.push(id.to_owned());
        }
    }
    for id in disabled {
        let is_there = |state: &Value| !state.is_null() && state["state"] != "unavailable";
        let found = ha.wait(&id, DEADLINE, is_there).await;
        assert!(found.is_ok(), "{id} does not come alive: {found:?}");
    }
}
