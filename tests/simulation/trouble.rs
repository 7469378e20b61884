//! One random piece of trouble after another.

use gizwits2mqtt::bridge::Input;
use gizwits2mqtt::bridge::input::Message;
use serde_json::{Value, json};

use super::universe::{SPA, Universe};

impl Universe {
    /// One random piece of trouble.
    pub(crate) fn trouble(&mut self) {
        let path = [
            "/app/",
            "/app/devdata/",
            "/app/control/",
            "/app/bindings",
            "/app/login",
            "/app/scheduler",
            "/app/bind_mac",
        ];
        let path = path[self.chance.usize(..path.len())];
        let count = self.chance.u32(1..6);
        match self.chance.u32(0..14) {
            0 => self.sim("tokens/expire", &Value::Null),
            1 => {
                let seconds = self.chance.u32(5..300);
                let retry_after = self.chance.bool().then(|| self.chance.u32(1..100));
                self.sim(
                    "throttle",
                    &json!({ "seconds": seconds, "retry_after": retry_after }),
                );
            }
            2..=5 => {
                let kinds = ["http_502", "html", "reset", "timeout"];
                let kind = kinds[self.chance.usize(..kinds.len())];
                let effect = self.chance.bool();
                self.sim(
                    "faults",
                    &json!({ "path": path, "kind": kind, "count": count, "effect": effect }),
                );
            }
            6 => self.sim(
                "faults",
                &json!({ "path": path, "kind": "error", "code": 9008, "count": count }),
            ),
            7 => {
                let online = self.chance.bool();
                self.sim(
                    &format!("devices/{SPA}/online"),
                    &json!({ "online": online }),
                );
            }
            8 => self.cloud_is_reachable = false,
            9 => self.broker_down(),
            10 => {
                if self.broker_is_up {
                    self.tell(Input::Message(Message {
                        topic: "homeassistant/status".into(),
                        payload: b"online".to_vec(),
                        retained: false,
                        reply: None,
                    }));
                }
            }
            _ => {
                for _ in 0..self.chance.u32(1..5) {
                    self.command();
                    self.other_command();
                    self.any_request();
                    if self.chance.bool() {
                        self.run_for(1);
                    }
                }
            }
        }
        let pause = self.chance.u64(1..120);
        self.run_for(pause);
        if !self.broker_is_up && self.chance.bool() {
            self.broker_up();
        }
        if self.chance.bool() {
            self.cloud_is_reachable = true;
        }
    }
}
