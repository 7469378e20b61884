//! Which region an account lives in, found by trying (`region: auto`).
//!
//! Each region is its own user database: a wrong one refuses the login, or lets one in and shows no
//! device (both seen), so only devices prove a region.

use crate::model::Region;

/// What a region had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Refused,
    NoDevices,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Whereabouts {
    tried: Vec<(Region, Found)>,
    current: usize,
    settled: bool,
    /// The devices were seen in the current region.
    at_home: bool,
}

/// What to do after a region answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// This is the region; stay.
    Stay,
    /// Try [`Whereabouts::region`], which is another one now.
    Move,
    /// Every region refused the login.
    RefusedEverywhere,
}

impl Whereabouts {
    /// `known` is where the devices were in an earlier run.
    pub(super) fn new(regions: &[Region], known: Option<Region>) -> Self {
        let mut tried: Vec<_> = regions
            .iter()
            .map(|region| (*region, Found::Nothing))
            .collect();
        let place = known.and_then(|known| tried.iter().position(|(region, _)| *region == known));
        if let Some(place) = place {
            tried.swap(0, place);
        }
        let settled = tried.len() < 2;
        Self {
            tried,
            current: 0,
            settled,
            at_home: place.is_some(),
        }
    }

    pub(super) fn region(&self) -> Region {
        self.tried
            .get(self.current)
            .map_or(Region::Custom, |(region, _)| *region)
    }

    /// Every region refused the login: the next try begins with the first one.
    pub(super) fn search_again(&mut self) {
        if self.at_home {
            return;
        }
        for (_, found) in &mut self.tried {
            *found = Found::Nothing;
        }
        self.current = 0;
        self.settled = self.tried.len() < 2;
    }

    /// The login was refused here. Where the devices were, that is final: in another region the same
    /// name may be a user without devices, and settling there would take all of them for unbound.
    pub(super) fn refused(&mut self) -> Next {
        if self.at_home {
            return Next::RefusedEverywhere;
        }
        self.settled = false;
        self.note(Found::Refused)
    }

    /// The bindings were listed. Only a region with devices ends the search at once.
    pub(super) fn listed(&mut self, any: bool) -> Next {
        if self.settled || any {
            self.settled = true;
            self.at_home |= any;
            return Next::Stay;
        }
        self.note(Found::NoDevices)
    }

    fn note(&mut self, found: Found) -> Next {
        self.at_home = false;
        if let Some(entry) = self.tried.get_mut(self.current) {
            entry.1 = found;
        }
        let untried = self
            .tried
            .iter()
            .position(|(_, found)| *found == Found::Nothing);
        let empty = || {
            self.tried
                .iter()
                .position(|(_, found)| *found == Found::NoDevices)
        };
        if let Some(next) = untried {
            self.current = next;
            return Next::Move;
        }
        self.settled = true;
        match empty() {
            None => Next::RefusedEverywhere,
            Some(place) if place == self.current => Next::Stay,
            Some(place) => {
                self.current = place;
                Next::Move
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_region_with_devices_is_the_one() {
        let mut search = Whereabouts::new(&Region::AUTO, None);
        assert_eq!(search.region(), Region::Eu);
        assert_eq!(search.listed(false), Next::Move);
        assert_eq!(search.region(), Region::Us);
        assert_eq!(search.refused(), Next::Move);
        assert_eq!(search.region(), Region::Cn);
        assert_eq!(search.listed(true), Next::Stay);
        assert!(search.settled);
        assert_eq!(
            search.listed(false),
            Next::Stay,
            "an emptied account stays where it is"
        );
    }

    #[test]
    fn without_devices_anywhere_the_first_that_let_us_in_is_kept() {
        let mut search = Whereabouts::new(&Region::AUTO, None);
        assert_eq!(search.refused(), Next::Move);
        assert_eq!(search.listed(false), Next::Move);
        assert_eq!(search.refused(), Next::Move);
        assert_eq!(search.region(), Region::Us);
        assert!(search.settled);
    }

    #[test]
    fn refused_everywhere_ends_the_search() {
        let mut search = Whereabouts::new(&Region::AUTO, None);
        assert_eq!(search.refused(), Next::Move);
        assert_eq!(search.refused(), Next::Move);
        assert_eq!(search.refused(), Next::RefusedEverywhere);
        search.search_again();
        assert_eq!(search.region(), Region::Eu);
        assert_eq!(search.refused(), Next::Move);
        assert_eq!(search.listed(true), Next::Stay);
        assert_eq!(search.region(), Region::Us);
        let mut single = Whereabouts::new(&[Region::Custom], None);
        assert_eq!(single.refused(), Next::RefusedEverywhere);
    }

    #[test]
    fn a_known_region_is_tried_first_doubted_when_empty_and_final_when_it_refuses() {
        let mut search = Whereabouts::new(&Region::AUTO, Some(Region::Cn));
        assert_eq!(search.region(), Region::Cn);
        assert_eq!(search.refused(), Next::RefusedEverywhere);
        let mut search = Whereabouts::new(&Region::AUTO, Some(Region::Cn));
        assert_eq!(search.listed(false), Next::Move);
        assert_eq!(search.region(), Region::Us);
    }
}
