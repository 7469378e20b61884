//! TLS towards push endpoints: rustls with ring and the system's certificates; the host is verified.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::tls_fault;

use super::tls;

/// Shakes hands over a connection.
///
/// # Errors
/// For people: why the other side is not trusted, or does not speak TLS.
pub(super) async fn wrap(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{host:?} is no name that a certificate could be for"))?;
    // The system's certificates are files, some hundred; read anew each time, since they change.
    let config = tokio::task::spawn_blocking(config).await;
    let config = config.map_err(|err| err.to_string())??;
    let connector = TlsConnector::from(Arc::new(config));
    let connected = connector.connect(name, stream).await;
    connected.map_err(|err| {
        let words = tls_fault::find(&err).map_or_else(|| err.to_string(), tls_fault::words);
        format!("TLS failed: {words}")
    })
}

fn config() -> Result<ClientConfig, String> {
    match tls::client_config() {
        Ok((config, true)) => Ok(config),
        Ok((_, false)) => Err(tls::NO_ROOTS.into()),
        Err(err) => Err(err.to_string()),
    }
}
