//! When the bindings are listed.

use std::time::Duration;

use super::Account;

/// The longest between two listings, where push tells of changes.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

impl Account {
    /// Lists the bindings soon: something hints that they changed.
    pub(in crate::bridge) fn list_at(&mut self, at: Duration) {
        self.bindings_due = self.bindings_due.min(at);
    }

    /// A listing is over. Push tells of changes, where it brings all devices: then the next one may come
    /// later each time that it shows none.
    pub(in crate::bridge) fn rest_after_listing(&mut self, is_calm: bool, now: Duration) {
        let longest = LONGEST_REST.max(self.bindings_interval);
        self.listing_rest = if is_calm {
            (self.listing_rest * 2).min(longest)
        } else {
            self.bindings_interval
        };
        if is_calm {
            // The one that was planned when this one began.
            self.bindings_due = self.bindings_due.max(now + self.listing_rest);
        }
    }

    /// Push tells of no changes any more: the list of devices is as old as without it at most.
    pub(in crate::bridge) fn list_without_push(&mut self, now: Duration) {
        self.listing_rest = self.bindings_interval;
        self.list_at(now + self.bindings_interval);
    }
}
