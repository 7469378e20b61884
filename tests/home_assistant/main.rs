//! What a real Home Assistant makes of the bridge's devices.
//!
//! `HA_TOOLS` is a folder with `setup.sh`, `start.sh`, `stop.sh` and `ha.py`, as for
//! `tests/homeassistant.sh`; without one these tests say so and pass.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod ha;
mod stage;

use std::time::Duration;

use serde_json::Value;

use stage::Stage;

/// The standard scenario, as the demo has it.
pub(crate) fn standard() -> Value {
    let text = include_str!("../../src/simulator/standard.yaml");
    serde_yaml::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_spa_is_one_climate_card() {
    let Some(stage) = Stage::start(&standard()).await else {
        return;
    };
    let is_there = |state: &Value| state["state"] == "heat";
    let found = stage
        .ha
        .wait("climate.hot_tub", Duration::from_secs(60), is_there)
        .await;
    let found = found.unwrap();
    assert_eq!(found["attributes"]["current_temperature"], 31.0);
    assert_eq!(stage.ha.complaints().await, "");
}
