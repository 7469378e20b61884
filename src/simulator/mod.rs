//! Layer 4: a Gizwits cloud that runs anywhere, for tests and demonstrations.
//!
//! It spells the cloud's JSON on its own and borrows nothing from `gizwits`, so that a mistake cannot
//! hide in both. [`world`] is pure; [`http`] serves it.

mod bindings;
#[cfg(feature = "embedded-broker")]
pub mod broker;
mod calendar;
mod captcha;
mod codes;
mod command;
mod control;
mod devices;
mod errors;
mod exchange;
pub mod faults;
mod form;
pub mod http;
pub mod limits;
mod live;
mod outbox;
mod png;
mod products;
pub mod push;
mod push_control;
mod push_faults;
mod push_messages;
pub mod quirks;
mod raw_log;
mod registration;
mod reports;
mod reset;
mod rights;
mod routes;
pub mod scenario;
mod scheduler;
mod schedules;
mod service;
mod session;
mod signature;
mod tokens;
mod user_changes;
mod users;
mod values;
mod verification;
pub mod world;
mod ws;

pub use exchange::{Answer, Reaction, Request};
pub use http::{Simulator, start};
pub use push::{M2mHost, Outgoing, SocketId};
pub use scenario::Scenario;
pub use world::World;

#[cfg(test)]
mod tests;
