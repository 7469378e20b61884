//! What was seen of a family: for each role of each entity whether Home Assistant showed a change of the
//! device, and whether the device took what Home Assistant asked.

use std::collections::BTreeSet;

use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::platform::{Platform, Role};

use super::family::Family;

/// Roles that were seen, and those that were not.
pub(crate) type SeenOrNot = (Vec<Role>, Vec<Role>);
type What = BTreeSet<(Platform, String, Role)>;

#[derive(Debug, Default)]
pub(crate) struct Seen {
    shown: What,
    set: What,
    pub(crate) failures: Vec<String>,
}

impl Seen {
    pub(crate) fn is_shown(&mut self, entity: &Entity, role: Role) {
        self.shown
            .insert((entity.platform, entity.key.clone(), role));
    }

    pub(crate) fn is_set(&mut self, entity: &Entity, role: Role) {
        self.set.insert((entity.platform, entity.key.clone(), role));
    }

    /// Roles that show what the device reports: those seen, and those not.
    pub(crate) fn shown(&self, entity: &Entity) -> SeenOrNot {
        let reads = |role: &Role| shows(entity, *role);
        let roles = entity.parts.keys().copied().filter(reads);
        roles.partition(|role| {
            self.shown
                .contains(&(entity.platform, entity.key.clone(), *role))
        })
    }

    /// Roles that can be set: those seen, and those not.
    pub(crate) fn set(&self, entity: &Entity) -> SeenOrNot {
        let writes = |role: &Role| sets(entity, *role);
        let roles = entity.parts.keys().copied().filter(writes);
        roles.partition(|role| {
            self.set
                .contains(&(entity.platform, entity.key.clone(), *role))
        })
    }
}

/// What of a family was not seen, though its profile has it.
pub(crate) fn missing(family: &Family, seen: &Seen) -> Vec<String> {
    let mut missing = Vec::new();
    for entity in &family.plan.entities {
        for (what, (_, not)) in [("shows", seen.shown(entity)), ("sets", seen.set(entity))] {
            for role in not {
                let what = format!("{} never {what} {}", entity.key, role.as_str());
                missing.push(family.at(&what));
            }
        }
    }
    missing
}

/// On/off beside the mode has no state of its own in Home Assistant.
pub(crate) fn shows(entity: &Entity, role: Role) -> bool {
    entity.parts[&role].reads.is_some() && role != Role::Power
}

pub(crate) fn sets(entity: &Entity, role: Role) -> bool {
    entity.platform.is_control() && !role.is_only_shown() && entity.parts[&role].writes.is_some()
}
