//! Home Assistant, the simulated cloud and the bridge, all running.

use serde_json::{Value, json};

use super::ha::{HomeAssistant, More};
use super::support::bridge::{Bridge, config};
use super::support::cloud::Cloud;

pub(crate) struct Stage {
    pub(crate) ha: HomeAssistant,
    pub(crate) cloud: Cloud,
    /// Ends with the stage.
    pub(crate) bridge: Bridge,
    /// What it was started with.
    pub(crate) settings: Value,
}

impl Stage {
    /// `None`, with a word about it, where there is no Home Assistant. The scenario's user and application
    /// must be those of the standard one.
    pub(crate) async fn start(scenario: &Value) -> Option<Self> {
        Self::start_with(scenario, &More::default(), |_| {}).await
    }

    /// The same, with more in Home Assistant's configuration and other settings of the bridge.
    pub(crate) async fn start_with(
        scenario: &Value,
        more: &More,
        change: impl FnOnce(&mut Value),
    ) -> Option<Self> {
        let ha = HomeAssistant::start_with(more).await?;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, yaml(scenario)).unwrap();
        let cloud = Cloud::with_scenario(&file).await;
        let mut settings = config(&cloud, &format!("mqtt://127.0.0.1:{}", ha.broker));
        settings["push"] = json!({ "enabled": true });
        settings["limits"] = json!({ "requests_per_minute": 600 });
        change(&mut settings);
        let bridge = Bridge::start(&settings);
        Some(Self {
            ha,
            cloud,
            bridge,
            settings,
        })
    }
}

/// JSON is YAML, but for some characters that YAML wants escaped.
fn yaml(scenario: &Value) -> String {
    let text = scenario.to_string();
    let escape = |c: char| match c {
        '\u{7f}'..='\u{9f}'
        | '\u{2028}'..='\u{2029}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{ffff}' => {
            format!("\\u{:04x}", u32::from(c))
        }
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
