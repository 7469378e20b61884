//! Devices to be looked at once more, since a report could not be believed at once: by a read over push
//! first, then by a poll.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::Did;

/// A device answers a read within a fraction of a second, or not at all.
const READ_WITHIN: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Look {
    /// Only what was asked for after this tells.
    after: Duration,
    at: Duration,
    is_poll: bool,
}

/// See the module. Bounded by nature: one for each device.
#[derive(Debug, Default)]
pub(super) struct Looks {
    planned: BTreeMap<Did, Look>,
}

impl Looks {
    /// Something asked for at `at` or later would tell.
    pub(super) fn plan(&mut self, did: &Did, at: Duration) {
        let is_later = |look: &Look| look.after >= at;
        if self.planned.get(did).is_some_and(is_later) {
            return;
        }
        let look = Look {
            after: at,
            at,
            is_poll: false,
        };
        self.planned.insert(did.clone(), look);
    }

    /// A report of all values, asked for at `asked_at`, was believed.
    pub(super) fn seen(&mut self, did: &Did, asked_at: Duration) {
        if self
            .planned
            .get(did)
            .is_some_and(|look| look.after <= asked_at)
        {
            self.planned.remove(did);
        }
    }

    /// Devices whose turn it is, and whether only a poll will do.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(Did, bool)> {
        let due = self.planned.iter().filter(|(_, look)| look.at <= now);
        let due: Vec<(Did, bool)> = due.map(|(did, look)| (did.clone(), look.is_poll)).collect();
        for (did, is_poll) in &due {
            if *is_poll {
                self.planned.remove(did);
            } else if let Some(look) = self.planned.get_mut(did) {
                look.at = now + READ_WITHIN;
                look.is_poll = true;
            }
        }
        due
    }

    /// A poll was asked for already.
    pub(super) fn polled(&mut self, did: &Did) {
        self.planned.remove(did);
    }

    /// Anything to do at this moment?
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.planned.values().map(|look| look.at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_read_that_is_not_answered_is_followed_by_a_poll() {
        let spa = Did::new("spa").unwrap();
        let mut looks = Looks::default();
        looks.plan(&spa, s(10));
        looks.plan(&spa, s(5));
        assert_eq!(looks.next_deadline(), Some(s(10)));
        looks.seen(&spa, s(9));
        assert_eq!(looks.due(s(10)), [(spa.clone(), false)]);
        assert_eq!(looks.due(s(10)), []);
        assert_eq!(looks.due(s(13)), [(spa.clone(), true)]);
        assert_eq!(looks.next_deadline(), None);

        looks.plan(&spa, s(20));
        assert_eq!(looks.due(s(20)).len(), 1);
        looks.seen(&spa, s(20));
        assert_eq!(looks.next_deadline(), None, "the read was answered");
    }
}
