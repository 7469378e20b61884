//! What time it is, as plain numbers. The type only: `app::clock` is where time comes from.

use std::time::Duration;

/// A moment, told to the core with every input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the process started; never goes back. For deadlines.
    pub mono: Duration,
    /// Unix seconds. For token expiry and `updated_at`; may jump when the machine's clock is set.
    pub unix: i64,
}

impl Now {
    /// Unix seconds of a later moment, as far as the machine's clock was not set in between: always the
    /// same for a moment, which counting back from now would not be.
    #[must_use]
    pub fn unix_at(self, mono: Duration) -> i64 {
        let after = mono.saturating_sub(self.mono).as_secs();
        self.unix.saturating_add_unsigned(after)
    }
}
