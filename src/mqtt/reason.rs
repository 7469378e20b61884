//! Why a link failed, for people: what happened, what it means, what to do.

use std::{fmt, io};

use rustls::AlertDescription as Alert;

use crate::tls_fault;

/// A link that ended or never began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// For people.
    pub(super) reason: String,
    /// The broker does not want us: trying soon again would not help.
    pub(super) is_refusal: bool,
    /// The broker closed the connection and did not say why.
    pub(super) is_silent: bool,
}

impl Failure {
    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_refusal: false,
            is_silent: false,
        }
    }

    /// The broker closed the connection without a reason.
    pub(super) fn closed() -> Self {
        Self {
            is_silent: true,
            ..Self::passing("the broker closed the connection")
        }
    }

    /// So many messages were sent, and none of them acknowledged.
    pub(super) fn silent_acks(messages: usize) -> Self {
        Self::passing(format!(
            "the broker takes messages and acknowledges none ({messages} wait); is it overloaded?"
        ))
    }

    /// The broker closes each connection soon after it has taken it.
    pub(super) fn closes_each(client_id: &str) -> Self {
        Self::refusal(format!(
            "the broker closes each connection soon after it came up, and does not say why; \
             most likely another client has the same mqtt.client_id ({client_id}): give each its own"
        ))
    }

    /// A packet that is larger than the bridge takes. A retained message comes again with each link.
    pub(super) fn too_large(bytes: usize, limit: u32) -> Self {
        Self::refusal(format!(
            "a message has {bytes} bytes, more than the {limit} that a command may have; a retained one \
             comes again with each connection: clear it with an empty retained message (it is on a topic \
             that ends in set, get or raw, or below request, under mqtt.base_topic), or set mqtt.protocol to 5"
        ))
    }

    pub(super) fn refusal(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_refusal: true,
            is_silent: false,
        }
    }

    /// CONNACK with anything but success, by the word of either protocol version.
    pub(super) fn refused_connect(code: &str) -> Self {
        match code {
            "BadUserNamePassword" => Self::refusal(
                "the broker refuses the user name or password; check mqtt.username and mqtt.password",
            ),
            "NotAuthorized" => Self::refusal(
                "the broker wants a user name and password, or does not allow this one; \
                 check mqtt.username and mqtt.password",
            ),
            "BadClientId" | "ClientIdentifierNotValid" => {
                Self::refusal("the broker refuses the client id; set another mqtt.client_id")
            }
            "Banned" => Self::refusal("the broker has banned this client"),
            "RefusedProtocolVersion" | "UnsupportedProtocolVersion" => Self::refusal(
                "the broker does not speak this version of MQTT; set mqtt.protocol to the other one (5 or 3.1.1)",
            ),
            other => Self::passing(format!("the broker refuses the connection ({other})")),
        }
    }

    /// Bytes that are no MQTT.
    pub(super) fn not_understood(fault: &impl fmt::Display, address: &str) -> Self {
        Self::passing(format!(
            "what {address} says cannot be understood ({fault}); is it an MQTT broker?"
        ))
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the standard library adds kinds"
    )]
    pub(super) fn from_io(err: &io::Error, address: &str) -> Self {
        use io::ErrorKind as Kind;
        // A broker that closes without a word on MQTT 5 may only know 3.1.1; nothing tells.
        Self::passing(match err.kind() {
            Kind::ConnectionRefused => {
                format!(
                    "nothing listens at {address}; is the broker running, and is mqtt.url right?"
                )
            }
            Kind::NotFound => format!("there is no socket at {address}; check mqtt.url"),
            Kind::PermissionDenied => format!("not allowed to open {address}: {err}"),
            Kind::TimedOut => format!("{address} does not answer"),
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::UnexpectedEof => return Self::closed(),
            _ => match certificate_fault(err) {
                Some(fault) => fault,
                None => format!("the connection to {address} failed: {err}"),
            },
        })
    }
}

/// A TLS error inside an I/O error, in words that name the setting.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only two kinds have a remedy of their own"
)]
fn certificate_fault(err: &io::Error) -> Option<String> {
    let tls = tls_fault::find(err)?;
    let words = tls_fault::words(tls);
    Some(match tls {
        rustls::Error::InvalidCertificate(_) => format!(
            "the broker's certificate is not trusted ({words}); \
             for a certificate of your own set mqtt.ca_file, and use the name that it was made for"
        ),
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::UnknownCA
            // What TLS 1.2 says when a certificate is missing.
            | Alert::HandshakeFailure,
        ) => format!(
            "the broker wants a certificate from its clients and did not get one that it trusts ({words}); \
             check mqtt.client_cert_file and mqtt.client_key_file"
        ),
        _ => format!("TLS with the broker failed: {words}; is its port for TLS?"),
    })
}
