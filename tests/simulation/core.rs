//! The core as the world meets it, right or with one bug put in on purpose. The bugs sit at its edge,
//! so that the product carries none of them: to what watches from outside, a core whose deadlines leave
//! something out, one that takes an old answer for a new one and one that takes "no answer" for "never
//! left" look exactly as they do here.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place looks at the variants that it is about"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::{
    Bridge, CallError, CloudCall, ErrorClass, Input, Publication, Reply, Restored, Settings,
    SocketEvent, SocketOrder,
};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::ids::{CallId, Did, LinkId};

use super::real_devices::MOMENTARY;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The next deadline leaves out the commands that wait for their confirmation.
    LostWakeUp,
    /// What a poll brings counts as new, however long ago it was asked.
    StaleOverwrite,
    /// A command without an answer is sent again like one that never left.
    DoubledCommand,
    /// A press that no report shows is sent once more.
    RepeatedPress,
    /// What another instance or account has now is taken from Home Assistant.
    EmptiedForAnother,
    /// A listing begins anew when it has come to its third page.
    ListingRestarted,
    /// That a device was bound is not heard while a listing is under way.
    HintLost,
}

/// See the module.
pub(crate) struct Core {
    bridge: Bridge,
    bug: Option<Bug>,
    polls: BTreeMap<CallId, Did>,
    /// Whose poll was just answered.
    answered: Option<Did>,
    /// Connections that devices are subscribed to.
    links: BTreeMap<Did, LinkId>,
    commands: BTreeMap<CallId, Did>,
    /// Whose answer counts as that of another call.
    renamed: BTreeMap<CallId, CallId>,
    /// The newest `updated_at` that was told of a device.
    newest: BTreeMap<Did, i64>,
    /// A press as it left, to be sent again.
    press: Option<Effect>,
    /// Devices in Home Assistant.
    announced: BTreeSet<String>,
    /// The listing that is under way.
    listing: Option<CallId>,
}

impl Core {
    pub(crate) fn new(
        bug: Option<Bug>,
        settings: Settings,
        restored: Restored,
        seed: u64,
        now: Now,
    ) -> Self {
        Self {
            bridge: Bridge::new(settings, restored, seed, now),
            bug,
            polls: BTreeMap::new(),
            answered: None,
            links: BTreeMap::new(),
            commands: BTreeMap::new(),
            renamed: BTreeMap::new(),
            newest: BTreeMap::new(),
            press: None,
            announced: BTreeSet::new(),
            listing: None,
        }
    }

    pub(crate) fn next_deadline(&self) -> (Duration, &'static str) {
        let (at, why) = self.bridge.next_deadline();
        if self.bug == Some(Bug::LostWakeUp) && why == "confirm" {
            return (at + Duration::from_secs(5), "what comes after");
        }
        (at, why)
    }

    pub(crate) fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let effects = match self.bug {
            None | Some(Bug::LostWakeUp) => return self.bridge.handle(now, input),
            Some(Bug::StaleOverwrite) => {
                let input = self.overwrite(input);
                let again = self.as_pushed(&input);
                let mut effects = self.bridge.handle(now, input);
                if let Some(again) = again {
                    effects.extend(self.bridge.handle(now, again));
                }
                effects
            }
            Some(Bug::RepeatedPress) => return self.press_again(now, input),
            Some(Bug::EmptiedForAnother) => return self.empty(now, input),
            Some(Bug::ListingRestarted | Bug::HintLost) => return self.list_badly(now, input),
            Some(Bug::DoubledCommand) => {
                let input = self.misjudge(input);
                self.bridge.handle(now, input)
            }
        };
        for effect in &effects {
            if let Effect::Call { id, call, .. } = effect {
                match call {
                    CloudCall::Latest { did } => drop(self.polls.insert(*id, did.clone())),
                    CloudCall::Control { did, .. } | CloudCall::Raw { did, .. } => {
                        self.commands.insert(*id, did.clone());
                    }
                    _ => {}
                }
            }
        }
        effects
    }

    /// After the next poll that is answered, a press goes out once more.
    fn press_again(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let is_poll = matches!(
            &input,
            Input::CallDone {
                outcome: Ok(Reply::Latest { .. }),
                ..
            }
        );
        let mut effects = self.bridge.handle(now, input);
        if is_poll {
            effects.extend(self.press.take());
        }
        for effect in &effects {
            let attrs = match effect {
                Effect::Call {
                    call: CloudCall::Control { attrs, .. },
                    ..
                }
                | Effect::Socket {
                    order: SocketOrder::Write { attrs, .. },
                    ..
                } => attrs.to_json(),
                _ => continue,
            };
            if MOMENTARY.iter().any(|name| attrs.contains_key(*name)) {
                self.press = Some(effect.clone());
            }
        }
        effects
    }

    /// With new settings, what was announced before is taken back.
    fn empty(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let is_reload = matches!(input, Input::Reconfigure(_));
        let mut effects = self.bridge.handle(now, input);
        if is_reload && let Some(topic) = self.announced.pop_first() {
            effects.push(Effect::Publish(Publication {
                topic,
                payload: Vec::new(),
                retain: true,
                is_event: false,
                correlation: None,
            }));
        }
        for effect in &effects {
            if let Effect::Publish(message) = effect
                && message.topic.contains("/gizwits2mqtt_Demo")
                && !message.payload.is_empty()
            {
                self.announced.insert(message.topic.clone());
            }
        }
        effects
    }

    fn list_badly(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let is_hint = matches!(
            &input,
            Input::Socket {
                event: SocketEvent::BindingChanged { .. },
                ..
            }
        );
        if is_hint && self.bug == Some(Bug::HintLost) && self.listing.is_some() {
            return Vec::new();
        }
        if let Input::CallDone { id, .. } = &input
            && self.listing == Some(*id)
        {
            self.listing = None;
        }
        let mut effects = self.bridge.handle(now, input);
        for effect in &mut effects {
            if let Effect::Call {
                id,
                call: CloudCall::Bindings { skip, .. },
                ..
            } = effect
            {
                self.listing = Some(*id);
                if self.bug == Some(Bug::ListingRestarted) && *skip == 40 {
                    *skip = 0;
                }
            }
        }
        effects
    }

    fn misjudge(&mut self, mut input: Input) -> Input {
        if let Input::CallDone {
            id,
            outcome: Err(err @ CallError { code: None, .. }),
            ..
        } = &mut input
            && self.commands.remove(id).is_some()
            && err.class == ErrorClass::Transient
        {
            err.class = ErrorClass::Unsent;
        }
        input
    }

    /// Of two polls of one device that are under way, the answer that comes first counts as that of
    /// the older one, and the other as the newest word.
    fn overwrite(&mut self, mut input: Input) -> Input {
        let Input::CallDone { id, outcome, .. } = &mut input else {
            return input;
        };
        if let Some(other) = self.renamed.remove(id) {
            *id = other;
        }
        let Some(did) = self.polls.remove(id) else {
            return input;
        };
        self.answered = Some(did.clone());
        if let Ok(Reply::Latest { updated_at, .. }) = outcome {
            let newest = self.newest.entry(did.clone()).or_default();
            *newest = (*newest).max(*updated_at);
            *updated_at = *newest;
        }
        let mut older = self.polls.range(..*id);
        if let Some((older, _)) = older.find(|(_, of)| **of == did) {
            let older = *older;
            self.polls.remove(&older);
            self.polls.insert(*id, did);
            self.renamed.insert(older, *id);
            *id = older;
        }
        input
    }

    /// Where the device has a connection, a poll's answer counts as a report that came just now.
    fn as_pushed(&mut self, input: &Input) -> Option<Input> {
        match input {
            Input::Socket {
                link,
                event: SocketEvent::Subscribed { done, .. },
            } => {
                self.links
                    .extend(done.iter().map(|did| (did.clone(), *link)));
                None
            }
            Input::CallDone {
                outcome: Ok(Reply::Latest { attrs, .. }),
                ..
            } => {
                let did = self.answered.take()?;
                let event = SocketEvent::Report {
                    attrs: attrs.clone(),
                    answers: None,
                    did: did.clone(),
                };
                let link = *self.links.get(&did)?;
                Some(Input::Socket { link, event })
            }
            _ => None,
        }
    }
}
