//! `schedules logs`: what came of the last run.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::bridge::{CloudCall, Reply};
use crate::cli::ask::Ask;
use crate::cli::client::unreachable_reply;
use crate::cli::output::{Output, table};
use crate::cli::trouble::Trouble;
use crate::ids::ScheduleId;
use crate::model::schedule::Run;

use super::zone::{self, ZoneArgs};

pub(super) async fn logs(
    ask: &Ask,
    id: &ScheduleId,
    zone: &ZoneArgs,
    output: &Output,
) -> Result<(), Trouble> {
    let zone = zone.get()?;
    let (client, schedule) = super::owner(ask, id).await?;
    let Reply::ScheduleLog(run) = client.call(CloudCall::ScheduleLog(id.clone())).await? else {
        return Ok(unreachable_reply()?);
    };
    let next = schedule.plan.when.next_run(zone::at(client.now())?);
    let next_run = match next {
        Some(next) => format!("next run {}", zone::both(next, &zone)),
        None => "it will not run again".to_owned(),
    };
    let mut lines = match &run {
        Some(run) => shown(run, &zone),
        None => format!("schedule {id} has not run yet"),
    };
    lines.push_str(&format!("\n{next_run}"));
    let document = run.as_ref().map_or(Value::Null, document);
    output.result(&document, &lines)
}

fn shown(run: &Run, zone: &TimeZone) -> String {
    let at = run
        .at
        .and_then(|at| at.to_zoned_datetime(TimeZone::UTC).ok());
    let at = at.map_or_else(
        || "at a time that the cloud does not tell".to_owned(),
        |at| zone::both(at.timestamp(), zone),
    );
    let word = if run.succeeded { "succeeded" } else { "FAILED" };
    let head = format!("last run {at}: {word}");
    if run.delivered.is_empty() {
        return head;
    }
    let rows = run.delivered.iter().map(|(did, done)| {
        let what = if *done { "delivered" } else { "NOT delivered" };
        vec![did.to_string(), what.to_owned()]
    });
    format!("{head}\n\n{}\n", table(&["did", "command"], rows.collect()))
}

/// As the cloud spells it.
fn document(run: &Run) -> Value {
    json!({
        "datetime": run.at.map(|at| format!("{at}Z")),
        "status": if run.succeeded { "succeed" } else { "failed" },
        "detail": run.delivered,
    })
}
