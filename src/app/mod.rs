//! Layer 5: tasks, channels, signals and the clock.

pub mod clock;
pub mod memory;
pub mod notify;
