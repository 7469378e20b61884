//! `schedules`: what the cloud sets on devices at a time, in local time with UTC beside it.

mod add;
mod list;
mod logs;
mod zone;

use clap::Subcommand;

use super::ask::Ask;
use super::client::Client;
use super::output::Output;
use super::trouble::Trouble;
use crate::bridge::CloudCall;
use crate::ids::{Did, ScheduleId};
use crate::model::Schedule;

pub(super) use add::AddArgs;
pub(super) use zone::ZoneArgs;

#[derive(Debug, Subcommand)]
pub(super) enum SchedulesCommand {
    /// All schedules, with their next run
    List {
        /// Only those of this device
        #[arg(long, value_name = "DID")]
        did: Option<Did>,
        #[command(flatten)]
        zone: ZoneArgs,
    },

    /// Set attributes of devices at a time, once or on days of the week
    #[command(
        override_usage = "gizwits2mqtt schedules add [OPTIONS] --at <HH:MM> <DID> <ATTR=VALUE>... [<DID> <ATTR=VALUE>...]...",
        after_help = add::EXAMPLES
    )]
    Add(AddArgs),

    /// Take a schedule back
    Remove {
        /// Its id, from `schedules list`
        id: ScheduleId,
    },

    /// What came of a schedule's last run; the cloud keeps no more than that
    Logs {
        /// Its id, from `schedules list`
        id: ScheduleId,
        #[command(flatten)]
        zone: ZoneArgs,
    },
}

pub(super) async fn schedules(
    ask: Ask,
    command: SchedulesCommand,
    output: &Output,
) -> Result<(), Trouble> {
    match command {
        SchedulesCommand::List { did, zone } => list::list(&ask, did.as_ref(), &zone, output).await,
        SchedulesCommand::Add(args) => add::add(&ask, args, output).await,
        SchedulesCommand::Remove { id } => remove(&ask, &id, output).await,
        SchedulesCommand::Logs { id, zone } => logs::logs(&ask, &id, &zone, output).await,
    }
}

async fn remove(ask: &Ask, id: &ScheduleId, output: &Output) -> Result<(), Trouble> {
    let (client, _) = owner(ask, id).await?;
    client.call(CloudCall::RemoveSchedule(id.clone())).await?;
    let document = serde_json::json!({ "status": "ok", "id": id });
    output.result(&document, &format!("removed: schedule {id}"))
}

/// The account that has a schedule.
async fn owner(ask: &Ask, id: &ScheduleId) -> Result<(Client, Schedule), Trouble> {
    let (entered, refused) = ask.entered().await?;
    for (client, _) in entered {
        let schedules = client.schedules().await?;
        if let Some(schedule) = schedules.into_iter().find(|schedule| schedule.id == *id) {
            return Ok((client, schedule));
        }
    }
    Err(refused.unwrap_or_else(|| {
        Trouble::failed(format!(
            "no account has a schedule {:?}; `gizwits2mqtt schedules list` shows all",
            id.as_str()
        ))
    }))
}
