//! Numbers that count are in Home Assistant's long-term statistics, with nothing against them.

use std::collections::BTreeMap;

use gizwits2mqtt::profile::platform::Platform;
use serde_json::{Value, json};

use super::family::Family;
use super::scene::Scene;

/// What Home Assistant converts units by, for each device class; null for classes that have one unit only.
fn unit_class(class: &str) -> Value {
    match class {
        "temperature" | "energy" | "power" | "voltage" | "current" | "duration" | "frequency"
        | "pressure" => class.into(),
        "humidity" | "ph" => "unitless".into(),
        _ => Value::Null,
    }
}

/// Every sensor with a state class is listed with its unit, and is without an issue.
pub(crate) async fn check(scene: &Scene, families: &[Family]) -> Vec<String> {
    let ha = &scene.stage.ha;
    let ask = async |what: &str| ha.ask(json!({ "type": what })).await.unwrap();
    let listed = ask("recorder/list_statistic_ids").await;
    let listed: BTreeMap<&str, &Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["statistic_id"].as_str().unwrap(), one))
        .collect();
    let issues = ask("recorder/validate_statistics").await;
    let mut faults = Vec::new();
    for family in families {
        let entities = family.plan.entities.iter();
        let counted =
            entities.filter(|one| one.platform == Platform::Sensor && one.statistics.is_some());
        for entity in counted {
            let id = scene.id(family, entity);
            let Some(one) = listed.get(id) else {
                faults.push(family.at(&format!("{id} has no statistics")));
                continue;
            };
            let class = entity.device_class.as_deref().unwrap_or_default();
            if one["unit_class"] != unit_class(class) && !class.is_empty() {
                faults.push(family.at(&format!("{id}, of class {class}, is counted as {one}")));
            }
            if !issues[id].is_null() {
                faults.push(family.at(&format!("{id}: {}", issues[id])));
            }
        }
    }
    faults
}
