//! The stage with all families on it, and what is asked of it again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use gizwits2mqtt::model::{AttrValue, Attrs};
use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::platform::Role;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::family::Family;
use super::place;
use crate::stage::Stage;
use crate::support::watcher::Watcher;

/// Longer than a change takes from the device to Home Assistant, or back: a write that is lost goes out once
/// more, and a device is looked at for 30 s.
pub(crate) const SOON: Duration = Duration::from_secs(40);

pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) watcher: Watcher,
    /// The bridge's profiles of the user.
    #[expect(dead_code, reason = "it is there as long as the scene")]
    pub(crate) profiles: tempfile::TempDir,
    /// Entity ids of Home Assistant by the unique ids that were announced.
    pub(crate) ids: BTreeMap<String, String>,
}

/// Where a device's announcement stands.
pub(crate) fn config_topic(family: &Family) -> String {
    format!("homeassistant/device/gizwits2mqtt_{}/config", family.did)
}

pub(crate) fn unique_id(family: &Family, key: &str) -> String {
    format!("gizwits2mqtt_{}_{key}", family.did)
}

impl Scene {
    /// The newest announcement of a device.
    pub(crate) fn config(&self, family: &Family) -> Value {
        let text = self.watcher.newest(&config_topic(family));
        serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default()
    }

    /// The announcement of an entity.
    pub(crate) fn body(&self, family: &Family, entity: &Entity) -> Value {
        let key = format!("{}_{}", entity.platform.as_str(), entity.key);
        self.config(family)["components"][key].clone()
    }

    /// Its id in Home Assistant.
    pub(crate) fn id(&self, family: &Family, entity: &Entity) -> &str {
        let id = self.ids.get(&unique_id(family, &entity.key));
        id.map(String::as_str).unwrap_or_default()
    }

    /// The commands to a device and their results since a mark, for who looks for a fault.
    pub(crate) fn said(&self, family: &Family, mark: usize) -> String {
        let below = format!("gizwits2mqtt/{}/", family.level());
        let of = |topic: &str| {
            let rest = topic.strip_prefix(&below)?;
            (rest == "result" || rest.split('/').any(|level| level == "set")).then_some(())
        };
        let all = self.watcher.since(mark);
        let all = all.iter().filter(|seen| of(&seen.topic).is_some());
        let lines: Vec<String> = all
            .map(|seen| format!("{} {}", seen.topic, seen.text()))
            .collect();
        format!("said: {lines:?}")
    }

    /// What the device has now.
    pub(crate) async fn values(&self, family: &Family) -> Map<String, Value> {
        let device = self
            .stage
            .cloud
            .get(&format!("devices/{}", family.did))
            .await;
        device["attrs"].as_object().unwrap().clone()
    }

    /// The device itself changes.
    pub(crate) async fn change(&self, family: &Family, values: Map<String, Value>) {
        let path = format!("devices/{}/attrs", family.did);
        self.stage.cloud.post(&path, values.into()).await;
    }

    /// Waits until Home Assistant shows a role as these values have it: first the role's topic, then what
    /// Home Assistant makes of it.
    pub(crate) async fn shows(
        &self,
        family: &Family,
        (entity, role): (&Entity, Role),
        attrs: &Attrs,
    ) -> Result<(), String> {
        let body = self.body(family, entity);
        let (platform, id) = (entity.platform, self.id(family, entity));
        let Some(topic) = place::topic(&body, platform, role) else {
            return Err(format!("{id} has no topic for {}", role.as_str()));
        };
        let shown = entity.parts[&role].shown(attrs);
        let payload = shown.as_ref().map(AttrValue::to_bare);
        // Nothing stands on the topic of an attribute that was never reported.
        if let Some(payload) = &payload {
            let carried = timeout(SOON, self.watcher.until(topic, payload)).await;
            carried.map_err(|_| {
                let newest = self.watcher.newest(topic);
                format!("{topic} carries {newest:?} instead of {payload:?}")
            })?;
        }
        let wanted = payload.map_or(place::Shown::Nothing, |payload| {
            place::read(&body, platform, role, &payload)
        });
        let ha = &self.stage.ha;
        let is_shown = |state: &Value| place::suits(&wanted, state, platform, role);
        let is_shown = ha.wait(id, SOON, is_shown).await;
        is_shown.map(drop).map_err(|state| {
            let now = place::now(&state, platform, role);
            format!("{id} {} is {now} instead of {wanted:?}", role.as_str())
        })
    }
}
