//! TLS towards the broker: rustls with ring, the system's certificates or the user's own.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::options::{MqttConfig, MqttError};

/// Reads the files and makes the configuration.
pub(super) fn client_config(config: &MqttConfig) -> Result<Arc<ClientConfig>, MqttError> {
    let refuse = |err: rustls::Error| MqttError::Tls(err.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refuse)?
        .with_root_certificates(roots(config.ca_file.as_deref())?);
    let client = match (&config.client_cert_file, &config.client_key_file) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(
                certificates(cert, "the client's certificate")?,
                private_key(key)?,
            )
            .map_err(refuse)?,
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(client))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, MqttError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        for certificate in certificates(path, "a certificate authority")? {
            roots.add(certificate).map_err(|err| MqttError::File {
                path: path.into(),
                purpose: "a certificate authority",
                reason: err.to_string(),
            })?;
        }
        return Ok(roots);
    }
    // Some of the system's may be odd; they only do not count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(MqttError::Tls(
            "the system has no certificates to trust; install ca-certificates or set mqtt.ca_file"
                .into(),
        ));
    }
    Ok(roots)
}

fn certificates(
    path: &Path,
    purpose: &'static str,
) -> Result<Vec<CertificateDer<'static>>, MqttError> {
    let refuse = |reason: String| MqttError::File {
        path: path.into(),
        purpose,
        reason,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|err| refuse(err.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse("it holds no certificate in PEM form".into()));
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, MqttError> {
    PrivateKeyDer::from_pem_file(path).map_err(|err| MqttError::File {
        path: path.into(),
        purpose: "the client's key",
        reason: err.to_string(),
    })
}
