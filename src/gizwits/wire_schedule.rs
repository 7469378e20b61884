//! The cloud's JSON of schedules.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use serde_json::{Map, Value};

use crate::bridge::{CallError, Reply};
use crate::ids::{Did, ProductKey, ScheduleId};
use crate::model::schedule::{MAX_RETRIES, Plan, Run, Schedule, Task};
use crate::model::when::{Repeat, When};

use super::error::unexpected;
use super::wire::{MAX_ROWS, flag, integer, text};

/// A page of the list: bare (documented), or under `schedulers` or `objects`, as sister calls have it.
/// A row that cannot be read costs only itself.
pub(super) fn page(json: &Value) -> Result<Reply, CallError> {
    let rows = json
        .as_array()
        .or_else(|| json.get("schedulers")?.as_array())
        .or_else(|| json.get("objects")?.as_array())
        .ok_or_else(|| unexpected("the schedules are no list"))?;
    if rows.len() > MAX_ROWS {
        return Err(unexpected(
            "the schedules have far more rows than asked for",
        ));
    }
    let (mut schedules, mut unreadable) = (Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        match schedule(row) {
            Ok(schedule) => schedules.push(schedule),
            Err(reason) => unreadable.push(format!("schedule row {at}: {reason}")),
        }
    }
    Ok(Reply::Schedules {
        schedules,
        rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        unreadable,
    })
}

fn schedule(row: &Value) -> Result<Schedule, String> {
    let created_at = datetime(row, "created_at");
    let date = match text(row, "date").parse() {
        Ok(date) => date,
        // A weekly one may have none.
        Err(_) => created_at
            .map(DateTime::date)
            .ok_or("it has no usable date")?,
    };
    let time = text(row, "time");
    let time = time
        .parse()
        .map_err(|_| format!("its time {time:?} cannot be read"))?;
    let repeat: Repeat = text(row, "repeat").parse()?;
    let tasks = row.get("task").and_then(Value::as_array);
    let tasks: Result<_, String> = tasks.into_iter().flatten().map(task).collect();
    let retries = row.get("retry_count").and_then(integer).unwrap_or(0);
    Ok(Schedule {
        id: ScheduleId::new(text(row, "id")).map_err(|err| err.to_string())?,
        created_at,
        plan: Plan {
            when: When { date, time, repeat },
            tasks: tasks?,
            retry_count: u8::try_from(retries.clamp(0, MAX_RETRIES.into())).unwrap_or(0),
            retry: text(row, "retry_task").parse().unwrap_or_default(),
        },
    })
}

fn task(row: &Value) -> Result<Task, String> {
    let attrs = row.get("attrs").and_then(Value::as_object);
    Ok(Task {
        did: Did::new(text(row, "did")).map_err(|err| err.to_string())?,
        product_key: ProductKey::new(text(row, "product_key")).map_err(|err| err.to_string())?,
        attrs: attrs.cloned().unwrap_or_else(Map::new),
    })
}

/// The log of the last run; an empty object or list says that there was none.
pub(super) fn run(json: &Value) -> Result<Option<Run>, CallError> {
    let json = json.as_array().map_or(Some(json), |list| list.first());
    let Some(Value::Object(log)) = json else {
        return Ok(None);
    };
    let status = match log.get("status").and_then(Value::as_str) {
        Some(status) => status,
        None if log.is_empty() => return Ok(None),
        None => return Err(unexpected("the log has no status")),
    };
    let details = log.get("detail").and_then(Value::as_object);
    let delivered: BTreeMap<Did, bool> = details
        .into_iter()
        .flatten()
        .filter_map(|(did, done)| Some((Did::new(did.clone()).ok()?, flag(done)?)))
        .collect();
    Ok(Some(Run {
        at: json.and_then(|json| datetime(json, "datetime")),
        succeeded: status.starts_with("succe"),
        delivered,
    }))
}

/// UTC without a zone (documented); a `Z` does no harm.
fn datetime(json: &Value, key: &str) -> Option<DateTime> {
    text(json, key).trim_end_matches('Z').parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_documented_list_is_read_and_an_odd_row_costs_only_itself() {
        let row = json!({
            "id": "abc", "created_at": "2015-01-01T12:00:00", "date": "2015-01-01", "time": "12:00",
            "repeat": "none", "retry_count": 3, "retry_task": "all",
            "task": [{ "did": "did1", "product_key": "xxx", "attrs": { "attr1": 1 } }],
        });
        let page = page(&json!([row, { "id": "bad", "date": "2015-01-01", "time": "noon" }]));
        let Ok(Reply::Schedules {
            schedules,
            rows,
            unreadable,
        }) = page
        else {
            panic!("{page:?}");
        };
        assert_eq!((schedules.len(), rows, unreadable.len()), (1, 2, 1));
        let mut sent = schedules[0].plan.to_json();
        sent["id"] = "abc".into();
        sent["created_at"] = "2015-01-01T12:00:00".into();
        assert_eq!(sent, row, "it is written as it was read");
        assert!(unreadable[0].contains("\"noon\""), "{unreadable:?}");
    }

    #[test]
    fn a_list_without_end_is_refused_and_retries_stay_in_their_range() {
        let row = |retries: i64| json!({ "id": "abc", "date": "2015-01-01", "time": "12:00", "retry_count": retries });
        assert!(page(&json!(vec![row(0); MAX_ROWS + 1])).is_err());
        for (sent, read) in [(-1, 0), (60, 60), (61, 60), (300, 60)] {
            assert_eq!(schedule(&row(sent)).unwrap().plan.retry_count, read);
        }
    }

    #[test]
    fn a_log_tells_of_each_device_and_an_empty_one_of_no_run() {
        let log = json!({ "datetime": "2015-01-02T12:00:00", "status": "failed",
            "detail": { "did1": true, "did2": false } });
        let run = run(&log).unwrap().unwrap();
        assert!(!run.succeeded && run.at.is_some());
        assert_eq!(
            run.delivered.values().copied().collect::<Vec<_>>(),
            [true, false]
        );
        // Elsewhere the cloud writes 0 and 1 where it documents booleans.
        let log = json!([{ "status": "succeed", "detail": { "did1": 1 } }]);
        let run = super::run(&log).unwrap().unwrap();
        assert!(run.succeeded && run.at.is_none() && run.delivered.values().all(|done| *done));
        assert_eq!(run.delivered.len(), 1);
        for none in [json!({}), json!([]), json!(null)] {
            assert_eq!(super::run(&none), Ok(None), "{none}");
        }
        assert!(super::run(&json!({ "datetime": "x" })).is_err());
    }
}
