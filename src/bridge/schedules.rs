//! What the cloud's answers about schedules mean: for those who watch them, and those who asked.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::ids::{AccountName, Did, ScheduleId};
use crate::model::Schedule;
use crate::model::schedule::Run;

use super::answer::{self, Answer};
use super::calls::{Job, Priority};
use super::effect::Effect;
use super::input::CallError;
use super::listing::Listed;
use super::machine::Bridge;
use super::schedule_book::moment;

/// A page of an account's schedules.
pub(super) struct Page {
    pub(super) skip: u32,
    pub(super) asked_at: Duration,
    pub(super) count: u32,
    pub(super) rows: Vec<Schedule>,
    pub(super) unreadable: Vec<String>,
}

impl Bridge {
    /// Runs that are due now, and logs that are there by now.
    pub(super) fn follow_schedules(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut dids = Vec::new();
        for account in self.accounts.values_mut() {
            let news = account.schedules.tick(now);
            dids.extend(news.dids);
            for id in news.logs {
                account.push(Job::ScheduleLog(id), Priority::Poll);
            }
        }
        for did in dids {
            self.publish_schedules(&did, out);
        }
    }

    pub(super) fn on_schedules_page(
        &mut self,
        now: Now,
        name: &AccountName,
        page: Page,
        out: &mut Vec<Effect>,
    ) {
        for row in page.unreadable {
            warn!(account = %name, row, "a row of the schedules cannot be read");
        }
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        let listed = account
            .schedules
            .page(page.skip, page.asked_at, page.count, page.rows);
        match listed {
            Listed::More { skip } => {
                let is_asked = self.requests.want_schedules(name);
                let priority = if is_asked {
                    Priority::Asked
                } else {
                    Priority::Poll
                };
                account.push(Job::Schedules { skip }, priority);
            }
            Listed::Complete(schedules) => self.on_schedules_listed(now, name, &schedules, out),
            Listed::Stale => {}
        }
    }

    fn on_schedules_listed(
        &mut self,
        now: Now,
        name: &AccountName,
        schedules: &[Schedule],
        out: &mut Vec<Effect>,
    ) {
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        debug!(account = %name, schedules = schedules.len(), "schedules listed");
        let registry = &self.registry;
        let is_ours = |did: &Did| {
            let entry = registry.get(did.as_str());
            entry.is_some_and(|entry| entry.account == *name)
        };
        if account.schedules.update(now, schedules, is_ours) {
            info!(account = %name, "the schedules can be listed again");
        }
        let began = account.schedules.began();
        for (asker, did, zone) in self.requests.take_listed(name, began) {
            let wanted = schedules
                .iter()
                .filter(|schedule| did.as_ref().is_none_or(|did| schedule.concerns(did)));
            let rows = wanted
                .map(|schedule| answer::schedule(schedule, name, zone.as_ref(), moment(now)))
                .collect();
            self.publish_answer(asker, Answer::Done(rows), out);
        }
        self.publish_schedules_of(name, out);
    }

    /// A page could not be had for good, and so the listing.
    pub(super) fn on_no_schedules(
        &mut self,
        now: Now,
        name: &AccountName,
        (skip, asked_at): (u32, Duration),
        err: &CallError,
        out: &mut Vec<Effect>,
    ) {
        let chance = self.chance.f64();
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        let began = if skip == 0 {
            asked_at
        } else {
            account.schedules.began()
        };
        if account.schedules.failed(now.mono, err, chance) {
            warn!(account = %name, reason = %err, "the schedules cannot be listed; they are tried again now and then");
        }
        for (asker, _, _) in self.requests.take_listed(name, began) {
            self.publish_answer(asker, Answer::to_error(err.clone(), false), out);
        }
    }

    pub(super) fn on_schedule_log(
        &mut self,
        now: Now,
        name: &AccountName,
        id: &ScheduleId,
        log: Result<Option<Run>, CallError>,
        out: &mut Vec<Effect>,
    ) {
        if let Err(err) = &log {
            debug!(account = %name, schedule = %id, reason = %err, "a schedule's log cannot be had");
        }
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        for did in account.schedules.logged(now, id, log) {
            self.publish_schedules(&did, out);
        }
    }

    /// Everything about the schedules of an account's devices.
    pub(super) fn publish_schedules_of(&mut self, name: &AccountName, out: &mut Vec<Effect>) {
        for did in self.registry.dids_of(name) {
            self.publish_schedules(&did, out);
        }
    }
}
