//! Limits of calls a minute that answer 9041, as a cloud has them all the time.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

/// The window.
const MINUTE_MS: i64 = 60_000;

/// `limits` of a scenario, and `POST /_sim/limits`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls a minute of one caller; `null`: no limit.
    #[serde(default)]
    pub requests_per_minute: Option<usize>,
    /// The same for calls whose path begins so.
    #[serde(default)]
    pub paths: BTreeMap<String, usize>,
}

/// Counts calls.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) limits: Limits,
    /// By caller and beginning of the path (empty: any).
    calls: BTreeMap<(String, String), VecDeque<i64>>,
}

impl Counted {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            calls: BTreeMap::new(),
        }
    }

    /// Is this call one too many? One that is does not count.
    pub(super) fn refuses(&mut self, now_ms: i64, caller: &str, path: &str) -> bool {
        let whole = self
            .limits
            .requests_per_minute
            .map(|most| (String::new(), most));
        let paths = self.limits.paths.iter();
        let parts = paths.filter(|(start, _)| path.starts_with(start.as_str()));
        let parts = parts.map(|(start, most)| (start.clone(), *most));
        let rules: Vec<(String, usize)> = whole.into_iter().chain(parts).collect();
        // Who has not called for a minute is forgotten.
        self.calls.retain(|_, calls| {
            while calls
                .front()
                .is_some_and(|at_ms| at_ms + MINUTE_MS <= now_ms)
            {
                calls.pop_front();
            }
            !calls.is_empty()
        });
        let made = |start: &String| self.calls.get(&(caller.to_owned(), start.clone()));
        if rules
            .iter()
            .any(|(start, most)| made(start).map_or(0, VecDeque::len) >= *most)
        {
            return true;
        }
        for (start, _) in rules {
            let calls = self.calls.entry((caller.to_owned(), start)).or_default();
            calls.push_back(now_ms);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_in_a_minute_is_refused_each_caller_for_itself() {
        let limits = Limits {
            requests_per_minute: Some(3),
            paths: BTreeMap::from([("/app/login".into(), 1)]),
        };
        let mut counted = Counted::new(limits);
        for (at_ms, caller, path, want) in [
            (0, "a", "/app/login", false),
            (1, "a", "/app/login", true),
            (2, "a", "/app/bindings", false),
            (3, "a", "/app/bindings", false),
            (4, "a", "/app/bindings", true),
            (5, "b", "/app/login", false),
            (59_999, "a", "/app/bindings", true),
            (60_000, "a", "/app/login", false),
        ] {
            assert_eq!(
                counted.refuses(at_ms, caller, path),
                want,
                "{at_ms} {caller} {path}"
            );
        }
        counted.refuses(200_000, "c", "/app/bindings");
        assert_eq!(counted.calls.len(), 1, "the others are forgotten");
    }
}
