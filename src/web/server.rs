//! `GET /healthz` and `GET /readyz`, for Docker, Kubernetes and load balancers. No number of
//! connections, and no slow one, keeps others from being answered or the process from its files.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::secret::Secret;

use super::access::{self, Ends, Refusal};

/// Connections at a time. One more ends the oldest.
const MAX_CONNECTIONS: usize = 64;
/// A request's head comes within this time. A connection carries one request.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// No connection lasts longer.
const CONNECTION_WITHIN: Duration = Duration::from_secs(30);
/// A request's head has at most this many bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Before the next try to accept a connection, when the system has no file left for one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Why the health checks cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("web.listen {listen}: {source}; is another program on that port?")]
pub struct WebError {
    listen: SocketAddr,
    source: std::io::Error,
}

/// Serves until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Tells the port where 0 was asked for.
    pub address: SocketAddr,
    token: watch::Sender<Option<Secret<String>>>,
    task: AbortHandle,
}

impl Server {
    /// Asks for another token from here on, or for none.
    pub fn set_token(&self, token: Option<Secret<String>>) {
        self.token.send_replace(token);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every request is answered from.
#[derive(Debug, Clone)]
struct Known {
    /// Why the bridge is not ready; `None` when it is.
    not_ready: watch::Receiver<Option<String>>,
    token: watch::Receiver<Option<Secret<String>>>,
}

/// Listens, then serves on a task. `not_ready` says why the bridge is not ready; `None` when it is.
/// Without a token only requests to a loopback name are answered.
///
/// # Errors
/// [`WebError`] when the address cannot be listened on.
pub async fn serve(
    listen: SocketAddr,
    token: Option<Secret<String>>,
    not_ready: watch::Receiver<Option<String>>,
) -> Result<Server, WebError> {
    let fail = |source| WebError { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let (token, asked) = watch::channel(token);
    let router = router(Known {
        not_ready,
        token: asked,
    });
    let task = tokio::spawn(accept(listener, router)).abort_handle();
    Ok(Server {
        address,
        token,
        task,
    })
}

/// Takes connections for ever. Those that are open end with this task.
async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    let mut works = true;
    loop {
        let (stream, ends) = match listener.accept().await.and_then(with_ends) {
            Ok(accepted) => accepted,
            Err(err) => {
                if works {
                    tracing::warn!(%err, "the health checks cannot accept connections");
                    works = false;
                }
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        if !works {
            tracing::info!("the health checks accept connections again");
            works = true;
        }
        while connections.try_join_next().is_some() {}
        by_age.retain(|connection| !connection.is_finished());
        if by_age.len() >= MAX_CONNECTIONS
            && let Some(oldest) = by_age.pop_front()
        {
            oldest.abort();
        }
        let served = connection(stream, router.clone().layer(Extension(ends)));
        by_age.push_back(connections.spawn(served));
    }
}

fn with_ends((stream, peer): (TcpStream, SocketAddr)) -> std::io::Result<(TcpStream, Ends)> {
    let local = stream.local_addr()?;
    Ok((stream, Ends { peer, local }))
}

async fn connection(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .keep_alive(false)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_WITHIN, served).await {
        Ok(Ok(())) => {}
        Ok(Err(err)) => tracing::debug!(%err, "a connection to the health checks broke"),
        Err(_) => tracing::debug!("a connection to the health checks took too long"),
    }
}

fn router(known: Known) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        // Also what leads nowhere tells a stranger nothing.
        .fallback(async || (StatusCode::NOT_FOUND, "there is no such page\n"))
        .layer(from_fn_with_state(known.clone(), guard))
        .with_state(known)
}

async fn guard(State(known): State<Known>, request: Request, next: Next) -> Response {
    let token = known.token.borrow().clone();
    match access::check(request.uri().path(), request.headers(), token.as_ref()) {
        Ok(()) => next.run(request).await,
        Err(Refusal::Foreign) => (
            StatusCode::FORBIDDEN,
            "this name or page is refused; without web.token_file the bridge is asked at localhost\n",
        )
            .into_response(),
        Err(Refusal::NoToken) => (
            StatusCode::UNAUTHORIZED,
            [(WWW_AUTHENTICATE, "Bearer")],
            "the token is needed: Authorization: Bearer TOKEN, as in web.token_file\n",
        )
            .into_response(),
    }
}

async fn ready(
    State(known): State<Known>,
    Extension(ends): Extension<Ends>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let Some(reason) = known.not_ready.borrow().clone() else {
        return (StatusCode::OK, "ready\n".into());
    };
    let token = known.token.borrow().clone();
    // The reason names accounts.
    let told = if access::is_trusted(ends, &headers, token.as_ref()) {
        reason
    } else {
        "not ready; the reason is told on the machine itself, and to who sends the token".into()
    };
    (StatusCode::SERVICE_UNAVAILABLE, format!("{told}\n"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn server(token: Option<&str>) -> (Server, watch::Sender<Option<String>>) {
        let (sender, receiver) = watch::channel(None);
        let listen = "127.0.0.1:0".parse().unwrap();
        let token = token.map(|token| Secret::new(token.to_owned()));
        (serve(listen, token, receiver).await.unwrap(), sender)
    }

    async fn open(server: &Server) -> TcpStream {
        TcpStream::connect(server.address).await.unwrap()
    }

    async fn ask(server: &Server, path: &str, headers: &str) -> String {
        let mut stream = open(server).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    /// All that comes until the server closes the connection.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let read = timeout(Duration::from_secs(60), read).await;
        // A connection that is cut ends as well.
        drop(read.expect("the connection stays open"));
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn one_connection_too_many_ends_the_oldest_and_is_served() {
        let (server, _sender) = server(None).await;
        let mut idle = Vec::new();
        for _ in 0..=MAX_CONNECTIONS {
            idle.push(open(&server).await);
        }
        let answer = ask(&server, "/healthz", "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(rest(&mut idle[0]).await, "");
        // The newest one is there still.
        let newest = idle.last_mut().unwrap();
        newest
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        assert!(rest(newest).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn silence_and_half_a_head_are_waited_for_five_seconds() {
        let (server, _sender) = server(None).await;
        let (mut silent, mut half) = (open(&server).await, open(&server).await);
        half.write_all(b"GET /healthz HTTP/1.1\r\nHo")
            .await
            .unwrap();
        let ended = async { tokio::join!(rest(&mut silent), rest(&mut half)) };
        let ended = timeout(CONNECTION_WITHIN / 2, ended).await;
        let (silent, half) = ended.expect("they stay open");
        assert_eq!(silent, "");
        assert!(
            half.is_empty() || half.starts_with("HTTP/1.1 408"),
            "{half}"
        );
    }

    #[tokio::test]
    async fn a_head_beyond_its_bound_is_refused() {
        let (server, _sender) = server(None).await;
        let long = format!("X: {}\r\n", "x".repeat(2 * MAX_HEAD_BYTES));
        let answer = ask(&server, "/healthz", &long).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_connection_carries_one_request() {
        let (server, _sender) = server(None).await;
        let answer = ask(&server, "/healthz", "Connection: keep-alive\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }

    #[tokio::test]
    async fn the_token_is_asked_for_and_can_change() {
        let (server, sender) = server(Some("t1")).await;
        let status = async |path: &str, token: &str| {
            let header = format!("Authorization: Bearer {token}\r\n");
            let answer = ask(&server, path, &header).await;
            answer.split(' ').nth(1).unwrap().to_owned()
        };
        assert_eq!(status("/nowhere", "t1").await, "404");
        assert_eq!(status("/nowhere", "x").await, "401");
        assert_eq!(status("/healthz", "x").await, "200");
        server.set_token(Some(Secret::new("t2".into())));
        assert_eq!(status("/nowhere", "t1").await, "401");
        assert_eq!(status("/nowhere", "t2").await, "404");
        sender.send_replace(Some("no account is ok: home is auth_failed".into()));
        let told = ask(&server, "/readyz", "").await;
        assert!(told.starts_with("HTTP/1.1 503"), "{told}");
        assert!(told.contains("home is auth_failed"), "{told}");
    }
}
