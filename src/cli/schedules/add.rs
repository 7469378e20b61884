//! `schedules add`.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::bridge::{CloudCall, Reply};
use crate::cli::ask::{Ask, no_such_device};
use crate::cli::client::{Client, unreachable_reply};
use crate::cli::output::Output;
use crate::cli::trouble::Trouble;
use crate::homeassistant::command;
use crate::ids::Did;
use crate::model::schedule::{MAX_RETRIES, Plan, Retry, Task};
use crate::model::when::Repeat;
use crate::model::{Device, Schedule, When};

use super::list::{self, sets};
use super::zone::{self, ZoneArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  On weekdays at half past seven, from tomorrow on:
    gizwits2mqtt schedules add DID power=on temp_set=38 --at 07:30 --date tomorrow --repeat weekdays
  Once, the next time that it is ten in the evening in Berlin:
    gizwits2mqtt schedules add DID power=off --at 22:00 --zone Europe/Berlin
  Two devices, tried again up to 5 times where a command did not get through:
    gizwits2mqtt schedules add DID1 power=on DID2 mode=eco --at 18:00 --repeat sat,sun \\
      --retry-count 5 --retry-task failed

The cloud keeps UTC. A weekly schedule therefore moves by an hour when your clocks change; this \
command says when. `gizwits2mqtt devices list` shows the DIDs, `gizwits2mqtt schema DID` what a device \
takes. After a run, `gizwits2mqtt schedules logs ID` tells what came of it.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AddArgs {
    /// A device and what to set on it, as in `set`; then more devices, if you like
    // Not `2..`: that would be two in a row, and options may stand between them.
    #[arg(value_name = "DID|ATTR=VALUE", required = true, num_args = 1..)]
    words: Vec<String>,

    /// The time, local: 07:30
    #[arg(long, value_name = "HH:MM", value_parser = time)]
    at: Time,

    /// The day, or the first day of a weekly one: today, tomorrow, or 2026-11-26 [default: the next
    /// day on which that time is still to come]
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,

    /// The days on which it runs again: none, daily, weekdays, weekend, or a list such as mon,fri
    #[arg(long, default_value = "none", value_name = "DAYS")]
    repeat: Repeat,

    #[command(flatten)]
    zone: ZoneArgs,

    /// How often the cloud tries again, a minute apart, when a device could not be reached: 0 to 60
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=i64::from(MAX_RETRIES)))]
    retry_count: u8,

    /// What it sends again: all commands, or only the failed ones
    #[arg(long, default_value = "all", value_name = "all|failed")]
    retry_task: Retry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Today,
    Tomorrow,
    Date(Date),
}

fn time(text: &str) -> Result<Time, String> {
    let is_short = text.len() == 5 && text.as_bytes().get(2) == Some(&b':');
    let time = text.parse().ok().filter(|_| is_short);
    time.ok_or_else(|| "write hours and minutes, 00:00 to 23:59, as in 07:30".to_owned())
}

fn day(text: &str) -> Result<Day, String> {
    match text {
        "today" => Ok(Day::Today),
        "tomorrow" => Ok(Day::Tomorrow),
        date => date
            .parse()
            .map(Day::Date)
            .map_err(|_| "write today, tomorrow, or a date such as 2026-11-26".to_owned()),
    }
}

/// What is wished for one device, as typed.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    did: String,
    values: Vec<(String, String)>,
}

/// A word without `=` begins the next device.
fn wishes(words: &[String]) -> Result<Vec<Wish>, Trouble> {
    let mut wishes: Vec<Wish> = Vec::new();
    for word in words {
        match (word.split_once('='), wishes.last_mut()) {
            (None, _) => wishes.push(Wish {
                did: word.clone(),
                values: Vec::new(),
            }),
            (Some((name, value)), Some(wish)) if !name.is_empty() => {
                if wish.values.iter().any(|(known, _)| known == name) {
                    return Err(Trouble::usage(format!("{name} is given twice")));
                }
                wish.values.push((name.to_owned(), value.to_owned()));
            }
            (Some(_), _) => {
                return Err(Trouble::usage(format!(
                    "{word:?} stands where a DID belongs; write DID ATTR=VALUE, as in `set`"
                )));
            }
        }
    }
    let mut dids = std::collections::BTreeSet::new();
    for wish in &wishes {
        if wish.values.is_empty() {
            return Err(Trouble::usage(format!(
                "what shall be set on {}? write ATTR=VALUE behind it",
                wish.did
            )));
        }
        if !dids.insert(&wish.did) {
            return Err(Trouble::usage(format!("{} is given twice", wish.did)));
        }
    }
    Ok(wishes)
}

/// The wish in local time; `now` decides what "today" is, and refuses what is over.
fn local_when(args: &AddArgs, zone: &TimeZone, now: Timestamp) -> Result<When, Trouble> {
    let here = zone.to_datetime(now);
    let next_day = |date: Date| date.checked_add(1.day()).unwrap_or(date);
    let date = match args.date {
        Some(Day::Today) => here.date(),
        Some(Day::Tomorrow) => next_day(here.date()),
        Some(Day::Date(date)) => date,
        None if args.at > here.time() => here.date(),
        None => next_day(here.date()),
    };
    Ok(When {
        date,
        time: args.at,
        repeat: args.repeat,
    })
}

pub(super) async fn add(ask: &Ask, args: AddArgs, output: &Output) -> Result<(), Trouble> {
    let wishes = wishes(&args.words)?;
    let zone = args.zone.get()?;
    let now = zone::at(ask.visitor.now())?;
    let wished = local_when(&args, &zone, now)?;
    let utc = wished
        .to_utc(&zone)
        .map_err(|err| Trouble::usage(err.to_string()))?;
    let Some(next) = utc.next_run(now) else {
        return Err(Trouble::usage(format!(
            "{} {} in {} is over; choose another --date",
            wished.date,
            wished.time.strftime("%H:%M"),
            zone::name(&zone)
        )));
    };
    let (client, tasks) = tasks(ask, &wishes).await?;
    let plan = Plan {
        when: utc,
        tasks,
        retry_count: args.retry_count,
        retry: args.retry_task,
    };
    let call = CloudCall::AddSchedule(Box::new(plan.clone()));
    let Reply::ScheduleAdded { id } = client.call(call).await? else {
        return Ok(unreachable_reply()?);
    };
    let drift = zone::drift(&utc, &zone, now);
    let schedule = Schedule {
        id: id.clone(),
        created_at: None,
        plan: plan.clone(),
    };
    let mut document = list::document(&schedule, &client.account.name, &zone, now);
    document["status"] = "ok".into();
    document["warning"] = drift.clone().into();
    let mut lines = format!(
        "added: schedule {id} sets {}\nin {}: {}; in UTC: {}\nfirst run {}",
        sets(&plan),
        zone::name(&zone),
        shown(&utc.to_local_at(&zone, now).unwrap_or(wished)),
        shown(&utc),
        zone::both(next, &zone),
    );
    if let Some(drift) = drift {
        lines.push_str(&format!("\nnote: {drift}"));
    }
    lines.push_str(&format!(
        "\nWhat came of it, afterwards:  gizwits2mqtt schedules logs {id}"
    ));
    output.result(&document, &lines)
}

/// `weekdays at 07:30`, or `2026-11-26 at 07:30`.
fn shown(when: &When) -> String {
    let time = when.time.strftime("%H:%M");
    match when.repeat {
        Repeat::Once => format!("{} at {time}", when.date),
        Repeat::Weekly(_) => format!("{} at {time}", zone::days(when.repeat)),
    }
}

/// What each device is to be sent, checked against its schema; all devices are of one account, since
/// a schedule is.
async fn tasks(ask: &Ask, wishes: &[Wish]) -> Result<(Client, Vec<Task>), Trouble> {
    let (entered, refused) = ask.entered().await?;
    let has = |devices: &[Device], did: &str| devices.iter().any(|each| each.did.as_str() == did);
    let first = wishes
        .first()
        .map(|wish| wish.did.as_str())
        .unwrap_or_default();
    let owner = entered.into_iter().find(|(_, devices)| has(devices, first));
    let Some((client, devices)) = owner else {
        return Err(refused.unwrap_or_else(|| no_such_device(first)));
    };
    let (mut tasks, mut faults) = (Vec::new(), Vec::new());
    for wish in wishes {
        let device = devices.iter().find(|each| each.did.as_str() == wish.did);
        let Some(device) = device else {
            return Err(Trouble::usage(format!(
                "account {} has no device {:?}; all devices of a schedule belong to one account",
                client.account.name, wish.did
            )));
        };
        let (schema, ..) = client.latest(device).await?;
        match command::parse_pairs(&schema, &wish.values) {
            Ok(request) => tasks.push(Task {
                did: Did::clone(&device.did),
                product_key: device.product_key.clone(),
                attrs: request.attrs.to_json(),
            }),
            Err(err) => faults.push(err.reason),
        }
    }
    if faults.is_empty() {
        return Ok((client, tasks));
    }
    Err(Trouble::usage(faults.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_word_without_equals_begins_the_next_device() {
        let found = wishes(&words("d1 a=1 b=x=y d2 c=")).unwrap();
        let shown: Vec<(&str, usize)> = found
            .iter()
            .map(|wish| (wish.did.as_str(), wish.values.len()))
            .collect();
        assert_eq!(shown, [("d1", 2), ("d2", 1)]);
        for wrong in [
            "a=1 d1",
            "d1 d2 a=1",
            "d1 a=1 a=2",
            "d1 a=1 d1 b=2",
            "d1 =1",
        ] {
            assert_eq!(wishes(&words(wrong)).unwrap_err().exit_code, 2, "{wrong}");
        }
    }

    #[test]
    fn a_time_is_hours_and_minutes() {
        assert_eq!(time("07:30"), Ok(jiff::civil::time(7, 30, 0, 0)));
        for wrong in ["7:30", "07:30:15", "24:00", "0730", "noon"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
