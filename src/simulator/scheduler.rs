//! Schedules at work: they run at their minute, and again each minute while a part of them fails.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::calendar::Calendar;
use super::command;
use super::world::{World, timestamp};

/// How long after a failed attempt the next one is.
const RETRY_MS: i64 = 60 * 1000;

/// A schedule and how far it is.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) id: String,
    /// Who made it, and in whose name it acts.
    pub(super) uid: String,
    pub(super) created_ms: i64,
    /// As they were spelled.
    pub(super) date: String,
    pub(super) time: String,
    pub(super) repeat: String,
    pub(super) calendar: Calendar,
    pub(super) tasks: Vec<Task>,
    pub(super) retry_count: u64,
    /// A retry sends everything, not only what failed.
    pub(super) retries_all: bool,
    /// The next run.
    pub(super) due_ms: Option<i64>,
    pub(super) retry: Option<Retry>,
    /// The last run.
    pub(super) log: Option<Value>,
}

/// One device's part.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) did: String,
    pub(super) product_key: String,
    pub(super) attrs: Map<String, Value>,
}

/// A run that failed and is not given up.
#[derive(Debug, Clone)]
pub(super) struct Retry {
    at_ms: i64,
    /// How often it may be tried after that.
    left: u64,
    /// Which tasks got through.
    delivered: Vec<bool>,
}

impl Schedule {
    fn next_ms(&self) -> Option<i64> {
        let retry_ms = self.retry.as_ref().map(|retry| retry.at_ms);
        [self.due_ms, retry_ms].into_iter().flatten().min()
    }
}

/// When the next schedule acts.
pub(super) fn next_ms(world: &World) -> Option<i64> {
    world.schedules.iter().filter_map(Schedule::next_ms).min()
}

/// Lets the schedule act that is the next to.
pub(super) fn act(world: &mut World) {
    let next = world.schedules.iter_mut().filter_map(|schedule| {
        let at_ms = schedule.next_ms()?;
        Some((at_ms, schedule))
    });
    let Some((now_ms, schedule)) = next.min_by_key(|(at_ms, _)| *at_ms) else {
        return;
    };
    // A new run ends what is left of the one before.
    let is_due = schedule.due_ms == Some(now_ms);
    let retry = schedule.retry.take().filter(|_| !is_due);
    if is_due {
        schedule.due_ms = schedule.calendar.next(now_ms);
    }
    let schedule = schedule.clone();
    let delivered = attempt(world, now_ms, &schedule, retry.as_ref());
    let left = retry.map_or(schedule.retry_count, |retry| retry.left);
    let log = log(now_ms, &schedule, &delivered);
    let is_done = delivered.iter().all(|done| *done);
    let next = left.checked_sub(1).filter(|_| !is_done);
    let mut known = world.schedules.iter_mut();
    if let Some(known) = known.find(|known| known.id == schedule.id) {
        known.log = Some(log);
        known.retry = next.map(|left| Retry {
            at_ms: now_ms + RETRY_MS,
            left,
            delivered,
        });
    }
}

fn attempt(
    world: &mut World,
    now_ms: i64,
    schedule: &Schedule,
    retry: Option<&Retry>,
) -> Vec<bool> {
    let is_through = |at: usize| {
        let before = retry.filter(|_| !schedule.retries_all);
        before.and_then(|before| before.delivered.get(at).copied()) == Some(true)
    };
    let tasks = schedule.tasks.iter().enumerate();
    tasks
        .map(|(at, task)| {
            is_through(at)
                || command::send(world, now_ms, &task.did, &schedule.uid, &task.attrs).is_ok()
        })
        .collect()
}

/// A run succeeds when every command was sent (documented).
fn log(now_ms: i64, schedule: &Schedule, delivered: &[bool]) -> Value {
    let mut detail: BTreeMap<&str, bool> = BTreeMap::new();
    for (task, done) in schedule.tasks.iter().zip(delivered) {
        let all = detail.entry(&task.did).or_insert(true);
        *all = *all && *done;
    }
    let is_done = delivered.iter().all(|done| *done);
    json!({
        "datetime": timestamp(now_ms, "%Y-%m-%dT%H:%M:%S"),
        "status": if is_done { "succeed" } else { "failed" },
        "detail": detail,
    })
}
