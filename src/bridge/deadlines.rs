//! Keys with one deadline each, in the order of their moments: what is due is found without a look at
//! all the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A set of keys, each with the moment at which it is due. It is as large as the set of keys that its
/// owner puts in.
#[derive(Debug)]
pub(super) struct Deadlines<K> {
    by_moment: BTreeSet<(Duration, K)>,
    of: BTreeMap<K, Duration>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self {
            by_moment: BTreeSet::new(),
            of: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// The key is due at this moment, whatever held before.
    pub(super) fn set(&mut self, key: &K, at: Duration) {
        self.remove(key);
        self.by_moment.insert((at, key.clone()));
        self.of.insert(key.clone(), at);
    }

    /// Every key is due at this moment at the latest.
    pub(super) fn no_later_than(&mut self, at: Duration) {
        let late = self.of.iter().filter(|(_, due)| **due > at);
        let late: Vec<K> = late.map(|(key, _)| key.clone()).collect();
        for key in late {
            self.set(&key, at);
        }
    }

    /// The key is not due any more. True when it was here.
    pub(super) fn remove(&mut self, key: &K) -> bool {
        let at = self.of.remove(key);
        at.is_some_and(|at| self.by_moment.remove(&(at, key.clone())))
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.of.contains_key(key)
    }

    /// The earliest moment.
    pub(super) fn next(&self) -> Option<Duration> {
        self.by_moment.first().map(|(at, _)| *at)
    }

    /// Takes out the key that has been due for longest.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_moment.pop_first()?;
        self.of.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_earliest_is_taken_first_and_the_newest_moment_of_a_key_counts() {
        let mut deadlines = Deadlines::default();
        for (key, at) in [("a", 30), ("b", 20), ("c", 10), ("c", 40)] {
            deadlines.set(&key, s(at));
        }
        assert_eq!(deadlines.next(), Some(s(20)));
        assert_eq!(deadlines.take_due(s(19)), None);
        assert_eq!(deadlines.take_due(s(35)), Some("b"));
        assert!(!deadlines.contains(&"b"));
        deadlines.no_later_than(s(32));
        assert!(deadlines.remove(&"a") && !deadlines.remove(&"a"));
        assert_eq!(deadlines.take_due(s(35)), Some("c"));
        assert_eq!(deadlines.next(), None);
    }
}
