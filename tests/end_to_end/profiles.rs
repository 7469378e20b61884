//! Profiles of the user, changed while the bridge runs.

use serde_json::json;

use super::stage_with;
use super::support::bridge::Bridge;
use super::support::until;

fn profile(scale: &str) -> String {
    format!(
        "profile: mine\ntitle: Mine\nmatch: {{ attributes: [temp_set] }}\nentities:\n  \
         twice: {{ platform: sensor, state: {{ attr: temp_set, scale: {scale} }} }}\n"
    )
}

async fn logged(bridge: &Bridge, words: &str) {
    let says = async || bridge.log().contains(words);
    until(&format!("the log should say {words:?}"), says).await;
}

#[tokio::test]
async fn a_profile_that_changes_is_taken_and_a_bad_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.yaml");
    std::fs::write(&file, profile("2")).unwrap();
    let stage = stage_with(|config| config["profiles_dir"] = json!(dir.path())).await;
    let shown = "gizwits2mqtt/hot_tub/entity/twice/state";
    stage.watcher.until(shown, "76").await;
    let devices = "gizwits2mqtt/bridge/devices";
    let is_ours = |list: &serde_json::Value| {
        let devices = list.as_array().into_iter().flatten();
        devices
            .into_iter()
            .any(|device| device["profile"] == "mine")
    };
    stage.watcher.until_json(devices, is_ours).await;

    std::fs::write(&file, profile("much")).unwrap();
    logged(&stage.bridge, "mine.yaml:5: entities.twice.state.scale: ").await;
    logged(&stage.bridge, "profiles_dir was read again").await;
    std::fs::write(&file, profile("3")).unwrap();
    stage.watcher.until(shown, "114").await;
    let told = stage.bridge.log().matches("mine.yaml:5").count();
    assert_eq!(told, 1, "{}", stage.bridge.log());
    assert_eq!(
        stage
            .watcher
            .since(0)
            .iter()
            .filter(|seen| seen.topic == shown && seen.payload.is_empty())
            .count(),
        0,
        "the former version stayed in force"
    );

    std::fs::remove_file(&file).unwrap();
    stage.watcher.until(shown, "").await;
}
