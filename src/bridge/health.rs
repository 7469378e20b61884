//! The numbers behind `bridge/health`: calls by kind, errors by code.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::input::CallError;

const HOUR_MIN: u64 = 60;
const DAY_MIN: u64 = 24 * 60;
/// Most different error words that are counted; the rest counts as `other`.
const MAX_WORDS: usize = 64;

/// Counts events of the last day, to the minute.
#[derive(Debug, Default)]
struct Counter {
    /// Minute since the start, and how many.
    minutes: BTreeMap<u64, u32>,
}

impl Counter {
    fn add(&mut self, now: Duration) {
        let minute = now.as_secs() / 60;
        *self.minutes.entry(minute).or_default() += 1;
        self.minutes = self.minutes.split_off(&minute.saturating_sub(DAY_MIN - 1));
    }

    fn last(&self, now: Duration, minutes: u64) -> u32 {
        let first = (now.as_secs() / 60 + 1).saturating_sub(minutes);
        self.minutes.range(first..).map(|(_, count)| count).sum()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Health {
    calls: BTreeMap<&'static str, Counter>,
    errors: BTreeMap<String, u64>,
}

impl Health {
    pub(super) fn called(&mut self, kind: &'static str, now: Duration) {
        self.calls.entry(kind).or_default().add(now);
    }

    /// A call failed: counted by the cloud's code, else by its class.
    pub(super) fn failed(&mut self, error: &CallError) {
        self.note(
            error
                .code
                .map_or_else(|| error.class.as_str().to_owned(), |code| code.to_string()),
        );
    }

    /// Anything else that should not happen, under a word of its own.
    pub(super) fn note(&mut self, word: String) {
        let known = self.errors.contains_key(&word) || self.errors.len() < MAX_WORDS;
        *self
            .errors
            .entry(if known { word } else { "other".into() })
            .or_default() += 1;
    }

    pub(super) fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// `{kind: {"hour": n, "day": n}}`
    pub(super) fn calls(&self, now: Duration) -> Value {
        let entry = |(kind, counter): (&&'static str, &Counter)| {
            let (hour, day) = (counter.last(now, HOUR_MIN), counter.last(now, DAY_MIN));
            ((*kind).to_owned(), json!({ "hour": hour, "day": day }))
        };
        Value::Object(self.calls.iter().map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_kind_for_an_hour_and_a_day() {
        let mut health = Health::default();
        let minutes = |n: u64| Duration::from_secs(n * 60);
        for at in [0, 30, 100, 1500] {
            health.called("latest", minutes(at));
        }
        let counts = |now| health.calls(minutes(now))["latest"].clone();
        assert_eq!(counts(1500), json!({ "hour": 1, "day": 2 }));
        assert_eq!(counts(1559), json!({ "hour": 1, "day": 1 }));
        assert_eq!(counts(1560), json!({ "hour": 0, "day": 1 }));
    }

    #[test]
    fn endless_new_words_do_not_fill_the_memory() {
        let mut health = Health::default();
        for n in 0..1000 {
            health.note(n.to_string());
        }
        assert_eq!(health.errors().len(), MAX_WORDS + 1);
        assert_eq!(health.errors()["other"], 1000 - MAX_WORDS as u64);
    }
}
