//! What the bridge publishes, as a broker and those who listen take it.

use gizwits2mqtt::bridge::Publication;
use serde_json::Value;

use super::requests::SECRETS;
use super::universe::Universe;

impl Universe {
    pub(crate) fn publish(&mut self, message: Publication) {
        if let Some(record) = &mut self.record {
            record.push(message.clone());
        }
        let text = String::from_utf8_lossy(&message.payload);
        if let Some(secret) = SECRETS.iter().find(|secret| text.contains(*secret)) {
            self.fail("secret", format!("{secret:?} on {}", message.topic));
        }
        if self.laws.is_quiet && !message.topic.ends_with("/health") {
            let before = self.retained.get(&message.topic);
            let before = before.map(|payload| String::from_utf8_lossy(payload));
            let what = format!("{}: {text} after {before:?}", message.topic);
            self.fail("silence", what);
        }
        if message.topic.starts_with("g/bridge/schedules/") && !message.payload.is_empty() {
            let shown = serde_json::from_slice(&message.payload).unwrap();
            self.check_shown(&message.topic, &shown);
        }
        if message.retain {
            self.retain(message);
        } else if message.topic.ends_with("/result") {
            let result: Value = serde_json::from_slice(&message.payload).unwrap();
            self.note(|| format!("{} {result}", message.topic));
            if let Some(transaction) = result["transaction"].as_u64() {
                self.ended(transaction, result);
            }
        } else if message.topic.starts_with("g/bridge/response/") {
            let answer = serde_json::from_slice(&message.payload).unwrap();
            self.answered(&message.topic, answer);
        } else if message.topic == "me" {
            let correlation = message.correlation.unwrap().try_into().unwrap();
            *self
                .replies
                .entry(u64::from_be_bytes(correlation))
                .or_default() += 1;
        }
    }

    fn retain(&mut self, message: Publication) {
        self.check_history(&message);
        // An emptied topic waits in the outbox; a state is offered again with the next link.
        if message.payload.is_empty() {
            self.check_emptied(&message.topic);
            self.retained.remove(&message.topic);
        } else if self.broker_is_up {
            let is_announcement = message.topic.starts_with("homeassistant/");
            let before = self.retained.insert(message.topic, message.payload.clone());
            if is_announcement {
                self.announcements += 1;
            } else if before.as_ref() == Some(&message.payload) {
                self.repeated += 1;
            }
        }
    }
}
