//! How long to wait after the n-th failure in a row. The only user of the crate `backoff`, whose own
//! chance is switched off: jitter is an argument, so that the same seed gives the same run.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

/// First wait, factor and longest wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Wait after the first failure.
    pub first: Duration,
    /// What each further failure multiplies it by; at least 1.
    pub factor: f64,
    /// The longest wait, before jitter.
    pub longest: Duration,
}

impl RetryPolicy {
    /// No wait is longer.
    #[must_use]
    pub fn longest_with_jitter(&self) -> Duration {
        self.longest.mul_f64(1.0 + JITTER)
    }
}

/// Counts failures in a row under a policy.
#[derive(Debug, Clone)]
pub struct Retry {
    backoff: ExponentialBackoff,
    failures: u32,
}

/// The share of a wait that jitter may add.
const JITTER: f64 = 0.2;

impl Retry {
    /// Starts without a failure.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        let mut backoff = ExponentialBackoff {
            initial_interval: policy.first,
            multiplier: policy.factor,
            max_interval: policy.longest,
            randomization_factor: 0.0,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        backoff.reset();
        Self {
            backoff,
            failures: 0,
        }
    }

    /// Counts one more failure and tells how long to wait. `chance` is from 0 to 1 and lengthens
    /// the wait by up to a fifth; it never shortens it, since the wait may be a server's demand.
    pub fn failed(&mut self, chance: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = self
            .backoff
            .next_backoff()
            .unwrap_or(self.backoff.max_interval);
        wait.mul_f64(JITTER.mul_add(chance.clamp(0.0, 1.0), 1.0))
    }

    /// Forgets the failures.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.backoff.reset();
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        first: Duration::from_secs(2),
        factor: 2.0,
        longest: Duration::from_secs(10),
    };

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_success() {
        let mut retry = Retry::new(POLICY);
        let waits: Vec<u64> = (0..5).map(|_| retry.failed(0.0).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 10, 10]);
        assert_eq!(retry.failures(), 5);
        retry.succeeded();
        assert_eq!(retry.failed(0.0), Duration::from_secs(2));
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(Retry::new(POLICY).failed(1.0), Duration::from_millis(2400));
    }
}
