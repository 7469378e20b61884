//! When a schedule runs, in UTC as the cloud keeps it. Reckoned here on its own: a mistake cannot hide
//! in both.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Date, time, and days of the week; without days it runs once.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    date: Option<Date>,
    time: Time,
    days: Vec<Weekday>,
}

impl Calendar {
    /// As a schedule spells it; the error names what cannot be read.
    pub(super) fn read(date: &str, time: &str, repeat: &str) -> Result<Self, &'static str> {
        let is_spelled = |text: &str, form: &str| {
            let fits = |(c, f): (char, char)| if f == '0' { c.is_ascii_digit() } else { c == f };
            text.len() == form.len() && text.chars().zip(form.chars()).all(fits)
        };
        let days = match repeat {
            "none" => Some(Vec::new()),
            list => list.split(',').map(day).collect(),
        };
        let days: Vec<Weekday> = days.ok_or("repeat")?;
        let no_date = date.is_empty() && !days.is_empty();
        let day = is_spelled(date, "0000-00-00").then(|| date.parse());
        Ok(Self {
            date: match day {
                Some(Ok(day)) => Some(day),
                _ if no_date => None,
                _ => return Err("date"),
            },
            time: is_spelled(time, "00:00")
                .then(|| format!("{time}:00").parse().ok())
                .flatten()
                .ok_or("time")?,
            days,
        })
    }

    /// The first run after a moment, Unix milliseconds.
    pub(super) fn next(&self, after_ms: i64) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?;
        let today = TimeZone::UTC.to_datetime(after).date();
        let first = self.date.unwrap_or(today);
        let run = |day: Date| {
            let run = TimeZone::UTC.to_timestamp(day.to_datetime(self.time));
            Some(run.ok()?.as_millisecond())
        };
        if self.days.is_empty() {
            return run(first).filter(|run| *run > after_ms);
        }
        (0..=7)
            .filter_map(|n| first.max(today).checked_add(n.days()).ok())
            .filter(|day| self.days.contains(&day.weekday()))
            .filter_map(run)
            .find(|run| *run > after_ms)
    }
}

fn day(name: &str) -> Option<Weekday> {
    let known = DAYS.iter().find(|(known, _)| *known == name.trim());
    known.map(|(_, day)| *day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelled_is_named() {
        for (date, time, repeat, want) in [
            ("2026-11-26", "06:30", "none", None),
            ("", "06:30", "mon,fri", None),
            ("", "06:30", "none", Some("date")),
            ("26.11.2026", "06:30", "none", Some("date")),
            ("2026-02-30", "06:30", "mon", Some("date")),
            ("2026-11-26", "6:30", "none", Some("time")),
            ("2026-11-26", "24:00", "none", Some("time")),
            ("2026-11-26", "06:30:00", "none", Some("time")),
            ("2026-11-26", "06:30", "monday", Some("repeat")),
            ("2026-11-26", "06:30", "", Some("repeat")),
        ] {
            let got = Calendar::read(date, time, repeat).err();
            assert_eq!(got, want, "{date} {time} {repeat}");
        }
    }

    #[test]
    fn runs_follow_one_another() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        // A Thursday.
        let now = ms("2026-11-26T06:30:00Z");
        for (date, repeat, want) in [
            ("2026-11-26", "none", None),
            ("2026-11-27", "none", Some("2026-11-27T06:30:00Z")),
            ("2020-01-01", "none", None),
            ("2020-01-01", "thu", Some("2026-12-03T06:30:00Z")),
            ("2026-11-26", "thu,sat", Some("2026-11-28T06:30:00Z")),
            ("2026-12-24", "fri", Some("2026-12-25T06:30:00Z")),
            ("", "fri", Some("2026-11-27T06:30:00Z")),
        ] {
            let calendar = Calendar::read(date, "06:30", repeat).unwrap();
            assert_eq!(calendar.next(now), want.map(ms), "{date} {repeat}");
        }
    }
}
