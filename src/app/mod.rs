//! Layer 5: tasks, channels, signals and the clock.

pub mod clock;
pub mod cloud;
pub mod edges;
pub mod engine;
pub mod health_checks;
pub mod memory;
pub mod notify;
mod profile_watch;
pub mod scribe;
pub mod signals;
pub mod supervisor;
