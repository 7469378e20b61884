//! One connection, whatever the protocol version: what it can be told, and what it tells.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bridge::Publication;
use crate::bridge::input::Message;

use super::options::{Address, MqttConfig, MqttError, Protocol};
use super::reason::Failure;
use super::{tls, v4, v5};

pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// For the whole of TCP, TLS and CONNACK.
pub(super) const CONNECT_TIMEOUT_S: u64 = 15;
/// Packets that may be unacknowledged; Mosquitto lets itself be sent 20.
pub(super) const MAX_INFLIGHT: u16 = 100;
/// Requests that the event loop has not looked at; more than the outbox hands over.
pub(super) const REQUESTS: usize = 64;
/// MQTT 5 tells the broker to keep larger ones to itself.
pub(super) const MAX_PACKET_BYTES: u32 = 2 * 1024 * 1024;
/// Events that the client has not looked at. Beyond it the link reads no further, and the broker waits.
const EVENTS: usize = 256;

/// What a link tells.
#[derive(Debug)]
pub(super) enum LinkEvent {
    /// CONNACK: the largest packet that the broker takes, where it says so.
    Up { max_packet: Option<u32> },
    /// The oldest publication that it was given is on the wire.
    Written(u16),
    /// PUBACK; with a reason when the broker took it but threw it away.
    Acked {
        packet_id: u16,
        refused: Option<String>,
    },
    /// The oldest subscription that it was given is on the wire.
    Subscribing(u16),
    /// SUBACK: for each filter the reason why it was refused, if it was.
    Subscribed {
        packet_id: u16,
        reasons: Vec<Option<String>>,
    },
    /// A message arrived.
    Message(Message),
    /// The last event of a link.
    Down(Failure),
}

/// Where a link's events come from; either protocol's event loop.
pub(super) trait Source: Send {
    /// The next event, or `None` for what nobody needs to know.
    fn next(&mut self) -> impl Future<Output = Option<LinkEvent>> + Send;

    /// How often a link that works has an event at least: it pings.
    fn keep_alive(&self) -> Duration;
}

/// Brings events home until the link ends or nobody listens any more. The event loop must not be
/// dropped in the middle of a step: what it had begun to write would stay in its buffer.
///
/// A broker that reads no more stops the event loop in the middle of writing, for ever on MQTT 5,
/// and with it the pings that would notice: so silence ends the link, too.
pub(super) async fn pump(mut source: impl Source, events: mpsc::Sender<LinkEvent>) {
    loop {
        let patience = source.keep_alive() * 2 + Duration::from_secs(CONNECT_TIMEOUT_S);
        let event = match timeout(patience, source.next()).await {
            Ok(None) => continue,
            Ok(Some(event)) => event,
            Err(_) => LinkEvent::Down(Failure::passing("the broker does not answer any more")),
        };
        let is_end = matches!(event, LinkEvent::Down(_));
        if events.send(event).await.is_err() || is_end {
            return;
        }
    }
}

/// Tells that a link never began.
pub(super) async fn tell_end(events: &mpsc::Sender<LinkEvent>, failure: Failure) {
    // Who does not listen any more needs no reason.
    drop(events.send(LinkEvent::Down(failure)).await);
}

/// The sending half of a link.
#[derive(Debug)]
pub(super) enum Link {
    V4(v4::Sender),
    V5(v5::Sender),
}

/// How a link reaches the broker.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Tcp,
    Tls(std::sync::Arc<rustls::ClientConfig>),
    Unix,
}

/// Where to, resolved once.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) way: Way,
    pub(super) shown: String,
}

impl Target {
    pub(super) fn new(config: &MqttConfig) -> Result<Self, MqttError> {
        let address = Address::parse(&config.url)?;
        let shown = address.shown();
        let (host, port, way) = match address {
            Address::Tcp { host, port } => (host, port, Way::Tcp),
            Address::Tls { host, port } => {
                let way = Way::Tls(tls::client_config(config, &host)?);
                (host, port, way)
            }
            Address::Unix(path) => (path, 0, Way::Unix),
        };
        Ok(Self {
            host,
            port,
            way,
            shown,
        })
    }
}

impl Link {
    /// Begins to connect; the events tell how it goes. The task ends after [`LinkEvent::Down`], or
    /// when nobody listens any more.
    pub(super) fn open(
        config: &MqttConfig,
        target: &Target,
    ) -> (Self, mpsc::Receiver<LinkEvent>, tokio::task::JoinHandle<()>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        match config.protocol {
            Protocol::V311 => {
                let (sender, run) = v4::open(config, target.clone(), events);
                (Self::V4(sender), receiver, tokio::spawn(run))
            }
            Protocol::V5 => {
                let (sender, run) = v5::open(config, target.clone(), events);
                (Self::V5(sender), receiver, tokio::spawn(run))
            }
        }
    }

    /// False when the link's queue is full, which the outbox's own bound prevents.
    pub(super) fn publish(&self, message: Publication) -> bool {
        match self {
            Self::V4(sender) => sender.publish(message),
            Self::V5(sender) => sender.publish(message),
        }
    }

    pub(super) fn subscribe(&self, filters: Vec<String>) -> bool {
        match self {
            Self::V4(sender) => sender.subscribe(filters),
            Self::V5(sender) => sender.subscribe(filters),
        }
    }

    /// A clean end: the broker does not send the will.
    pub(super) fn disconnect(&self) {
        let asked = match self {
            Self::V4(sender) => sender.disconnect(),
            Self::V5(sender) => sender.disconnect(),
        };
        if !asked {
            tracing::debug!("the link is gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comes up and then hangs, as an event loop does whose broker reads no more.
    struct Stuck {
        is_up: bool,
    }

    impl Source for Stuck {
        async fn next(&mut self) -> Option<LinkEvent> {
            if self.is_up {
                std::future::pending::<()>().await;
            }
            self.is_up = true;
            Some(LinkEvent::Up { max_packet: None })
        }

        fn keep_alive(&self) -> Duration {
            KEEP_ALIVE
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_reads_no_more_is_given_up() {
        let (sender, mut events) = mpsc::channel(1);
        tokio::spawn(pump(Stuck { is_up: false }, sender));
        assert!(matches!(events.recv().await, Some(LinkEvent::Up { .. })));
        let end = timeout(KEEP_ALIVE * 3, events.recv()).await.unwrap();
        assert!(matches!(end, Some(LinkEvent::Down(_))), "{end:?}");
        assert!(events.recv().await.is_none());
    }
}
