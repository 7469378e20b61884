//! The core as the world meets it, right or with one bug put in on purpose. The bugs sit at its edge,
//! so that the product carries none of them: to what watches from outside, a core whose deadlines leave
//! something out, one that takes an old answer for a new one and one that takes "no answer" for "never
//! left" look exactly as they do here.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place looks at the variants that it is about"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use gizwits2mqtt::bridge::effect::Effect;
use gizwits2mqtt::bridge::{
    Bridge, CallError, CloudCall, ErrorClass, Input, Reply, Restored, Settings, SocketEvent,
};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::ids::{CallId, Did, LinkId};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The next deadline leaves out the commands that wait for their confirmation.
    LostWakeUp,
    /// What a poll brings counts as new, however long ago it was asked.
    StaleOverwrite,
    /// A command without an answer is sent again like one that never left.
    DoubledCommand,
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
