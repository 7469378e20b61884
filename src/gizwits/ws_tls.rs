//! TLS towards push endpoints: rustls with ring and the system's certificates; the host is verified.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

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
    connected.map_err(|err| format!("TLS failed: {err}"))
}

fn config() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // Some of the system's may be odd; they only do not count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("the system has no certificates to trust; install ca-certificates".into());
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|err| err.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
