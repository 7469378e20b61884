//! A device's own switch from °C to °F: Home Assistant learns the new unit and shows the same warmth.

use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::platform::{Platform, Role};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::drive;
use super::family::Family;
use super::scene::{Scene, config_topic};
use super::seen::Seen;
use crate::support::DEADLINE;

/// Does it decide on the units of others?
pub(crate) fn switches(family: &Family, entity: &Entity) -> bool {
    let Some(attr) = switched(family) else {
        return false;
    };
    entity.attributes().iter().any(|name| name.as_str() == attr)
        && entity.parts.len() == 1
        && entity.platform == Platform::Select
}

/// The attribute that decides on units.
fn switched(family: &Family) -> Option<&str> {
    let parts = family
        .plan
        .entities
        .iter()
        .flat_map(|entity| entity.parts.values());
    let mut conditions = parts
        .flat_map(|part| &part.ranges)
        .filter(|range| range.unit.as_deref() == Some("°F"))
        .flat_map(|range| &range.when.0);
    conditions.next().map(|(name, _)| name.as_str())
}

/// Home Assistant sets each unit in turn; temperatures follow.
pub(crate) async fn change(scene: &Scene, family: &Family, seen: &mut Seen) {
    let switch = family
        .plan
        .entities
        .iter()
        .find(|entity| switches(family, entity));
    let Some(switch) = switch else {
        return;
    };
    drive::drive(scene, family, (switch, Role::State), seen).await;
    let attr = switched(family).unwrap();
    let others = scene.values(family).await;
    for value in values(family, switch, &others) {
        let mut values = others.clone();
        values.insert(attr.to_owned(), value);
        scene.change(family, values.clone()).await;
        let attrs = family.attrs(&values);
        match scene.shows(family, (switch, Role::State), &attrs).await {
            Ok(()) => seen.is_shown(switch, Role::State),
            Err(why) => seen.failures.push(family.at(&why)),
        }
        for entity in &family.plan.entities {
            for (role, part) in &entity.parts {
                let unit = part.range(&attrs).and_then(|range| range.unit.as_deref());
                let Some(unit) = unit.filter(|unit| unit.starts_with('°')) else {
                    continue;
                };
                let is_new = |config: &Value| {
                    let key = format!("{}_{}", entity.platform.as_str(), entity.key);
                    let body = &config["components"][key];
                    body["unit_of_measurement"] == unit
                        || body["temperature_unit"] == unit.trim_start_matches('°')
                };
                let topic = config_topic(family);
                let announced = scene.watcher.until_json(&topic, is_new);
                if timeout(DEADLINE, announced).await.is_err() {
                    seen.failures
                        .push(family.at(&format!("{} is not announced in {unit}", entity.key)));
                }
                let shown = scene.shows(family, (entity, *role), &attrs).await;
                seen.failures.extend(shown.err().map(|why| family.at(&why)));
            }
        }
    }
}

/// The other unit, and the one that is now.
fn values(family: &Family, switch: &Entity, now: &Map<String, Value>) -> Vec<Value> {
    let attr = switched(family).unwrap();
    let attrs = family.attrs(now);
    let changes = super::change::changes(family, (switch, Role::State), &attrs);
    let other = changes.into_iter().next();
    let other = other.map(|(changed, _)| changed.get(attr).unwrap().to_json());
    other.into_iter().chain([now[attr].clone()]).collect()
}
