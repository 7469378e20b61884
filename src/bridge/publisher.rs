//! What each retained topic last carried, so that nothing goes out twice and all can go out again.
//!
//! It keeps fingerprints, not payloads: a thousand devices with their discovery messages would be
//! tens of megabytes. Who wants a topic sent again renders it again.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

use super::effect::{Effect, Publication};
use super::input::ReplyTo;

/// Brokers refuse larger packets (Mosquitto 2.1: 2 MB; EMQX: 1 MB).
pub(super) const MAX_PAYLOAD_BYTES: usize = 900_000;

/// What a packet holds beside topic and payload, at most, in bytes.
const MAX_PACKET_OVERHEAD: usize = 64;

/// The fingerprint of each retained topic's payload, and whether there is a link.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    is_up: bool,
    /// The largest packet that the broker takes, where it says so, in bytes.
    max_packet: Option<usize>,
    sent: BTreeMap<u64, u64>,
}

/// A body as it goes out.
pub(super) fn render(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

impl Publisher {
    /// A new link: the broker may have forgotten everything, so everything is news again.
    pub(super) fn up(&mut self) {
        self.is_up = true;
        self.sent.clear();
    }

    pub(super) fn down(&mut self) {
        self.is_up = false;
        self.max_packet = None;
    }

    /// The broker takes no larger packets than this, in bytes.
    pub(super) const fn limit(&mut self, max_packet: usize) {
        self.max_packet = Some(max_packet);
    }

    /// The largest payload that a topic of the bridge may carry, in bytes.
    pub(super) fn max_payload(&self, topic: &str) -> usize {
        let max = self.max_packet.unwrap_or(usize::MAX);
        let left = max.saturating_sub(topic.len() + MAX_PACKET_OVERHEAD);
        left.min(MAX_PAYLOAD_BYTES)
    }

    pub(super) const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Home Assistant started: everything goes out again though the broker has it.
    pub(super) fn forget_all(&mut self) {
        self.sent.clear();
    }

    /// One topic goes out again with its next offer, though unchanged.
    pub(super) fn forget(&mut self, topic: &str) {
        self.sent.remove(&fingerprint(topic.as_bytes()));
    }

    /// A retained state. Nothing happens when the topic has it already, or the link is down: after
    /// it comes up everything is offered again.
    pub(super) fn retain(&mut self, topic: String, payload: Vec<u8>, out: &mut Vec<Effect>) {
        let news = fingerprint(&payload);
        if self.is_up && self.sent.insert(fingerprint(topic.as_bytes()), news) != Some(news) {
            out.push(Effect::Publish(Publication {
                topic,
                payload,
                retain: true,
                is_event: false,
                correlation: None,
            }));
        }
    }

    /// Empties a retained topic. Nobody offers that again, so without a link it waits in the outbox.
    pub(super) fn clear(&mut self, topic: String, out: &mut Vec<Effect>) {
        self.forget(&topic);
        out.push(Effect::Publish(Publication {
            topic,
            payload: Vec::new(),
            retain: true,
            is_event: false,
            correlation: None,
        }));
    }

    /// An event: each counts, and one that cannot leave yet waits in the outbox.
    pub(super) fn event(topic: String, payload: Vec<u8>, out: &mut Vec<Effect>) {
        out.push(Effect::Publish(Publication {
            topic,
            payload,
            retain: false,
            is_event: true,
            correlation: None,
        }));
    }

    /// A result: each counts, and one that cannot leave yet waits in the outbox.
    fn send(topic: String, payload: Vec<u8>, out: &mut Vec<Effect>) {
        out.push(Effect::Publish(Publication {
            topic,
            payload,
            retain: false,
            is_event: false,
            correlation: None,
        }));
    }

    /// An answer: to its topic, and to the one that an MQTT 5 sender named.
    pub(super) fn answer(
        topic: String,
        payload: Vec<u8>,
        reply: Option<&ReplyTo>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(reply) = reply {
            out.push(Effect::Publish(Publication {
                topic: reply.topic.clone(),
                payload: payload.clone(),
                retain: false,
                is_event: false,
                correlation: reply.correlation.clone(),
            }));
        }
        if reply.is_none_or(|reply| reply.topic != topic) {
            Self::send(topic, payload, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_go_out_and_all_again_after_a_reconnect() {
        let mut publisher = Publisher::default();
        let mut out = Vec::new();
        publisher.retain("t".into(), b"1".to_vec(), &mut out);
        assert!(out.is_empty(), "the link is down");
        publisher.up();
        for payload in [b"1", b"1", b"2", b"2"] {
            publisher.retain("t".into(), payload.to_vec(), &mut out);
        }
        assert_eq!(out.len(), 2);
        publisher.down();
        publisher.up();
        publisher.retain("t".into(), b"2".to_vec(), &mut out);
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn an_answer_goes_to_both_topics_with_its_correlation_data() {
        let mut out = Vec::new();
        let reply = ReplyTo {
            topic: "me".into(),
            correlation: Some(vec![7]),
        };
        Publisher::answer("result".into(), b"{}".to_vec(), Some(&reply), &mut out);
        let [Effect::Publish(first), Effect::Publish(second)] = &out[..] else {
            panic!("{out:?}")
        };
        assert_eq!(
            (first.topic.as_str(), first.correlation.as_deref()),
            ("me", Some(&[7][..]))
        );
        assert_eq!(
            (second.topic.as_str(), second.correlation.as_deref()),
            ("result", None)
        );
    }
}
