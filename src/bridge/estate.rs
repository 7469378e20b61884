//! What another bridge may have announced meanwhile: discovery is looked at before it is emptied, and
//! what instances beyond the count left behind is taken back once they are offline.

use std::collections::BTreeMap;

use serde_json::Value;
use tracing::info;

use super::effect::Effect;
use super::input::Message;
use super::machine::Bridge;
use crate::ids::Did;

/// Instances beyond the count whose topics are looked for.
const MAX_FORMER: u32 = 16;

/// What is looked at on the broker, by its topic.
#[derive(Debug, Default)]
pub(super) struct Estate {
    /// Discovery topics of devices that are not served here any more, though they may be bound.
    discovery: BTreeMap<String, Did>,
    /// `state` topics of bridges that are not to be there any more.
    former: BTreeMap<String, Option<u32>>,
}

impl Bridge {
    /// A device is not this instance's any more, though it may be bound. What stands on its discovery topic
    /// may be another bridge's, so it is emptied only when it turns out to be of this base topic.
    pub(super) fn look_at_discovery(&mut self, did: &Did, out: &mut Vec<Effect>) {
        let topic = self.topics.discovery(did);
        self.estate.discovery.insert(topic.clone(), did.clone());
        if self.publisher.is_up() {
            out.push(Effect::Subscribe {
                filters: vec![topic],
            });
        }
    }

    /// After a reconnect: subscriptions do not survive.
    pub(super) fn look_at_estate(&mut self, out: &mut Vec<Effect>) {
        self.estate.former = self.former_bridges();
        let filters: Vec<String> = self
            .estate
            .discovery
            .keys()
            .chain(self.estate.former.keys())
            .cloned()
            .collect();
        if !filters.is_empty() {
            out.push(Effect::Subscribe { filters });
        }
    }

    /// The first instance looks after what is not to be there: the topics of a single bridge where there
    /// are several instances, and those of instances beyond the count.
    fn former_bridges(&self) -> BTreeMap<String, Option<u32>> {
        let shard = self.settings.shard;
        if shard.index > 0 {
            return BTreeMap::new();
        }
        let from = if shard.is_shared() { shard.count } else { 0 };
        let beyond = (from..from.saturating_add(MAX_FORMER)).map(Some);
        let single = shard.is_shared().then_some(None);
        beyond
            .chain(single)
            .map(|index| (self.topics.of_bridge(index).bridge("state"), index))
            .collect()
    }

    /// True when the message was looked for here.
    pub(super) fn on_estate(&mut self, message: &Message, out: &mut Vec<Effect>) -> bool {
        if let Some(index) = self.estate.former.get(&message.topic).copied() {
            // One that is online works by an older configuration; its last word is `offline`.
            if message.payload == b"offline" {
                self.take_back_bridge(index, out);
            }
            return true;
        }
        let Some(did) = self.estate.discovery.get(&message.topic).cloned() else {
            return false;
        };
        if self.registry.get(did.as_str()).is_none() && self.is_of_this_base(&message.payload) {
            self.publisher.clear(message.topic.clone(), out);
        }
        self.estate.discovery.remove(&message.topic);
        true
    }

    /// Does a discovery message name this base topic in its availability?
    fn is_of_this_base(&self, payload: &[u8]) -> bool {
        let message: Value = serde_json::from_slice(payload).unwrap_or_default();
        let topics = message.get("availability").and_then(Value::as_array);
        let mut topics = topics.into_iter().flatten();
        topics.any(|item| {
            let topic = item.get("topic").and_then(Value::as_str);
            topic.is_some_and(|topic| self.topics.is_of_a_bridge(topic))
        })
    }

    fn take_back_bridge(&mut self, index: Option<u32>, out: &mut Vec<Effect>) {
        let topics = self.topics.of_bridge(index);
        info!(
            topic = topics.bridge("state"),
            "a former instance is gone: its topics are emptied"
        );
        for word in ["info", "devices", "state"] {
            self.publisher.clear(topics.bridge(word), out);
        }
        self.publisher.clear(topics.bridge_discovery(), out);
        for level in self.registry.all_levels() {
            self.publisher.clear(topics.schedules(&level), out);
        }
    }
}
