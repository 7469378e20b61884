//! An MQTT broker inside the process, for demonstrations and for tests on machines without one. The
//! only user of the crate `rumqttd`.
//!
//! A subscription with `QoS` 1 or 2 gets at most 100 of the retained messages, whatever is set here:
//! rumqttd (0.20, read in its source) reads as many as may be in flight and drops the rest. What is
//! published afterwards arrives whole.

use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

/// Messages for one client at a time; of retained ones a subscription with `QoS` 0 gets no more.
const MAX_OUTGOING: u32 = 100_000;

/// Where the broker listens: it speaks each protocol version at a port of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broker {
    /// MQTT 3.1.1, the default of most tools.
    pub v311: SocketAddr,
    /// MQTT 5.
    pub v5: SocketAddr,
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// A port cannot be had.
    #[error("the embedded broker cannot listen at {address}: {source}")]
    Port {
        /// The wanted address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The broker does not take its configuration; a unit test would have seen that.
    #[error("the embedded broker cannot be set up: {0}")]
    SetUp(#[from] serde_json::Error),
}

/// Starts a broker on threads of its own, where it stays until the process ends. `preferred` is the
/// port for 3.1.1; where it is taken, another one is.
///
/// # Errors
/// [`BrokerError`]
pub fn start(preferred: u16) -> Result<Broker, BrokerError> {
    let broker = Broker {
        v311: free(preferred).or_else(|_| free(0))?,
        v5: free(0)?,
    };
    let config: rumqttd::Config = serde_json::from_value(config(broker))?;
    std::thread::spawn(move || {
        if let Err(err) = rumqttd::Broker::new(config).start() {
            tracing::error!(%err, "the embedded broker ended");
        }
    });
    Ok(broker)
}

fn free(port: u16) -> Result<SocketAddr, BrokerError> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpListener::bind(address)
        .and_then(|listener| listener.local_addr())
        .map_err(|source| BrokerError::Port { address, source })
}

fn config(broker: Broker) -> Value {
    let server = |listen: SocketAddr| {
        json!({
            "name": listen.to_string(),
            "listen": listen,
            "next_connection_delay_ms": 1,
            "connections": {
                "connection_timeout_ms": 5_000,
                "max_payload_size": 2 * 1024 * 1024,
                "max_inflight_count": 200,
                "dynamic_filters": true,
            },
        })
    };
    json!({
        "id": 0,
        "router": {
            "max_connections": 100,
            "max_outgoing_packet_count": MAX_OUTGOING,
            "max_segment_size": 10 * 1024 * 1024,
            "max_segment_count": 3,
        },
        "v4": { "1": server(broker.v311) },
        "v5": { "1": server(broker.v5) },
    })
}
