//! TLS towards the broker: rustls with ring, the system's certificates or the user's own.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::options::{MqttConfig, MqttError};

/// Reads the files and makes the configuration for the broker of this name.
pub(super) fn client_config(
    config: &MqttConfig,
    host: &str,
) -> Result<Arc<ClientConfig>, MqttError> {
    let refuse = |err: rustls::Error| MqttError::Tls(err.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots(config.ca_file.as_deref())?);
    let of_any = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|err| MqttError::Tls(err.to_string()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        MqttError::Tls(format!(
            "{host:?} is no name that a certificate could be for"
        ))
    })?;
    let verifier = OfName { of_any, name };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refuse)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
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

/// Verifies certificates as the library does, but always for the configured name: the link may have to
/// go to one of its addresses, and a certificate is seldom made for those.
#[derive(Debug)]
struct OfName {
    of_any: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for OfName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let of_any = &self.of_any;
        of_any.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.of_any
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.of_any
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.of_any.supported_verify_schemes()
    }
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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_is_checked_against_the_configured_name_and_not_the_address() {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = ca.self_signed(&ca_key).unwrap();
        let params = CertificateParams::new(vec!["broker.example".to_owned()]).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let leaf = params
            .signed_by(&KeyPair::generate().unwrap(), &issuer)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root.der().clone()).unwrap();
        let roots = Arc::new(roots);
        let address = ServerName::try_from("127.0.0.2").unwrap();
        let named = |name: &'static str| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let of_any = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider);
            let verifier = OfName {
                of_any: of_any.build().unwrap(),
                name: ServerName::try_from(name).unwrap(),
            };
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
            verifier.verify_server_cert(leaf.der(), &[], &address, &[], now)
        };
        assert!(named("broker.example").is_ok());
        let other = named("other.example").unwrap_err();
        let is_of_name = matches!(
            other,
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            )
        );
        assert!(is_of_name, "{other}");
    }
}
