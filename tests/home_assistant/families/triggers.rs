//! A device's alarm starts an automation: Home Assistant offers a trigger for each, and it fires.

use gizwits2mqtt::model::AttrValue;
use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::platform::{Platform, Role};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::change;
use super::family::Family;
use super::inventory;
use super::scene::{SOON, Scene, unique_id};

/// Tries every alarm of a device; the last word is what is wrong.
pub(crate) async fn check(scene: &Scene, family: &Family) -> Vec<String> {
    let mut faults = Vec::new();
    let alarms = family.plan.entities.iter().filter(|entity| {
        entity.platform == Platform::BinarySensor
            && entity.device_class.as_deref() == Some("problem")
    });
    let alarms: Vec<&Entity> = alarms.collect();
    if alarms.is_empty() {
        return faults;
    }
    let devices = inventory::devices(scene).await;
    let device = &devices[&format!("gizwits2mqtt_{}", family.did)];
    let ask = json!({ "type": "device_automation/trigger/list", "device_id": device });
    let offered = scene.stage.ha.ask(ask).await.unwrap();
    let registry = inventory::registry(scene).await;
    for alarm in alarms {
        let entry = &registry[&unique_id(family, &alarm.key)];
        let trigger = offered.as_array().unwrap().iter().find(|trigger| {
            trigger["type"] == "problem"
                && (trigger["entity_id"] == entry["id"]
                    || trigger["entity_id"] == entry["entity_id"])
        });
        let tried = match trigger {
            Some(trigger) => fires(scene, family, alarm, trigger).await,
            None => Err(format!("there is no trigger for {}", alarm.key)),
        };
        faults.extend(tried.err().map(|why| family.at(&why)));
    }
    faults
}

async fn fires(
    scene: &Scene,
    family: &Family,
    alarm: &Entity,
    trigger: &Value,
) -> Result<(), String> {
    set(scene, family, alarm, false).await?;
    let trigger = json!({ "type": "subscribe_trigger", "trigger": trigger });
    let mut fired = scene.stage.ha.listen(trigger).await?;
    set(scene, family, alarm, true).await?;
    let fired = timeout(SOON, fired.recv()).await;
    fired
        .map(drop)
        .map_err(|_| format!("the trigger of {} does not fire", alarm.key))
}

/// The device has a fault, or no more.
async fn set(scene: &Scene, family: &Family, alarm: &Entity, on: bool) -> Result<(), String> {
    let mut attrs = family.attrs(&scene.values(family).await);
    let is = |shown: Option<AttrValue>| shown == Some(AttrValue::Bool(on));
    // All that it is made of: one fault may be left where several were.
    if !on {
        let off = alarm
            .attributes()
            .into_iter()
            .map(|name| (name.to_string(), 0.into()));
        scene.change(family, off.collect()).await;
    } else if !is(alarm.parts[&Role::State].shown(&attrs)) {
        let changes = change::changes(family, (alarm, Role::State), &attrs);
        let Some((changed, _)) = changes.into_iter().next() else {
            return Err(format!("nothing sets {} off", alarm.key));
        };
        scene.change(family, changed.to_json()).await;
    }
    attrs = family.attrs(&scene.values(family).await);
    scene.shows(family, (alarm, Role::State), &attrs).await
}
