//! What becomes of entities when their device is renamed, gets another profile, or is unbound.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::family::Family;
use super::inventory;
use super::scene::{Scene, unique_id};
use crate::support::DEADLINE;

const AGAIN: Duration = Duration::from_secs(1);

type Ids = BTreeMap<String, String>;

/// What Home Assistant has of one device: entity ids by unique id.
async fn ids(scene: &Scene, family: &Family) -> Ids {
    let prefix = unique_id(family, "");
    let known = inventory::registry(scene).await;
    let own = known.iter().filter(|(id, _)| id.starts_with(&prefix));
    own.map(|(id, entry)| (id.clone(), entry["entity_id"].as_str().unwrap().to_owned()))
        .collect()
}

/// Asks the bridge to look at the bindings now.
async fn refresh(scene: &Scene) {
    let topic = "gizwits2mqtt/bridge/request/refresh";
    scene.watcher.publish(topic, "").await;
}

/// Same entities, another name.
pub(crate) async fn rename(scene: &Scene, family: &Family) -> Vec<String> {
    let before = ids(scene, family).await;
    let path = format!("devices/{}/alias", family.did);
    let name = "Renamed in the app";
    scene
        .stage
        .cloud
        .post(&path, json!({ "alias": name }))
        .await;
    refresh(scene).await;
    let is_renamed = |state: &Value| {
        let shown = state["attributes"]["friendly_name"].as_str();
        shown.is_some_and(|shown| shown.starts_with(name)) && state["state"] != "unavailable"
    };
    let mut faults = Vec::new();
    for id in before.values() {
        let found = scene.stage.ha.wait(id, DEADLINE, is_renamed).await;
        if let Err(state) = found {
            faults.push(family.at(&format!("{id} after it was renamed: {state}")));
        }
    }
    let after = ids(scene, family).await;
    if after != before {
        faults.push(family.at(&format!(
            "has other entities after it was renamed: {after:?}"
        )));
    }
    faults
}

/// Another profile, and back: entities of the former are gone, those of the new one are there.
pub(crate) async fn profile(scene: &mut Scene, family: &Family) -> Vec<String> {
    let with = ids(scene, family).await;
    let mut faults = Vec::new();
    let settings = scene.stage.settings.clone();
    let mut without = settings.clone();
    without["devices"][family.did.to_string()] = json!({ "profile": "none" });
    let main = unique_id(family, "spa");
    for (settings, has_main) in [(without, false), (settings, true)] {
        scene.stage.bridge.write(&settings);
        scene.stage.bridge.signal("HUP").await;
        let settled = settle(scene, family, (&main, has_main)).await;
        faults.extend(settled.err().map(|why| family.at(&why)));
    }
    let again = ids(scene, family).await;
    if again.keys().ne(with.keys()) {
        faults.push(family.at(&format!("has other entities than before: {again:?}")));
    }
    faults
}

/// Waits until what Home Assistant has of the device is what is announced, and all of that lives.
async fn settle(
    scene: &Scene,
    family: &Family,
    (main, has_main): (&str, bool),
) -> Result<(), String> {
    let mut states = scene.stage.ha.changes();
    let settled = async {
        loop {
            states.mark_unchanged();
            let announced = announced(scene, family);
            let known = ids(scene, family).await;
            let is_so = announced.contains_key(main) == has_main
                && known.keys().eq(announced.keys())
                && announced.iter().all(|(id, is_enabled)| {
                    let state = scene.stage.ha.state(&known[id]);
                    let lives = state["attributes"]["restored"].is_null()
                        && state["state"] != "unavailable";
                    !is_enabled || (!state.is_null() && lives)
                });
            if is_so {
                return;
            }
            // What is disabled has no state: the registry is asked again without a change, too.
            drop(timeout(AGAIN, states.changed()).await);
        }
    };
    let settled = timeout(DEADLINE, settled).await;
    if settled.is_ok() {
        return Ok(());
    }
    let announced = announced(scene, family);
    let known = ids(scene, family).await;
    let left: Vec<&String> = known
        .keys()
        .filter(|id| !announced.contains_key(*id))
        .collect();
    let missing: Vec<&String> = announced
        .keys()
        .filter(|id| !known.contains_key(*id))
        .collect();
    Err(format!(
        "after another profile: left {left:?}, missing {missing:?}"
    ))
}

/// Unique ids that are announced now, and whether each is enabled by default.
fn announced(scene: &Scene, family: &Family) -> BTreeMap<String, bool> {
    let config = scene.config(family);
    let components = config["components"].as_object().into_iter().flatten();
    let live = components.filter_map(|(_, body)| {
        let id = body["unique_id"].as_str()?;
        Some((id.to_owned(), body["enabled_by_default"] != false))
    });
    live.collect()
}

/// Nothing is left of it.
pub(crate) async fn unbind(scene: &Scene, family: &Family) -> Vec<String> {
    let before = ids(scene, family).await;
    scene
        .stage
        .cloud
        .delete(&format!("devices/{}", family.did))
        .await;
    refresh(scene).await;
    let mut faults = Vec::new();
    for id in before.values() {
        let found = scene.stage.ha.wait(id, DEADLINE, Value::is_null).await;
        if let Err(state) = found {
            faults.push(family.at(&format!("{id} is left of an unbound device: {state}")));
        }
    }
    let left = ids(scene, family).await;
    if !left.is_empty() {
        faults.push(family.at(&format!("registered, though unbound: {left:?}")));
    }
    let identifier = format!("gizwits2mqtt_{}", family.did);
    if inventory::devices(scene).await.contains_key(&identifier) {
        faults.push(family.at("is still a device"));
    }
    faults
}
