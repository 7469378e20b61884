//! Where the broker is and how to introduce oneself.

use std::path::PathBuf;

use url::{Host, Url};

use crate::secret::Secret;

/// Everything about one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttConfig {
    /// `mqtt://host:port`, `mqtts://host:port`, or `unix:///path`.
    pub url: String,
    /// With its password, or neither.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// Certificates to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, PEM; with its key.
    pub client_cert_file: Option<PathBuf>,
    /// The client's key, PEM.
    pub client_key_file: Option<PathBuf>,
    /// Two links with one id throw each other out.
    pub client_id: String,
    /// The protocol version.
    pub protocol: Protocol,
    /// What the broker shall say when the link breaks.
    pub will: Will,
}

/// MQTT versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// MQTT 5
    #[default]
    V5,
    /// MQTT 3.1.1
    V311,
}

/// The Last Will; retained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
}

/// Why no link can be tried at all.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// Not an address of a broker.
    #[error(
        "mqtt.url {url:?} cannot be used: {reason}; write mqtt://HOST, mqtts://HOST or unix:///PATH"
    )]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate or key file.
    #[error("{path} cannot be used as {purpose}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What it is for.
        purpose: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refused.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Tls { host: String, port: u16 },
    Unix(String),
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, MqttError> {
        let refuse = |reason: &str| MqttError::Url {
            // What cannot be read may hold a password.
            url: if text.contains('@') { "…" } else { text }.to_owned(),
            reason: reason.to_owned(),
        };
        // A path is no part of an address where `%` and blanks mean something else.
        if let Some(path) = text.strip_prefix("unix://").filter(|_| cfg!(unix)) {
            return if path.len() > 1 && path.starts_with('/') {
                Ok(Self::Unix(path.to_owned()))
            } else {
                Err(refuse("it names no socket"))
            };
        }
        let url = Url::parse(text).map_err(|err| refuse(&err.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            // The text itself would be a secret in a log.
            return Err(MqttError::Url {
                url: format!("{}://…", url.scheme()),
                reason: "user name and password have settings of their own".into(),
            });
        }
        let host = || match url.host() {
            // Without the brackets: a certificate is not made for them.
            Some(Host::Ipv6(ip)) => Ok(ip.to_string()),
            Some(host) if host != Host::Domain("") => Ok(host.to_string()),
            Some(_) | None => Err(refuse("it names no host")),
        };
        match url.scheme() {
            "mqtt" => Ok(Self::Tcp {
                host: host()?,
                port: url.port().unwrap_or(1883),
            }),
            "mqtts" => Ok(Self::Tls {
                host: host()?,
                port: url.port().unwrap_or(8883),
            }),
            other => Err(refuse(&format!("{other:?} is no scheme of a broker here"))),
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Tcp { host, port } | Self::Tls { host, port } if host.contains(':') => {
                format!("[{host}]:{port}")
            }
            Self::Tcp { host, port } | Self::Tls { host, port } => format!("{host}:{port}"),
            Self::Unix(path) => path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_default_ports_and_known_schemes() {
        let tcp = |host: &str, port| Address::Tcp {
            host: host.into(),
            port,
        };
        assert_eq!(
            Address::parse("mqtt://localhost").unwrap(),
            tcp("localhost", 1883)
        );
        let ipv6 = Address::parse("mqtt://[::1]:1884").unwrap();
        assert_eq!(ipv6, tcp("::1", 1884));
        assert_eq!(ipv6.shown(), "[::1]:1884");
        assert_eq!(
            Address::parse("mqtts://broker").unwrap(),
            Address::Tls {
                host: "broker".into(),
                port: 8883
            }
        );
        assert_eq!(
            Address::parse("unix:///run/my broker.sock").unwrap(),
            Address::Unix("/run/my broker.sock".into())
        );
        for wrong in [
            "",
            "localhost:1883",
            "http://x",
            "mqtt://",
            "unix://",
            "unix:///",
            "unix://run/x",
            "tcp://x",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_refused_and_not_repeated() {
        let error = Address::parse("mqtt://me:hunter2@host")
            .unwrap_err()
            .to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
