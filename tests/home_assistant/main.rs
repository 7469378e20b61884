//! What a real Home Assistant makes of the bridge's devices.
//!
//! `HA_TOOLS` is a folder with `setup.sh`, `start.sh`, `stop.sh` and `ha.py`, as for
//! `tests/homeassistant.sh`; without one these tests say so and pass.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod families;
mod ha;
mod odd;
mod stage;

use std::time::Duration;

use serde_json::{Value, json};

use stage::Stage;

/// The standard scenario, as the demo has it.
pub(crate) fn standard() -> Value {
    let text = include_str!("../../src/simulator/standard.yaml");
    serde_yaml::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_spa_is_one_climate_card() {
    const SPA: &str = "climate.hot_tub";
    let Some(stage) = Stage::start(&standard()).await else {
        return;
    };
    let deadline = Duration::from_secs(60);
    let is_there = |state: &Value| {
        state["state"] == "heat" && state["attributes"]["current_temperature"] == 31.0
    };
    stage.ha.wait(SPA, deadline, is_there).await.unwrap();
    let cards = stage.ha.states().into_keys();
    let of_spa = cards.filter(|id| id.ends_with(".hot_tub")).count();
    assert_eq!(of_spa, 1, "the device's name is its card's alone");

    let wanted = json!({ "temperature": 36 });
    let called = stage.ha.call("climate.set_temperature", SPA, wanted).await;
    assert_eq!(called, Ok(()));
    let is_set = |state: &Value| state["attributes"]["temperature"] == 36.0;
    stage.ha.wait(SPA, deadline, is_set).await.unwrap();
    let spa = stage
        .cloud
        .get(&format!("devices/{}", support::cloud::SPA))
        .await;
    assert_eq!(spa["attrs"]["temp_set"], 36);
    assert_eq!(stage.ha.complaints().await, "");
}
