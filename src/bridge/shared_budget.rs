//! What all accounts share: the turn that only one of them can have, and behind one address a limit of
//! calls a minute (`limits.total_requests_per_minute`).
//!
//! The most urgent call of all accounts goes first, equals take turns, and nobody is overtaken for
//! ever. 9041 leaves this limit alone; see `docs/decisions/0012-a-shared-limit-is-the-users-word.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::AccountName;

use super::account::Offer;
use super::bucket::Bucket;
use super::calls::PATIENCE;
use super::gate::Urgency;
use super::settings::Settings;

/// What polling of one account may count on of the shared limit: an equal part. More may pass where
/// others leave it, but a pace that counted on that would promise turns that do not come.
pub(super) fn share(settings: &Settings) -> u32 {
    let Some(total) = settings.total_requests_per_minute else {
        return u32::MAX;
    };
    let accounts = u32::try_from(settings.accounts.len()).unwrap_or(u32::MAX);
    let polling = total.saturating_sub(Urgency::Rest.reserve().of(total));
    (polling / accounts.max(1)).max(1)
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SharedBudget {
    /// `None`: no limit. Calls are counted all the same, since a reload may set one.
    limit: Option<u32>,
    bucket: Bucket,
    /// The number of each account's last call; absent before the first.
    last: BTreeMap<AccountName, u64>,
    calls: u64,
    overtaken: u32,
    blocked_until: Option<Duration>,
}

impl SharedBudget {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// New settings. Accounts that are gone have no turn any more; their calls still count.
    pub(super) fn reconfigure(&mut self, settings: &Settings) {
        self.limit = settings.total_requests_per_minute;
        self.last
            .retain(|name, _| settings.accounts.contains_key(name));
    }

    /// Calls of an earlier run.
    pub(super) fn restore(&mut self, bucket: &Bucket) {
        self.bucket.join(bucket);
    }

    /// Whose call leaves now. When it has left, the caller says [`Self::sent`].
    pub(super) fn choose(
        &mut self,
        now: Duration,
        offers: &BTreeMap<AccountName, Offer>,
    ) -> Option<(AccountName, Offer)> {
        self.blocked_until = None;
        let last = |name| self.last.get(name).copied();
        let (mut chosen, offer) = offers
            .iter()
            .min_by_key(|(name, offer)| (offer.urgency, last(*name)))?;
        let urgency = offer.urgency;
        // Those that are less urgent leave more, so where the most urgent must wait, all must.
        let ready = |limit| {
            self.bucket
                .ready_at(now, limit, urgency.reserve().of(limit))
        };
        self.blocked_until = self.limit.and_then(ready);
        if self.blocked_until.is_some() {
            return None;
        }
        if urgency > Urgency::Command {
            // As in an account's queue: once in a while the one that has waited longest goes.
            let (longest, _) = offers.iter().min_by_key(|(name, _)| last(*name))?;
            if self.overtaken >= PATIENCE {
                chosen = longest;
            }
            self.overtaken = if chosen == longest {
                0
            } else {
                self.overtaken + 1
            };
        }
        Some((chosen.clone(), *offers.get(chosen)?))
    }

    /// A call left.
    pub(super) fn sent(&mut self, now: Duration, name: &AccountName) {
        self.bucket.spend(now);
        self.calls += 1;
        self.last.insert(name.clone(), self.calls);
    }

    /// When the limit lets the next call through, where one waits for it.
    pub(super) const fn next_deadline(&self) -> Option<Duration> {
        self.blocked_until
    }

    /// The limit, and how much of it is left; `None` without one.
    pub(super) fn left(&self, now: Duration) -> Option<(u32, u32)> {
        let limit = self.limit?;
        Some((limit, self.bucket.left(now, limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn offers(urgencies: &[(&str, Urgency)]) -> BTreeMap<AccountName, Offer> {
        let offer = |(name, urgency): &(&str, Urgency)| {
            (AccountName::new(*name).unwrap(), Offer::of(*urgency))
        };
        urgencies.iter().map(offer).collect()
    }

    /// Who goes, in order, where all always want the same.
    fn order(shared: &mut SharedBudget, want: &[(&str, Urgency)], calls: usize) -> String {
        let offers = offers(want);
        let mut names = String::new();
        for _ in 0..calls {
            let (name, _) = shared.choose(s(0), &offers).unwrap();
            shared.sent(s(0), &name);
            names.push_str(name.as_str());
        }
        names
    }

    #[test]
    fn equals_take_turns_and_a_newcomer_is_next() {
        let mut shared = SharedBudget::new(None);
        let three = ["a", "b", "c"].map(|name| (name, Urgency::Rest));
        assert_eq!(order(&mut shared, &three[..2], 4), "abab");
        assert_eq!(order(&mut shared, &three, 4), "cabc");
    }

    #[test]
    fn the_most_urgent_goes_first_and_the_others_in_the_end() {
        let mut shared = SharedBudget::new(None);
        let want = [
            ("a", Urgency::Rest),
            ("b", Urgency::Stale),
            ("c", Urgency::Rest),
        ];
        assert_eq!(order(&mut shared, &want, 15), "bbbbabbbbcbbbba");
        let want = [("a", Urgency::Rest), ("b", Urgency::Command)];
        assert_eq!(
            order(&mut shared, &want, 12),
            "bbbbbbbbbbbb",
            "commands never yield"
        );
    }

    #[test]
    fn it_says_when_to_ask_again_and_then_lets_one_through() {
        let mut shared = SharedBudget::new(Some(10));
        let want = offers(&[("a", Urgency::Rest)]);
        for at in 0..8 {
            let (name, _) = shared.choose(s(at), &want).unwrap();
            assert_eq!(shared.next_deadline(), None);
            shared.sent(s(at), &name);
        }
        assert_eq!(shared.choose(s(9), &want), None);
        assert_eq!(shared.next_deadline(), Some(s(60)));
        assert_eq!(shared.left(s(9)), Some((10, 2)));
        let command = offers(&[("a", Urgency::Rest), ("b", Urgency::Command)]);
        let (name, _) = shared.choose(s(9), &command).unwrap();
        assert_eq!(name.as_str(), "b");
        assert_eq!(shared.choose(s(59), &want), None);
        assert!(shared.choose(s(60), &want).is_some());
        assert_eq!(shared.choose(s(60), &BTreeMap::new()), None);
        assert_eq!(shared.next_deadline(), None, "nobody waits");
    }
}
