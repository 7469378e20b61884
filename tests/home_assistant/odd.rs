//! Products that nobody has seen before: Home Assistant takes every entity, shows every value and has no
//! complaint, and what is set arrives. `SEED=n` repeats one product
//! alone, `SEEDS=first..last` shows others.

mod calls;
mod household;
mod registered;

use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::stage::Stage;
use super::support::odd_schemas::seeds;
use super::support::watcher::Watcher;
use household::{Household, Member};
use registered::Alive;

/// So many products at once.
const PRODUCTS: u64 = 50;
/// What fifty devices with thousands of entities may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn products_never_seen_before_are_taken_whole() {
    let household = Household::of(seeds(0..PRODUCTS));
    let Some(stage) = Stage::start(&household.scenario()).await else {
        return;
    };
    let watcher = Watcher::start(stage.ha.broker).await;
    for member in &household.members {
        announced(&watcher, member).await;
    }
    let said = household.members.iter();
    let said = said.filter_map(|member| member.not_said_once(&stage.bridge.log()));
    let said: Vec<String> = said.collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let mut faults = live(&stage, &watcher, &household).await;
    let (alive, wrong) = registered::alive(&stage, &watcher, &household).await;
    faults.extend(wrong);
    let states = alive.iter().map(|of| has_state(&stage, of));
    faults.extend(join_all(states).await.into_iter().flatten());
    faults.extend(registered::by_schemas(&stage, &household).await);
    faults.extend(registered::too_large(&watcher, &household).await);
    let calls = household.members.iter();
    let calls = calls.map(|member| calls::made(&stage, &watcher, member));
    let mut made = 0;
    for (calls, wrong) in join_all(calls).await {
        made += calls;
        faults.extend(wrong);
    }
    eprintln!("{made} calls of services");
    let states = stage.ha.states();
    faults.extend(alive.iter().filter_map(|of| {
        let entity = of.entry["entity_id"].as_str().unwrap();
        let state = states.get(entity).map(|state| &state["state"]);
        let is_there = state.is_some_and(|state| state != "unavailable");
        (!is_there).then(|| format!("{entity} is {state:?} after the calls"))
    }));
    assert_eq!(stage.ha.complaints().await, "");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Of a single product there may be nothing to set.
    assert!(made > 0 || household.members.len() == 1);
}

/// Its discovery message, once it is there.
async fn announced(watcher: &Watcher, member: &Member) -> Value {
    let topic = format!("homeassistant/device/gizwits2mqtt_{}/config", member.did);
    let is_there = |message: &Value| message["components"].is_object();
    watcher.until_json(&topic, is_there).await
}

/// Each device reports what it should not, and in the end what it should. What is not shown of that.
async fn live(stage: &Stage, watcher: &Watcher, household: &Household) -> Vec<String> {
    let report = |member: &Member, attrs: &Map<String, Value>| {
        let path = format!("devices/{}/attrs", member.did);
        let attrs = Value::Object(attrs.clone());
        async move { stage.cloud.post(&path, attrs).await }
    };
    let mut chance = Rng::with_seed(household.members[0].product.seed);
    for _ in 0..3 {
        for member in &household.members {
            report(member, &member.product.wrong(&mut chance)).await;
        }
    }
    let mut shown = Vec::new();
    for member in &household.members {
        let right = member.product.right(&mut chance);
        report(member, &right).await;
        shown.push(shows(watcher, member, right));
    }
    join_all(shown).await.into_iter().flatten().collect()
}

/// What a device's topic does not show of a report.
async fn shows(watcher: &Watcher, member: &Member, right: Map<String, Value>) -> Option<String> {
    let topic = format!("gizwits2mqtt/{}", level(&announced(watcher, member).await));
    let other = |state: &Value| {
        let other = right.iter().filter(|(name, value)| state[*name] != **value);
        let other = other.map(|(name, value)| format!("{name:?}: {}, not {value}", state[name]));
        other.collect::<Vec<_>>()
    };
    let seen = watcher.until_json(&topic, |state| other(state).is_empty());
    if timeout(PATIENCE, seen).await.is_ok() {
        return None;
    }
    let state = serde_json::from_str(&watcher.newest(&topic)?).unwrap();
    let seed = member.product.seed;
    Some(format!(
        "seed {seed}: {topic} shows {}",
        other(&state).join(", ")
    ))
}

/// The device's topic level.
fn level(message: &Value) -> String {
    let topic = message["availability"][1]["topic"].as_str().unwrap();
    let level = topic.strip_prefix("gizwits2mqtt/").unwrap();
    level.strip_suffix("/availability").unwrap().to_owned()
}

/// What is wrong with an entity's state: it has none, or it is not known though its attribute is.
async fn has_state(stage: &Stage, of: &Alive<'_>) -> Option<String> {
    let entity = of.entry["entity_id"].as_str().unwrap();
    let topic = of.component["state_topic"].as_str().unwrap_or_default();
    let attr = topic.strip_prefix(&format!("gizwits2mqtt/{}/", level(&of.message)));
    let attr = attr.and_then(|attr| of.member.at_level(attr));
    let platform = of.component["platform"].as_str().unwrap();
    let is_composite = matches!(platform, "climate" | "fan" | "light" | "humidifier");
    let must_be_known = is_composite || attr.is_some();
    let is_right = |state: &Value| match state["state"].as_str() {
        None => false,
        Some("unknown" | "unavailable") => !must_be_known,
        Some(_) => true,
    };
    let state = stage.ha.wait(entity, PATIENCE, is_right).await.err()?;
    let (seed, component) = (of.member.product.seed, &of.component);
    Some(format!(
        "seed {seed}: {entity} is {state}: {component}, {attr:?}"
    ))
}
