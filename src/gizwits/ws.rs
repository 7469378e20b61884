//! Push connections over tokio-tungstenite: a task for each, which opens a socket, carries orders out
//! and tells what comes. It decides nothing: when to connect, log in and ping is the core's.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tracing::{debug, error};

use crate::bridge::{Input, SocketEvent, SocketOrder};
use crate::ids::LinkId;
use crate::model::{Endpoint, Region};

use super::api::Api;
use super::{ws_frame, ws_tls};

/// Name, connection, TLS and handshake together. As long as an HTTP call may take to connect, twice.
const OPEN_WITHIN: Duration = Duration::from_secs(20);
/// A socket that takes nothing for this long is dead.
const WRITE_WITHIN: Duration = Duration::from_secs(15);
/// Orders that wait for a socket. One for each device after a login, and commands; a socket that is
/// further behind does not work.
const MAX_ORDERS: usize = 4096;
/// A message larger than any device's report is none of the cloud's.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// All connections.
#[derive(Debug)]
pub struct Sockets {
    links: BTreeMap<LinkId, mpsc::Sender<SocketOrder>>,
    inputs: mpsc::Sender<Input>,
}

impl Sockets {
    /// What they tell comes on the receiver; a flood of messages waits in the sockets, not in memory.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Input>) {
        let (inputs, receiver) = mpsc::channel(256);
        let links = BTreeMap::new();
        (Self { links, inputs }, receiver)
    }

    /// Carries an order out. `way` is the account's; without one a connection cannot begin.
    pub fn order(&mut self, way: Option<&Api>, region: Region, link: LinkId, order: SocketOrder) {
        match order {
            SocketOrder::Open(endpoint) => {
                let (orders, waiting) = mpsc::channel(MAX_ORDERS);
                self.links.retain(|_, orders| !orders.is_closed());
                self.links.insert(link, orders);
                let way = way.cloned();
                let inputs = self.inputs.clone();
                tokio::spawn(live(way, region, link, endpoint, waiting, inputs));
            }
            SocketOrder::Close => drop(self.links.remove(&link)),
            SocketOrder::Login { .. }
            | SocketOrder::Subscribe(_)
            | SocketOrder::Read(_)
            | SocketOrder::Write { .. }
            | SocketOrder::Ping => self.hand_over(link, order),
        }
    }

    /// An order for a connection that is gone does nothing: it has told its end.
    fn hand_over(&mut self, link: LinkId, order: SocketOrder) {
        let orders = self.links.get(&link);
        let is_full = |orders: &mpsc::Sender<SocketOrder>| {
            matches!(orders.try_send(order), Err(TrySendError::Full(_)))
        };
        if orders.is_some_and(is_full) {
            debug!(%link, "more orders than a push connection takes; it ends");
            // Its task sees that nobody orders any more, and tells nothing; so it is told here.
            self.links.remove(&link);
            let (inputs, reason) = (self.inputs.clone(), "it takes no orders".to_owned());
            tokio::spawn(async move { tell(&inputs, link, SocketEvent::Down { reason }).await });
        }
    }
}

/// One connection from beginning to end; on a task of its own, so that one that panics is told, too.
async fn live(
    way: Option<Api>,
    region: Region,
    link: LinkId,
    endpoint: Endpoint,
    orders: mpsc::Receiver<SocketOrder>,
    inputs: mpsc::Sender<Input>,
) {
    let said = inputs.clone();
    let carried = tokio::spawn(carry(way, region, link, endpoint, orders, said));
    let reason = match carried.await {
        Ok(Ended::Closed) => return,
        Ok(Ended::Down(reason)) => reason,
        Err(err) => {
            error!(%err, "a push connection panicked; this is a bug, please report it");
            "a fault of the bridge itself; see its log".into()
        }
    };
    tell(&inputs, link, SocketEvent::Down { reason }).await;
}

async fn tell(inputs: &mpsc::Sender<Input>, link: LinkId, event: SocketEvent) {
    // The engine that does not listen any more has ended.
    drop(inputs.send(Input::Socket { link, event }).await);
}

enum Ended {
    /// As ordered.
    Closed,
    /// For people.
    Down(String),
}

async fn carry(
    way: Option<Api>,
    region: Region,
    link: LinkId,
    endpoint: Endpoint,
    mut orders: mpsc::Receiver<SocketOrder>,
    inputs: mpsc::Sender<Input>,
) -> Ended {
    let Some(way) = way else {
        return Ended::Down("the account is not configured any more".into());
    };
    let opened = tokio::select! {
        opened = timeout(OPEN_WITHIN, open(&endpoint)) => opened,
        // Nobody can order anything else before it stands.
        None = orders.recv() => return Ended::Closed,
    };
    let socket = match opened {
        Ok(Ok(socket)) => socket,
        Ok(Err(reason)) => return Ended::Down(reason),
        Err(_) => return Ended::Down(format!("no connection within {} s", OPEN_WITHIN.as_secs())),
    };
    tell(&inputs, link, SocketEvent::Opened).await;
    talk(socket, &way, region, link, &mut orders, &inputs).await
}

/// Either kind of stream.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type Socket = WebSocketStream<Box<dyn Stream>>;

async fn open(endpoint: &Endpoint) -> Result<Socket, String> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
    let stream = stream.map_err(|err| err.to_string())?;
    // A command must not wait for the acknowledgement of what was sent before it.
    stream.set_nodelay(true).map_err(|err| err.to_string())?;
    let stream: Box<dyn Stream> = if endpoint.tls {
        Box::new(ws_tls::wrap(stream, &endpoint.host).await?)
    } else {
        Box::new(stream)
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let url = format!("{endpoint}{}", ws_frame::PATH);
    let opened = client_async_with_config(url, stream, Some(config)).await;
    let (socket, _) = opened.map_err(|err| format!("no WebSocket there: {err}"))?;
    Ok(socket)
}

async fn talk(
    mut socket: Socket,
    way: &Api,
    region: Region,
    link: LinkId,
    orders: &mut mpsc::Receiver<SocketOrder>,
    inputs: &mpsc::Sender<Input>,
) -> Ended {
    loop {
        let sent = tokio::select! {
            order = orders.recv() => match order {
                Some(order) => match spell(way, region, order) {
                    Ok(text) => send(&mut socket, text).await,
                    Err(event) => {
                        tell(inputs, link, event).await;
                        Ok(())
                    }
                },
                None => {
                    // A farewell; the other side may be gone already.
                    drop(timeout(WRITE_WITHIN, socket.close(None)).await);
                    return Ended::Closed;
                }
            },
            message = socket.next() => match message {
                Some(Ok(message)) => match heard(message, link, inputs).await {
                    Heard::Nothing => Ok(()),
                    Heard::Owes(text) => send(&mut socket, text).await,
                    Heard::End(reason) => Err(reason),
                },
                Some(Err(err)) => Err(err.to_string()),
                None => Err("the cloud closed it".into()),
            },
        };
        if let Err(reason) = sent {
            return Ended::Down(reason);
        }
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), String> {
    match timeout(WRITE_WITHIN, socket.send(Message::text(text))).await {
        Ok(sent) => sent.map_err(|err| err.to_string()),
        Err(_) => Err(format!("it took nothing for {} s", WRITE_WITHIN.as_secs())),
    }
}

/// An order as its message; or what is to be told when there can be none.
fn spell(way: &Api, region: Region, order: SocketOrder) -> Result<String, SocketEvent> {
    Ok(match order {
        SocketOrder::Login { heartbeat_s } => match way.push_credentials(region) {
            Some(credentials) => ws_frame::login(&credentials, heartbeat_s),
            None => return Err(SocketEvent::LoggedIn(Err("there is no token".into()))),
        },
        SocketOrder::Subscribe(dids) => ws_frame::subscribe(&dids),
        SocketOrder::Read(did) => ws_frame::read(&did),
        SocketOrder::Write { did, attrs, serial } => ws_frame::write(&did, &attrs, serial),
        // `Open` and `Close` begin and end the task.
        SocketOrder::Ping | SocketOrder::Open(_) | SocketOrder::Close => ws_frame::ping(),
    })
}

enum Heard {
    Nothing,
    Owes(String),
    End(String),
}

async fn heard(message: Message, link: LinkId, inputs: &mpsc::Sender<Input>) -> Heard {
    let text = match message {
        Message::Text(text) => text,
        Message::Close(frame) => {
            let reason = frame.map_or_else(String::new, |frame| format!(": {}", frame.reason));
            return Heard::End(format!("the cloud closed it{reason}"));
        }
        // Pings of WebSocket itself are answered by the library.
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
            return Heard::Nothing;
        }
    };
    match ws_frame::parse(&text) {
        Ok(received) => {
            if let Some(event) = received.event {
                tell(inputs, link, event).await;
            }
            received.acknowledge.map_or(Heard::Nothing, Heard::Owes)
        }
        Err(err) => {
            debug!(%link, %err, "left out");
            Heard::Nothing
        }
    }
}
