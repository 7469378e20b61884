//! Layer 5: tasks, channels, signals and the clock.
