//! The bindings list while its pages come in.

use std::collections::BTreeMap;

use crate::ids::Did;
use crate::model::Device;

/// Rows a page. The documented default; the cloud may cap a larger wish without saying so, and then
/// a short page would look like the last one.
pub(super) const PAGE: u32 = 20;
/// Most rows that are read: a bound on memory against a server that never ends.
const MAX_ROWS: u32 = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Listing {
    devices: BTreeMap<Did, Device>,
    /// The page that is waited for; `None` between two listings.
    next: Option<u32>,
}

/// What a page led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Ask for the page after this many rows.
    More {
        /// Rows to leave out.
        skip: u32,
    },
    /// All of them.
    Complete(Vec<Device>),
    /// A page of a listing that was begun anew meanwhile.
    Stale,
}

impl Listing {
    /// Takes the page that began at `skip` and had `rows` rows.
    pub(super) fn page(&mut self, skip: u32, rows: u32, devices: Vec<Device>) -> Listed {
        if skip == 0 {
            self.devices.clear();
        } else if self.next != Some(skip) {
            return Listed::Stale;
        }
        let before = self.devices.len();
        self.devices.extend(
            devices
                .into_iter()
                .map(|device| (device.did.clone(), device)),
        );
        // A page without a new device means that `skip` is ignored.
        let new = skip == 0 || self.devices.len() > before;
        let next = skip.saturating_add(rows);
        if rows >= PAGE && new && next < MAX_ROWS {
            self.next = Some(next);
            return Listed::More { skip: next };
        }
        self.next = None;
        Listed::Complete(std::mem::take(&mut self.devices).into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::testing::device;

    fn page(from: usize, rows: usize) -> Vec<Device> {
        (from..from + rows)
            .map(|n| device(&format!("did{n:03}"), "pk"))
            .collect()
    }

    #[test]
    fn pages_are_read_until_a_short_one() {
        let mut listing = Listing::default();
        assert_eq!(listing.page(0, 20, page(0, 20)), Listed::More { skip: 20 });
        let Listed::Complete(all) = listing.page(20, 5, page(20, 5)) else {
            panic!("not complete")
        };
        assert_eq!(all.len(), 25);
    }

    #[test]
    fn a_listing_that_is_begun_anew_makes_no_half_list() {
        let mut listing = Listing::default();
        for _ in 0..2 {
            assert_eq!(listing.page(0, 20, page(0, 20)), Listed::More { skip: 20 });
        }
        assert!(
            matches!(listing.page(20, 5, page(20, 5)), Listed::Complete(all) if all.len() == 25)
        );
        assert_eq!(listing.page(20, 5, page(20, 5)), Listed::Stale);
    }

    #[test]
    fn a_full_last_page_is_followed_by_an_empty_one() {
        let mut listing = Listing::default();
        assert_eq!(listing.page(0, 20, page(0, 20)), Listed::More { skip: 20 });
        let Listed::Complete(all) = listing.page(20, 0, vec![]) else {
            panic!("not complete")
        };
        assert_eq!(all.len(), 20);
    }

    #[test]
    fn a_server_that_ignores_skip_ends_the_listing() {
        let mut listing = Listing::default();
        assert_eq!(listing.page(0, 20, page(0, 20)), Listed::More { skip: 20 });
        assert!(
            matches!(listing.page(20, 20, page(0, 20)), Listed::Complete(all) if all.len() == 20)
        );
    }
}
