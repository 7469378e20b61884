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
    /// Unix seconds of an earlier moment, as far as the machine's clock was not set since.
    #[must_use]
    pub fn unix_at(self, mono: Duration) -> i64 {
        let ago = self.mono.saturating_sub(mono).as_secs();
        self.unix.saturating_sub_unsigned(ago)
    }
}
