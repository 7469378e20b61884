//! A list while its pages come in: the bindings, or the schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::{Did, ScheduleId};
use crate::model::{Device, Schedule};

/// Rows a page. The documented default; the cloud may cap a larger wish without saying so, and then
/// a short page would look like the last one.
pub(super) const PAGE: u32 = 20;

/// What a list is made of.
pub(super) trait Row {
    /// Names a row.
    type Key: Ord;
    /// Most rows that are read: a bound on memory against a server that never ends.
    const MAX_ROWS: u32;

    fn key(&self) -> Self::Key;
}

impl Row for Device {
    type Key = Did;
    const MAX_ROWS: u32 = 10_000;

    fn key(&self) -> Did {
        self.did.clone()
    }
}

impl Row for Schedule {
    type Key = ScheduleId;
    const MAX_ROWS: u32 = 1_000;

    fn key(&self) -> ScheduleId {
        self.id.clone()
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Listing<T: Row> {
    rows: BTreeMap<T::Key, T>,
    /// The page that is waited for; `None` between two listings.
    next: Option<u32>,
    /// When its first page was asked for.
    began: Duration,
}

/// What a page led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed<T> {
    /// Ask for the page after this many rows.
    More {
        /// Rows to leave out.
        skip: u32,
    },
    /// All of them.
    Complete(Vec<T>),
    /// A page of a listing that was begun anew meanwhile.
    Stale,
}

impl<T: Row> Default for Listing<T> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            next: None,
            began: Duration::ZERO,
        }
    }
}

impl<T: Row> Listing<T> {
    /// When the first page of the newest listing was asked for: it shows nothing later.
    pub(super) const fn began(&self) -> Duration {
        self.began
    }

    /// Takes the page that began at `skip`, was asked for at `asked_at` and had `count` rows.
    pub(super) fn page(
        &mut self,
        skip: u32,
        asked_at: Duration,
        count: u32,
        rows: Vec<T>,
    ) -> Listed<T> {
        if asked_at < self.began {
            return Listed::Stale;
        }
        if skip == 0 {
            self.rows.clear();
            self.began = asked_at;
        } else if self.next != Some(skip) {
            return Listed::Stale;
        }
        let before = self.rows.len();
        self.rows
            .extend(rows.into_iter().map(|row| (row.key(), row)));
        // A page without a new row means that `skip` is ignored.
        let new = skip == 0 || self.rows.len() > before;
        let next = skip.saturating_add(count);
        if count >= PAGE && new && next < T::MAX_ROWS {
            self.next = Some(next);
            return Listed::More { skip: next };
        }
        self.next = None;
        Listed::Complete(std::mem::take(&mut self.rows).into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::testing::device;

    const AT: Duration = Duration::from_secs(1);

    fn page(from: usize, rows: usize) -> Vec<Device> {
        (from..from + rows)
            .map(|n| device(&format!("did{n:03}"), "pk"))
            .collect()
    }

    #[test]
    fn pages_are_read_until_a_short_one() {
        let mut listing = Listing::default();
        assert_eq!(
            listing.page(0, AT, 20, page(0, 20)),
            Listed::More { skip: 20 }
        );
        let Listed::Complete(all) = listing.page(20, AT, 5, page(20, 5)) else {
            panic!("not complete")
        };
        assert_eq!(all.len(), 25);
    }

    #[test]
    fn a_listing_that_is_begun_anew_makes_no_half_list() {
        let mut listing = Listing::default();
        for _ in 0..2 {
            assert_eq!(
                listing.page(0, AT, 20, page(0, 20)),
                Listed::More { skip: 20 }
            );
        }
        assert!(
            matches!(listing.page(20, AT, 5, page(20, 5)), Listed::Complete(all) if all.len() == 25)
        );
        assert_eq!(listing.page(20, AT, 5, page(20, 5)), Listed::Stale);
    }

    #[test]
    fn a_full_last_page_is_followed_by_an_empty_one() {
        let mut listing = Listing::default();
        assert_eq!(
            listing.page(0, AT, 20, page(0, 20)),
            Listed::More { skip: 20 }
        );
        let Listed::Complete(all) = listing.page(20, AT, 0, vec![]) else {
            panic!("not complete")
        };
        assert_eq!(all.len(), 20);
    }

    #[test]
    fn a_server_that_ignores_skip_ends_the_listing() {
        let mut listing = Listing::default();
        assert_eq!(
            listing.page(0, AT, 20, page(0, 20)),
            Listed::More { skip: 20 }
        );
        assert!(
            matches!(listing.page(20, AT, 20, page(0, 20)), Listed::Complete(all) if all.len() == 20)
        );
    }

    #[test]
    fn an_old_page_does_not_get_into_a_newer_listing() {
        let mut listing = Listing::default();
        let later = Duration::from_secs(2);
        assert_eq!(
            listing.page(0, AT, 20, page(0, 20)),
            Listed::More { skip: 20 }
        );
        assert_eq!(
            listing.page(0, later, 20, page(0, 20)),
            Listed::More { skip: 20 }
        );
        assert_eq!(listing.page(20, AT, 5, page(20, 5)), Listed::Stale);
        assert!(
            matches!(listing.page(20, later, 0, vec![]), Listed::Complete(all) if all.len() == 20)
        );
        assert_eq!(listing.page(0, AT, 1, page(0, 1)), Listed::Stale);
    }
}
