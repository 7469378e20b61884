//! Whether a device that a listing lacks is unbound. Taking it from Home Assistant costs its history,
//! and an empty answer has been seen by mistake, so that needs proof.

use std::time::Duration;

/// A device that complete listings lack for this long counts as unbound.
pub(super) const ABSENT_FOR: Duration = Duration::from_secs(15 * 60);
/// At least so many of them must lack it.
const LISTINGS: u32 = 2;

/// What speaks for a device being unbound. A listing that fails or is incomplete says nothing.
#[derive(Debug, Default)]
pub(super) struct Absence {
    /// When the first of the complete listings began that lack it.
    since: Option<Duration>,
    /// How many there were in a row.
    listings: u32,
    /// Something else told that it is not bound: a call of its own, push, or our own unbind.
    proven_at: Option<Duration>,
}

impl Absence {
    /// A listing that began then shows the device.
    pub(super) fn seen(&mut self, began: Duration) {
        self.since = None;
        self.listings = 0;
        // What was listed before the proof does not contradict it.
        self.proven_at = self.proven_at.filter(|at| *at >= began);
    }

    /// A complete listing that began then lacks the device. True for the first one.
    pub(super) fn missed(&mut self, began: Duration) -> bool {
        self.listings = self.listings.saturating_add(1);
        let is_first = self.since.is_none();
        self.since.get_or_insert(began);
        is_first
    }

    /// Something else than a listing tells that the device is not bound.
    pub(super) fn prove(&mut self, at: Duration) {
        self.proven_at = Some(at);
    }

    /// Since when the listings lack it.
    pub(super) const fn since(&self) -> Option<Duration> {
        self.since
    }

    /// Is it to be believed that the device is unbound? The newest listing must lack it.
    pub(super) fn is_believed(&self, now: Duration) -> bool {
        self.since.is_some_and(|since| {
            let is_long = self.listings >= LISTINGS && now >= since + ABSENT_FOR;
            self.proven_at.is_some() || is_long
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn two_listings_and_a_quarter_of_an_hour_make_it_unbound() {
        let mut absence = Absence::default();
        assert!(absence.missed(s(0)));
        assert!(!absence.is_believed(s(10_000)), "one listing is not enough");
        assert!(!absence.missed(s(30)));
        assert!(!absence.is_believed(s(899)));
        assert!(absence.is_believed(s(900)));
    }

    #[test]
    fn a_listing_that_shows_it_ends_the_doubt() {
        let mut absence = Absence::default();
        absence.missed(s(0));
        absence.seen(s(600));
        absence.missed(s(700));
        absence.missed(s(900));
        assert!(!absence.is_believed(s(1_500)));
        assert!(absence.is_believed(s(1_600)));
    }

    #[test]
    fn with_proof_the_next_listing_that_lacks_it_decides() {
        let mut absence = Absence::default();
        absence.prove(s(10));
        assert!(!absence.is_believed(s(20)), "no listing lacks it");
        absence.seen(s(5));
        absence.missed(s(11));
        assert!(
            absence.is_believed(s(12)),
            "what was listed before says nothing"
        );
        absence.seen(s(13));
        absence.missed(s(14));
        assert!(!absence.is_believed(s(15)), "it was bound again");
    }
}
