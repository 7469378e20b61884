//! What is asked in Home Assistant is done by the device, and shows: every control, every role.

use std::collections::BTreeSet;

use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::platform::{Platform, Role};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::action::{Action, Wanted, actions};
use super::family::Family;
use super::place;
use super::scene::{SOON, Scene};
use super::seen::{self, Seen};
use super::units;

/// Where a device, which here does nothing of itself, ends elsewhere than asked: the fixture, the entity, what
/// is asked, and what shows instead.
const OTHERWISE: [(&str, &str, &str, &str); 6] = [
    // The number of minutes that stands for "no timer": it is how a person ends one.
    ("airjet", "heat_appm_min", NO_TIMER, "unknown"),
    ("airjet", "heat_timer_min", NO_TIMER, "unknown"),
    ("airjet", "filter_appm_min", NO_TIMER, "unknown"),
    ("airjet", "filter_timer_min", NO_TIMER, "unknown"),
    ("airjet", "wave_appm_min", NO_TIMER, "unknown"),
    ("airjet", "wave_timer_min", NO_TIMER, "unknown"),
];
const NO_TIMER: &str = "number.set_value 59940.0";

/// Drives every control of a device, one after the other.
pub(crate) async fn controls(scene: &Scene, family: &Family, seen: &mut Seen) {
    for entity in &family.plan.entities {
        if units::switches(family, entity) {
            continue;
        }
        for role in in_order(entity) {
            drive(scene, family, (entity, role), seen).await;
        }
    }
}

/// What depends on being on, or on a mode, before that changes.
fn in_order(entity: &Entity) -> Vec<Role> {
    let mut roles: Vec<Role> = entity
        .parts
        .keys()
        .copied()
        .filter(|role| seen::sets(entity, *role))
        .collect();
    roles.sort_by_key(|role| match role {
        Role::Power => 3,
        Role::State | Role::Mode => 2,
        Role::Preset => 1,
        _ => 0,
    });
    roles
}

/// Drives one role by all that Home Assistant offers for it.
pub(crate) async fn drive(
    scene: &Scene,
    family: &Family,
    (entity, role): (&Entity, Role),
    seen: &mut Seen,
) {
    let id = scene.id(family, entity);
    let ha = &scene.stage.ha;
    let is_light = entity.platform == Platform::Light;
    if is_light && role != Role::State && ha.state(id)["state"] != "on" {
        let on = Action {
            service: "light.turn_on".into(),
            data: Value::Object(Map::new()),
            at: Role::State,
            shown: Wanted::Is(place::Shown::Text("on".into())),
        };
        if let Err(why) = act(scene, family, entity, &on).await {
            seen.failures.push(family.at(&why));
        }
    }
    if let Err(why) = limits(scene, family, (entity, role)).await {
        seen.failures.push(family.at(&why));
    }
    let body = scene.body(family, entity);
    let all = actions(entity.platform, role, &body, &ha.state(id));
    let (done, mut to_do): (Vec<Action>, Vec<Action>) = all
        .into_iter()
        .partition(|action| is_shown(action, &ha.state(id), entity.platform));
    // What it is already, it is asked for once it is something else.
    to_do.extend(done);
    if to_do.is_empty() {
        let what = format!("{id}: Home Assistant offers nothing for {}", role.as_str());
        seen.failures.push(family.at(&what));
    }
    for action in to_do {
        match act(scene, family, entity, &action).await {
            Ok(()) => seen.is_set(entity, role),
            Err(why) => seen.failures.push(family.at(&why)),
        }
    }
}

fn is_shown(action: &Action, state: &Value, platform: Platform) -> bool {
    match &action.shown {
        Wanted::Is(shown) => place::suits(shown, state, platform, action.at),
        Wanted::Not(word) => place::now(state, platform, action.at) != *word,
        Wanted::Unseen => false,
    }
}

/// One service call; the device changes, in what belongs to the entity and nothing else, and it shows.
async fn act(
    scene: &Scene,
    family: &Family,
    entity: &Entity,
    action: &Action,
) -> Result<(), String> {
    let (id, ha) = (scene.id(family, entity), &scene.stage.ha);
    let asked = action.asked();
    let otherwise = OTHERWISE
        .iter()
        .find(|(name, key, what, _)| *name == family.name && *key == entity.key && *what == asked);
    if matches!(action.shown, Wanted::Unseen) {
        release(scene, family, entity).await;
    }
    let before = scene.values(family).await;
    let was_shown = is_shown(action, &ha.state(id), entity.platform);
    let mark = scene.watcher.mark();
    let called = ha.call(&action.service, id, action.data.clone()).await;
    called.map_err(|why| format!("{id} {asked}: {why}"))?;
    if matches!(action.shown, Wanted::Unseen) {
        pressed(scene, family, &before).await?;
    } else {
        let wanted = |state: &Value| match otherwise {
            Some((_, _, _, shown)) => place::now(state, entity.platform, action.at) == *shown,
            None => is_shown(action, state, entity.platform),
        };
        let shown = ha.wait(id, SOON, wanted).await;
        shown.map_err(|state| {
            let now = place::now(&state, entity.platform, action.at);
            let what = otherwise.map_or_else(|| format!("{:?}", action.shown), |o| o.3.to_owned());
            let said = scene.said(family, mark);
            format!("{id} {asked}: {now} instead of {what}; {said}")
        })?;
    }
    let after = scene.values(family).await;
    let changed: BTreeSet<&String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|(name, _)| name)
        .collect();
    if changed.is_empty() && !was_shown && otherwise.is_none() {
        return Err(format!("{id} {asked}: the device did not change"));
    }
    let own = entity.attributes();
    let strange = changed
        .into_iter()
        .find(|name| own.iter().all(|attr| attr.as_str() != *name));
    match strange {
        Some(name) => Err(format!("{id} {asked}: {name} changed, too")),
        None => Ok(()),
    }
}

/// Limits that depend on a mode are announced anew after it changed: waits until Home Assistant has those
/// that hold.
async fn limits(
    scene: &Scene,
    family: &Family,
    (entity, role): (&Entity, Role),
) -> Result<(), String> {
    let (min, max) = match (entity.platform, role) {
        (Platform::Climate | Platform::WaterHeater, Role::TargetTemperature) => {
            ("min_temp", "max_temp")
        }
        (Platform::Number, _) => ("min", "max"),
        _ => return Ok(()),
    };
    let attrs = family.attrs(&scene.values(family).await);
    let Some(range) = entity.parts[&role].range(&attrs) else {
        return Ok(());
    };
    let is = |state: &Value, key: &str, limit: Option<f64>| {
        let shown = state["attributes"][key].as_f64();
        let celsius = limit.map(|limit| (limit - 32.0) / 1.8);
        // Widened by what the device reported; °F are shown in °C.
        let suits = |wanted: Option<f64>| match (shown, wanted) {
            (Some(shown), Some(wanted)) => (shown - wanted).abs() < 0.6,
            (_, None) => true,
            (None, Some(_)) => false,
        };
        suits(limit) || suits(celsius)
    };
    let id = scene.id(family, entity);
    let has = |state: &Value| is(state, min, range.min) && is(state, max, range.max);
    let found = scene.stage.ha.wait(id, SOON, has).await;
    found
        .map(drop)
        .map_err(|state| format!("{id} has other limits than {range:?}: {state}"))
}

/// The device lets go of a button: what it sets is otherwise.
async fn release(scene: &Scene, family: &Family, entity: &Entity) {
    let names = entity.attributes();
    let off = names.iter().map(|name| (name.to_string(), 0.into()));
    let off: Map<String, Value> = off.collect();
    scene.change(family, off.clone()).await;
    let off = family.attrs(&off).to_json();
    let topic = format!("gizwits2mqtt/{}", family.level());
    let is_off = |body: &Value| off.iter().all(|(name, value)| body[name] == *value);
    scene.watcher.until_json(&topic, is_off).await;
}

/// A button shows nothing in Home Assistant; its device reports.
async fn pressed(
    scene: &Scene,
    family: &Family,
    before: &Map<String, Value>,
) -> Result<(), String> {
    let topic = format!("gizwits2mqtt/{}", family.level());
    let before = family.attrs(before).to_json();
    let differs = |body: &Value| before.iter().any(|(name, value)| body[name] != *value);
    let reported = scene.watcher.until_json(&topic, differs);
    let reported = timeout(SOON, reported).await;
    reported
        .map(drop)
        .map_err(|_| "a press does nothing".into())
}
