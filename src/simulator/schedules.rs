//! `/app/scheduler`: schedules are made, listed and removed, and their last run is told.

use serde_json::{Map, Value, json};

use super::calendar::Calendar;
use super::devices::bound;
use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::{self, Form};
use super::scheduler::{Schedule, Task};
use super::world::{World, timestamp};
use super::{command, rights, tokens};

/// Documented.
const MAX_RETRIES: u64 = 60;

/// `POST /app/scheduler`
pub(super) fn add(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    let date = form.optional("date")?.unwrap_or_default();
    let calendar = Calendar::read(date, form.text("time")?, form.text("repeat")?);
    let calendar = calendar.map_err(|key| ApiError::form(format!("{key} invalid.")))?;
    let retry_count = match form.get("retry_count") {
        None => Some(0),
        Some(count) => count.as_u64().filter(|count| *count <= MAX_RETRIES),
    };
    let retry_count = retry_count.ok_or_else(|| ApiError::form("retry_count is 0 to 60."))?;
    let retry_task = form.optional("retry_task")?.unwrap_or("all");
    if !["all", "failed"].contains(&retry_task) {
        return Err(ApiError::form("retry_task is all or failed."));
    }
    let rows = form.rows("task")?.into_iter();
    let tasks: Result<Vec<Task>, _> = rows.map(|row| task(world, &uid, row)).collect();
    let id = tokens::text(&mut world.chance, 24);
    let due_ms = calendar.next(now_ms - 1);
    world.schedules.push(Schedule {
        id: id.clone(),
        uid,
        created_ms: now_ms,
        date: date.to_owned(),
        time: form.text("time")?.to_owned(),
        repeat: form.text("repeat")?.to_owned(),
        calendar,
        tasks: tasks?,
        retry_count,
        retries_all: retry_task == "all",
        due_ms,
        retry: None,
        log: None,
    });
    Ok(Answer::json(201, &json!({ "id": id })))
}

/// # Errors
/// 9002, 9014, 9015, 9017, 9025
fn task(world: &mut World, uid: &str, row: &Map<String, Value>) -> Result<Task, ApiError> {
    let text = |key| form::text(row, key).ok_or_else(|| ApiError::form("task invalid."));
    let (did, product_key) = (text("did")?, text("product_key")?);
    let attrs = row.get("attrs").and_then(Value::as_object);
    let attrs = attrs.ok_or_else(|| ApiError::form("task invalid."))?;
    if bound(world, did, uid)?.product_key != product_key {
        return Err(ApiError::plain(9002));
    }
    command::accepted(world, did, attrs)?;
    Ok(Task {
        did: did.to_owned(),
        product_key: product_key.to_owned(),
        attrs: attrs.clone(),
    })
}

/// `GET /app/scheduler`: a bare list (documented).
pub(super) fn list(world: &World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let own = world.schedules.iter().filter(|known| known.uid == uid);
    let rows = form::page(request, own.map(row))?;
    Ok(Answer::json(200, &rows.into()))
}

fn row(schedule: &Schedule) -> Value {
    let tasks = schedule.tasks.iter().map(
        |task| json!({ "did": task.did, "product_key": task.product_key, "attrs": task.attrs }),
    );
    json!({
        "id": schedule.id,
        "created_at": timestamp(schedule.created_ms, "%Y-%m-%dT%H:%M:%S"),
        "date": schedule.date,
        "time": schedule.time,
        "repeat": schedule.repeat,
        "task": tasks.collect::<Vec<Value>>(),
        "retry_count": schedule.retry_count,
        "retry_task": if schedule.retries_all { "all" } else { "failed" },
    })
}

/// `DELETE /app/scheduler/{id}`
pub(super) fn remove(world: &mut World, now_ms: i64, request: &Request, id: &str) -> Answered {
    let at = find(world, now_ms, request, id)?;
    world.schedules.remove(at);
    Ok(Answer::json(200, &json!({})))
}

/// `GET /app/scheduler/{id}/logs`: of the last run (documented); empty before the first.
pub(super) fn log(world: &World, now_ms: i64, request: &Request, id: &str) -> Answered {
    let at = find(world, now_ms, request, id)?;
    let log = world.schedules.get(at).and_then(|known| known.log.as_ref());
    let log = log.cloned().unwrap_or_else(|| json!({}));
    Ok(Answer::json(200, &log))
}

/// # Errors
/// 9004, 9006, 9030
fn find(world: &World, now_ms: i64, request: &Request, id: &str) -> Result<usize, ApiError> {
    let uid = rights::user(world, now_ms, request)?;
    let is_it = |known: &Schedule| known.id == id && known.uid == uid;
    let at = world.schedules.iter().position(is_it);
    at.ok_or(ApiError::plain(9030))
}
