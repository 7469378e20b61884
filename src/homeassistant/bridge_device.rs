//! The bridge as a device of its own, which the others name with `via_device`.

use crate::ids::AccountName;

use super::discovery::Announcement;
use super::topic::Topics;

/// The message for the bridge: its connection, each account's state, a button to refresh.
#[must_use]
pub fn announce_bridge(topics: &Topics, version: &str, accounts: &[AccountName]) -> Announcement {
    todo!("{topics:?} {version} {accounts:?}")
}
