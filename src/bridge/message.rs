//! Incoming MQTT messages: commands, requests, Home Assistant's birth.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::homeassistant::command::{self, CommandError};
use crate::homeassistant::entity_command;
use crate::homeassistant::topic::Inbound;
use crate::ids::Did;
use crate::model::Attrs;

use super::account::Account;
use super::calls::{Job, Priority};
use super::effect::Effect;
use super::input::Message;
use super::intent::{Intent, Reader, Target};
use super::machine::Bridge;
use super::pending::{Caller, Ending, Verdict};
use super::publisher::Publisher;

/// A command that may go out.
struct Checked {
    raw: Option<Vec<u8>>,
    /// Calls that go before it, in order.
    before: Vec<Attrs>,
    attrs: Attrs,
    intent: Intent,
    transaction: Option<Value>,
}

impl Bridge {
    pub(super) fn on_message(&mut self, now: Now, mut message: Message, out: &mut Vec<Effect>) {
        if self.on_estate(&message, out) {
            return;
        }
        if let Some(reply) = message
            .reply
            .take_if(|reply| !self.topics.may_answer_on(&reply.topic))
        {
            self.health.note("refused_response_topic".into());
            debug!(
                topic = message.topic,
                response_topic = reply.topic,
                "an answer does not go where the bridge keeps what it retains"
            );
        }
        let Some(inbound) = self.topics.parse(&message.topic) else {
            debug!(
                topic = message.topic,
                "a message on a topic that is not ours"
            );
            return;
        };
        if message.retained && message.payload.is_empty() {
            debug!(
                topic = message.topic,
                "an empty retained message deletes one and asks for nothing"
            );
            return;
        }
        match inbound {
            Inbound::HomeAssistantStatus => self.on_home_assistant(now, &message, out),
            Inbound::BridgeState => self.on_own_state(now, &message, out),
            Inbound::Request { verb } if message.retained => {
                self.ignore_retained(&format!("bridge/request/{verb}"), None, out);
            }
            Inbound::Request { verb } => self.on_request(now, &verb, message, out),
            Inbound::Set { ref level }
            | Inbound::SetAttr { ref level, .. }
            | Inbound::SetEntity { ref level, .. }
            | Inbound::Get { ref level }
            | Inbound::Raw { ref level } => match self.registry.at_level(level).cloned() {
                Some(did) => self.on_command(now, did, inbound, message, out),
                None if message.retained && self.answers_for(level) => {
                    self.ignore_retained(&message.topic, None, out);
                }
                None if message.payload.is_empty() => {
                    debug!(topic = message.topic, "an empty command does nothing");
                }
                None if !self.answers_for(level) => {
                    debug!(topic = message.topic, "a command for another instance");
                }
                None => {
                    let level = level.clone();
                    self.refuse_unknown(&level, &message, out);
                }
            },
        }
    }

    /// Is it this instance that tells of a command that no device takes? Where several share the base
    /// topic, the owner does for its own devices, and the first one for those that no instance has.
    fn answers_for(&self, level: &str) -> bool {
        let shard = self.settings.shard;
        if !shard.is_shared() {
            return true;
        }
        match self.registry.remembered_at(level) {
            Some(did) => shard.has(did),
            None => {
                let is_elsewhere = self.registry.is_elsewhere(level);
                shard.index == 0 && !is_elsewhere && self.registry.all_listed(&self.settings)
            }
        }
    }

    /// Nobody is there for it; the sender may listen for a result all the same.
    fn refuse_unknown(&mut self, level: &str, message: &Message, out: &mut Vec<Effect>) {
        self.health.note("unknown_device".into());
        let error = format!("no device has the topic {level:?}, or it is not known yet");
        if self.failures.may_log() {
            warn!(topic = message.topic, error, "a command failed");
        }
        let details = json!({ "topic": message.topic, "error": error });
        self.publish_event("command_failed", None, None, details, out);
        let mut body =
            json!({ "status": "error", "attrs": {}, "confirmed": false, "error": error });
        if let Some(transaction) = command::transaction(&message.payload) {
            body["transaction"] = transaction;
        }
        let topic = self.topics.below_device(level, "result");
        Publisher::answer(
            topic,
            body.to_string().into_bytes(),
            message.reply.as_ref(),
            out,
        );
    }

    fn on_home_assistant(&mut self, now: Now, message: &Message, out: &mut Vec<Effect>) {
        // A retained birth was said long ago; everything went out when the link came up.
        if message.payload == b"online" && !message.retained {
            info!("Home Assistant started: announcing everything again");
            self.born(now, out);
        }
    }

    fn on_command(
        &mut self,
        now: Now,
        did: Did,
        inbound: Inbound,
        message: Message,
        out: &mut Vec<Effect>,
    ) {
        if message.retained {
            self.ignore_retained(&message.topic, Some(&did), out);
            return;
        }
        if matches!(inbound, Inbound::Get { .. }) {
            self.ask(&did, Job::Latest(did.clone()), Priority::Asked);
            return;
        }
        if message.payload.trim_ascii().is_empty() {
            self.refuse_empty(&did, message, out);
            return;
        }
        let taken = match self.check_command(&did, &inbound, &message.payload) {
            Ok(Checked {
                raw,
                before,
                attrs,
                intent,
                transaction,
            }) => {
                let caller = Caller {
                    attrs,
                    intent,
                    transaction,
                    reply: message.reply,
                };
                match raw {
                    Some(bytes) => self.pending.add_raw(&did, bytes, caller, now.mono),
                    None => {
                        if let Some(entry) = self.registry.get_mut(&did) {
                            let calls = before.iter().chain([&caller.attrs]);
                            let names = calls.flat_map(Attrs::iter).map(|(name, _)| name);
                            entry.reconciler.commanded(names);
                        }
                        if matches!(inbound, Inbound::SetEntity { .. }) {
                            self.pending.gather(&did, now.mono);
                        }
                        self.pending.add_set(&did, before, caller, now.mono)
                    }
                }
            }
            Err(CommandError {
                reason,
                transaction,
            }) => {
                let caller = Caller::of_no_values(transaction, message.reply);
                let ending = Ending::Failed { reason, code: None };
                Err(Box::new(Verdict {
                    did: did.clone(),
                    caller,
                    ending,
                }))
            }
        };
        match taken {
            Ok(()) => self.send_waiting(now, &did, out),
            Err(verdict) => self.publish_result(*verdict, out),
        }
    }

    /// Deleting a retained command sends an empty message to who is subscribed, and nothing tells it
    /// from a command. So it does nothing, whatever the topic; whoever meant a command reads the result,
    /// and there is no event or warning.
    fn refuse_empty(&self, did: &Did, message: Message, out: &mut Vec<Effect>) {
        debug!(topic = message.topic, "an empty command does nothing");
        let caller = Caller::of_no_values(None, message.reply);
        let ending = Ending::Failed {
            reason: "the payload is empty, so nothing was done".into(),
            code: None,
        };
        let verdict = Verdict {
            did: did.clone(),
            caller,
            ending,
        };
        if let Some(entry) = self.registry.get(did.as_str()) {
            self.answer_command(&entry.level, verdict, out);
        }
    }

    /// Everything that can refuse a command before it reaches the cloud.
    fn check_command(
        &self,
        did: &Did,
        inbound: &Inbound,
        payload: &[u8],
    ) -> Result<Checked, CommandError> {
        let refuse = |reason: String| CommandError {
            reason,
            transaction: command::transaction(payload),
        };
        let entry = self.registry.get(did.as_str());
        let entry = entry.ok_or_else(|| refuse("the device is not bound any more".into()))?;
        let schema = self.products.get(&entry.device.product_key);
        let schema = schema.ok_or_else(|| refuse("the product is not known yet".into()))?;
        let is_raw = matches!(inbound, Inbound::Raw { .. });
        if !is_raw && !self.products.is_settled(&entry.device.product_key) {
            return Err(refuse(
                "the attributes of the product are not known yet; try again in a minute".into(),
            ));
        }
        let plan = entry.plan.as_deref();
        let set = |set: command::SetRequest| Checked {
            raw: None,
            before: Vec::new(),
            intent: Intent {
                target: None,
                momentary: plan.map_or_else(BTreeSet::new, |plan| {
                    let names = set.attrs.iter().map(|(name, _)| name);
                    names
                        .filter(|name| plan.momentary.contains(*name))
                        .cloned()
                        .collect()
                }),
            },
            attrs: set.attrs,
            transaction: set.transaction,
        };
        let checked = match inbound {
            Inbound::SetAttr { attr, .. } => {
                command::parse_set_attr(schema, attr, payload).map(set)?
            }
            Inbound::Set { .. } => command::parse_set(schema, payload).map(set)?,
            Inbound::SetEntity { key, role, .. } => {
                let reader = Reader { schema, plan };
                let entities = plan.map_or(&[][..], |plan| &plan.entities);
                let attrs = self.pending.foreseen(did, &entry.attrs, reader);
                let known = (schema.as_ref(), &attrs);
                let command = entity_command::parse(entities, (key, role), payload, known);
                let command = command.map_err(refuse)?;
                let mut before = command.steps;
                let sets = before.iter().flat_map(Attrs::iter);
                let momentary = sets.filter(|_| command.is_momentary);
                let momentary = momentary.map(|(name, _)| name.clone()).collect();
                let attrs = before.pop().unwrap_or_default();
                let target = command.shows.map(|shows| Target {
                    key: key.clone(),
                    role: command.role,
                    shows,
                });
                Checked {
                    raw: None,
                    before,
                    attrs,
                    intent: Intent { target, momentary },
                    transaction: None,
                }
            }
            Inbound::Raw { .. } => {
                let (bytes, transaction) = command::parse_raw(payload)?;
                Checked {
                    raw: Some(bytes),
                    before: Vec::new(),
                    attrs: Attrs::default(),
                    intent: Intent::default(),
                    transaction,
                }
            }
            Inbound::Get { .. }
            | Inbound::Request { .. }
            | Inbound::HomeAssistantStatus
            | Inbound::BridgeState => {
                return Err(refuse("not a command".into()));
            }
        };
        match self.accounts.get(&entry.account).and_then(Account::refusal) {
            Some(refusal) => Err(CommandError {
                reason: format!("the cloud refuses the account: {refusal}"),
                transaction: checked.transaction,
            }),
            None => Ok(checked),
        }
    }

    /// An old wish is not a new one: a broker hands a retained command to every new subscriber.
    fn ignore_retained(&mut self, topic: &str, did: Option<&Did>, out: &mut Vec<Effect>) {
        self.health.note("retained_command".into());
        let reason = "the command was retained, so it was ignored; publish commands without the retain flag, \
                      and clear this one with an empty retained message";
        match did {
            Some(did) => {
                let caller = Caller::of_no_values(None, None);
                let ending = Ending::Failed {
                    reason: reason.into(),
                    code: None,
                };
                self.publish_result(
                    Verdict {
                        did: did.clone(),
                        caller,
                        ending,
                    },
                    out,
                );
            }
            None => {
                if self.failures.may_log() {
                    warn!(topic, reason, "ignored");
                }
                let details = json!({ "topic": topic, "error": reason });
                self.publish_event("command_failed", None, None, details, out);
            }
        }
    }
}
