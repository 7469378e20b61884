//! Push connections over tokio-tungstenite: a task for each, which opens a socket, carries orders out
//! and tells what comes. It decides nothing: when to connect, log in and ping is the core's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tracing::{debug, error};

use crate::bridge::{Input, SocketEvent, SocketOrder};
use crate::happy_eyeballs;
use crate::ids::LinkId;
use crate::model::{Endpoint, Region};

use super::api::Api;
use super::error::plain;
use super::{ws_frame, ws_tls};

/// Name, connection, TLS and handshake together; who takes longer is as good as away.
const OPEN_WITHIN: Duration = Duration::from_secs(15);
/// A socket that takes nothing for this long is dead.
const WRITE_WITHIN: Duration = Duration::from_secs(15);
/// A farewell is a courtesy: what a socket has not taken by then is not worth a task that lives on.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);
/// Orders that wait for a socket. One for each device after a login, and commands; a socket that is
/// further behind does not work, and ends.
const MAX_ORDERS: usize = 4096;
/// A message larger than any device's report is none of the cloud's.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Bytes that wait to be sent. The largest message of our own, a subscription of 10,000 devices, has
/// less than 1 MiB; a connection with more than this is ended.
const MAX_UNSENT_BYTES: usize = 4 * 1024 * 1024;
/// Events that wait for the engine, each of which may take half a MiB. Beyond that the sockets are not
/// read, so a flood waits at the cloud's end.
const MAX_EVENTS: usize = 32;
/// Kinds of messages without a use that are told of each connection; the cloud has a handful.
const MAX_UNUSED: usize = 16;

/// All connections.
#[derive(Debug)]
pub struct Sockets {
    links: BTreeMap<LinkId, Line>,
    inputs: mpsc::Sender<Input>,
}

/// The way to a connection's task. Dropped, it ends the task at once: nothing more is told, and no order
/// that still waits goes out, since the core may send such a command by another way.
#[derive(Debug)]
struct Line {
    /// Set, it ends the task for this reason, which is told.
    fault: watch::Sender<Option<&'static str>>,
    orders: mpsc::Sender<SocketOrder>,
}

impl Sockets {
    /// What they tell comes on the receiver; a flood of messages waits in the sockets, not in memory.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Input>) {
        let (inputs, receiver) = mpsc::channel(MAX_EVENTS);
        let links = BTreeMap::new();
        (Self { links, inputs }, receiver)
    }

    /// Carries an order out. `way` is the account's; without one a connection cannot begin.
    pub fn order(&mut self, way: Option<&Api>, region: Region, link: LinkId, order: SocketOrder) {
        match order {
            SocketOrder::Open(endpoint) => {
                let (orders, waiting) = mpsc::channel(MAX_ORDERS);
                let (fault, fate) = watch::channel(None);
                self.links.retain(|_, line| !line.orders.is_closed());
                self.links.insert(link, Line { fault, orders });
                let task = Task {
                    way: way.cloned(),
                    region,
                    link,
                    endpoint,
                    inputs: self.inputs.clone(),
                };
                tokio::spawn(live(task, waiting, fate));
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
    fn hand_over(&self, link: LinkId, order: SocketOrder) {
        let Some(line) = self.links.get(&link) else {
            return;
        };
        if let Err(TrySendError::Full(_)) = line.orders.try_send(order) {
            // The task tells it, so that its end is told once whatever else goes wrong.
            line.fault
                .send_replace(Some("it is too far behind with what it is to send"));
        }
    }
}

/// What a connection's task knows from the start.
#[derive(Debug, Clone)]
struct Task {
    way: Option<Api>,
    region: Region,
    link: LinkId,
    endpoint: Endpoint,
    inputs: mpsc::Sender<Input>,
}

impl Task {
    async fn tell(&self, event: SocketEvent) {
        let link = self.link;
        // The engine that does not listen any more has ended.
        drop(self.inputs.send(Input::Socket { link, event }).await);
    }
}

type Fate = watch::Receiver<Option<&'static str>>;

enum Ended {
    /// As ordered.
    Closed,
    /// For people.
    Down(String),
}

/// One connection from beginning to end; on a task of its own, so that one that panics is told, too.
async fn live(task: Task, orders: mpsc::Receiver<SocketOrder>, mut fate: Fate) {
    let carried = tokio::spawn(carry(task.clone(), orders, fate.clone()));
    let reason = match carried.await {
        Ok(Ended::Closed) => return,
        Ok(Ended::Down(reason)) => reason,
        Err(err) => {
            error!(%err, "a push connection panicked; this is a bug, please report it");
            "a fault of the bridge itself; see its log".into()
        }
    };
    let closed = async { while fate.changed().await.is_ok() {} };
    tokio::select! {
        biased;
        // It may be closed while the engine is too busy to hear of its end.
        () = closed => {}
        () = task.tell(SocketEvent::Down { reason }) => {}
    }
}

async fn carry(task: Task, mut orders: mpsc::Receiver<SocketOrder>, mut fate: Fate) -> Ended {
    let Some(way) = &task.way else {
        return Ended::Down("the account is not configured any more".into());
    };
    let opened = tokio::select! {
        biased;
        end = ended(&mut fate) => return end,
        opened = timeout(OPEN_WITHIN, open(&task.endpoint)) => opened,
    };
    let mut socket = match opened {
        Ok(Ok(socket)) => socket,
        Ok(Err(reason)) => return Ended::Down(reason),
        Err(_) => return Ended::Down(format!("no connection within {} s", OPEN_WITHIN.as_secs())),
    };
    let end = tokio::select! {
        biased;
        end = ended(&mut fate) => end,
        reason = talk(&mut socket, &task, way, &mut orders) => return Ended::Down(reason),
    };
    if matches!(end, Ended::Closed) {
        // The other side may be gone already.
        drop(timeout(FAREWELL_WITHIN, socket.close(None)).await);
    }
    end
}

/// Waits until the connection is closed, or given up from this side.
async fn ended(fate: &mut Fate) -> Ended {
    match fate.changed().await {
        Ok(()) => Ended::Down(fate.borrow_and_update().unwrap_or_default().into()),
        Err(_) => Ended::Closed,
    }
}

/// Either kind of stream.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type Socket = WebSocketStream<Box<dyn Stream>>;

async fn open(endpoint: &Endpoint) -> Result<Socket, String> {
    let connect = async {
        let addresses = happy_eyeballs::addresses(&endpoint.host, endpoint.port).await?;
        happy_eyeballs::connect(&addresses).await
    };
    let stream = connect.await.map_err(|err| err.to_string())?;
    // A command must not wait for the acknowledgement of what was sent before it.
    stream.set_nodelay(true).map_err(|err| err.to_string())?;
    let stream: Box<dyn Stream> = if endpoint.tls {
        Box::new(ws_tls::wrap(stream, &endpoint.host).await?)
    } else {
        Box::new(stream)
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_write_buffer_size(MAX_UNSENT_BYTES);
    let url = format!("{endpoint}{}", ws_frame::PATH);
    let opened = client_async_with_config(url, stream, Some(config)).await;
    let (socket, _) = opened.map_err(|err| format!("no WebSocket there: {err}"))?;
    Ok(socket)
}

/// Goes on until the connection fails; tells why, for people.
async fn talk(
    socket: &mut Socket,
    task: &Task,
    way: &Api,
    orders: &mut mpsc::Receiver<SocketOrder>,
) -> String {
    task.tell(SocketEvent::Opened).await;
    let mut unused = BTreeSet::new();
    loop {
        let sent = tokio::select! {
            // `None` once it is closed, which its fate tells.
            Some(order) = orders.recv() => match spell(way, task.region, order) {
                Ok(text) => send(socket, text).await,
                Err(event) => {
                    task.tell(event).await;
                    Ok(())
                }
            },
            message = socket.next() => match message {
                Some(Ok(message)) => match heard(message, task, &mut unused).await {
                    Heard::Nothing => Ok(()),
                    Heard::Owes(text) => send(socket, text).await,
                    Heard::Pinged => taken(socket.flush()).await,
                    Heard::End(reason) => Err(reason),
                },
                Some(Err(err)) => Err(err.to_string()),
                None => Err("the cloud closed it".into()),
            },
        };
        if let Err(reason) = sent {
            return reason;
        }
    }
}

async fn send(socket: &mut Socket, text: String) -> Result<(), String> {
    taken(socket.send(Message::text(text))).await
}

/// Waits until the other side has taken what is written; nothing is read meanwhile.
async fn taken(written: impl Future<Output = Result<(), WsError>>) -> Result<(), String> {
    match timeout(WRITE_WITHIN, written).await {
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
    /// The library has answered the ping, but only into its buffer. The answer has to leave before more
    /// is read: else a peer that pings and never reads fills the memory.
    Pinged,
    End(String),
}

async fn heard(message: Message, task: &Task, unused: &mut BTreeSet<String>) -> Heard {
    let link = task.link;
    let text = match message {
        Message::Text(text) => text,
        Message::Close(frame) => {
            let words = frame.map(|frame| plain(&frame.reason)).unwrap_or_default();
            let mark = if words.is_empty() { "" } else { ": " };
            return Heard::End(format!("the cloud closed it{mark}{words}"));
        }
        Message::Ping(_) => return Heard::Pinged,
        Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => {
            return Heard::Nothing;
        }
    };
    let received = match ws_frame::parse(&text) {
        Ok(received) => received,
        Err(err) => {
            debug!(%link, %err, "left out");
            return Heard::Nothing;
        }
    };
    match received.event {
        Some(event) => task.tell(event).await,
        None if unused.len() < MAX_UNUSED && unused.insert(received.cmd.clone()) => {
            debug!(%link, cmd = received.cmd, "messages of this kind have no use here");
        }
        None => {}
    }
    received.acknowledge.map_or(Heard::Nothing, Heard::Owes)
}
