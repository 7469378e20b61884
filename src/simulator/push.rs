//! The cloud's WebSocket: who is connected, what they hear, and what goes wrong on purpose. Pure: messages
//! and time in, messages out; `ws` carries them.
//!
//! Where the documents are silent, it does what clients have seen, or (said there) what seems likely.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::push_faults::{Fate, PushFaults};
use super::world::World;

/// A connection that has never pinged is closed after this; a login announces another (documented: at most 180 s).
const HEARTBEAT_MS: i64 = 180_000;
/// After the loss of its session a connection lives on for so long (seen).
const LOST_LIFE_MS: i64 = 158_000;
/// One report in this many wants an acknowledgement; without one it comes once more.
const ACK_EVERY: u64 = 5;
/// Time for that.
const ACK_WITHIN_MS: i64 = 3_000;
/// Messages that wait to be taken, and messages that come later: a connection that is told more is closed, and
/// what would be late is lost.
pub(super) const MAX_WAITING: usize = 10_000;
/// Connections at one time; more are refused.
const MAX_SOCKETS: usize = 1_000;
/// Reports of one connection that wait for an acknowledgement; beyond that none asks for one.
const MAX_UNACKNOWLEDGED: usize = 100;

/// Names a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// What a connection gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A message.
    Text(String),
    /// Its end.
    Close,
}

/// Where devices of a cloud are spoken to: the n-th of its M2M hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct M2mHost {
    /// As bindings name it; `None`: the name by which the caller reached the cloud.
    pub host: Option<String>,
    /// The port for `ws://`.
    pub ws_port: u16,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) m2m: usize,
    /// `None` before a login.
    pub(super) uid: Option<String>,
    pub(super) subscribed: BTreeSet<String>,
    pub(super) heartbeat_ms: i64,
    /// Of the last message that counts as life.
    pub(super) alive_ms: i64,
    /// Its session is lost since then.
    pub(super) lost_ms: Option<i64>,
    /// It hears nothing; true: but pongs.
    pub(super) frozen: Option<bool>,
    reports: u64,
    /// Reports that want an acknowledgement: the message, and when it comes again.
    pub(super) unacknowledged: BTreeMap<u64, (i64, String)>,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Push {
    pub(super) hosts: Vec<M2mHost>,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    /// Messages that come later, by when.
    late: Vec<(i64, SocketId, String)>,
    pub(super) out: VecDeque<(SocketId, Outgoing)>,
    pub(super) faults: PushFaults,
    pub(super) writes: VecDeque<Value>,
    next: u64,
}

impl Default for Push {
    fn default() -> Self {
        let host = |ws_port| M2mHost {
            host: Some("127.0.0.1".into()),
            ws_port,
        };
        Self {
            hosts: vec![host(8080), host(8081)],
            sockets: BTreeMap::new(),
            late: Vec::new(),
            out: VecDeque::new(),
            faults: PushFaults::default(),
            writes: VecDeque::new(),
            next: 0,
        }
    }
}

/// Connections; what they say and hear.
impl World {
    /// Where this cloud's M2M hosts are.
    pub fn set_m2m_hosts(&mut self, hosts: Vec<M2mHost>) {
        self.push.hosts = hosts;
    }

    /// Which of the M2M hosts has this port.
    #[must_use]
    pub fn m2m_of_port(&self, ws_port: u16) -> Option<usize> {
        let mut hosts = self.push.hosts.iter();
        hosts.position(|host| host.ws_port == ws_port)
    }

    /// Somebody connects to the n-th M2M host. `None`: the connection is refused.
    pub fn push_connect(&mut self, now_ms: i64, m2m: usize) -> Option<SocketId> {
        let now_ms = self.clock_ms(now_ms);
        if self.push.faults.refuses(now_ms) || self.push.sockets.len() >= MAX_SOCKETS {
            return None;
        }
        let id = SocketId(self.push.next);
        self.push.next += 1;
        let socket = Socket {
            m2m,
            uid: None,
            subscribed: BTreeSet::new(),
            heartbeat_ms: HEARTBEAT_MS,
            alive_ms: now_ms,
            lost_ms: None,
            frozen: self.push.faults.frozen_new(m2m),
            reports: 0,
            unacknowledged: BTreeMap::new(),
        };
        self.push.sockets.insert(id, socket);
        Some(id)
    }

    /// A connection is gone.
    pub fn push_gone(&mut self, id: SocketId) {
        self.push.sockets.remove(&id);
    }

    /// What the connections get now, in order. A connection after `Close` is gone.
    pub fn push_take(&mut self) -> Vec<(SocketId, Outgoing)> {
        self.push.out.drain(..).collect()
    }

    /// When time acts on the connections next, by the caller's clock in Unix milliseconds.
    #[must_use]
    pub fn push_due(&self) -> Option<i64> {
        let sockets = self.push.sockets.values();
        let ends = sockets.clone().filter_map(Socket::ends_ms);
        let again = sockets.flat_map(|socket| socket.unacknowledged.values());
        let again = again.map(|(at_ms, _)| *at_ms);
        let late = self.push.late.iter().map(|(at_ms, ..)| *at_ms);
        let due = ends
            .chain(again)
            .chain(late)
            .chain(self.reports_due())
            .min();
        due.map(|at_ms| at_ms.saturating_sub(self.ahead_ms))
    }

    /// Lets time act on the connections: late messages arrive, silent ones end.
    pub(super) fn push_tick(&mut self, now_ms: i64) {
        let mut late = std::mem::take(&mut self.push.late);
        late.sort_by_key(|(at_ms, ..)| *at_ms);
        for (at_ms, id, text) in late {
            if at_ms <= now_ms {
                self.push.say(id, text);
            } else {
                self.push.late.push((at_ms, id, text));
            }
        }
        let mut said = Vec::new();
        for (id, socket) in &mut self.push.sockets {
            socket.unacknowledged.retain(|_, (at_ms, text)| {
                let again = *at_ms <= now_ms;
                if again {
                    said.push((*id, text.clone()));
                }
                !again
            });
        }
        for (id, text) in said {
            self.push.say(id, text);
        }
        let over = |(id, socket): (&SocketId, &Socket)| {
            let over = socket.ends_ms().is_some_and(|at_ms| at_ms <= now_ms);
            over.then_some(*id)
        };
        let over: Vec<SocketId> = self.push.sockets.iter().filter_map(over).collect();
        for id in over {
            self.push.say(id, invalid(1011, "No heartbeat!"));
            self.push.close(id);
        }
    }

    /// A device reported: those who listen hear it.
    pub(super) fn push_report(&mut self, now_ms: i64, did: &str, changed: &Map<String, Value>) {
        let Some(device) = self.device(did) else {
            return;
        };
        let (m2m, image) = (device.m2m, device.attrs.clone());
        let uids: BTreeSet<String> = device.bindings.iter().map(|b| b.uid.clone()).collect();
        let attrs = if self.is_var_len(did) {
            changed.clone()
        } else {
            image
        };
        if attrs.is_empty() {
            return;
        }
        let attrs = self.as_pushed(did, &attrs);
        let listeners: Vec<SocketId> = self.push.listeners(m2m, &uids, did);
        for id in listeners {
            let mut noti = json!({ "cmd": "s2c_noti", "data": { "did": did, "attrs": attrs } });
            let wants_ack = self.push.numbered(id);
            if let Some(serial) = wants_ack {
                noti["req_sn"] = serial.into();
            }
            let text = noti.to_string();
            if let (Some(serial), Some(socket)) = (wants_ack, self.push.sockets.get_mut(&id)) {
                let again_ms = now_ms + ACK_WITHIN_MS;
                socket
                    .unacknowledged
                    .insert(serial, (again_ms, text.clone()));
            }
            self.push.deliver(now_ms, id, text);
        }
    }

    /// A device came or left.
    pub(super) fn push_online(&mut self, now_ms: i64, did: &str) {
        let Some(device) = self.device(did) else {
            return;
        };
        let data = json!({ "did": did, "passcode": device.passcode, "mac": device.mac,
            "online": device.online });
        let m2m = device.m2m;
        let uids: BTreeSet<String> = device.bindings.iter().map(|b| b.uid.clone()).collect();
        let text = message("s2c_online_status", &data);
        for id in self.push.listeners(m2m, &uids, did) {
            self.push.deliver(now_ms, id, text.clone());
        }
    }

    /// A user bound a device, or gave it back.
    pub(super) fn push_binding(&mut self, now_ms: i64, uid: &str, did: &str, bound: bool) {
        let text = message("s2c_binding_changed", &json!({ "did": did, "bind": bound }));
        let sockets = self.push.sockets.iter_mut();
        let theirs = sockets.filter(|(_, socket)| socket.uid.as_deref() == Some(uid));
        let theirs: Vec<SocketId> = theirs
            .map(|(id, socket)| {
                if !bound {
                    socket.subscribed.remove(did);
                }
                (*id, socket.hears())
            })
            .filter_map(|(id, hears)| hears.then_some(id))
            .collect();
        for id in theirs {
            self.push.deliver(now_ms, id, text.clone());
        }
    }

    /// Bytes are a list here.
    pub(super) fn as_pushed(
        &mut self,
        did: &str,
        attrs: &Map<String, Value>,
    ) -> Map<String, Value> {
        let product_key = self.device(did).map(|device| device.product_key.clone());
        let product = product_key.and_then(|key| self.products.get(&key));
        let datapoints = product.and_then(|product| product.datapoints.as_deref());
        let is_binary = |name: &str| {
            let of = |key: &str, point: &Map<String, Value>, want: &str| {
                point.get(key).and_then(Value::as_str) == Some(want)
            };
            let mut points = datapoints.into_iter().flatten();
            points.any(|point| of("name", point, name) && of("data_type", point, "binary"))
        };
        let pushed = |(name, value): (&String, &Value)| {
            let text = value.as_str().filter(|_| is_binary(name));
            let value = text.and_then(bytes).unwrap_or_else(|| value.clone());
            (name.clone(), value)
        };
        attrs.iter().map(pushed).collect()
    }
}

impl Socket {
    /// Does news reach it? What it does not hear now, it never hears.
    const fn hears(&self) -> bool {
        self.frozen.is_none() && self.lost_ms.is_none()
    }

    /// When the cloud closes it, unless something comes.
    fn ends_ms(&self) -> Option<i64> {
        if self.frozen.is_some() {
            return None;
        }
        let silent = self.alive_ms + self.heartbeat_ms;
        Some(match self.lost_ms {
            Some(lost_ms) => silent.min(lost_ms + LOST_LIFE_MS),
            None => silent,
        })
    }
}

impl Push {
    pub(super) fn at(&self, host: Option<usize>) -> Vec<SocketId> {
        let sockets = self.sockets.iter();
        let there = sockets.filter(|(_, socket)| host.is_none_or(|host| socket.m2m == host));
        there.map(|(id, _)| *id).collect()
    }

    fn listeners(&self, m2m: usize, uids: &BTreeSet<String>, did: &str) -> Vec<SocketId> {
        let hears = |socket: &Socket| {
            socket.m2m == m2m
                && socket.hears()
                && socket.uid.as_ref().is_some_and(|uid| uids.contains(uid))
                && socket.subscribed.contains(did)
        };
        let sockets = self.sockets.iter().filter(|(_, socket)| hears(socket));
        sockets.map(|(id, _)| *id).collect()
    }

    /// The number of a report that wants an acknowledgement.
    fn numbered(&mut self, id: SocketId) -> Option<u64> {
        let socket = self.sockets.get_mut(&id)?;
        socket.reports += 1;
        let wants_ack = socket.reports.is_multiple_of(ACK_EVERY)
            && socket.unacknowledged.len() < MAX_UNACKNOWLEDGED;
        wants_ack.then_some(socket.reports)
    }

    /// Something that faults may befall.
    pub(super) fn deliver(&mut self, now_ms: i64, id: SocketId, text: String) {
        match self.faults.fate() {
            Fate::Lost => {}
            Fate::Doubled => {
                self.say(id, text.clone());
                self.say(id, text);
            }
            Fate::Late { by_ms } if self.late.len() < MAX_WAITING => {
                self.late.push((now_ms.saturating_add(by_ms), id, text));
            }
            Fate::Late { .. } => {}
            Fate::Plain => self.say(id, text),
        }
    }

    pub(super) fn say(&mut self, id: SocketId, text: String) {
        let hears = self
            .sockets
            .get(&id)
            .is_some_and(|socket| socket.frozen.is_none());
        if hears && self.out.len() < MAX_WAITING {
            self.out.push_back((id, Outgoing::Text(text)));
        } else if hears {
            self.close(id);
        }
    }

    pub(super) fn close(&mut self, id: SocketId) {
        if self.sockets.remove(&id).is_some() {
            self.out.push_back((id, Outgoing::Close));
        }
    }
}

pub(super) fn message(cmd: &str, data: &Value) -> String {
    json!({ "cmd": cmd, "data": data }).to_string()
}

pub(super) fn invalid(code: u16, msg: &str) -> String {
    message(
        "s2c_invalid_msg",
        &json!({ "error_code": code, "msg": msg }),
    )
}

pub(super) fn pong() -> String {
    json!({ "cmd": "pong" }).to_string()
}

/// Hex as a list of bytes; `None` when it is none.
fn bytes(hex: &str) -> Option<Value> {
    let digits: Option<Vec<u32>> = hex.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high * 16 + low).collect())
}
