//! Where the broker is and how to introduce oneself.

use std::path::PathBuf;

use url::Url;

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
        let url = Url::parse(text).map_err(|err| refuse(&err.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            // The text itself would be a secret in a log.
            return Err(MqttError::Url {
                url: format!("{}://…", url.scheme()),
                reason: "user name and password have settings of their own".into(),
            });
        }
        let host = || {
            let host = url.host_str().filter(|host| !host.is_empty());
            host.map(str::to_owned)
                .ok_or_else(|| refuse("it names no host"))
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
            "unix" if cfg!(unix) && url.path().len() > 1 => Ok(Self::Unix(url.path().to_owned())),
            other => Err(refuse(&format!("{other:?} is no scheme of a broker here"))),
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match self {
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
        assert_eq!(
            Address::parse("mqtt://[::1]:1884").unwrap(),
            tcp("[::1]", 1884)
        );
        assert_eq!(
            Address::parse("mqtts://broker").unwrap(),
            Address::Tls {
                host: "broker".into(),
                port: 8883
            }
        );
        assert_eq!(
            Address::parse("unix:///run/mosquitto.sock").unwrap(),
            Address::Unix("/run/mosquitto.sock".into())
        );
        for wrong in [
            "",
            "localhost:1883",
            "http://x",
            "mqtt://",
            "unix://",
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
