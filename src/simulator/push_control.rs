//! `/_sim/push`: what tests do to push connections, and see of them.

use serde_json::{Value, json};

use super::push::{M2mHost, Socket, SocketId, invalid};
use super::push_faults::Action;
use super::world::World;

impl World {
    /// `POST /_sim/push`
    ///
    /// # Errors
    /// When there is no such M2M host.
    pub(super) fn push_action(&mut self, now_ms: i64, action: &Action) -> Result<(), String> {
        let hosts = self.push.hosts.len();
        if let Some(host) = action.host().filter(|host| *host >= hosts) {
            return Err(format!(
                "no M2M host {host}: they count from 0, and are {hosts}"
            ));
        }
        let meant = action.host().map_or(0..hosts, |host| host..host + 1);
        match action {
            Action::Drop { host } => {
                for id in self.push.at(*host) {
                    self.push.close(id);
                }
            }
            Action::Freeze { host, pong, new } => {
                self.push_freeze(*host, Some(*pong));
                for m2m in meant {
                    self.push.faults.freeze_new(m2m, new.then_some(*pong));
                }
            }
            Action::Resume { host } => {
                self.push_freeze(*host, None);
                for m2m in meant {
                    self.push.faults.freeze_new(m2m, None);
                }
                if host.is_none() {
                    self.push.faults.end();
                }
            }
            Action::LoseSession { host } => {
                for id in self.push.at(*host) {
                    if let Some(socket) = self.push.sockets.get_mut(&id) {
                        socket.lost_ms = Some(now_ms);
                    }
                    let text = "M2M socket has closed, please login again!";
                    self.push.say(id, invalid(1009, text));
                }
            }
            Action::Refuse { .. }
            | Action::Lose { .. }
            | Action::Double { .. }
            | Action::Delay { .. } => {
                self.push.faults.take_up(now_ms, action);
            }
        }
        Ok(())
    }

    fn push_freeze(&mut self, host: Option<usize>, how: Option<bool>) {
        for id in self.push.at(host) {
            if let Some(socket) = self.push.sockets.get_mut(&id) {
                socket.frozen = how;
            }
        }
    }

    /// `GET /_sim/push`
    pub(super) fn push_state(&self) -> Value {
        let socket = |(id, socket): (&SocketId, &Socket)| {
            json!({ "id": id.0, "host": socket.m2m, "logged_in": socket.uid.is_some(),
                "uid": socket.uid, "subscribed": socket.subscribed,
                "heartbeat_s": socket.heartbeat_ms / 1000, "frozen": socket.frozen.is_some() })
        };
        let sockets: Vec<Value> = self.push.sockets.iter().map(socket).collect();
        let host = |host: &M2mHost| json!({ "host": host.host, "ws_port": host.ws_port });
        let hosts: Vec<Value> = self.push.hosts.iter().map(host).collect();
        json!({ "hosts": hosts, "sockets": sockets })
    }
}
