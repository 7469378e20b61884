//! Brings the devices of a Gizwits account to MQTT and Home Assistant.
//!
//! ```text
//! 6  cli                                                    composition, printing, exit codes
//! 5  app                                                    tasks, channels, signals, the clock
//! 4  happy_eyeballs, tls_fault -> gizwits | mqtt | config | store | web | simulator
//!                                                           edges; they do not know one another
//! 3  bridge                                                 the state machine: inputs and time in, effects out
//! 2  profile -> homeassistant                               pure mapping
//! 1  model                                                  devices, datapoints, values
//! 0  ids, secret, clock, retry, yaml, printable             words everybody uses
//! ```
//!
//! Arrows point only downward; `tests/architecture.rs` holds the code to it. `docs/ARCHITECTURE.md`
//! tells where to find what.

pub mod clock;
pub mod ids;
pub mod printable;
pub mod retry;
pub mod secret;
pub mod yaml;

pub mod model;

pub mod homeassistant;
pub mod profile;

pub mod bridge;

pub mod happy_eyeballs;
pub mod tls_fault;

pub mod config;
pub mod gizwits;
pub mod mqtt;
pub mod simulator;
pub mod store;
pub mod web;

pub mod app;

pub mod cli;
