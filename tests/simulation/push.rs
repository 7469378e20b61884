//! Push connections: what the bridge orders goes to the simulated cloud as text, and what that says comes
//! back as events, each way in its order and with its delay, as TCP carries it. The cloud loses, doubles
//! and delays messages by itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::{Input, SocketEvent, SocketOrder};
use gizwits2mqtt::gizwits::ws_frame::{self, Credentials};
use gizwits2mqtt::ids::{AccountName, LinkId};
use gizwits2mqtt::secret::Secret;
use gizwits2mqtt::simulator::{Outgoing, SocketId};

use super::process::Process;
use super::universe::{START, Universe};

/// All connections, and what is on its way.
#[derive(Default)]
pub(crate) struct Wires {
    links: BTreeMap<LinkId, Wire>,
    parcels: BTreeMap<(Duration, u64), Parcel>,
    /// Sent again and again until there is a way.
    held: VecDeque<Parcel>,
    next: u64,
}

#[derive(Debug, Default)]
struct Wire {
    /// `None`: not connected yet.
    socket: Option<SocketId>,
    /// When the last parcel arrives, there and here: none overtakes another.
    there: Duration,
    here: Duration,
}

enum Parcel {
    /// To the n-th M2M host, if there is one.
    Connect(LinkId, Option<usize>),
    ToCloud(LinkId, String),
    ToBridge(LinkId, SocketEvent, Option<String>),
}

impl Wires {
    fn put(&mut self, at: Duration, parcel: Parcel) {
        self.next += 1;
        self.parcels.insert((at, self.next), parcel);
    }

    fn link_of(&self, socket: SocketId) -> Option<LinkId> {
        let mut links = self.links.iter();
        let link = links.find(|(_, wire)| wire.socket == Some(socket));
        link.map(|(link, _)| *link)
    }

    pub(crate) fn next_arrival(&self, is_reachable: bool) -> Option<Duration> {
        if is_reachable && !self.held.is_empty() {
            return Some(Duration::ZERO);
        }
        self.parcels.keys().next().map(|(at, _)| *at)
    }
}

impl Universe {
    /// The bridge orders something.
    pub(crate) fn order_socket(&mut self, account: &AccountName, link: LinkId, order: SocketOrder) {
        if order != SocketOrder::Ping {
            self.note(|| format!("link {link} {order:?}"));
        }
        let at = self.now + self.hop();
        let text = match order {
            SocketOrder::Open(endpoint) => {
                let m2m = self.cloud.m2m_of_port(endpoint.port);
                self.here.wires.links.insert(link, Wire::default());
                self.here.wires.put(at, Parcel::Connect(link, m2m));
                return;
            }
            SocketOrder::Close => {
                if let Some(wire) = self.here.wires.links.remove(&link) {
                    self.hang_up(&wire);
                }
                return;
            }
            SocketOrder::Login { heartbeat_s } => {
                let Some(session) = self.here.sessions.get(account).cloned() else {
                    let event = SocketEvent::LoggedIn(Err("there is no token".into()));
                    self.here.wires.put(at, Parcel::ToBridge(link, event, None));
                    return;
                };
                if self.here.watch.is_dead(account, Some(&session.token)) {
                    let what = format!("link {link} logs in with a token that is known to be dead");
                    self.fail("dead token", what);
                }
                let credentials = Credentials {
                    app_id: "demo-app-id".into(),
                    uid: session.uid,
                    token: Secret::new(session.token),
                };
                ws_frame::login(&credentials, heartbeat_s)
            }
            SocketOrder::Subscribe(dids) => ws_frame::subscribe(&dids),
            SocketOrder::Read(did) => ws_frame::read(&did),
            SocketOrder::Write { did, attrs, serial } => {
                self.check_one_at_a_time(&format!("command {did}"));
                self.check_set(&did, None, &attrs.to_json());
                ws_frame::write(&did, &attrs, serial)
            }
            SocketOrder::Ping => ws_frame::ping(),
        };
        if let Some(wire) = self.here.wires.links.get_mut(&link) {
            wire.there = wire.there.max(at);
            let at = wire.there;
            self.here.wires.put(at, Parcel::ToCloud(link, text));
        }
    }

    /// What the cloud has to say now goes on its way.
    pub(crate) fn pump(&mut self) {
        for (id, outgoing) in self.cloud.push_take() {
            let is_its = |process: &Process| process.wires.link_of(id).is_some();
            let Some(index) = self.processes().find(|process| is_its(process)) else {
                continue;
            };
            let index = index.index();
            self.visit(index);
            let Some(link) = self.here.wires.link_of(id) else {
                continue;
            };
            let (event, owes) = match outgoing {
                Outgoing::Close => {
                    let reason = "the cloud closed it".into();
                    (Some(SocketEvent::Down { reason }), None)
                }
                Outgoing::Text(text) => {
                    let received = ws_frame::parse(&text).unwrap();
                    (received.event, received.acknowledge)
                }
            };
            let Some(event) = event else { continue };
            if let SocketEvent::Report { did, attrs, .. } = &event {
                self.laws.told(self.now, did, attrs);
            }
            let at = self.now + self.hop();
            if let Some(wire) = self.here.wires.links.get_mut(&link) {
                wire.here = wire.here.max(at);
                let at = wire.here;
                self.here.wires.put(at, Parcel::ToBridge(link, event, owes));
            }
        }
    }

    /// The first parcel arrives.
    pub(crate) fn deliver(&mut self) {
        if !self.cloud_is_reachable {
            let arrived = self.here.wires.parcels.pop_first();
            self.here
                .wires
                .held
                .extend(arrived.map(|(_, parcel)| parcel));
            return;
        }
        let held = self.here.wires.held.pop_front();
        let next = held.or_else(|| {
            self.here
                .wires
                .parcels
                .pop_first()
                .map(|(_, parcel)| parcel)
        });
        let Some(parcel) = next else { return };
        match parcel {
            Parcel::Connect(link, m2m) => self.connect(link, m2m),
            Parcel::ToCloud(link, text) => {
                let socket = self
                    .here
                    .wires
                    .links
                    .get(&link)
                    .and_then(|wire| wire.socket);
                if let Some(socket) = socket {
                    let now_ms = self.unix_ms();
                    self.cloud.push_message(now_ms, socket, &text);
                }
            }
            Parcel::ToBridge(link, event, owes) => {
                if !self.here.wires.links.contains_key(&link) {
                    return;
                }
                if let Some(text) = owes {
                    let at = self.now + self.hop();
                    self.here.wires.put(at, Parcel::ToCloud(link, text));
                }
                if matches!(event, SocketEvent::Down { .. }) {
                    self.here.wires.links.remove(&link);
                }
                if event != SocketEvent::Pong {
                    self.note(|| format!("link {link} tells {event:?}"));
                }
                self.check_pushed(&event);
                self.tell(Input::Socket { link, event });
                self.may_break(link);
            }
        }
    }

    fn connect(&mut self, link: LinkId, m2m: Option<usize>) {
        let now_ms = self.unix_ms();
        let at = self.now + self.hop();
        let Some(wire) = self.here.wires.links.get_mut(&link) else {
            return;
        };
        wire.socket = m2m.and_then(|m2m| self.cloud.push_connect(now_ms, m2m));
        wire.here = at;
        let event = match wire.socket {
            Some(_) => SocketEvent::Opened,
            None => SocketEvent::Down {
                reason: "refused".into(),
            },
        };
        self.here.wires.put(at, Parcel::ToBridge(link, event, None));
    }

    /// In a bad network a connection breaks, and the cloud does not know.
    fn may_break(&mut self, link: LinkId) {
        if self.is_lost()
            && self.chance.u32(0..4) == 0
            && self.here.wires.links.remove(&link).is_some()
        {
            let reason = "it broke".to_owned();
            self.note(|| format!("link {link} breaks"));
            self.tell(Input::Socket {
                link,
                event: SocketEvent::Down { reason },
            });
        }
    }

    /// All connections end with the process.
    pub(crate) fn hang_up_all(&mut self) {
        let wires = std::mem::take(&mut self.here.wires.links);
        for wire in wires.values() {
            self.hang_up(wire);
        }
        self.here.wires.parcels.clear();
        self.here.wires.held.clear();
    }

    fn hang_up(&mut self, wire: &Wire) {
        if let Some(socket) = wire.socket {
            self.cloud.push_gone(socket);
        }
    }

    /// When the cloud has something to do with its connections.
    pub(crate) fn cloud_due(&self) -> Option<Duration> {
        let due_ms = self.cloud.push_due()? - START * 1000;
        Some(Duration::from_millis(
            u64::try_from(due_ms).unwrap_or_default(),
        ))
    }

    /// How long a message takes: a few milliseconds when all is well.
    fn hop(&mut self) -> Duration {
        let slowest = self.trouble_now().slowest_ms.max(60);
        Duration::from_millis(self.chance.u64(2..slowest))
    }
}
