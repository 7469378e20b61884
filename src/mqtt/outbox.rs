//! What waits for the broker: states, of which the newest of a topic counts, and results and events,
//! each of which counts. Pure.
//!
//! A link that breaks takes its states with it, since the core offers all of them again when the next
//! one is up. An emptied topic is not offered again, so it stays here until the broker has it. What a
//! bound costs is counted, told, and (of states) offered again by the core.

use std::collections::{BTreeMap, VecDeque};

use tracing::warn;

use crate::bridge::Publication;
use crate::bridge::input::{Full, Lost};

use super::overflow::Overflow;

/// Results and answers that wait; beyond it the oldest are dropped.
pub const MAX_RESULTS: usize = 1_000;
/// Events that wait; beyond it the oldest are dropped.
pub const MAX_EVENTS: usize = 1_000;
/// Topics with a waiting state; the core offers far fewer at a time.
pub const MAX_STATES: usize = 100_000;
/// With fewer waiting states than this the core may offer more.
pub const DRAINED_STATES: usize = 1_000;
/// Messages that the link holds unsent at a time; the rest waits here, where newer payloads can
/// still win.
const MAX_HANDED: usize = 32;

/// Everything that the broker does not have yet.
#[derive(Debug)]
pub struct Outbox {
    results: VecDeque<Publication>,
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
    /// The core waits for room.
    tell_drained: bool,
    /// A state was dropped, and the core does not know it yet.
    lost_a_state: bool,
    lost_results: Overflow,
    lost_events: Overflow,
    lost_states: Overflow,
    too_large: u64,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            results: VecDeque::new(),
            events: VecDeque::new(),
            order: VecDeque::new(),
            states: BTreeMap::new(),
            handed: VecDeque::new(),
            unacked: VecDeque::new(),
            is_up: false,
            max_packet: usize::MAX,
            tell_drained: false,
            lost_a_state: false,
            lost_results: Overflow::new("results", MAX_RESULTS),
            lost_events: Overflow::new("events", MAX_EVENTS),
            lost_states: Overflow::new("states", MAX_STATES),
            too_large: 0,
        }
    }
}

impl Outbox {
    /// Takes a message; never waits.
    pub fn push(&mut self, message: Publication) {
        if message.retain {
            if self.is_up || message.payload.is_empty() {
                self.push_state(message);
            }
            return;
        }
        let (queue, overflow) = if message.is_event {
            (&mut self.events, &mut self.lost_events)
        } else {
            (&mut self.results, &mut self.lost_results)
        };
        if queue.len() >= overflow.bound() {
            queue.pop_front();
            overflow.lost(self.is_up);
        }
        queue.push_back(message);
    }

    fn push_state(&mut self, message: Publication) {
        if let Some(waiting) = self.states.get_mut(&message.topic) {
            *waiting = message;
            return;
        }
        if self.states.len() >= MAX_STATES {
            self.lost_states.lost(self.is_up);
            self.lost_a_state = true;
            // The core offers a state again, and an emptied topic never.
            if !message.payload.is_empty() || !self.drop_a_filled_state() {
                return;
            }
        }
        self.order.push_back(message.topic.clone());
        self.states.insert(message.topic.clone(), message);
    }

    /// Makes room. False when only emptied topics wait.
    fn drop_a_filled_state(&mut self) -> bool {
        let is_filled = |topic: &&String| {
            let message = self.states.get(*topic);
            message.is_some_and(|message| !message.payload.is_empty())
        };
        let newest = self.order.iter().rev().position(|topic| is_filled(&topic));
        let at = newest.and_then(|back| self.order.len().checked_sub(back + 1));
        let topic = at.and_then(|at| self.order.remove(at));
        topic.is_some_and(|topic| self.states.remove(&topic).is_some())
    }

    /// The next message for the link, results and events first; `None` when there is none, or the
    /// link has enough. States only with `states`.
    pub fn next(&mut self, states: bool) -> Option<Publication> {
        if !self.is_up || self.handed.len() >= MAX_HANDED {
            return None;
        }
        loop {
            let event = self.results.pop_front().or_else(|| self.events.pop_front());
            let message = match event {
                Some(event) => event,
                None if states => self.next_state()?,
                None => return None,
            };
            self.lost_results.has(self.results.len());
            self.lost_events.has(self.events.len());
            self.lost_states.has(self.states.len());
            let size = size(&message);
            if size <= self.max_packet {
                self.handed.push_back(message.clone());
                return Some(message);
            }
            // Sent, it would cost the link, again and again.
            self.too_large += 1;
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
        // The core offers all states with the next link, whatever was lost on this one.
        self.lost_a_state = false;
        self.lost_states.has(self.states.len());
        let (states, rest): (Vec<_>, Vec<_>) =
            undelivered.into_iter().partition(|message| message.retain);
        for message in rest.into_iter().rev() {
            if message.is_event {
                self.events.push_front(message);
            } else {
                self.results.push_front(message);
            }
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
        let results = self.results.drain(..);
        results.chain(self.events.drain(..)).chain(states).collect()
    }

    /// The core wants to know when there is room for more states.
    pub fn tell_drained(&mut self) {
        self.tell_drained = true;
    }

    /// There is room for more states, and the core does not know it yet. With `Some(true)` states were
    /// dropped that it has to offer again.
    pub fn take_drained(&mut self) -> Option<bool> {
        let is_news = self.tell_drained || self.lost_a_state;
        if !is_news || !self.is_up || self.states.len() >= DRAINED_STATES {
            return None;
        }
        self.tell_drained = false;
        Some(std::mem::take(&mut self.lost_a_state))
    }

    /// Messages that the broker does not have yet.
    #[must_use]
    pub fn depth(&self) -> usize {
        let waiting = self.results.len() + self.events.len() + self.states.len();
        waiting + self.handed.len() + self.unacked.len()
    }

    /// Messages that are on the wire without an acknowledgement.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.unacked.len()
    }

    /// True while a state waits here.
    #[must_use]
    pub fn has_states(&self) -> bool {
        !self.order.is_empty()
    }

    /// Messages that never reach the broker, by why.
    #[must_use]
    pub const fn lost(&self) -> Lost {
        Lost {
            results: self.lost_results.count(),
            events: self.lost_events.count(),
            states: self.lost_states.count(),
            too_large: self.too_large,
        }
    }

    /// Bounds that are met now.
    #[must_use]
    pub const fn full(&self) -> Full {
        Full {
            results: self.lost_results.is_full(),
            events: self.lost_events.is_full(),
            states: self.lost_states.is_full(),
        }
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
            is_event: !retain,
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
        assert_eq!((outbox.depth(), outbox.lost().events), (MAX_EVENTS, 1));
        assert!(outbox.full().events);
        outbox.up(None);
        assert_eq!(
            outbox.next(true),
            Some(event("1")),
            "the oldest was dropped"
        );
        drain(&mut outbox);
        assert!(!outbox.full().events, "it is over");
        assert_eq!(outbox.lost().events, 1, "it is not forgotten");
    }

    #[test]
    fn events_take_no_room_from_results() {
        let mut outbox = Outbox::default();
        let result = Publication {
            is_event: false,
            ..event("result")
        };
        outbox.push(result.clone());
        for n in 0..2 * MAX_EVENTS {
            outbox.push(event(&n.to_string()));
        }
        outbox.up(None);
        assert_eq!(outbox.next(true), Some(result));
        assert_eq!(outbox.lost().results, 0);
    }

    #[test]
    fn lost_states_are_told_when_there_is_room_and_an_emptied_topic_is_none_of_them() {
        let mut outbox = Outbox::default();
        outbox.up(None);
        assert_eq!(outbox.take_drained(), None, "nobody asked");
        outbox.tell_drained();
        assert_eq!(outbox.take_drained(), Some(false), "at once");
        for n in 0..=MAX_STATES {
            outbox.push(state(&n.to_string(), "1"));
        }
        outbox.push(state("gone", ""));
        assert_eq!(outbox.depth(), MAX_STATES);
        assert_eq!((outbox.lost().states, outbox.full().states), (2, true));
        assert_eq!(outbox.take_drained(), None, "there is no room");
        let sent = drain(&mut outbox);
        assert!(sent.contains(&"gone=".to_owned()));
        assert_eq!(outbox.take_drained(), Some(true));
        assert_eq!(outbox.take_drained(), None, "told once");
        assert!(!outbox.full().states);
    }

    #[test]
    fn a_message_that_the_broker_would_not_take_is_left_out() {
        let mut outbox = Outbox::default();
        outbox.up(Some(100));
        outbox.push(event(&"x".repeat(100)));
        outbox.push(event("1"));
        assert_eq!(outbox.next(true), Some(event("1")));
        assert_eq!(outbox.lost().too_large, 1);
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
