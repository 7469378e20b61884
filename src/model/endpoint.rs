//! Where an account's devices are spoken to over push: the cloud's M2M host and port.

use std::fmt;

/// `ws://HOST:PORT` or `wss://HOST:PORT`. One account may have devices at several (seen).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// A name or an address, from the binding's `host`.
    pub host: String,
    /// The binding's `ws_port`, with TLS its `wss_port`.
    pub port: u16,
    /// Encrypted, and the host's certificate verified.
    pub tls: bool,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "wss" } else { "ws" };
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}
