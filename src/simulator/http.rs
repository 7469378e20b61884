//! The simulated cloud on a socket. hyper directly: a web framework cannot leave a caller waiting or
//! break a connection on purpose.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::exchange::{Answer, Reaction, Request};
use super::push::{M2mHost, MAX_WAITING, Outgoing, SocketId};
use super::scenario::Scenario;
use super::world::World;
use super::ws;

/// A caller that sends more is cut off.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Connections at a time; one beyond that is closed at once.
const MAX_CONNECTIONS: usize = 1_000;

/// Tells Unix milliseconds. The one who starts the simulator owns the clock.
pub type ClockMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A running simulated cloud; it ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    addr: SocketAddr,
    shared: Shared,
    tasks: Vec<JoinHandle<()>>,
}

impl Simulator {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Looks at the cloud, or changes it.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.shared.with_world(look)
    }

    /// Lets the devices live: once a second, time acts.
    #[must_use]
    pub fn living(mut self, clock: ClockMs) -> Self {
        let shared = self.shared.clone();
        self.tasks.push(tokio::spawn(async move {
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            loop {
                seconds.tick().await;
                shared.with_world(|world| world.advance(clock()));
            }
        }));
        self
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // Push connections end with the ways to them.
        lock(&self.shared.0.ways).clear();
    }
}

/// What all tasks of a simulator share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    /// The ways to push connections.
    ways: Mutex<BTreeMap<SocketId, mpsc::Sender<Outgoing>>>,
    /// Something changed: time may act earlier on push.
    news: Notify,
    clock: ClockMs,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.0.world);
        let seen = look(&mut world);
        let said = world.push_take();
        let mut ways = lock(&self.0.ways);
        for (id, outgoing) in said {
            let is_end = outgoing == Outgoing::Close;
            let sent = ways.get(&id).map(|way| way.try_send(outgoing));
            // One that is gone will be told as such by its task; one that takes nothing is cut off.
            let is_full = matches!(sent, Some(Err(TrySendError::Full(_))));
            if is_full {
                world.push_gone(id);
            }
            if is_end || is_full {
                ways.remove(&id);
            }
        }
        drop(ways);
        drop(world);
        self.0.news.notify_one();
        seen
    }

    fn now_ms(&self) -> i64 {
        (self.0.clock)()
    }

    /// A push connection to an M2M host, unless it is refused.
    fn push_connect(&self, m2m: usize) -> Option<(SocketId, mpsc::Receiver<Outgoing>)> {
        let now_ms = self.now_ms();
        let (way, outgoing) = mpsc::channel(MAX_WAITING);
        // Its way is there before anything can be said to it, also its end.
        let id = self.with_world(|world| {
            let id = world.push_connect(now_ms, m2m)?;
            lock(&self.0.ways).insert(id, way);
            Some(id)
        })?;
        Some((id, outgoing))
    }

    pub(super) fn push_message(&self, id: SocketId, text: &str) {
        let now_ms = self.now_ms();
        self.with_world(|world| world.push_message(now_ms, id, text));
    }

    pub(super) fn push_gone(&self, id: SocketId) {
        lock(&self.0.ways).remove(&id);
        self.with_world(|world| world.push_gone(id));
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens and serves: the Open API and the first M2M host at `listen`, the second M2M host at a port of its
/// own beside it.
///
/// # Errors
/// When the address cannot be listened at.
pub async fn start(
    listen: SocketAddr,
    scenario: Scenario,
    seed: u64,
    clock: ClockMs,
) -> std::io::Result<Simulator> {
    let listener = TcpListener::bind(listen).await?;
    let second = TcpListener::bind(SocketAddr::new(listen.ip(), 0)).await?;
    let addr = listener.local_addr()?;
    let mut world = World::new(scenario, seed, clock());
    let host = |ws_port| M2mHost {
        host: None,
        ws_port,
    };
    world.set_m2m_hosts(vec![host(addr.port()), host(second.local_addr()?.port())]);
    let shared = Shared(Arc::new(Inner {
        world: Mutex::new(world),
        ways: Mutex::default(),
        news: Notify::new(),
        clock,
    }));
    let tasks = vec![
        tokio::spawn(accept(listener, 0, shared.clone())),
        tokio::spawn(accept(second, 1, shared.clone())),
        tokio::spawn(let_time_act(shared.clone())),
    ];
    Ok(Simulator {
        addr,
        shared,
        tasks,
    })
}

/// Late messages arrive, and silent connections end.
async fn let_time_act(shared: Shared) {
    loop {
        let due_ms = lock(&shared.0.world).push_due();
        let news = shared.0.news.notified();
        match due_ms {
            Some(due_ms) => {
                let wait_ms = u64::try_from(due_ms - shared.now_ms()).unwrap_or(0);
                tokio::select! {
                    () = news => {}
                    () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {
                        let now_ms = shared.now_ms();
                        shared.with_world(|world| world.let_time_act(now_ms));
                    }
                }
            }
            None => news.await,
        }
    }
}

async fn accept(listener: TcpListener, m2m: usize, shared: Shared) {
    // Dropping the set ends its connections, so a simulator that is gone does not go on answering.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(err) => {
                tracing::warn!(%err, "the simulator cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // What it says must not wait for the acknowledgement of what it said before.
        drop(stream.set_nodelay(true));
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            continue;
        }
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| serve(request, m2m, shared.clone()));
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A broken connection is what faults are for.
            if let Err(err) = served.with_upgrades().await {
                tracing::debug!(%err, "a connection ended");
            }
        });
    }
}

/// What makes hyper break the connection.
#[derive(Debug, thiserror::Error)]
#[error("reset on purpose")]
struct ResetOnPurpose;

async fn serve(
    request: hyper::Request<Incoming>,
    m2m: usize,
    shared: Shared,
) -> Result<Response<Whole>, ResetOnPurpose> {
    if let Some(accept) = ws::accepted(&request) {
        let (id, outgoing) = shared.push_connect(m2m).ok_or(ResetOnPurpose)?;
        tokio::spawn(ws::talk(request, id, outgoing, shared));
        return Ok(switch(accept));
    }
    let request = read(request).await.ok_or(ResetOnPurpose)?;
    let now_ms = shared.now_ms();
    let reaction = shared.with_world(|world| world.handle(now_ms, &request));
    let clock_ms = || lock(&shared.0.world).clock_ms(shared.now_ms());
    match reaction {
        Reaction::Answer(answer) => {
            let delay = u64::try_from(answer.delay_ms).unwrap_or(0);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            Ok(respond(answer, clock_ms()))
        }
        Reaction::Hang => std::future::pending().await,
        Reaction::Reset => Err(ResetOnPurpose),
    }
}

fn switch(accept: header::HeaderValue) -> Response<Whole> {
    let mut response = Response::new(Whole(None));
    *response.status_mut() = ws::SWITCHING;
    let headers = response.headers_mut();
    headers.insert(
        header::CONNECTION,
        header::HeaderValue::from_static("Upgrade"),
    );
    headers.insert(
        header::UPGRADE,
        header::HeaderValue::from_static("websocket"),
    );
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

async fn read(request: hyper::Request<Incoming>) -> Option<Request> {
    let (head, mut incoming) = request.into_parts();
    let mut body = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|cx| std::pin::Pin::new(&mut incoming).poll_frame(cx)).await
    {
        if let Ok(data) = frame.ok()?.into_data() {
            body.extend_from_slice(&data);
        }
        if body.len() > MAX_BODY_BYTES {
            return None;
        }
    }
    let query = head.uri.query().unwrap_or_default();
    Some(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: head
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect(),
        body,
    })
}

fn respond(answer: Answer, now_ms: i64) -> Response<Whole> {
    let mut response = Response::new(Whole(Some(answer.body.into())));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let content_type = header::HeaderValue::from_static(answer.content_type);
    headers.insert(header::CONTENT_TYPE, content_type);
    // The cloud's clock, not this machine's: clients reckon by it.
    if let Some(date) = date(now_ms) {
        headers.insert(header::DATE, date);
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn date(now_ms: i64) -> Option<header::HeaderValue> {
    let now = jiff::Timestamp::from_millisecond(now_ms).ok()?;
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    header::HeaderValue::try_from(date.ok()?).ok()
}

/// A body that is there already.
struct Whole(Option<Bytes>);

impl hyper::body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        let length = self.0.as_ref().map_or(0, Bytes::len);
        hyper::body::SizeHint::with_exact(u64::try_from(length).unwrap_or(0))
    }
}
