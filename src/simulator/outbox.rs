//! What the cloud sends on ways that the simulator does not have: text messages and mails, and what a
//! captcha shows. Read it at `/_sim/outbox`.

use std::collections::VecDeque;

use serde_json::{Value, json};

/// Older messages are forgotten.
const MAX_KEPT: usize = 1_000;

/// One message.
pub(super) struct Message(Value);

impl Message {
    pub(super) fn sms(phone: &str, code: &str) -> Self {
        Self(json!({ "kind": "sms", "to": phone, "code": code }))
    }

    pub(super) fn captcha(id: &str, code: &str) -> Self {
        Self(json!({ "kind": "captcha", "to": id, "code": code }))
    }

    pub(super) fn mail(address: &str, text: String, link: Option<String>) -> Self {
        let mut mail = json!({ "kind": "mail", "to": address, "text": text });
        if let Some(link) = link {
            mail["link"] = link.into();
        }
        Self(mail)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox(VecDeque<Value>);

impl Outbox {
    pub(super) fn send(&mut self, now_ms: i64, message: Message) {
        let Message(mut entry) = message;
        entry["time"] = (now_ms / 1000).into();
        if self.0.len() >= MAX_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// Oldest first.
    pub(super) fn all(&self) -> Value {
        self.0.iter().cloned().collect()
    }

    pub(super) fn empty(&mut self) {
        self.0.clear();
    }
}
