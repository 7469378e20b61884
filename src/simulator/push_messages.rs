//! What a push connection says, and how the cloud answers.

use serde_json::{Map, Value, json};

use super::push::{Outgoing, SocketId, invalid, message, pong};
use super::world::World;

/// Writes that are remembered.
const MAX_WRITES: usize = 10_000;

impl World {
    /// A connection says something.
    pub fn push_message(&mut self, now_ms: i64, id: SocketId, text: &str) {
        let now_ms = self.clock_ms(now_ms);
        self.catch_up(now_ms);
        let Some(socket) = self.push.sockets.get_mut(&id) else {
            return;
        };
        let message: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let cmd = message
            .get("cmd")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let data = message.get("data").cloned().unwrap_or(Value::Null);
        socket.alive_ms = now_ms;
        match socket.frozen {
            Some(true) if cmd == "ping" => {
                self.push.out.push_back((id, Outgoing::Text(pong())));
                return;
            }
            Some(_) => return,
            None => {}
        }
        if cmd == "login_req" {
            self.push_login(now_ms, id, &data);
            return;
        }
        let is_lost = socket.lost_ms.is_some();
        let Some(uid) = socket.uid.clone().filter(|_| !is_lost) else {
            self.push
                .say(id, invalid(1003, "Websocket client not login!"));
            return;
        };
        let serial = message.get("req_sn").and_then(Value::as_u64);
        match cmd {
            "ping" => self.push.say(id, pong()),
            "subscribe_req" => self.push_subscribe(id, &uid, &data),
            "c2s_read" => self.push_read(now_ms, id, &uid, (&data, serial)),
            "c2s_write" => self.push_write(now_ms, id, &uid, (&data, serial)),
            "c2s_ack" => {
                let serial = message.get("res_sn").and_then(Value::as_u64);
                if let (Some(serial), Some(socket)) = (serial, self.push.sockets.get_mut(&id)) {
                    socket.unacknowledged.remove(&serial);
                }
            }
            // Inferred: no document says what becomes of nonsense.
            _ => self.push.say(id, invalid(1001, "Invalid message!")),
        }
    }

    fn push_login(&mut self, now_ms: i64, id: SocketId, data: &Value) {
        let text = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default();
        let heartbeat_s = data
            .get("heartbeat_interval")
            .and_then(Value::as_i64)
            .unwrap_or(180);
        let holder = self.user_tokens.holder(now_ms, Some(text("token")));
        let fault = if !self.apps.contains_key(text("appid")) {
            Some("appid invalid")
        } else if holder.map_or(true, |holder| holder != text("uid")) {
            Some("token invalid")
        } else if !["attrs_v4", "custom"].contains(&text("p0_type")) {
            Some("p0_type invalid")
        } else if !(1..=180).contains(&heartbeat_s) {
            Some("heartbeat_interval invalid")
        } else {
            None
        };
        if let Some(msg) = fault {
            let data = json!({ "success": false, "msg": msg });
            self.push.say(id, message("login_res", &data));
            self.push.close(id);
            return;
        }
        let uid = text("uid").to_owned();
        let subscribes = data
            .get("auto_subscribe")
            .and_then(Value::as_bool)
            .unwrap_or(true);
        let Some(socket) = self.push.sockets.get_mut(&id) else {
            return;
        };
        socket.uid = Some(uid.clone());
        socket.lost_ms = None;
        socket.heartbeat_ms = heartbeat_s * 1000;
        socket.subscribed.clear();
        let m2m = socket.m2m;
        if subscribes {
            let bound = self.devices.iter();
            let bound = bound.filter(|device| device.binding(&uid).is_some() && device.m2m == m2m);
            socket.subscribed = bound.map(|device| device.did.clone()).collect();
        }
        self.push
            .say(id, message("login_res", &json!({ "success": true })));
    }

    fn push_subscribe(&mut self, id: SocketId, uid: &str, data: &Value) {
        let (mut success, mut failed) = (Vec::new(), Vec::new());
        let rows = data.as_array().into_iter().flatten();
        let dids = rows.filter_map(|row| row.get("did").and_then(Value::as_str));
        for did in dids {
            if self.is_heard_at(id, uid, did) {
                success.push(json!({ "did": did, "error_code": 0, "msg": "ok" }));
                if let Some(socket) = self.push.sockets.get_mut(&id) {
                    socket.subscribed.insert(did.to_owned());
                }
            } else {
                // Inferred: the code of HTTP for a device of somebody else.
                failed.push(json!({ "did": did, "error_code": 9017, "msg": "device not bound" }));
            }
        }
        let data = json!({ "success": success, "failed": failed });
        self.push.say(id, message("subscribe_res", &data));
    }

    fn push_read(
        &mut self,
        now_ms: i64,
        id: SocketId,
        uid: &str,
        (data, serial): (&Value, Option<u64>),
    ) {
        let did = data.get("did").and_then(Value::as_str).unwrap_or_default();
        if !self.is_heard_at(id, uid, did) {
            self.push.say(id, invalid(1002, "did not bound"));
            return;
        }
        // One that is offline answers nothing (seen).
        let image = self.device(did).filter(|device| device.online);
        let Some(mut attrs) = image.map(|device| device.attrs.clone()) else {
            return;
        };
        // Others always report everything (documented).
        if let Some(names) = data.get("names").and_then(Value::as_array)
            && self.is_var_len(did)
        {
            attrs.retain(|name, _| names.iter().any(|wanted| wanted == name.as_str()));
        }
        let attrs = self.as_pushed(did, &attrs);
        let mut noti = json!({ "cmd": "s2c_noti", "data": { "did": did, "attrs": attrs } });
        if let Some(serial) = serial {
            noti["res_sn"] = serial.into();
        }
        self.push.deliver(now_ms, id, noti.to_string());
    }

    fn push_write(
        &mut self,
        now_ms: i64,
        id: SocketId,
        uid: &str,
        (data, serial): (&Value, Option<u64>),
    ) {
        let did = data
            .get("did")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let attrs = data.get("attrs").and_then(Value::as_object);
        let wanted = attrs.map(as_over_http).unwrap_or_default();
        let sent = if self.is_heard_at(id, uid, &did) {
            super::command::send(self, now_ms, &did, uid, &wanted).map_err(|error| error.code)
        } else {
            Err(9017)
        };
        if self.push.writes.len() >= MAX_WRITES {
            self.push.writes.pop_front();
        }
        let code = sent.err();
        self.push
            .writes
            .push_back(json!({ "time_ms": now_ms, "did": did, "attrs": wanted,
            "req_sn": serial, "error_code": code }));
        match (code, serial) {
            (None, Some(serial)) => {
                let ack = json!({ "cmd": "s2c_ack", "res_sn": serial, "did": did });
                self.push.deliver(now_ms, id, ack.to_string());
            }
            // A device that is offline takes nothing and says nothing (seen). For the rest: inferred.
            (None | Some(9042), _) => {}
            (Some(code), _) => self.push.say(id, invalid(code, "attrs invalid")),
        }
    }

    /// Does it report parts?
    pub(super) fn is_var_len(&self, did: &str) -> bool {
        let device = self.devices.iter().find(|device| device.did == did);
        let product = device.and_then(|device| self.products.get(&device.product_key));
        product.is_some_and(|product| product.var_len)
    }

    /// Is this a device that the user has bound, and at the connection's host?
    fn is_heard_at(&self, id: SocketId, uid: &str, did: &str) -> bool {
        let m2m = self.push.sockets.get(&id).map(|socket| socket.m2m);
        let mut devices = self.devices.iter();
        devices.any(|device| {
            device.did == did && Some(device.m2m) == m2m && device.binding(uid).is_some()
        })
    }
}

/// A list of bytes as the hex that HTTP has for it.
fn as_over_http(attrs: &Map<String, Value>) -> Map<String, Value> {
    let hex = |value: &Value| -> Option<Value> {
        let digits = value.as_array()?.iter().map(|byte| {
            let byte = u8::try_from(byte.as_u64()?).ok()?;
            Some(format!("{byte:02x}"))
        });
        digits.collect::<Option<String>>().map(Value::String)
    };
    let attrs = attrs.iter();
    attrs
        .map(|(name, value)| (name.clone(), hex(value).unwrap_or_else(|| value.clone())))
        .collect()
}
