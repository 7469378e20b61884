//! Every family, and products without a profile, held against a real Home Assistant: each announced entity
//! is there, shows what its device does, and its device does what Home Assistant asks. `docs/devices.md`
//! is what was seen.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "each platform has few of the roles, and what is new shows nothing until it is written down"
)]

mod action;
mod change;
mod drive;
mod family;
mod inventory;
mod migration;
mod place;
mod scene;
mod seen;
mod show;
mod statistics;
mod table;
mod triggers;
mod units;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::ha::More;
use crate::stage::Stage;
use crate::support::watcher::Watcher;
use family::Family;
use scene::Scene;
use seen::Seen;

/// The name of the only family to try, while one works at its profile; the page is left alone then.
const ONLY: &str = "FAMILY";

/// One household with all of them.
async fn stage(families: &[Family]) -> Option<Scene> {
    let profiles = tempfile::tempdir().unwrap();
    let everything = profiles.path().join("everything.yaml");
    std::fs::write(everything, family::EVERYTHING).unwrap();
    let more = More {
        integrations: &["automation"],
    };
    let chosen = families.iter().filter_map(|family| {
        let profile = family.chosen?;
        Some((family.did.to_string(), json!({ "profile": profile })))
    });
    let chosen: Value = chosen.collect();
    let scenario = family::scenario(families);
    let change = |settings: &mut Value| {
        settings["profiles_dir"] = json!(profiles.path());
        settings["devices"] = chosen;
    };
    let stage = Stage::start_with(&scenario, &more, change).await?;
    let watcher = Watcher::start(stage.ha.broker).await;
    // The bridge reads the folder as long as it runs.
    Some(Scene {
        stage,
        watcher,
        profiles,
        ids: BTreeMap::new(),
    })
}

/// What its log has against anything.
async fn complaints(scene: &Scene) -> Option<String> {
    let all = scene.stage.ha.complaints().await;
    let lines = all.lines().map(str::trim_end);
    let left: Vec<&str> = lines.filter(|line| !line.ends_with(" entries")).collect();
    (!left.is_empty()).then(|| left.join("\n"))
}

/// What Home Assistant's own schemas refuse or drop without a word.
async fn refused(scene: &Scene, devices: usize) -> Option<String> {
    // The bridge is a device, too.
    let devices = (devices + 1).to_string();
    let mut script = scene.stage.ha.script("assert_discovery.py");
    let output = script.args(["--devices", &devices]).output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    // How it validates is no fault of a message; its last line tells how many it found.
    let is_fault = |line: &&str| {
        !line.contains("Validates schema outside the event loop")
            && !line.ends_with(" fault")
            && !line.ends_with(" faults")
    };
    let faults: Vec<&str> = text.lines().filter(is_fault).collect();
    (!output.status.success() && !faults.is_empty()).then(|| faults.join("\n"))
}

/// What was written to a device and not taken.
async fn not_taken(scene: &Scene) -> Vec<String> {
    let writes = scene.stage.cloud.get("push/writes").await;
    let writes = writes.as_array().unwrap();
    assert!(!writes.is_empty(), "nothing was written");
    let refused = writes.iter().filter(|write| !write["error_code"].is_null());
    refused.map(|write| format!("not taken: {write}")).collect()
}

async fn live(scene: &Scene, family: &Family) -> Seen {
    let mut seen = Seen::default();
    show::as_it_is(scene, family, &mut seen).await;
    show::changes(scene, family, &mut seen).await;
    show::as_it_is(scene, family, &mut seen).await;
    drive::controls(scene, family, &mut seen).await;
    units::change(scene, family, &mut seen).await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_family_lives_in_home_assistant() {
    let mut families = family::all();
    let only = std::env::var(ONLY).ok();
    families.retain(|family| only.as_ref().is_none_or(|name| family.name == *name));
    let Some(mut scene) = stage(&families).await else {
        return;
    };
    let mut failures = inventory::take(&mut scene, &families).await;
    failures.extend(refused(&scene, families.len()).await);
    inventory::enable_all(&scene).await;
    let all = families.iter().map(|family| live(&scene, family));
    let seen = join_all(all).await;
    for (family, seen) in families.iter().zip(&seen) {
        failures.extend(seen.failures.iter().cloned());
        failures.extend(seen::missing(family, seen));
    }
    failures.extend(not_taken(&scene).await);
    failures.extend(statistics::check(&scene, &families).await);
    let all = families
        .iter()
        .map(|family| triggers::check(&scene, family));
    failures.extend(join_all(all).await.concat());
    if only.is_none() {
        failures.extend(table::compare(&families, &seen));
        let named = |name: &str| families.iter().find(|family| family.name == name).unwrap();
        failures.extend(migration::rename(&scene, named("airjet-v01")).await);
        failures.extend(migration::profile(&mut scene, named("airjet")).await);
        failures.extend(migration::unbind(&scene, named("hydrojet")).await);
    }
    failures.extend(complaints(&scene).await);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
