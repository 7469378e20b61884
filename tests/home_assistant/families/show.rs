//! What changes at the device shows in Home Assistant: every entity, every role.

use gizwits2mqtt::model::Attrs;
use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::platform::{Platform, Role};

use super::change;
use super::family::Family;
use super::scene::Scene;
use super::seen::{self, Seen};
use super::units;

/// Everything is as the device has it: unknown only what it has not told.
pub(crate) async fn as_it_is(scene: &Scene, family: &Family, seen: &mut Seen) {
    let attrs = family.attrs(&scene.values(family).await);
    for entity in &family.plan.entities {
        for role in entity.parts.keys().copied() {
            if seen::shows(entity, role) && is_visible(entity, role, &attrs) {
                let shown = scene.shows(family, (entity, role), &attrs).await;
                seen.failures.extend(shown.err().map(|why| family.at(&why)));
            }
        }
    }
}

/// Changes the device and waits for Home Assistant to show it; in the end all is as it was reported first.
pub(crate) async fn changes(scene: &Scene, family: &Family, seen: &mut Seen) {
    let mut attrs = family.attrs(&family.report);
    for entity in &family.plan.entities {
        if units::switches(family, entity) {
            continue;
        }
        for role in entity.parts.keys().copied() {
            if !seen::shows(entity, role) {
                continue;
            }
            if !is_visible(entity, role, &attrs) {
                let on = change::changes(family, (entity, Role::State), &attrs);
                if let Some((on, _)) = on.into_iter().next() {
                    set(scene, family, &mut attrs, on).await;
                }
            }
            let changes = change::changes(family, (entity, role), &attrs);
            if changes.is_empty() {
                let what = format!("{} {}: nothing changes it", entity.key, role.as_str());
                seen.failures.push(family.at(&what));
            }
            for (changed, _) in changes {
                set(scene, family, &mut attrs, changed).await;
                match scene.shows(family, (entity, role), &attrs).await {
                    Ok(()) => seen.is_shown(entity, role),
                    Err(why) => seen.failures.push(family.at(&why)),
                }
            }
        }
    }
    scene.change(family, family.report.clone()).await;
}

/// A light that is off shows nothing else.
fn is_visible(entity: &Entity, role: Role, attrs: &Attrs) -> bool {
    let is_on = || {
        let on = entity.parts[&Role::State].shown(attrs);
        on.is_some_and(|on| on.to_bare() == "true")
    };
    entity.platform != Platform::Light || role == Role::State || is_on()
}

async fn set(scene: &Scene, family: &Family, attrs: &mut Attrs, changed: Attrs) {
    let mut values = changed.to_json();
    let now = attrs.to_json();
    values.retain(|name, value| now.get(name) != Some(value));
    scene.change(family, values).await;
    *attrs = changed;
}
