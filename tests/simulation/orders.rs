//! What people ask of the devices over MQTT.

use gizwits2mqtt::bridge::Input;
use gizwits2mqtt::bridge::input::{Message, ReplyTo};
use serde_json::{Value, json};

use super::laws::RAW;
use super::universe::Universe;

impl Universe {
    /// Does anybody hear what is said on MQTT?
    pub(crate) fn is_heard(&self) -> bool {
        self.broker_is_up && self.processes().any(|process| !process.is_down)
    }

    /// Sets a value that no other command sets.
    pub(crate) fn command(&mut self) {
        let transaction = self.commands + 1;
        self.order("g/hot_tub/set", json!({ "heat_timer_min": transaction }));
    }

    /// Any other command: of several attributes, raw, or one that is to be refused.
    pub(crate) fn other_command(&mut self) {
        let transaction = self.commands + 1;
        let any = self.chance.u32(20..=40);
        let (topic, payload) = match self.chance.u32(0..6) {
            0 => (
                "g/hot_tub/raw",
                json!({ "raw": (transaction + RAW).to_be_bytes() }),
            ),
            1 => ("g/hot_tub/set", json!({ "temp_set": any })),
            2 => (
                "g/hot_tub/set",
                json!({ "temp_set": any, "locked": self.chance.bool() }),
            ),
            3 => ("g/reef/set", json!({ "Flow": any })),
            4 => ("g/pool_meter/set", json!({ "pH": any })),
            _ => ("g/hot_tub/set", json!({ "temp_set": 99, "tempset": 1 })),
        };
        self.order(topic, payload);
    }

    /// Publishes a command with the next transaction; each even one wants its result on a topic of its
    /// own, too. Nobody hears it while the bridge is away.
    pub(crate) fn order(&mut self, topic: &str, mut payload: Value) {
        self.note(|| format!("{topic} {payload}"));
        let running = self.processes().filter(|process| !process.is_down);
        let heard_by: Vec<_> = running
            .map(|process| (process.index(), process.life))
            .collect();
        if heard_by.is_empty() || !self.broker_is_up && self.is_strict {
            return;
        }
        self.commands += 1;
        let transaction = self.commands;
        payload["transaction"] = transaction.into();
        self.laws
            .ordered(transaction, topic, self.now, heard_by, self.is_unsettled());
        let reply = transaction.is_multiple_of(2).then(|| ReplyTo {
            topic: "me".into(),
            correlation: Some(transaction.to_be_bytes().to_vec()),
        });
        self.hears(topic, payload.to_string().into_bytes(), reply);
    }

    /// All instances are told a message.
    pub(crate) fn hears(&mut self, topic: &str, payload: Vec<u8>, reply: Option<ReplyTo>) {
        let message = Message {
            topic: topic.into(),
            payload,
            retained: false,
            reply,
        };
        self.each(|universe| universe.tell(Input::Message(message.clone())));
    }

    /// `bridge/request/VERB`, of each instance
    pub(crate) fn request(&mut self, verb: &str) {
        self.each(|universe| {
            let topic = universe.here.bridge_topic(&format!("request/{verb}"));
            universe.tell(Input::Message(Message {
                topic,
                payload: Vec::new(),
                retained: false,
                reply: None,
            }));
        });
    }
}
