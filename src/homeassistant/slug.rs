//! A topic level from the name that a user gave a device.

use crate::ids::{Did, Mac};

/// The level for a device: a slug of its alias (lower case; blanks to `_`; `/ + # $` and control
/// characters dropped; other letters of any script kept), else its mac, else its did.
/// `bridge`, which is taken, counts as a clash: the caller adds the suffix.
#[must_use]
pub fn level(alias: &str, mac: Option<&Mac>, did: &Did) -> String {
    todo!("{alias} {mac:?} {did}")
}

/// `level` with `_` and the last four characters of the did, for the second of two equal ones.
#[must_use]
pub fn with_suffix(level: &str, did: &Did) -> String {
    todo!("{level} {did}")
}
