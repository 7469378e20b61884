//! The account's push connections: which there are, which are healthy, whom they bring reports of.

use std::time::Duration;

use crate::clock::Now;
use crate::ids::{Did, LinkId};

use super::effect::Effect;
use super::machine::Bridge;
use super::socket::SocketEvent;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PushLinks {}

impl PushLinks {
    /// The healthy connection over which a device can be spoken to now.
    pub(super) fn route(&self, _did: &Did) -> Option<LinkId> {
        None
    }

    /// Anything to do at this moment?
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        None
    }
}

impl Bridge {
    /// What a connection told.
    pub(super) fn on_socket(
        &mut self,
        _now: Now,
        _link: LinkId,
        _event: SocketEvent,
        _out: &mut Vec<Effect>,
    ) {
    }
}
