//! When a device's discovery message goes out.
//!
//! Home Assistant drops part of a message that arrives while an earlier one of the same device is
//! still being set up. So a device settles first, changes keep their distance, and each change is
//! sent once more when the set-up is surely over.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::Did;

use super::deadlines::Deadlines;

/// Schema, first values and name arrive within moments of each other; they make one message.
const SETTLE: Duration = Duration::from_secs(1);
/// Set-up in Home Assistant takes seconds; two messages keep this distance.
const APART: Duration = Duration::from_secs(10);

/// The timing of one device's message.
#[derive(Debug)]
pub(super) struct Announcing {
    due: Option<Duration>,
    sent: Option<Duration>,
    again: bool,
}

impl Announcing {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            due: Some(now + SETTLE),
            sent: None,
            again: true,
        }
    }

    /// Something in the message may have changed.
    pub(super) fn changed(&mut self, now: Duration) {
        let earliest = self.sent.map_or(Duration::ZERO, |sent| sent + APART);
        let at = (now + SETTLE).max(earliest);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
        self.again = true;
    }

    /// The device is not known well enough yet; [`Self::changed`] follows when it is.
    pub(super) fn hold(&mut self) {
        self.due = None;
    }

    /// The link is new, or Home Assistant is: send after `delay`, whatever was sent before.
    pub(super) fn renew(&mut self, now: Duration, delay: Duration) {
        self.due = Some(now + delay);
        self.sent = None;
        self.again = true;
    }

    pub(super) const fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The message goes out now. It goes out once more, unchanged, when Home Assistant has had time.
    pub(super) fn sent(&mut self, now: Duration) {
        self.sent = Some(now);
        self.due = self.again.then_some(now + APART);
        self.again = false;
    }
}

/// The timing of all devices' messages. It is as large as the list of devices.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    timings: BTreeMap<Did, Announcing>,
    due: Deadlines<Did>,
}

impl Announcer {
    /// A new device.
    pub(super) fn join(&mut self, did: &Did, now: Duration) {
        self.timings.insert(did.clone(), Announcing::new(now));
        self.plan(did);
    }

    /// The device is gone.
    pub(super) fn forget(&mut self, did: &Did) {
        self.timings.remove(did);
        self.due.remove(did);
    }

    /// Something in the device's message may have changed.
    pub(super) fn changed(&mut self, did: &Did, now: Duration) {
        self.update(did, |timing| timing.changed(now));
    }

    /// The device is not known well enough yet; [`Self::changed`] follows when it is.
    pub(super) fn hold(&mut self, did: &Did) {
        self.update(did, Announcing::hold);
    }

    /// The link is new, or Home Assistant is: send after `delay`, whatever was sent before.
    pub(super) fn renew(&mut self, did: &Did, now: Duration, delay: Duration) {
        self.update(did, |timing| timing.renew(now, delay));
    }

    /// The device's message goes out now. True when it does not go out once more.
    pub(super) fn sent(&mut self, did: &Did, now: Duration) -> bool {
        self.update(did, |timing| timing.sent(now));
        !self.due.contains(did)
    }

    /// The earliest moment at which a message is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.due.next()
    }

    /// A device whose message is due. It is [`Self::sent`] then, or put on [`Self::hold`].
    pub(super) fn take_due(&mut self, now: Duration) -> Option<Did> {
        self.due.take_due(now)
    }

    fn update(&mut self, did: &Did, change: impl FnOnce(&mut Announcing)) {
        if let Some(timing) = self.timings.get_mut(did) {
            change(timing);
            self.plan(did);
        }
    }

    fn plan(&mut self, did: &Did) {
        match self.timings.get(did).and_then(Announcing::due) {
            Some(at) => self.due.set(did, at),
            None => drop(self.due.remove(did)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_message_settles_goes_out_and_is_sent_once_more() {
        let mut announcing = Announcing::new(s(0));
        assert_eq!(announcing.due(), Some(s(1)));
        announcing.sent(s(1));
        assert_eq!(announcing.due(), Some(s(11)));
        announcing.sent(s(11));
        assert_eq!(announcing.due(), None);
    }

    #[test]
    fn a_change_soon_after_a_message_keeps_its_distance() {
        let mut announcing = Announcing::new(s(0));
        announcing.sent(s(1));
        announcing.changed(s(2));
        assert_eq!(announcing.due(), Some(s(11)));
        announcing.sent(s(11));
        assert_eq!(
            announcing.due(),
            Some(s(21)),
            "the change goes out twice, too"
        );
    }

    #[test]
    fn a_change_long_after_settles_only() {
        let mut announcing = Announcing::new(s(0));
        announcing.sent(s(1));
        announcing.sent(s(11));
        announcing.changed(s(100));
        announcing.changed(s(100));
        assert_eq!(announcing.due(), Some(s(101)));
    }
}
