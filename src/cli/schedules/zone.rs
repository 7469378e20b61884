//! Times of schedules as people in a zone read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cli::trouble::Trouble;
use crate::model::When;
use crate::model::when::Repeat;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ZoneArgs {
    /// Whose local time, as in Europe/Berlin or UTC [default: this machine's zone]
    #[arg(long, value_name = "ZONE")]
    pub(super) zone: Option<String>,
}

impl ZoneArgs {
    pub(super) fn get(&self) -> Result<TimeZone, Trouble> {
        match &self.zone {
            None => Ok(TimeZone::system()),
            Some(name) => TimeZone::get(name).map_err(|_| {
                Trouble::usage(format!(
                    "--zone: {name:?} is no time zone; write one such as Europe/Berlin, America/New_York or UTC"
                ))
            }),
        }
    }
}

/// A zone's name, for people.
pub(super) fn name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("local time")
}

/// `Thu 2026-11-26 07:30 CET`
pub(super) fn local(moment: Timestamp, zone: &TimeZone) -> String {
    let there = moment.to_zoned_datetime(zone.clone());
    there.strftime("%a %Y-%m-%d %H:%M %Z").to_string()
}

/// `Thu 2026-11-26 07:30 CET (Thu 06:30 UTC)`
pub(super) fn both(moment: Timestamp, zone: &TimeZone) -> String {
    let utc = moment.to_zoned_datetime(TimeZone::UTC);
    format!("{} ({} UTC)", local(moment, zone), utc.strftime("%a %H:%M"))
}

/// `mon,fri 07:30`, or `2026-11-26 07:30` of one that runs once.
pub(super) fn short(when: &When) -> String {
    let time = when.time.strftime("%H:%M");
    match when.repeat {
        Repeat::Once => format!("{} {time}", when.date),
        Repeat::Weekly(_) => format!("{} {time}", days(when.repeat)),
    }
}

/// Days with the words that people have for them.
pub(super) fn days(repeat: Repeat) -> String {
    let known = ["daily", "weekdays", "weekend"];
    known
        .into_iter()
        .find(|word| word.parse() == Ok(repeat))
        .map_or_else(|| repeat.to_string(), str::to_owned)
}

/// Where a weekly schedule goes when clocks change, and what to do about it.
pub(super) fn drift(utc: &When, zone: &TimeZone, now: Timestamp) -> Option<String> {
    let drift = utc.drift(zone, now)?;
    let before = utc.to_local_at(zone, now).ok()?.repeat;
    let other_days = if drift.repeat == before {
        String::new()
    } else {
        format!(" on {}", days(drift.repeat))
    };
    Some(format!(
        "the cloud keeps UTC: when clocks change on {} in {}, it runs at {}{other_days} from then on; \
         remove it and add it again that day",
        drift.from,
        name(zone),
        drift.time.strftime("%H:%M")
    ))
}

/// For scripts: date, time and days in the zone, as they are next.
pub(super) fn document(utc: &When, zone: &TimeZone, now: Timestamp) -> Value {
    match utc.to_local_at(zone, now) {
        Ok(local) => json!({
            "zone": name(zone),
            "date": local.date.to_string(),
            "time": local.time.strftime("%H:%M").to_string(),
            "repeat": local.repeat.to_string(),
        }),
        Err(_) => Value::Null,
    }
}

/// Unix seconds as the moment that they are.
pub(super) fn at(unix: i64) -> Result<Timestamp, Trouble> {
    Timestamp::from_second(unix)
        .map_err(|_| Trouble::failed("this machine's clock is wrong; set it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_change_at_midnight_change_the_day_and_that_is_said() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let when = |time: &str, repeat: &str| When {
            date: "2026-08-30".parse().unwrap(),
            time: time.parse().unwrap(),
            repeat: repeat.parse().unwrap(),
        };
        let summer = "2026-08-30T00:00:00Z".parse().unwrap();
        let night = drift(&when("22:30", "sun"), &berlin, summer).unwrap();
        assert!(
            night.contains("it runs at 23:30 on sun from then on"),
            "{night}"
        );
        let noon = drift(&when("10:00", "sun"), &berlin, summer).unwrap();
        assert!(noon.contains("it runs at 11:00 from then on"), "{noon}");
    }
}
