//! Home Assistant, the simulated cloud and the bridge, all running.

use serde_json::{Value, json};

use super::ha::HomeAssistant;
use super::support::bridge::{Bridge, config};
use super::support::cloud::Cloud;

pub(crate) struct Stage {
    pub(crate) ha: HomeAssistant,
    pub(crate) cloud: Cloud,
    /// Ends with the stage.
    #[expect(dead_code, reason = "nothing asks it yet")]
    pub(crate) bridge: Bridge,
}

impl Stage {
    /// `None`, with a word about it, where there is no Home Assistant. The scenario's user and application
    /// must be those of the standard one.
    pub(crate) async fn start(scenario: &Value) -> Option<Self> {
        let ha = HomeAssistant::start().await?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.yaml");
        // JSON is YAML.
        std::fs::write(&file, scenario.to_string()).unwrap();
        let cloud = Cloud::with_scenario(&file).await;
        let mut settings = config(&cloud, &format!("mqtt://127.0.0.1:{}", ha.broker));
        settings["push"] = json!({ "enabled": true });
        settings["limits"] = json!({ "requests_per_minute": 600 });
        let bridge = Bridge::start(&settings);
        Some(Self { ha, cloud, bridge })
    }
}
