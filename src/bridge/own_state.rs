//! The bridge's own state topic, when somebody else writes there: the Last Will of a bridge that ran here
//! before and was cut off, or a second bridge with the same base topic. Home Assistant takes every
//! device for unavailable until `online` stands there again.

use std::time::Duration;

use serde_json::json;
use tracing::warn;

use crate::clock::Now;

use super::effect::Effect;
use super::input::Message;
use super::machine::Bridge;

/// `online` is not published again sooner, so that two bridges never fight in a loop.
const MEND_EVERY: Duration = Duration::from_secs(5);
/// An event and a log line tell of it no more often.
const TELL_EVERY: Duration = Duration::from_secs(10 * 60);

/// What was done about the own state topic.
#[derive(Debug, Default)]
pub(super) struct OwnState {
    /// When `online` is to be published again.
    due: Option<Duration>,
    mended_at: Option<Duration>,
    told_at: Option<Duration>,
}

impl OwnState {
    /// When there is something to do.
    pub(super) const fn next_deadline(&self) -> Option<Duration> {
        self.due
    }
}

impl Bridge {
    /// The own state topic says something.
    pub(super) fn on_own_state(&mut self, now: Now, message: &Message, out: &mut Vec<Effect>) {
        if message.payload == b"online" || self.stopping || !self.publisher.is_up() {
            return;
        }
        let soonest = self.own_state.mended_at.map(|at| at + MEND_EVERY);
        let due = soonest.unwrap_or(now.mono).max(now.mono);
        self.own_state.due.get_or_insert(due);
        // What was kept from before this link is the state of the run before.
        let told_at = self.own_state.told_at;
        let is_told = told_at.is_some_and(|at| now.mono < at + TELL_EVERY);
        if message.retained || is_told {
            return;
        }
        self.own_state.told_at = Some(now.mono);
        let topic = &message.topic;
        let error = "somebody else wrote to the state topic of this bridge, which is online and says so again; \
                     it is the Last Will of a bridge that ran here before, or a second bridge: \
                     each needs an `mqtt.base_topic` of its own";
        warn!(topic, error, "the state topic was overwritten");
        let details = json!({ "topic": topic, "error": error });
        self.publish_event("state_overwritten", None, None, details, out);
    }

    /// Publishes `online` again when that is due.
    pub(super) fn mend_own_state(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.own_state.due.take_if(|at| now.mono >= *at).is_none() {
            return;
        }
        self.own_state.mended_at = Some(now.mono);
        let topic = self.topics.bridge("state");
        self.publisher.forget(&topic);
        self.publisher.retain(topic, b"online".to_vec(), out);
    }
}
