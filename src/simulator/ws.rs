//! The simulated cloud's WebSocket on real sockets: carries what `push` says and hears.

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::body::Incoming;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::http::{MAX_BODY_BYTES, Shared};
use super::push::{Outgoing, SocketId};

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
        .max_frame_size(Some(MAX_BODY_BYTES));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    loop {
        tokio::select! {
            out = outgoing.recv() => match out {
                Some(Outgoing::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        break;
                    }
                }
                Some(Outgoing::Close) | None => {
                    // The other side may be gone already.
                    drop(socket.close(None).await);
                    break;
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => shared.push_message(id, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    shared.push_gone(id);
}
