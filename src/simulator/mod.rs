//! Layer 4: a Gizwits cloud that runs anywhere, for tests and demonstrations.
//!
//! It spells the cloud's JSON on its own and borrows nothing from `gizwits`, so that a mistake cannot
//! hide in both. [`world`] is pure; [`http`] serves it.

#[cfg(feature = "embedded-broker")]
pub mod broker;
mod calls;
mod control;
mod errors;
mod faults;
pub mod http;
mod live;
pub mod scenario;
mod values;
pub mod world;

pub use http::{Simulator, start};
pub use scenario::Scenario;
pub use world::{Reaction, Request, World};

#[cfg(test)]
mod tests;
