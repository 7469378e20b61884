//! Layer 4: the link to the broker. Publishing never waits; what cannot leave now waits in the outbox.

mod client;
mod link;
pub mod options;
pub mod outbox;
mod overflow;
mod reach;
mod reason;
mod subscriptions;
mod tls;
mod topic;
mod transport;
mod v4;
mod v5;

pub use client::{MqttHandle, probe, start, start_after};
pub use options::{MqttConfig, MqttError, Protocol, Will};
