//! `BASE/DEV/entity/KEY/ROLE`: what an entity shows that no single attribute tells.

use std::collections::BTreeSet;

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::clock::Now;
use crate::homeassistant::entity;
use crate::ids::Did;
use crate::profile::entity::Entity;

/// What Home Assistant reads as "unknown".
const UNKNOWN: &str = "None";

impl Bridge {
    /// The plan of a device is worked out anew when it is next needed.
    pub(in crate::bridge) fn replan(&mut self, did: &Did) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        let chosen = self.settings.devices.get(did);
        let chosen = chosen.and_then(|device| device.profile.as_deref());
        let plan = self
            .plans
            .of(&self.settings.profiles, &entry.device, schema, chosen);
        entry.plan = Some(plan);
    }

    /// The states of a device's entities that have topics of their own.
    pub(in crate::bridge) fn publish_entities(
        &mut self,
        now: Now,
        did: &Did,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let Some(plan) = entry.plan.clone() else {
            return;
        };
        for of in &plan.entities {
            for (role, part) in &of.parts {
                if !entity::has_own_state(part) {
                    continue;
                }
                let level = entity::own_level(&of.key, *role);
                let shown = part.shown(&entry.attrs);
                let payload = shown.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_bare());
                let topic = self.topics.below_device(&entry.level, &level);
                self.publisher.retain(topic, payload.into_bytes(), out);
            }
        }
        // Another unit or other limits are another announcement.
        let ranges = ranges(&plan.entities, &entry.attrs);
        if std::mem::replace(&mut entry.ranges, ranges.clone()) != ranges {
            self.announcer.changed(did, now.mono);
        }
    }
}

/// Which of several ranges holds, for each part that has several.
fn ranges(entities: &[Entity], attrs: &crate::model::Attrs) -> Vec<u8> {
    let parts = entities.iter().flat_map(|entity| entity.parts.values());
    let several = parts.filter(|part| part.ranges.len() > 1);
    several
        .map(|part| {
            let at = part.ranges.iter().position(|range| range.when.holds(attrs));
            at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
        })
        .collect()
}

/// Levels below a device that its plan fills.
pub(in crate::bridge) fn own_levels(entities: &[Entity]) -> BTreeSet<String> {
    let of = |of: &Entity| {
        let parts = of
            .parts
            .iter()
            .filter(|(_, part)| entity::has_own_state(part));
        let levels = parts.map(|(role, _)| entity::own_level(&of.key, *role));
        levels.collect::<Vec<_>>()
    };
    entities.iter().flat_map(of).collect()
}
