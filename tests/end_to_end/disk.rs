//! A state folder that cannot be used: the bridge runs without it, says so, and uses it later.

use serde_json::{Value, json};

use super::support::bridge::Bridge;
use super::support::until;
use super::{stage, stage_with};

fn is_failing(info: &Value) -> bool {
    info["state_dir"]["state"] == "failing"
}

#[tokio::test]
async fn a_bridge_without_its_folder_works_says_so_and_keeps_the_token_later() {
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("state");
    std::fs::write(&state_dir, "a file stands where the folder belongs").unwrap();
    let stage = stage_with(|config| config["state_dir"] = json!(state_dir)).await;
    let watcher = &stage.watcher;
    let info = watcher
        .until_json("gizwits2mqtt/bridge/info", is_failing)
        .await;
    let reason = info["state_dir"]["reason"].as_str().unwrap();
    assert!(reason.contains("must be folders"), "{reason}");
    let result = watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true);
    std::fs::remove_file(&state_dir).unwrap();
    let is_well = |info: &Value| info["state_dir"] == json!({ "state": "ok", "reason": null });
    watcher
        .until_json("gizwits2mqtt/bridge/info", is_well)
        .await;
    let tokens = std::fs::read_to_string(state_dir.join("tokens.json")).unwrap();
    assert!(tokens.contains("\"home\""), "{tokens}");
    let log = stage.bridge.log();
    assert_eq!(log.matches("state cannot be kept").count(), 1, "told once");
}

#[tokio::test]
async fn two_bridges_do_not_share_a_folder() {
    let stage = stage().await;
    let mut config = super::config(&stage.cloud, &stage.broker.url());
    config["state_dir"] = json!(stage.bridge.state_file(""));
    config["mqtt"]["base_topic"] = json!("other");
    let mut second = Bridge::start(&config);
    assert_eq!(second.wait().await.code(), Some(1));
    let log = second.log();
    assert!(log.contains("is in use by another gizwits2mqtt"), "{log}");
    until("the first one goes on", async || {
        stage.watcher.newest("gizwits2mqtt/bridge/state").as_deref() == Some("online")
    })
    .await;
}
