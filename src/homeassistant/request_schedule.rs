//! The body of `schedules/add`: to a plan in UTC.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Map, Value};

use crate::ids::{AccountName, Did};
use crate::model::ProductSchema;
use crate::model::schedule::{MAX_RETRIES, Plan, Retry, Task};
use crate::model::when::{Repeat, When};

use super::body::{Body, Faults, id, shown};
use super::{command, request_zone};

/// Devices that one schedule may set.
const MAX_TASKS: usize = 100;
/// Seven days fit well, in bytes.
const MAX_REPEAT: usize = 100;

/// What a body is held against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The present.
    pub now: Timestamp,
    /// Every account that there is.
    pub accounts: &'a [&'a AccountName],
    /// What a device takes, or why that is not known.
    pub product_of: &'a dyn Fn(&Did) -> Result<&'a ProductSchema, String>,
}

pub(super) fn plan(body: &mut Body, faults: &mut Faults, context: Context<'_>) -> Option<Plan> {
    let tasks = tasks(body, faults, context);
    let when = when(body, faults, context.now);
    let retry_count = retry_count(body, faults);
    let retry = body.read("retry_task", faults, str::parse::<Retry>);
    Some(Plan {
        when: when?,
        tasks: tasks?,
        retry_count,
        retry: retry.unwrap_or_default(),
    })
}

fn tasks(body: &mut Body, faults: &mut Faults, context: Context<'_>) -> Option<Vec<Task>> {
    if !body.has("task") {
        return task(body, faults, context).map(|task| vec![task]);
    }
    let rows = body.rows("task", MAX_TASKS, faults)?;
    let read = |mut row: Body| {
        let task = task(&mut row, faults, context);
        row.close(faults);
        task
    };
    let tasks: Vec<Option<Task>> = rows.into_iter().map(read).collect();
    tasks.into_iter().collect()
}

fn task(row: &mut Body, faults: &mut Faults, context: Context<'_>) -> Option<Task> {
    let did = row.need("did", faults, |text| id(Did::new(text)));
    // The cloud's own form names it; here the device says what it is.
    let named = row.text("product_key", faults);
    let wishes = match row.take("attrs") {
        Some(Value::Object(wishes)) => Some(wishes),
        Some(_) | None => {
            let path = row.path("attrs");
            faults.add(format!(
                "{path}: write an object such as {{\"power\": true}}"
            ));
            None
        }
    };
    let did = did?;
    let schema = match (context.product_of)(&did) {
        Ok(schema) => schema,
        Err(fault) => {
            faults.add(format!("{}: {fault}", row.path("did")));
            return None;
        }
    };
    if named.is_some_and(|named| named != schema.product_key.as_str()) {
        let path = row.path("product_key");
        faults.add(format!("{path}: the device is {}", schema.product_key));
    }
    let attrs: Map<String, Value> = match command::check_all(schema, &wishes?) {
        Ok(attrs) => attrs.to_json(),
        Err(fault) => {
            faults.add(format!("{}: {fault}", row.path("attrs")));
            return None;
        }
    };
    Some(Task {
        did,
        product_key: schema.product_key.clone(),
        attrs,
    })
}

/// In UTC.
fn when(body: &mut Body, faults: &mut Faults, now: Timestamp) -> Option<When> {
    let named = body.has("zone");
    let zone = body.read("zone", faults, request_zone::named);
    let time = body.need("time", faults, time);
    let date = body
        .has("date")
        .then(|| body.read("date", faults, date))
        .flatten();
    let repeat = repeat(body, faults);
    let zone = match zone {
        None if named => return None,
        zone => zone.unwrap_or(TimeZone::UTC),
    };
    let (time, repeat) = (time?, repeat?);
    let date = date.or_else(|| first_day(time, &zone, now))?;
    match (When { date, time, repeat }).to_utc(&zone) {
        Ok(when) if when.next_run(now).is_some() => Some(when),
        Ok(when) => {
            let moment = when.date.to_datetime(when.time);
            faults.add(format!(
                "time: it would never run, for {moment} UTC is over"
            ));
            None
        }
        Err(err) => {
            faults.add(format!("time: {err}"));
            None
        }
    }
}

/// Today, or tomorrow where the time is over for today.
fn first_day(time: Time, zone: &TimeZone, now: Timestamp) -> Option<Date> {
    let here = zone.to_datetime(now);
    if time > here.time() {
        return Some(here.date());
    }
    here.date().checked_add(1.days()).ok()
}

fn time(text: &str) -> Result<Time, String> {
    let time: Option<Time> = text.parse().ok();
    let whole = |time: &Time| time.second() == 0 && time.subsec_nanosecond() == 0;
    time.filter(whole)
        .ok_or_else(|| format!("{:?} is refused; write HH:MM", shown(text)))
}

fn date(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| format!("{:?} is refused; write YYYY-MM-DD", shown(text)))
}

/// `none`, days such as `mon,fri`, or a list of days.
fn repeat(body: &mut Body, faults: &mut Faults) -> Option<Repeat> {
    let text = match body.take("repeat") {
        None => return Some(Repeat::Once),
        Some(Value::String(text)) => Some(text),
        Some(Value::Array(days)) => {
            let days: Option<Vec<&str>> = days.iter().map(Value::as_str).collect();
            days.map(|days| days.join(","))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => None,
    };
    let repeat = text
        .filter(|text| text.len() <= MAX_REPEAT)
        .ok_or_else(|| "write none, daily, weekdays, weekend, or days such as mon,wed,sun".into())
        .and_then(|text| text.parse());
    repeat
        .map_err(|fault| faults.add(format!("repeat: {fault}")))
        .ok()
}

fn retry_count(body: &mut Body, faults: &mut Faults) -> u8 {
    let Some(count) = body.take("retry_count") else {
        return 0;
    };
    let count = count.as_u64().and_then(|count| u8::try_from(count).ok());
    count
        .filter(|count| *count <= MAX_RETRIES)
        .unwrap_or_else(|| {
            faults.add(format!(
                "retry_count: write a number from 0 to {MAX_RETRIES}"
            ));
            0
        })
}
