//! How a control call ends for those who asked for it.

use std::time::Duration;

use crate::bridge::caller::{Caller, Ending, Verdict};
use crate::ids::{AttrName, Did};
use crate::model::Attrs;

use super::{Asked, Batch, CONFIRM_WITHIN, OrderId, Wish};

impl Batch {
    /// It was not sent in time for some who asked. What nobody else wants is not set any more; without
    /// anybody left it is over.
    pub(in crate::bridge) fn give_up(
        &mut self,
        did: &Did,
        now: Duration,
        reason: String,
    ) -> Vec<Verdict> {
        let verdicts = self.end_some(did, |asked| asked.until <= now, reason, None);
        let next = self.callers.iter().map(|asked| asked.until).min();
        self.deadline = next.unwrap_or(self.deadline);
        verdicts
    }

    /// The order will not be carried out, and this call of it did not leave: those who gave it learn why.
    /// Without anybody left it is over.
    pub(in crate::bridge) fn drop_order(
        &mut self,
        did: &Did,
        order: OrderId,
        (reason, code): (&str, Option<u16>),
    ) -> Vec<Verdict> {
        self.end_some(did, |asked| asked.order == order, reason.into(), code)
    }

    /// It failed for some who asked before it was sent, and what nobody else wants is not set any more.
    fn end_some(
        &mut self,
        did: &Did,
        is_over: impl Fn(&Asked) -> bool,
        reason: String,
        code: Option<u16>,
    ) -> Vec<Verdict> {
        let callers = std::mem::take(&mut self.callers);
        let (over, rest) = callers.into_iter().partition(is_over);
        self.callers = over;
        let verdicts = self.end(did, &Ending::Failed { reason, code });
        self.callers = rest;
        let names = |asked: &Asked, name: &str| asked.caller.attrs.get(name).is_some();
        if let Wish::Set(attrs) = &mut self.wish {
            let all = std::mem::take(attrs).into_iter();
            let wanted = |name: &AttrName| self.callers.iter().any(|one| names(one, name.as_str()));
            *attrs = all.filter(|(name, _)| wanted(name)).collect();
        }
        self.drop_missed_aims();
        verdicts
    }

    /// A report shows what it can. Of a caller whose value a newer set took over, it shows not all.
    pub(in crate::bridge) fn end_shown(&mut self, did: &Did) -> Vec<Verdict> {
        let is_overtaken = |asked: &Asked| {
            let mut names = asked.caller.attrs.iter();
            names.any(|(name, _)| self.superseded.contains(name))
        };
        let callers = std::mem::take(&mut self.callers);
        let (unseen, shown) = callers
            .into_iter()
            .partition(|asked| is_overtaken(asked) || self.misses_momentary(&asked.caller));
        self.callers = shown;
        let mut verdicts = self.end(did, &Ending::Taken { confirmed: true });
        self.callers = unseen;
        verdicts.extend(self.end_early(did));
        verdicts
    }

    /// Its time is over: each caller learns what the device says instead.
    pub(in crate::bridge) fn end_unconfirmed(&mut self, did: &Did) -> Vec<Verdict> {
        self.end_each(did, Self::ending_for)
    }

    fn end_each(&mut self, did: &Did, ending: impl Fn(&Self, &Caller) -> Ending) -> Vec<Verdict> {
        let callers = std::mem::take(&mut self.callers);
        let mut verdicts = Vec::new();
        for asked in callers {
            let ending = ending(self, &asked.caller);
            self.callers = vec![asked];
            verdicts.extend(self.end(did, &ending));
        }
        verdicts
    }

    fn ending_for(&self, caller: &Caller) -> Ending {
        let own = || {
            self.wants()
                .filter(|(name, _)| caller.attrs.get(name.as_str()).is_some())
        };
        let is_whole = own().count() == caller.attrs.len();
        if is_whole && own().all(|(name, _)| self.shown.contains(name)) {
            return Ending::Taken { confirmed: true };
        }
        let missed = || {
            let own = own().filter(|(name, _)| !self.is_momentary(name));
            own.filter(|(name, _)| !self.shown.contains(*name))
        };
        let instead = missed().filter_map(|(name, _)| {
            let reported = self.reported.get(name.as_str())?;
            Some(format!("{name} {}", reported.to_bare()))
        });
        let instead: Vec<String> = instead.collect();
        let twice = if self.times_sent > 1 {
            ", though it was sent twice"
        } else {
            ""
        };
        let code = self.fate_unknown.as_ref().and_then(|why| why.code);
        if !instead.is_empty() {
            let reason = format!("the device reports {} instead{twice}", instead.join(", "));
            return Ending::Failed { reason, code };
        }
        match &self.fate_unknown {
            Some(_) => self.ending_early(caller),
            None if self.is_reported || missed().next().is_none() => {
                Ending::Taken { confirmed: false }
            }
            None => {
                let reason = format!(
                    "it was taken, but no report came within {} s",
                    CONFIRM_WITHIN.as_secs()
                );
                Ending::Failed { reason, code }
            }
        }
    }

    /// Before its time: a newer set took it over, or the bridge ends.
    pub(in crate::bridge) fn end_early(&mut self, did: &Did) -> Vec<Verdict> {
        self.end_each(did, Self::ending_early)
    }

    fn ending_early(&self, caller: &Caller) -> Ending {
        match &self.fate_unknown {
            None => Ending::Taken { confirmed: false },
            Some(why) if self.misses_momentary(caller) => Ending::Failed {
                reason: format!(
                    "it is not known whether the device did it; it was not sent again, since that could do it twice ({why})"
                ),
                code: why.code,
            },
            Some(why) => Ending::Failed {
                reason: format!(
                    "it is not known whether the cloud took it, and no report shows it ({why})"
                ),
                code: why.code,
            },
        }
    }

    pub(in crate::bridge) fn end(&mut self, did: &Did, ending: &Ending) -> Vec<Verdict> {
        let callers = std::mem::take(&mut self.callers);
        let verdict = |asked: Asked| {
            let mut caller = asked.caller;
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
        let Some(sent) = self.set() else {
            return named;
        };
        let sent = |name: &AttrName| sent.get(name.as_str()).cloned();
        named
            .into_iter()
            .map(|(name, value)| (name.clone(), sent(&name).unwrap_or(value)))
            .collect()
    }
}
