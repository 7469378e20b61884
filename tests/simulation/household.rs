//! Home Assistant, as far as it matters here: it has the entities that it was told of, shows what stands
//! on their topics, and greys out those whose availability says so.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place looks at the variants that it is about"
)]

use gizwits2mqtt::simulator::{Reaction, Request};
use serde_json::Value;

use super::universe::Universe;

impl Universe {
    /// Each entity that shows one attribute shows what the device has, and none is grey.
    pub(crate) fn check_household(&mut self) {
        let configs: Vec<Value> = self
            .retained
            .iter()
            .filter(|(topic, _)| topic.starts_with("homeassistant/device/"))
            .map(|(_, payload)| serde_json::from_slice(payload).unwrap())
            .collect();
        let mut entities = 0;
        for config in configs {
            let did = config["device"]["identifiers"][0].as_str().unwrap();
            let did = did.trim_start_matches("gizwits2mqtt_").to_owned();
            if !self.laws.knows(&did) {
                continue;
            }
            let truth = self.truth(&did);
            for (key, component) in config["components"].as_object().unwrap() {
                let Some(state_topic) = component["state_topic"].as_str() else {
                    continue;
                };
                let Some((_, attr)) = state_topic.rsplit_once('/') else {
                    continue;
                };
                let Some(value) = truth["attrs"].get(attr) else {
                    continue;
                };
                entities += 1;
                let availability = component.get("availability");
                let availability = availability.unwrap_or(&config["availability"]);
                for needed in availability.as_array().into_iter().flatten() {
                    let topic = needed["topic"].as_str().unwrap();
                    let said = self.retained.get(topic).map(Vec::as_slice);
                    if said != Some(b"online") {
                        self.fail("household", format!("{did} {key} is grey: {topic}"));
                    }
                }
                let shown = self.retained.get(state_topic);
                let shown = shown.map(|payload| String::from_utf8_lossy(payload).into_owned());
                let want = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                if shown.as_deref() != Some(&want) {
                    let what = format!("{did} {key} shows {shown:?}, the device has {want}");
                    self.fail("household", what);
                }
            }
        }
        if entities == 0 {
            self.fail("household", "no entity shows anything".into());
        }
    }

    /// What a device really has.
    pub(crate) fn truth(&mut self, did: &str) -> Value {
        let request = Request {
            method: "GET".into(),
            path: format!("/_sim/devices/{did}"),
            ..Request::default()
        };
        let now_ms = self.unix_ms();
        match self.cloud.handle(now_ms, &request) {
            Reaction::Answer(answer) => serde_json::from_slice(&answer.body).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
