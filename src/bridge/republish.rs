//! All retained topics again, a slice at a time: after a reconnect, Home Assistant's birth, a reload, or
//! a loss in the outbox. The next slice goes out when the broker has nearly all of the last one, so that
//! no step takes long and the outbox never overflows.

use std::time::Duration;

use crate::ids::Did;

use super::effect::Effect;

/// Devices that are offered or announced before the outbox is waited for.
const MAX_AT_ONCE: usize = 50;

/// What a round still has to offer, and whether it may go on.
#[derive(Debug, Default)]
pub(super) struct Republish {
    round: Option<Round>,
    /// Devices since the outbox was known to be nearly empty.
    offered: usize,
}

/// One pass over everything.
#[derive(Debug)]
pub(super) struct Round {
    /// Discovery messages are spread over this time.
    pub(super) spread: Duration,
    /// Topic levels of an earlier run whose devices are not known again yet.
    pub(super) levels: Vec<String>,
    /// The device that was offered last.
    pub(super) last: Option<Did>,
}

impl Republish {
    /// Everything from the start, whatever was still to be offered.
    pub(super) fn begin(&mut self, round: Round) {
        self.round = Some(round);
    }

    /// The round that is under way.
    pub(super) fn round_mut(&mut self) -> Option<&mut Round> {
        self.round.as_mut()
    }

    /// The round is over.
    pub(super) fn end(&mut self) {
        self.round = None;
    }

    /// More may be offered.
    pub(super) const fn has_room(&self) -> bool {
        self.offered < MAX_AT_ONCE
    }

    /// A device was offered. After the last one of a slice the outbox is asked to tell when it has room.
    pub(super) fn offered(&mut self, out: &mut Vec<Effect>) {
        self.offered += 1;
        if self.offered == MAX_AT_ONCE {
            out.push(Effect::TellDrained);
        }
    }

    /// The outbox has room again.
    pub(super) fn has_drained(&mut self) {
        self.offered = 0;
    }
}
