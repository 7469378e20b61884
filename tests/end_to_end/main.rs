//! The program as a whole: a real broker, the simulated cloud, and the bridge, each a process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod broker_trouble;
mod cloud_trouble;
mod commands;
mod disk;
mod instances;
mod main_job;
mod profiles;
mod reload;
mod requests;
mod restarts;
mod retained;
mod secrets;

use serde_json::Value;
use support::bridge::{Bridge, config};
use support::broker::Broker;
use support::cloud::Cloud;
use support::watcher::Watcher;

/// Everything running, the spa's values published.
struct Stage {
    broker: Broker,
    cloud: Cloud,
    bridge: Bridge,
    watcher: Watcher,
}

async fn stage() -> Stage {
    stage_with(|_| {}).await
}

async fn stage_with(change: impl FnOnce(&mut Value)) -> Stage {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    change(&mut config);
    let bridge = Bridge::start(&config);
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
    Stage {
        broker,
        cloud,
        bridge,
        watcher,
    }
}
