//! TLS towards the cloud: rustls with ring and the system's certificates.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto};

/// What to do where nobody can be trusted.
pub(super) const NO_ROOTS: &str = "the system has no certificates to trust, so nothing can be reached over TLS; \
     install ca-certificates (or let SSL_CERT_FILE name a bundle) and start again";

/// The configuration with the system's certificates as they are now, and whether there are any: without
/// one no connection over TLS comes about, and those without TLS do not need any.
///
/// # Errors
/// When the library cannot be set up.
pub(super) fn client_config() -> Result<(ClientConfig, bool), rustls::Error> {
    let mut roots = RootCertStore::empty();
    // Some of the system's may be odd; they only do not count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let has_roots = !roots.is_empty();
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((config, has_roots))
}
