//! The simulated cloud on a socket. hyper directly: a web framework cannot leave a caller waiting or
//! break a connection on purpose.

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
use tokio::task::JoinHandle;

use super::exchange::{Answer, Reaction, Request};
use super::scenario::Scenario;
use super::world::World;

/// A caller that sends more is cut off.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Tells Unix milliseconds. The one who starts the simulator owns the clock.
pub type ClockMs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A running simulated cloud; it ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    addr: SocketAddr,
    world: Arc<Mutex<World>>,
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
        look(&mut lock(&self.world))
    }

    /// Lets the devices live: once a second, time acts.
    #[must_use]
    pub fn living(mut self, clock: ClockMs) -> Self {
        let world = Arc::clone(&self.world);
        self.tasks.push(tokio::spawn(async move {
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            loop {
                seconds.tick().await;
                lock(&world).advance(clock());
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
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens and serves.
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
    let addr = listener.local_addr()?;
    let world = Arc::new(Mutex::new(World::new(scenario, seed, clock())));
    let task = tokio::spawn(accept(listener, Arc::clone(&world), clock));
    Ok(Simulator {
        addr,
        world,
        tasks: vec![task],
    })
}

async fn accept(listener: TcpListener, world: Arc<Mutex<World>>, clock: ClockMs) {
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
        while connections.try_join_next().is_some() {}
        let (world, clock) = (Arc::clone(&world), Arc::clone(&clock));
        connections.spawn(async move {
            let service =
                service_fn(move |request| serve(request, Arc::clone(&world), Arc::clone(&clock)));
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A broken connection is what faults are for.
            if let Err(err) = served.await {
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
    world: Arc<Mutex<World>>,
    clock: ClockMs,
) -> Result<Response<Whole>, ResetOnPurpose> {
    let request = read(request).await.ok_or(ResetOnPurpose)?;
    let reaction = lock(&world).handle(clock(), &request);
    let clock_ms = || lock(&world).clock_ms(clock());
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
