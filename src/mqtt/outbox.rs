//! What waits for the broker: states, of which the newest of a topic counts, and results and events,
//! each of which counts. Pure.
//!
//! A link that breaks takes its states with it, since the core offers all of them again when the next
//! one is up. An emptied topic is not offered again, so it stays here until the broker has it.

use std::collections::{BTreeMap, VecDeque};

use tracing::warn;

use crate::bridge::Publication;

/// Results and events that wait; beyond it the oldest are dropped.
pub const MAX_EVENTS: usize = 1_000;
/// Topics with a waiting state; 1,000 devices with 50 attributes each need half of it.
pub const MAX_STATES: usize = 100_000;
/// Messages that the link holds unsent at a time; the rest waits here, where newer payloads can
/// still win.
const MAX_HANDED: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    events: VecDeque<Publication>,
    /// Topics in the order in which they go out.
    order: VecDeque<String>,
    /// The waiting state of each topic in `order`.
    states: BTreeMap<String, Publication>,
    /// With the link, but not on the wire yet; oldest first.
    handed: VecDeque<Publication>,
    /// On the wire, with packet ids, which start again from 1 now and then; oldest first.
    unacked: VecDeque<(u16, Publication)>,
    is_up: bool,
    /// The largest packet that this link's broker takes.
    max_packet: usize,
    dropped: u64,
    told_lost: bool,
}

impl Outbox {
    /// Takes a message; never waits.
    pub fn push(&mut self, message: Publication) {
        if !message.retain {
            if self.events.len() >= MAX_EVENTS {
                self.events.pop_front();
                self.lost(
                    "the oldest results and events are lost: the broker is away for too long",
                );
            }
            self.events.push_back(message);
        } else if self.is_up || message.payload.is_empty() {
            self.push_state(message);
        }
    }

    fn push_state(&mut self, message: Publication) {
        if let Some(waiting) = self.states.get_mut(&message.topic) {
            *waiting = message;
        } else if self.states.len() < MAX_STATES {
            self.order.push_back(message.topic.clone());
            self.states.insert(message.topic.clone(), message);
        } else {
            self.lost("states are lost: more topics wait than the outbox holds");
        }
    }

    /// Counts a message that a bound cost; told once a link.
    fn lost(&mut self, what: &str) {
        self.dropped += 1;
        if !std::mem::replace(&mut self.told_lost, true) {
            warn!("{what}");
        }
    }

    /// The next message for the link, results and events first; `None` when there is none, or the
    /// link has enough. States only with `states`.
    pub fn next(&mut self, states: bool) -> Option<Publication> {
        if !self.is_up || self.handed.len() >= MAX_HANDED {
            return None;
        }
        loop {
            let message = match self.events.pop_front() {
                Some(event) => event,
                None if states => self.next_state()?,
                None => return None,
            };
            let size = size(&message);
            if size <= self.max_packet {
                self.handed.push_back(message.clone());
                return Some(message);
            }
            // Sent, it would cost the link, again and again.
            self.dropped += 1;
            let (topic, limit) = (message.topic, self.max_packet);
            warn!(
                topic,
                size, limit, "a message is dropped: the broker takes no packet of that size"
            );
        }
    }

    fn next_state(&mut self) -> Option<Publication> {
        let topic = self.order.pop_front()?;
        self.states.remove(&topic)
    }

    /// The link is up. The broker takes packets of at most `max_packet` bytes, if it says so.
    pub fn up(&mut self, max_packet: Option<usize>) {
        self.is_up = true;
        self.told_lost = false;
        self.max_packet = max_packet.unwrap_or(usize::MAX);
    }

    /// The link is gone: what it had not delivered waits again, as far as nobody offers it anew.
    pub fn down(&mut self) {
        self.is_up = false;
        let handed = std::mem::take(&mut self.handed);
        let undelivered: Vec<Publication> = std::mem::take(&mut self.unacked)
            .into_iter()
            .map(|(_, message)| message)
            .chain(handed)
            .collect();
        self.states.retain(|_, message| message.payload.is_empty());
        self.order.retain(|topic| self.states.contains_key(topic));
        let (states, events): (Vec<_>, Vec<_>) =
            undelivered.into_iter().partition(|message| message.retain);
        for event in events.into_iter().rev() {
            self.events.push_front(event);
        }
        for state in states.into_iter().filter(|state| state.payload.is_empty()) {
            self.push_state(state);
        }
    }

    /// The oldest handed message went on the wire under this packet id.
    pub fn written(&mut self, packet_id: u16) {
        if let Some(message) = self.handed.pop_front() {
            self.unacked.push_back((packet_id, message));
        }
    }

    /// The broker has it; answers with its topic.
    pub fn acked(&mut self, packet_id: u16) -> Option<String> {
        let at = self.unacked.iter().position(|(id, _)| *id == packet_id)?;
        self.unacked.remove(at).map(|(_, message)| message.topic)
    }

    /// Everything that waits, for another outbox.
    pub fn take_all(&mut self) -> Vec<Publication> {
        self.order.clear();
        let states = std::mem::take(&mut self.states).into_values();
        self.events.drain(..).chain(states).collect()
    }

    /// Messages that the broker does not have yet.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.events.len() + self.states.len() + self.handed.len() + self.unacked.len()
    }

    /// True while a state waits here.
    #[must_use]
    pub fn has_states(&self) -> bool {
        !self.order.is_empty()
    }

    /// Messages that a bound cost.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// What a PUBLISH needs at most beside topic, payload and correlation data, in bytes.
const PACKET_OVERHEAD: usize = 32;

fn size(message: &Publication) -> usize {
    let correlation = message.correlation.as_ref().map_or(0, Vec::len);
    message.topic.len() + message.payload.len() + correlation + PACKET_OVERHEAD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(topic: &str, payload: &str, retain: bool) -> Publication {
        Publication {
            topic: topic.into(),
            payload: payload.into(),
            retain,
            correlation: None,
        }
    }

    fn state(topic: &str, payload: &str) -> Publication {
        message(topic, payload, true)
    }

    fn event(payload: &str) -> Publication {
        message("event", payload, false)
    }

    fn drain(outbox: &mut Outbox) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(message) = outbox.next(true) {
            outbox.written(1);
            outbox.acked(1);
            sent.push(format!(
                "{}={}",
                message.topic,
                String::from_utf8(message.payload).unwrap()
            ));
        }
        sent
    }

    #[test]
    fn the_newest_state_of_a_topic_wins_and_keeps_its_turn() {
        let mut outbox = Outbox::default();
        outbox.up(None);
        for (topic, payload) in [("a", "1"), ("b", "1"), ("a", "2")] {
            outbox.push(state(topic, payload));
        }
        assert_eq!(drain(&mut outbox), ["a=2", "b=1"]);
    }

    #[test]
    fn events_all_count_and_go_first() {
        let mut outbox = Outbox::default();
        outbox.up(None);
        outbox.push(state("a", "1"));
        outbox.push(event("1"));
        outbox.push(event("2"));
        assert_eq!(drain(&mut outbox), ["event=1", "event=2", "a=1"]);
    }

    #[test]
    fn states_can_be_held_back_while_events_go() {
        let mut outbox = Outbox::default();
        outbox.up(None);
        outbox.push(state("a", "1"));
        outbox.push(event("1"));
        assert_eq!(outbox.next(false), Some(event("1")));
        assert_eq!(outbox.next(false), None);
        assert!(outbox.has_states());
    }

    #[test]
    fn a_broken_link_gives_events_back_in_order_and_drops_states() {
        let mut outbox = Outbox::default();
        outbox.up(None);
        for payload in ["1", "2", "3"] {
            outbox.push(event(payload));
        }
        outbox.push(state("a", "1"));
        outbox.next(true);
        outbox.next(true);
        // Packet ids start anew after the highest one.
        outbox.written(100);
        outbox.written(1);
        outbox.down();
        assert_eq!(outbox.next(true), None);
        outbox.push(state("a", "2"));
        outbox.push(event("4"));
        outbox.up(None);
        assert_eq!(
            drain(&mut outbox),
            ["event=1", "event=2", "event=3", "event=4"]
        );
    }

    #[test]
    fn an_emptied_topic_survives_a_broken_link_unless_it_is_filled_again() {
        let mut outbox = Outbox::default();
        outbox.push(state("gone", ""));
        outbox.push(state("back", ""));
        outbox.up(None);
        outbox.next(true);
        outbox.down();
        outbox.up(None);
        outbox.push(state("back", "1"));
        let mut sent = drain(&mut outbox);
        sent.sort();
        assert_eq!(sent, ["back=1", "gone="]);
    }

    #[test]
    fn bounds_drop_and_count() {
        let mut outbox = Outbox::default();
        for n in 0..=MAX_EVENTS {
            outbox.push(event(&n.to_string()));
        }
        assert_eq!((outbox.depth(), outbox.dropped()), (MAX_EVENTS, 1));
        outbox.up(None);
        assert_eq!(
            outbox.next(true),
            Some(event("1")),
            "the oldest was dropped"
        );
    }

    #[test]
    fn a_message_that_the_broker_would_not_take_is_left_out() {
        let mut outbox = Outbox::default();
        outbox.up(Some(100));
        outbox.push(event(&"x".repeat(100)));
        outbox.push(event("1"));
        assert_eq!(outbox.next(true), Some(event("1")));
        assert_eq!(outbox.dropped(), 1);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Event,
        Send,
        Ack,
        Down,
    }

    proptest! {
        /// Every event is delivered at least once, in whatever order links break.
        #[test]
        fn no_event_is_lost(steps in prop::collection::vec(
            prop_oneof![Just(Step::Event), Just(Step::Send), Just(Step::Ack), Just(Step::Down)], 0..200)) {
            let mut outbox = Outbox::default();
            outbox.up(None);
            let (mut count, mut packet_id, mut delivered) = (0_usize, 0_u16, std::collections::BTreeSet::new());
            let mut ack = |outbox: &mut Outbox| {
                let oldest = outbox.unacked.front().map(|(id, m)| (*id, m.payload.clone()));
                if let Some((id, payload)) = oldest {
                    outbox.acked(id);
                    delivered.insert(payload);
                }
            };
            for step in steps {
                match step {
                    Step::Event => { outbox.push(event(&count.to_string())); count += 1; }
                    Step::Send => if outbox.next(true).is_some() { packet_id += 1; outbox.written(packet_id); },
                    Step::Ack => ack(&mut outbox),
                    Step::Down => { outbox.down(); outbox.up(None); }
                }
            }
            while outbox.depth() > 0 {
                if outbox.next(true).is_some() { packet_id += 1; outbox.written(packet_id); }
                ack(&mut outbox);
            }
            prop_assert_eq!(delivered.len(), count);
        }
    }
}
