//! `GET /healthz` and `GET /readyz`, for Docker, Kubernetes and load balancers.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

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
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens, then serves on a task. `not_ready` says why the bridge is not ready; `None` when it is.
///
/// # Errors
/// [`WebError`] when the address cannot be listened on.
pub async fn serve(
    listen: SocketAddr,
    not_ready: watch::Receiver<Option<String>>,
) -> Result<Server, WebError> {
    let fail = |source| WebError { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let router = router(not_ready);
    let serving = tokio::spawn(async move {
        if let Err(err) = axum::serve(listener, router).await {
            tracing::error!(%err, "the health checks ended");
        }
    });
    let task = serving.abort_handle();
    Ok(Server { address, task })
}

fn router(not_ready: watch::Receiver<Option<String>>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(not_ready)
}

async fn ready(State(not_ready): State<watch::Receiver<Option<String>>>) -> (StatusCode, String) {
    match not_ready.borrow().as_ref() {
        None => (StatusCode::OK, "ready\n".into()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
