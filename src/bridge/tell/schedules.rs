//! `BASE/bridge/schedules/DEV`: what a device's schedules do next and did last.

use serde_json::json;

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::render;
use crate::homeassistant::schedule_sensors::result_word;
use crate::ids::Did;

impl Bridge {
    /// Nothing while that is not known: what was told earlier stays.
    pub(in crate::bridge) fn publish_schedules(&mut self, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        let account = self.accounts.get(&entry.account);
        let Some(view) = account.and_then(|account| account.schedules.view(did)) else {
            return;
        };
        let body = json!({
            "next_run": view.next.map(|at| at.to_string()),
            "last_run": view.last.map(|last| last.at.to_string()),
            "last_result": view.last.map(|last| result_word(last.succeeded)),
            "schedules": view.ids,
        });
        let topic = self.topics.schedules(&entry.level);
        self.publisher.retain(topic, render(&body), out);
    }
}
