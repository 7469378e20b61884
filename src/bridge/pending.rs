//! Commands under way: they merge, they are confirmed by what the device reports, they expire.
//! Each caller gets exactly one result.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::ids::{AttrName, Did};
use crate::model::{AttrValue, Attrs};

use super::effect::CloudCall;
use super::input::{CallError, ErrorClass, ReplyTo};

/// How long a command waits to be sent before it is given up: longer than the first pauses after
/// 9041, shorter than a person's memory of having asked.
const SEND_WITHIN: Duration = Duration::from_secs(5 * 60);
/// How long after it was sent a report may confirm it. Reports lag a few seconds behind (seen).
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);
/// When, after the cloud took a command, the device is polled to see it.
const CONFIRM_POLLS: [Duration; 5] = [
    Duration::from_millis(700),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];
/// Most control calls of one device that may wait; further ones are refused.
const MAX_WAITING: usize = 32;
/// Most commands that merge into one of them: a slider sends dozens.
const MAX_CALLERS: usize = 1_000;

/// Who asked, and for what.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller {
    /// The values this caller named; empty for a raw command.
    pub(super) attrs: Attrs,
    pub(super) transaction: Option<Value>,
    pub(super) reply: Option<ReplyTo>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// The cloud took it; `confirmed` when the device showed it.
    Taken { confirmed: bool },
    /// It failed, with the reason for people and the cloud's code.
    Failed { reason: String, code: Option<u16> },
}

/// One result to publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) did: Did,
    pub(super) caller: Caller,
    pub(super) ending: Ending,
}

#[derive(Debug)]
enum Wish {
    Set(Attrs),
    Raw(Vec<u8>),
}

/// One control call with those who asked for it.
#[derive(Debug)]
struct Batch {
    wish: Wish,
    callers: Vec<Caller>,
    deadline: Duration,
    /// A newer set took these over, so no report will show them.
    superseded: BTreeSet<AttrName>,
    /// The cloud's answer never came: it may or may not have taken it.
    fate_unknown: Option<CallError>,
    polls: std::slice::Iter<'static, Duration>,
    sent_at: Duration,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Batch>,
    under_way: Option<Batch>,
    awaiting: Vec<Batch>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PendingSets {
    lines: BTreeMap<Did, Line>,
}

impl PendingSets {
    /// Takes a checked `set`. It merges into one that waits already: the newest value of each
    /// attribute wins.
    ///
    /// # Errors
    /// The verdict to publish when too many commands wait already.
    pub(super) fn add_set(
        &mut self,
        did: &Did,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        let line = self.lines.entry(did.clone()).or_default();
        if let Some(Batch {
            wish: Wish::Set(attrs),
            callers,
            deadline,
            ..
        }) = line.waiting.back_mut()
        {
            if callers.len() >= MAX_CALLERS {
                return Err(Box::new(too_many(did, caller)));
            }
            attrs.merge(caller.attrs.clone());
            callers.push(caller);
            // The newest wish has all of its time.
            *deadline = now + SEND_WITHIN;
            return Ok(());
        }
        let wish = Wish::Set(caller.attrs.clone());
        line.push(did, Batch::new(wish, caller, now))
    }

    /// Takes a raw command. Raw commands never merge; they keep their place among the sets.
    ///
    /// # Errors
    /// The verdict to publish when too many commands wait already.
    pub(super) fn add_raw(
        &mut self,
        did: &Did,
        bytes: Vec<u8>,
        caller: Caller,
        now: Duration,
    ) -> Result<(), Box<Verdict>> {
        let line = self.lines.entry(did.clone()).or_default();
        line.push(did, Batch::new(Wish::Raw(bytes), caller, now))
    }

    /// The call that may leave now for a device: none while one is under way.
    pub(super) fn take(&mut self, did: &Did, now: Duration) -> Option<CloudCall> {
        let line = self.lines.get_mut(did)?;
        if line.under_way.is_some() {
            return None;
        }
        let mut batch = line.waiting.pop_front()?;
        batch.sent_at = now;
        let call = batch.call(did);
        line.under_way = Some(batch);
        Some(call)
    }

    /// The call never reached the cloud, or the cloud did not look at it: it waits again, first in
    /// line, with what came after merged into it.
    pub(super) fn returned(&mut self, did: &Did) {
        let Some(line) = self.lines.get_mut(did) else {
            return;
        };
        let Some(mut batch) = line.under_way.take() else {
            return;
        };
        if let (
            Wish::Set(attrs),
            Some(Batch {
                wish: Wish::Set(newer),
                ..
            }),
        ) = (&mut batch.wish, line.waiting.front())
        {
            attrs.merge(newer.clone());
            if let Some(merged) = line.waiting.pop_front() {
                batch.callers.extend(merged.callers);
                batch.deadline = batch.deadline.max(merged.deadline);
            }
        }
        line.waiting.push_front(batch);
    }

    /// The cloud answered the call under way. Returns the results that are known by that.
    pub(super) fn answered(
        &mut self,
        did: &Did,
        result: Result<(), CallError>,
        now: Duration,
    ) -> Vec<Verdict> {
        let Some(line) = self.lines.get_mut(did) else {
            return Vec::new();
        };
        let Some(mut batch) = line.under_way.take() else {
            return Vec::new();
        };
        match result {
            Ok(()) if matches!(batch.wish, Wish::Raw(_)) => {
                self.tidy(did);
                // Nothing in a report tells that a raw command was carried out.
                return batch.end(did, &Ending::Taken { confirmed: false });
            }
            Ok(()) => {}
            Err(err)
                if err.class == ErrorClass::Transient && matches!(batch.wish, Wish::Set(_)) =>
            {
                batch.fate_unknown = Some(err);
            }
            Err(err) => {
                self.tidy(did);
                return batch.end(
                    did,
                    &Ending::Failed {
                        reason: err.message,
                        code: err.code,
                    },
                );
            }
        }
        batch.deadline = now + CONFIRM_WITHIN;
        batch.sent_at = now;
        let verdicts = line.supersede(did, &batch);
        line.awaiting.push(batch);
        self.tidy(did);
        verdicts
    }

    /// True when more waits for this device and nothing is under way.
    pub(super) fn wants_call(&self, did: &Did) -> bool {
        self.lines
            .get(did)
            .is_some_and(|line| line.under_way.is_none() && !line.waiting.is_empty())
    }

    /// A report that was asked for at `asked_at` shows these values.
    pub(super) fn observe(&mut self, did: &Did, attrs: &Attrs, asked_at: Duration) -> Vec<Verdict> {
        let Some(line) = self.lines.get_mut(did) else {
            return Vec::new();
        };
        let mut verdicts = Vec::new();
        line.awaiting.retain_mut(|batch| {
            let shown = asked_at >= batch.sent_at && batch.is_shown_by(attrs);
            if shown {
                verdicts.extend(batch.end_shown(did));
            }
            !shown
        });
        self.tidy(did);
        verdicts
    }

    /// Devices whose early poll is due.
    pub(super) fn polls_due(&mut self, now: Duration) -> Vec<Did> {
        let mut due = Vec::new();
        for (did, line) in &mut self.lines {
            for batch in &mut line.awaiting {
                while batch.next_poll().is_some_and(|at| at <= now) {
                    batch.polls.next();
                    if due.last() != Some(did) {
                        due.push(did.clone());
                    }
                }
            }
        }
        due
    }

    /// Results of those whose time is over.
    pub(super) fn expire(
        &mut self,
        now: Duration,
        why_unsent: impl Fn(&Did) -> String,
    ) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (did, line) in &mut self.lines {
            line.waiting.retain_mut(|batch| {
                let over = batch.deadline <= now;
                if over {
                    let reason = format!(
                        "not sent within {} s, so given up: {}",
                        SEND_WITHIN.as_secs(),
                        why_unsent(did)
                    );
                    verdicts.extend(batch.end(did, &Ending::Failed { reason, code: None }));
                }
                !over
            });
            line.awaiting.retain_mut(|batch| {
                let over = batch.deadline <= now;
                if over {
                    verdicts.extend(batch.end_unconfirmed(did));
                }
                !over
            });
        }
        self.lines.retain(|_, line| !line.is_empty());
        verdicts
    }

    /// Ends everything: of one device that is gone, or of all when the bridge stops.
    pub(super) fn abandon(&mut self, of: Option<&Did>, reason: &str) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let dids: Vec<Did> = self
            .lines
            .keys()
            .filter(|did| of.is_none_or(|of| of == *did))
            .cloned()
            .collect();
        for did in dids {
            let Some(line) = self.lines.remove(&did) else {
                continue;
            };
            for mut batch in line.waiting {
                let reason = format!("not sent: {reason}");
                verdicts.extend(batch.end(&did, &Ending::Failed { reason, code: None }));
            }
            if let Some(mut batch) = line.under_way {
                let reason = format!("it is not known whether the cloud took it: {reason}");
                verdicts.extend(batch.end(&did, &Ending::Failed { reason, code: None }));
            }
            for mut batch in line.awaiting {
                verdicts.extend(batch.end_unconfirmed(&did));
            }
        }
        verdicts
    }

    /// The next moment at which something here is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let waiting = self
            .lines
            .values()
            .flat_map(|line| &line.waiting)
            .map(|batch| batch.deadline);
        let awaiting = self.lines.values().flat_map(|line| &line.awaiting);
        let awaiting = awaiting.map(|batch| {
            batch
                .next_poll()
                .map_or(batch.deadline, |at| at.min(batch.deadline))
        });
        waiting.chain(awaiting).min()
    }

    fn tidy(&mut self, did: &Did) {
        if self.lines.get(did).is_some_and(Line::is_empty) {
            self.lines.remove(did);
        }
    }
}

fn too_many(did: &Did, caller: Caller) -> Verdict {
    let reason = format!("{MAX_WAITING} commands wait for this device already; try again later");
    Verdict {
        did: did.clone(),
        caller,
        ending: Ending::Failed { reason, code: None },
    }
}

impl Line {
    fn push(&mut self, did: &Did, mut batch: Batch) -> Result<(), Box<Verdict>> {
        if self.waiting.len() >= MAX_WAITING
            && let Some(caller) = batch.callers.pop()
        {
            return Err(Box::new(too_many(did, caller)));
        }
        self.waiting.push_back(batch);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none() && self.awaiting.is_empty()
    }

    /// A newer set of the same attributes: the older one cannot be seen any more.
    fn supersede(&mut self, did: &Did, newer: &Batch) -> Vec<Verdict> {
        let Wish::Set(newer) = &newer.wish else {
            return Vec::new();
        };
        let mut verdicts = Vec::new();
        self.awaiting.retain_mut(|batch| {
            batch
                .superseded
                .extend(newer.iter().map(|(name, _)| name.clone()));
            let over = batch.outstanding().next().is_none();
            if over {
                verdicts.extend(batch.end_unconfirmed(did));
            }
            !over
        });
        verdicts
    }
}

impl Batch {
    fn new(wish: Wish, caller: Caller, now: Duration) -> Self {
        Self {
            wish,
            callers: vec![caller],
            deadline: now + SEND_WITHIN,
            superseded: BTreeSet::new(),
            fate_unknown: None,
            polls: CONFIRM_POLLS.iter(),
            sent_at: now,
        }
    }

    fn call(&self, did: &Did) -> CloudCall {
        match &self.wish {
            Wish::Set(attrs) => CloudCall::Control {
                did: did.clone(),
                attrs: attrs.clone(),
            },
            Wish::Raw(bytes) => CloudCall::Raw {
                did: did.clone(),
                bytes: bytes.clone(),
            },
        }
    }

    fn next_poll(&self) -> Option<Duration> {
        self.polls
            .as_slice()
            .first()
            .map(|after| self.sent_at + *after)
    }

    /// What a report has yet to show.
    fn outstanding(&self) -> impl Iterator<Item = (&AttrName, &AttrValue)> {
        let sent = match &self.wish {
            Wish::Set(attrs) => Some(attrs),
            Wish::Raw(_) => None,
        };
        let sent = sent.into_iter().flat_map(Attrs::iter);
        sent.filter(|(name, _)| !self.superseded.contains(*name))
    }

    fn is_shown_by(&self, report: &Attrs) -> bool {
        self.outstanding()
            .all(|(name, value)| report.get(name.as_str()) == Some(value))
    }

    /// A report shows what it can. Of a caller whose value a newer set took over, it shows not all.
    fn end_shown(&mut self, did: &Did) -> Vec<Verdict> {
        let names_overtaken = |caller: &Caller| {
            let mut names = caller.attrs.iter();
            names.any(|(name, _)| self.superseded.contains(name))
        };
        let callers = std::mem::take(&mut self.callers);
        let (overtaken, shown) = callers.into_iter().partition(names_overtaken);
        self.callers = shown;
        let mut verdicts = self.end(did, &Ending::Taken { confirmed: true });
        self.callers = overtaken;
        verdicts.extend(self.end_unconfirmed(did));
        verdicts
    }

    fn end_unconfirmed(&mut self, did: &Did) -> Vec<Verdict> {
        let ending = self
            .fate_unknown
            .take()
            .map_or(Ending::Taken { confirmed: false }, |why| {
                let reason = format!(
                    "it is not known whether the cloud took it, and no report shows it ({why}); \
                     it was not sent again"
                );
                let code = why.code;
                Ending::Failed { reason, code }
            });
        self.end(did, &ending)
    }

    fn end(&mut self, did: &Did, ending: &Ending) -> Vec<Verdict> {
        let callers = std::mem::take(&mut self.callers);
        let verdict = |mut caller: Caller| {
            caller.attrs = self.as_sent(caller.attrs);
            Verdict {
                did: did.clone(),
                caller,
                ending: ending.clone(),
            }
        };
        callers.into_iter().map(verdict).collect()
    }

    /// What one caller named, with the values that went out: a newer one may have won.
    fn as_sent(&self, named: Attrs) -> Attrs {
        let Wish::Set(sent) = &self.wish else {
            return named;
        };
        let sent = |name: &AttrName| sent.get(name.as_str()).cloned();
        named
            .into_iter()
            .map(|(name, value)| (name.clone(), sent(&name).unwrap_or(value)))
            .collect()
    }
}

#[cfg(test)]
#[path = "pending_tests.rs"]
mod tests;
