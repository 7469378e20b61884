//! A bound that is met: what it costs is counted, and told when it begins and when it is over.

use tracing::{info, warn};

/// One kind of message that waits, and how many of it were lost.
#[derive(Debug)]
pub(super) struct Overflow {
    kind: &'static str,
    bound: usize,
    count: u64,
    /// The count when the bound was met; `None`: there is room.
    since: Option<u64>,
}

impl Overflow {
    pub(super) const fn new(kind: &'static str, bound: usize) -> Self {
        Self {
            kind,
            bound,
            count: 0,
            since: None,
        }
    }

    pub(super) const fn bound(&self) -> usize {
        self.bound
    }

    /// One more message is lost.
    pub(super) fn lost(&mut self, is_up: bool) {
        if self.since.is_none() {
            let reason = if is_up {
                "they come faster than the broker takes them"
            } else {
                "the broker is away"
            };
            warn!(
                kind = self.kind,
                bound = self.bound,
                reason,
                "messages for the broker are lost: more of them wait than the outbox holds"
            );
            self.since = Some(self.count);
        }
        self.count += 1;
    }

    /// So many wait now. Below half of the bound the trouble is over.
    pub(super) fn has(&mut self, waiting: usize) {
        if waiting < self.bound / 2
            && let Some(since) = self.since.take()
        {
            info!(
                kind = self.kind,
                lost = self.count - since,
                "no more messages for the broker are lost"
            );
        }
    }

    /// Lost since the start.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The bound is met, or was a moment ago.
    pub(super) const fn is_full(&self) -> bool {
        self.since.is_some()
    }
}
