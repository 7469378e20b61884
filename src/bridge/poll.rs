//! Which device is polled next: one after the other, evenly over the interval.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use crate::ids::Did;

/// See the module.
#[derive(Debug)]
pub(super) struct PollPlan {
    interval: Duration,
    least_gap: Duration,
    devices: BTreeSet<Did>,
    last: Option<Did>,
    due: Duration,
}

impl PollPlan {
    /// `per_minute` bounds the pace: with too many devices for the interval the round gets longer.
    pub(super) fn new(interval: Duration, per_minute: u32) -> Self {
        let mut plan = Self {
            interval,
            least_gap: Duration::ZERO,
            devices: BTreeSet::new(),
            last: None,
            due: Duration::ZERO,
        };
        plan.set_pace(interval, per_minute, Duration::ZERO);
        plan
    }

    /// A shorter interval counts from `now`.
    pub(super) fn set_pace(&mut self, interval: Duration, per_minute: u32, now: Duration) {
        self.interval = interval;
        self.least_gap = Duration::from_secs(60) / per_minute.max(1);
        if !self.devices.is_empty() {
            self.due = self.due.min(now + self.gap());
        }
    }

    /// The caller fetches a new device at once; its turn in the round comes by itself.
    pub(super) fn add(&mut self, did: Did, now: Duration) {
        if self.devices.is_empty() {
            self.due = now + self.interval;
        }
        if self.devices.insert(did) && self.devices.len() > 1 {
            self.due = self.due.min(now + self.gap());
        }
    }

    pub(super) fn remove(&mut self, did: &Did) {
        self.devices.remove(did);
    }

    /// The next moment at which a device is due.
    pub(super) fn next(&self) -> Option<Duration> {
        (!self.devices.is_empty()).then_some(self.due)
    }

    /// The device whose turn it is. A late caller gets one, not all that it missed.
    pub(super) fn due(&mut self, now: Duration) -> Option<Did> {
        if self.devices.is_empty() || now < self.due {
            return None;
        }
        let after = self.last.take().and_then(|last| {
            self.devices
                .range((Bound::Excluded(last), Bound::Unbounded))
                .next()
                .cloned()
        });
        let did = after.or_else(|| self.devices.first().cloned());
        self.last.clone_from(&did);
        self.due = (self.due + self.gap()).max(now);
        did
    }

    /// Time from one poll of a device to its next.
    pub(super) fn round(&self) -> Duration {
        self.gap() * u32::try_from(self.devices.len().max(1)).unwrap_or(u32::MAX)
    }

    fn gap(&self) -> Duration {
        let devices = u32::try_from(self.devices.len().max(1)).unwrap_or(u32::MAX);
        (self.interval / devices).max(self.least_gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn plan(devices: usize, per_minute: u32) -> PollPlan {
        let mut plan = PollPlan::new(s(60), per_minute);
        for n in 0..devices {
            plan.add(Did::new(format!("did{n:04}")).unwrap(), s(0));
        }
        plan
    }

    fn polls(plan: &mut PollPlan, until: u64) -> Vec<(u64, Did)> {
        let mut seen = Vec::new();
        while let Some(at) = plan.next().filter(|at| *at < s(until)) {
            seen.extend(plan.due(at).map(|did| (at.as_secs(), did)));
        }
        seen
    }

    #[test]
    fn each_device_has_its_turn_once_an_interval_evenly_spread() {
        let seen = polls(&mut plan(6, 600), 120);
        let times: Vec<u64> = seen.iter().map(|(at, _)| *at).collect();
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] == 10),
            "{times:?}"
        );
        for n in 0..6 {
            let did = Did::new(format!("did{n:04}")).unwrap();
            let own: Vec<u64> = seen
                .iter()
                .filter(|(_, d)| *d == did)
                .map(|(at, _)| *at)
                .collect();
            assert!(
                own.windows(2).all(|pair| pair[1] - pair[0] == 60),
                "{did}: {own:?}"
            );
        }
    }

    #[test]
    fn too_many_devices_for_the_limit_make_the_round_longer() {
        let plan = plan(100, 24);
        assert_eq!(plan.round(), s(250));
    }

    #[test]
    fn a_machine_that_slept_polls_one_device_not_all_it_missed() {
        let mut plan = plan(3, 600);
        assert!(plan.due(s(10_000)).is_some());
        let next = plan.next().unwrap();
        assert!(next >= s(10_000), "{next:?}");
        assert!(plan.due(s(10_000)).is_some());
        assert!(plan.due(s(10_000)).is_none());
    }
}
