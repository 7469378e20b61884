//! What one account's schedules do next and did last, as far as anybody watches that: when to list
//! them again, and when to ask for a log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::clock::Now;
use crate::ids::{Did, ScheduleId};
use crate::model::schedule::{Plan, Run};
use crate::model::{Schedule, When};
use crate::retry::{Retry, RetryPolicy};

use super::input::{CallError, ErrorClass};
use super::listing::{Listed, Listing};

/// Between two listings. Schedules are made in the app, seldom, and every listing costs calls.
const LIST_EVERY: Duration = Duration::from_secs(3600);
/// When they are listed again after a listing that failed for no fault of the request.
const RELIST: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(5 * 60),
    factor: 2.0,
    longest: LIST_EVERY,
};
/// A run has its log by then.
const LOG_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// A log that is older than its run by less than this is that run's: clocks differ.
const LOG_SLACK: SignedDuration = SignedDuration::from_mins(1);
/// A run that lies further back is over, retries included.
const OVER_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// See the module.
#[derive(Debug)]
pub(super) struct ScheduleBook {
    listing: Listing<Schedule>,
    /// When to list next; `None` before the devices are known.
    due: Option<Duration>,
    retry: Retry,
    /// The listing fails, which was told.
    is_failing: bool,
    /// A listing was complete.
    is_known: bool,
    /// The last change of our own: what was asked for before does not show it.
    changed: Duration,
    rows: BTreeMap<ScheduleId, Row>,
    of_device: BTreeMap<Did, BTreeSet<ScheduleId>>,
    /// Kept when a schedule is gone: the run was, all the same.
    last: BTreeMap<Did, LastRun>,
    /// When something below is due, by both clocks.
    next_event: Option<Timestamp>,
    wake: Option<Duration>,
}

/// How a device's part of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastRun {
    pub(super) at: Timestamp,
    pub(super) succeeded: bool,
}

/// What is known of a device's schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View<'a> {
    pub(super) next: Option<Timestamp>,
    pub(super) last: Option<LastRun>,
    pub(super) ids: Vec<&'a ScheduleId>,
}

/// What a moment brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Logs to ask for.
    pub(super) logs: Vec<ScheduleId>,
    /// Devices that others are to be told of.
    pub(super) dids: BTreeSet<Did>,
}

#[derive(Debug)]
struct Row {
    when: When,
    dids: BTreeSet<Did>,
    retry_count: u8,
    next: Option<Timestamp>,
    log: Log,
    /// It ran before it was known here, and its log is not here yet.
    lags: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// Nothing has run since it was read last.
    Read,
    /// To be asked for at `at`; `again`: it was asked for once and did not show the end of the run.
    Due {
        run: Timestamp,
        at: Timestamp,
        again: bool,
    },
    /// Asked for.
    Asked { run: Timestamp, again: bool },
}

impl Default for ScheduleBook {
    fn default() -> Self {
        Self {
            listing: Listing::default(),
            due: None,
            retry: Retry::new(RELIST),
            is_failing: false,
            is_known: false,
            changed: Duration::ZERO,
            rows: BTreeMap::new(),
            of_device: BTreeMap::new(),
            last: BTreeMap::new(),
            next_event: None,
            wake: None,
        }
    }
}

impl ScheduleBook {
    /// The devices are known, so their schedules may be asked for.
    pub(super) fn begin(&mut self, now: Duration) {
        self.due.get_or_insert(now);
    }

    /// A device is new here, and may have some.
    pub(super) fn joined(&mut self, now: Duration) {
        self.due = Some(now);
    }

    /// True when it is time for a listing; the next one is an hour later.
    pub(super) fn take_due(&mut self, now: Duration) -> bool {
        let due = self.due.is_some_and(|at| now >= at);
        if due {
            self.due = Some(now + LIST_EVERY);
        }
        due
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        [self.due, self.wake].into_iter().flatten().min()
    }

    /// A change of our own came home: what is listed now shows it.
    pub(super) fn changed(&mut self, now: Duration) {
        self.changed = now;
        self.due = Some(now);
    }

    /// When the newest listing was begun.
    pub(super) const fn began(&self) -> Duration {
        self.listing.began()
    }

    /// Takes a page. A complete listing still has to be [`Self::update`]d.
    pub(super) fn page(
        &mut self,
        skip: u32,
        asked_at: Duration,
        count: u32,
        rows: Vec<Schedule>,
    ) -> Listed<Schedule> {
        self.listing.page(skip, asked_at, count, rows)
    }

    /// Takes a complete listing, as far as it concerns devices that are ours. True when that ends a
    /// failure that was told.
    pub(super) fn update(
        &mut self,
        now: Now,
        schedules: &[Schedule],
        is_ours: impl Fn(&Did) -> bool,
    ) -> bool {
        self.retry.succeeded();
        let was_failing = std::mem::take(&mut self.is_failing);
        if self.began() < self.changed {
            // It may not show our own change; the next one is under way to.
            return was_failing;
        }
        self.is_known = true;
        let moment = moment(now);
        let mut before = std::mem::take(&mut self.rows);
        for schedule in schedules {
            let mut row = Row::new(schedule, moment);
            row.dids.retain(&is_ours);
            let known = before.remove(&schedule.id);
            if let Some(known) = known.filter(|known| known.when == row.when) {
                row = Row {
                    dids: row.dids,
                    retry_count: row.retry_count,
                    ..known
                };
            }
            if !row.dids.is_empty() {
                self.rows.insert(schedule.id.clone(), row);
            }
        }
        self.index();
        self.plan_wake(now);
        was_failing
    }

    /// The listing failed. True when that is news.
    pub(super) fn failed(&mut self, now: Duration, err: &CallError, chance: f64) -> bool {
        let wait = match err.class {
            // A cloud without a scheduler costs no more than this.
            ErrorClass::Refused | ErrorClass::Fatal => LIST_EVERY,
            ErrorClass::Throttled
            | ErrorClass::TokenLost
            | ErrorClass::LoginRefused
            | ErrorClass::DeviceOffline
            | ErrorClass::DeviceGone
            | ErrorClass::Unsent
            | ErrorClass::Transient => self.retry.failed(chance),
        };
        self.due = Some(now + wait);
        !std::mem::replace(&mut self.is_failing, true)
    }

    /// A schedule was made here.
    pub(super) fn add(&mut self, now: Now, id: ScheduleId, plan: Plan) {
        let schedule = Schedule {
            id,
            created_at: Some(TimeZone::UTC.to_datetime(moment(now))),
            plan,
        };
        let row = Row::new(&schedule, moment(now));
        self.rows.insert(schedule.id, row);
        self.index();
        self.plan_wake(now);
    }

    /// A schedule is gone.
    pub(super) fn remove(&mut self, now: Now, id: &ScheduleId) {
        self.rows.remove(id);
        self.index();
        self.plan_wake(now);
    }

    /// Devices are gone.
    pub(super) fn forget(&mut self, dids: &BTreeSet<Did>) {
        self.last.retain(|did, _| !dids.contains(did));
        for row in self.rows.values_mut() {
            row.dids.retain(|did| !dids.contains(did));
        }
        self.rows.retain(|_, row| !row.dids.is_empty());
        self.index();
    }

    pub(super) fn has(&self, id: &ScheduleId) -> bool {
        self.rows.contains_key(id)
    }

    /// What became due: runs, and logs to ask for.
    pub(super) fn tick(&mut self, now: Now) -> News {
        let moment = moment(now);
        let mut news = News::default();
        if self.next_event.is_none_or(|at| moment < at) {
            self.wake = self.next_event.map(|at| until(now, at));
            return news;
        }
        for (id, row) in &mut self.rows {
            if let Some(run) = row.next.filter(|run| *run <= moment) {
                row.next = row.when.next_run(moment);
                row.log = Log::after(run);
                news.dids.extend(row.dids.iter().cloned());
            }
            if let Log::Due { run, at, again } = row.log
                && at <= moment
            {
                row.log = Log::Asked { run, again };
                news.logs.push(id.clone());
            }
        }
        self.plan_wake(now);
        news
    }

    /// The log that was asked for is here; an error tells of no run.
    pub(super) fn logged(
        &mut self,
        now: Now,
        id: &ScheduleId,
        log: Result<Option<Run>, CallError>,
    ) -> BTreeSet<Did> {
        let moment = moment(now);
        let Some(row) = self.rows.get_mut(id) else {
            return BTreeSet::new();
        };
        let Log::Asked { run, again } = row.log else {
            return BTreeSet::new();
        };
        row.lags = false;
        let log = log.unwrap_or_default().map(|log| {
            let at = log.at.and_then(|at| TimeZone::UTC.to_timestamp(at).ok());
            (at.unwrap_or(run), log)
        });
        let is_over = |(at, log): &(Timestamp, Run)| log.succeeded && later(*at, LOG_SLACK) >= run;
        row.log = if log.as_ref().is_some_and(is_over) || again || moment > later(run, OVER_AFTER) {
            Log::Read
        } else {
            // It may still be retried, once a minute.
            let retries = SignedDuration::from_mins(i64::from(row.retry_count));
            Log::Due {
                run,
                at: later(later(run, LOG_AFTER), retries).max(later(moment, LOG_AFTER)),
                again: true,
            }
        };
        let concerned = row.dids.clone();
        if let Some((at, log)) = log {
            for did in &concerned {
                let succeeded = log.delivered.get(did).copied().unwrap_or(log.succeeded);
                let newest = self.last.get(did).is_none_or(|last| last.at <= at);
                if newest {
                    self.last.insert(did.clone(), LastRun { at, succeeded });
                }
            }
        }
        self.plan_wake(now);
        concerned
    }

    /// `None` while that is not known: what was told earlier stays.
    pub(super) fn view(&self, did: &Did) -> Option<View<'_>> {
        let ids: Vec<&ScheduleId> = self.of_device.get(did).into_iter().flatten().collect();
        let rows = || ids.iter().filter_map(|id| self.rows.get(*id));
        let last = self.last.get(did).copied();
        if !self.is_known || rows().any(|row| row.lags) {
            return None;
        }
        let next = rows().filter_map(|row| row.next).min();
        Some(View { next, last, ids })
    }

    fn index(&mut self) {
        self.of_device.clear();
        for (id, row) in &self.rows {
            for did in &row.dids {
                let ids = self.of_device.entry(did.clone()).or_default();
                ids.insert(id.clone());
            }
        }
    }

    fn plan_wake(&mut self, now: Now) {
        let events = self.rows.values().flat_map(|row| {
            let log = match row.log {
                Log::Due { at, .. } => Some(at),
                Log::Read | Log::Asked { .. } => None,
            };
            [row.next, log]
        });
        self.next_event = events.flatten().min();
        self.wake = self.next_event.map(|at| until(now, at));
    }
}

impl Row {
    fn new(schedule: &Schedule, moment: Timestamp) -> Self {
        let when = schedule.plan.when;
        let created_at = schedule.created_at;
        let created_at = created_at.and_then(|at| TimeZone::UTC.to_timestamp(at).ok());
        let run = when.last_run(moment);
        let run = run.filter(|run| created_at.is_none_or(|created_at| *run >= created_at));
        Self {
            when,
            dids: dids(&schedule.plan),
            retry_count: schedule.plan.retry_count,
            next: when.next_run(moment),
            log: run.map_or(Log::Read, Log::after),
            lags: run.is_some(),
        }
    }
}

impl Log {
    fn after(run: Timestamp) -> Self {
        Self::Due {
            run,
            at: later(run, LOG_AFTER),
            again: false,
        }
    }
}

fn dids(plan: &Plan) -> BTreeSet<Did> {
    plan.tasks.iter().map(|task| task.did.clone()).collect()
}

/// A clock beyond all calendars tells no time.
pub(super) fn moment(now: Now) -> Timestamp {
    Timestamp::from_second(now.unix).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn until(now: Now, at: Timestamp) -> Duration {
    let seconds = at.as_second().saturating_sub(moment(now).as_second());
    now.mono + Duration::from_secs(seconds.max(0).unsigned_abs())
}

#[cfg(test)]
#[path = "schedule_book_tests.rs"]
mod tests;
