//! `schedules list`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::cli::ask::Ask;
use crate::cli::devices::bare;
use crate::cli::output::{Output, table};
use crate::cli::trouble::Trouble;
use crate::ids::{AccountName, Did};
use crate::model::Schedule;
use crate::model::schedule::Plan;

use super::zone::{self, ZoneArgs};

pub(super) async fn list(
    ask: &Ask,
    did: Option<&Did>,
    zone: &ZoneArgs,
    output: &Output,
) -> Result<(), Trouble> {
    let zone = zone.get()?;
    let now = zone::at(ask.visitor.now())?;
    let (entered, refused) = ask.entered().await?;
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for (client, _) in entered {
        for schedule in client.schedules().await? {
            if did.is_none_or(|did| schedule.concerns(did)) {
                rows.push(row(&schedule, &zone, now));
                documents.push(document(&schedule, &client.account.name, &zone, now));
            }
        }
    }
    let lines = if rows.is_empty() {
        "there is no schedule; `gizwits2mqtt schedules add --help` shows how to make one".to_owned()
    } else {
        let head = format!(
            "Times of {}, and UTC, which the cloud keeps:",
            zone::name(&zone)
        );
        let headers = ["id", "runs", "in utc", "sets", "retries", "next run"];
        format!("{head}\n\n{}", table(&headers, rows))
    };
    output.result(&Value::Array(documents), &lines)?;
    output.told(refused)
}

fn row(schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Vec<String> {
    let plan = &schedule.plan;
    let utc = &plan.when;
    let local = utc.to_local_at(zone, now).map(|local| zone::short(&local));
    let next = utc.next_run(now);
    let retries = match plan.retry_count {
        0 => String::new(),
        count => format!("{count} ({})", plan.retry),
    };
    vec![
        schedule.id.to_string(),
        local.unwrap_or_default(),
        zone::short(utc),
        sets(plan),
        retries,
        next.map_or_else(|| "never again".to_owned(), |next| zone::local(next, zone)),
    ]
}

/// What it sets, device by device.
pub(super) fn sets(plan: &Plan) -> String {
    let task = |did: &Did, attrs: &Map<String, Value>| {
        let attrs = attrs
            .iter()
            .map(|(name, value)| format!("{name}={}", bare(value)));
        format!("{did}: {}", attrs.collect::<Vec<_>>().join(" "))
    };
    let tasks = plan.tasks.iter().map(|each| task(&each.did, &each.attrs));
    tasks.collect::<Vec<_>>().join("; ")
}

/// For scripts: as the cloud spells it, with what follows from it.
pub(super) fn document(
    schedule: &Schedule,
    account: &AccountName,
    zone: &TimeZone,
    now: Timestamp,
) -> Value {
    let mut document = schedule.plan.to_json();
    document["id"] = schedule.id.as_str().into();
    document["account"] = account.as_str().into();
    let created_at = schedule.created_at.map(|moment| format!("{moment}Z"));
    document["created_at"] = created_at.into();
    let next_run = schedule.plan.when.next_run(now);
    document["next_run"] = next_run.map(|next| next.to_string()).into();
    document["local"] = zone::document(&schedule.plan.when, zone, now);
    document
}
