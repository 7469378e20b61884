//! The simulated cloud's WebSocket on real sockets: carries what `push` says and hears.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::body::Incoming;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::http::{MAX_BODY_BYTES, Shared};
use super::push::{Outgoing, SocketId};

/// Bytes that wait to be sent on a connection; one with more is ended.
const MAX_UNSENT_BYTES: usize = 4 * 1024 * 1024;
/// A client that takes nothing for this long is cut off.
const WRITE_WITHIN: Duration = Duration::from_secs(15);

/// Where a WebSocket is (documented).
pub(super) const PATH: &str = "/ws/app/v1";

/// The headers of the answer to a request for a WebSocket; `None` when it is none.
pub(super) fn accepted(request: &Request<Incoming>) -> Option<header::HeaderValue> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?;
    let is_there = request.uri().path() == PATH;
    let accept = derive_accept_key(key.as_bytes());
    header::HeaderValue::from_str(&accept)
        .ok()
        .filter(|_| is_there)
}

/// The status of the answer.
pub(super) const SWITCHING: StatusCode = StatusCode::SWITCHING_PROTOCOLS;

/// A connection from beginning to end.
pub(super) async fn talk(
    request: Request<Incoming>,
    id: SocketId,
    mut outgoing: mpsc::Receiver<Outgoing>,
    shared: Shared,
) {
    let Ok(upgraded) = hyper::upgrade::on(request).await else {
        shared.push_gone(id);
        return;
    };
    let stream = TokioIo::new(upgraded);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_BODY_BYTES))
        .max_frame_size(Some(MAX_BODY_BYTES))
        .max_write_buffer_size(MAX_UNSENT_BYTES);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    loop {
        tokio::select! {
            out = outgoing.recv() => match out {
                Some(Outgoing::Text(text)) => {
                    if !is_taken(socket.send(Message::text(text))).await {
                        break;
                    }
                }
                Some(Outgoing::Close) | None => {
                    // The other side may be gone already.
                    is_taken(socket.close(None)).await;
                    break;
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => shared.push_message(id, &text),
                // The answer leaves before more is read: a client that pings and never reads fills no memory.
                Some(Ok(Message::Ping(_))) => {
                    if !is_taken(socket.flush()).await {
                        break;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    shared.push_gone(id);
}

/// Waits until the client has taken what is written; false when it does not in time, or is gone.
async fn is_taken(written: impl Future<Output = Result<(), Error>>) -> bool {
    matches!(timeout(WRITE_WITHIN, written).await, Ok(Ok(())))
}
