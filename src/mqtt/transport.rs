//! The way to the broker in rumqttc's words, the same for both protocol versions.

use rumqttc::{NetworkOptions, TlsConfiguration, Transport};

use super::link::{CONNECT_TIMEOUT_S, Way};

pub(super) fn transport(way: &Way) -> Transport {
    match way {
        Way::Tcp => Transport::Tcp,
        Way::Tls(config) => Transport::tls_with_config(TlsConfiguration::Rustls(config.clone())),
        Way::Unix => Transport::Unix,
    }
}

/// Small packets must not wait for each other.
pub(super) fn network() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT_S);
    network
}
