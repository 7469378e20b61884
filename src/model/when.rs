//! When a schedule runs: date, time and weekdays, in UTC for the cloud and in a zone for people.
//!
//! The cloud keeps UTC (documented), so a weekday may be another one there, and a weekly schedule
//! moves by an hour for people whose clocks change.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

/// Date, time and weekdays in one zone: whose, its owner knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The day of the only run, or the first day on which a weekly one may run.
    pub date: Date,
    /// To the minute.
    pub time: Time,
    /// Once, or each week.
    pub repeat: Repeat,
}

/// Whether a schedule runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// `none`
    Once,
    /// On each of these days.
    Weekly(Weekdays),
}

/// At least one day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays(u8);

/// Why a moment cannot be scheduled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// Clocks jump over it.
    #[error(
        "{time} does not exist on {date} in {zone}: clocks are put forward there; choose another time"
    )]
    Skipped {
        /// The day.
        date: Date,
        /// The time.
        time: String,
        /// The zone.
        zone: String,
    },
    /// Too far from now for a calendar.
    #[error("the date {0} cannot be used")]
    OutOfRange(Date),
}

/// A weekly schedule's new local time after clocks have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The day on which clocks change.
    pub from: Date,
    /// When it runs from then on.
    pub time: Time,
    /// On which days, of theirs, it runs from then on: at midnight an hour is a day.
    pub repeat: Repeat,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Weekdays {
    /// `None` without any day.
    #[must_use]
    pub fn new(days: impl IntoIterator<Item = Weekday>) -> Option<Self> {
        let bits = days
            .into_iter()
            .fold(0, |bits, day| bits | 1 << day.to_monday_zero_offset());
        (bits != 0).then_some(Self(bits))
    }

    /// Does it run on this day?
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Each day moved by `days`.
    #[must_use]
    pub fn shifted(self, days: i32) -> Self {
        let moved = DAYS
            .iter()
            .filter(|(_, day)| self.contains(*day))
            .fold(0, |bits, (_, day)| {
                let at = (i32::from(day.to_monday_zero_offset()) + days).rem_euclid(7);
                bits | 1 << at
            });
        Self(moved)
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str("none"),
            Self::Weekly(days) => {
                let names = DAYS.iter().filter(|(_, day)| days.contains(*day));
                let names: Vec<&str> = names.map(|(name, _)| *name).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

impl FromStr for Repeat {
    type Err = String;

    /// `none`, a list such as `mon,wed`, or `weekdays`, `weekend`, `daily`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        let list = match text.as_str() {
            "none" | "" => return Ok(Self::Once),
            "weekdays" => "mon,tue,wed,thu,fri",
            "weekend" => "sat,sun",
            "daily" => "mon,tue,wed,thu,fri,sat,sun",
            other => other,
        };
        let day = |name: &str| {
            let known = DAYS.iter().find(|(known, _)| *known == name.trim());
            known.map(|(_, day)| *day).ok_or_else(|| {
                format!("{name:?} is no day; write none, daily, weekdays, weekend, or days such as mon,wed,sun")
            })
        };
        let days: Vec<Weekday> = list.split(',').map(day).collect::<Result<_, _>>()?;
        Ok(Weekdays::new(days).map_or(Self::Once, Self::Weekly))
    }
}

impl When {
    /// This wish of a person in `zone`, in UTC.
    ///
    /// # Errors
    /// [`WhenError`] when clocks jump over its first run.
    pub fn to_utc(self, zone: &TimeZone) -> Result<Self, WhenError> {
        self.between(zone, &TimeZone::UTC)
    }

    /// What the cloud keeps in UTC, for a person in `zone`, as it is at the next run after `now`: since
    /// the first one, clocks may have changed.
    ///
    /// # Errors
    /// [`WhenError::OutOfRange`]
    pub fn to_local_at(self, zone: &TimeZone, now: Timestamp) -> Result<Self, WhenError> {
        let next = match self.repeat {
            Repeat::Once => None,
            Repeat::Weekly(_) => self.next_run(now),
        };
        let date = next.map_or(self.date, |run| TimeZone::UTC.to_datetime(run).date());
        Self { date, ..self }.between(&TimeZone::UTC, zone)
    }

    fn between(self, from: &TimeZone, to: &TimeZone) -> Result<Self, WhenError> {
        let first = self.first_day();
        let moment = instant(first, self.time, from)?;
        let there = to.to_datetime(moment);
        let days = (there.date() - first).get_days();
        Ok(Self {
            date: there.date(),
            time: there.time(),
            repeat: match self.repeat {
                Repeat::Once => Repeat::Once,
                Repeat::Weekly(weekdays) => Repeat::Weekly(weekdays.shifted(days)),
            },
        })
    }

    /// The day of the first run.
    fn first_day(&self) -> Date {
        match self.repeat {
            Repeat::Once => self.date,
            Repeat::Weekly(days) => self
                .days()
                .find(|day| days.contains(day.weekday()))
                .unwrap_or(self.date),
        }
    }

    /// The week that begins with its date.
    fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let first = self.date;
        (0..7).filter_map(move |n| first.checked_add(n.days()).ok())
    }

    /// The next run after a moment, of a schedule in UTC; `None` when it will not run again.
    #[must_use]
    pub fn next_run(&self, after: Timestamp) -> Option<Timestamp> {
        let today = TimeZone::UTC.to_datetime(after).date();
        self.runs(today.max(self.date)).find(|run| *run > after)
    }

    /// The last run until a moment, of a schedule in UTC; `None` when none was due yet.
    #[must_use]
    pub fn last_run(&self, until: Timestamp) -> Option<Timestamp> {
        let today = TimeZone::UTC.to_datetime(until).date();
        let week_ago = today.checked_sub(7.days()).ok()?;
        self.runs(week_ago.max(self.date))
            .take_while(|run| *run <= until)
            .last()
    }

    /// Runs in the eight days from a day on; of one that runs once, that run.
    fn runs(self, from: Date) -> impl Iterator<Item = Timestamp> {
        let week = (0..=7).filter_map(move |n| from.checked_add(n.days()).ok());
        let days: Vec<Date> = match self.repeat {
            Repeat::Once => vec![self.date],
            Repeat::Weekly(weekdays) => week
                .filter(|day| weekdays.contains(day.weekday()))
                .collect(),
        };
        days.into_iter()
            .filter_map(move |day| instant(day, self.time, &TimeZone::UTC).ok())
    }

    /// How a weekly schedule in UTC moves for people in `zone` when their clocks change next.
    #[must_use]
    pub fn drift(&self, zone: &TimeZone, after: Timestamp) -> Option<Drift> {
        if self.repeat == Repeat::Once {
            return None;
        }
        let run = self.next_run(after)?;
        let change = zone
            .following(run)
            .find(|change| change.offset() != zone.to_offset(run))?;
        let later = self.to_local_at(zone, change.timestamp()).ok()?;
        Some(Drift {
            from: zone.to_datetime(change.timestamp()).date(),
            time: later.time,
            repeat: later.repeat,
        })
    }
}

/// Of a time that happens twice the first counts.
fn instant(date: Date, time: Time, zone: &TimeZone) -> Result<Timestamp, WhenError> {
    let moment = zone.to_ambiguous_timestamp(date.to_datetime(time));
    if matches!(moment.offset(), AmbiguousOffset::Gap { .. }) {
        return Err(WhenError::Skipped {
            date,
            time: time.strftime("%H:%M").to_string(),
            zone: zone.iana_name().unwrap_or("this zone").to_owned(),
        });
    }
    moment.compatible().map_err(|_| WhenError::OutOfRange(date))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn when(date: &str, time: &str, repeat: &str) -> When {
        When {
            date: date.parse().unwrap(),
            time: time.parse().unwrap(),
            repeat: repeat.parse().unwrap(),
        }
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn local_times_become_utc_with_the_weekday_that_goes_with_them() {
        for (place, local, utc) in [
            // Half past seven in winter's Berlin is half past six.
            (
                "Europe/Berlin",
                ("2026-11-26", "07:30", "weekdays"),
                ("2026-11-26", "06:30", "mon,tue,wed,thu,fri"),
            ),
            // Early morning east of Greenwich is the evening before.
            (
                "Asia/Shanghai",
                ("2026-11-27", "07:00", "mon,fri"),
                ("2026-11-26", "23:00", "thu,sun"),
            ),
            // Evening west of it is the next day.
            (
                "America/Los_Angeles",
                ("2026-11-27", "20:00", "sun,fri"),
                ("2026-11-28", "04:00", "mon,sat"),
            ),
            (
                "Asia/Kathmandu",
                ("2026-11-26", "05:00", "none"),
                ("2026-11-25", "23:15", "none"),
            ),
            // The first run counts, not the day before it.
            (
                "Europe/Berlin",
                ("2026-11-26", "07:30", "mon"),
                ("2026-11-30", "06:30", "mon"),
            ),
            // The first run is after clocks have changed.
            (
                "Europe/Berlin",
                ("2026-03-28", "07:30", "sun"),
                ("2026-03-29", "05:30", "sun"),
            ),
        ] {
            let (local, utc) = (when(local.0, local.1, local.2), when(utc.0, utc.1, utc.2));
            assert_eq!(local.to_utc(&zone(place)), Ok(utc), "{place}");
        }
    }

    #[test]
    fn a_time_that_clocks_jump_over_is_refused_and_one_that_comes_twice_is_the_first() {
        let berlin = zone("Europe/Berlin");
        let skipped = when("2026-03-29", "02:30", "none")
            .to_utc(&berlin)
            .unwrap_err();
        assert!(
            skipped
                .to_string()
                .contains("02:30 does not exist on 2026-03-29 in Europe/Berlin"),
            "{skipped}"
        );
        let twice = when("2026-10-25", "02:30", "none").to_utc(&berlin);
        assert_eq!(twice, Ok(when("2026-10-25", "00:30", "none")));
    }

    #[test]
    fn the_next_and_the_last_run_are_found() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let once = when("2026-11-26", "06:30", "none");
        assert_eq!(
            once.next_run(at("2026-11-25T12:00:00Z")),
            Some(at("2026-11-26T06:30:00Z"))
        );
        assert_eq!(once.next_run(at("2026-11-26T06:30:00Z")), None);
        assert_eq!(once.last_run(at("2026-11-26T06:29:59Z")), None);
        assert_eq!(
            once.last_run(at("2027-01-01T00:00:00Z")),
            Some(at("2026-11-26T06:30:00Z"))
        );
        let weekly = when("2026-11-26", "06:30", "mon,thu");
        assert_eq!(
            weekly.next_run(at("2026-11-26T06:30:00Z")),
            Some(at("2026-11-30T06:30:00Z"))
        );
        assert_eq!(
            weekly.last_run(at("2026-12-06T00:00:00Z")),
            Some(at("2026-12-03T06:30:00Z"))
        );
        assert_eq!(
            weekly.last_run(at("2026-11-26T06:00:00Z")),
            None,
            "before its date it never ran"
        );
    }

    #[test]
    fn a_weekly_schedule_moves_when_clocks_change() {
        let at = "2026-02-01T00:00:00Z".parse().unwrap();
        let weekly = when("2026-01-01", "06:30", "daily");
        let drift = weekly.drift(&zone("Europe/Berlin"), at).unwrap();
        assert_eq!(
            (drift.from.to_string(), drift.time.to_string()),
            ("2026-03-29".into(), "08:30:00".into())
        );
        assert_eq!(drift.repeat, weekly.repeat);
        assert_eq!(weekly.drift(&zone("Asia/Shanghai"), at), None);
        // Half past midnight on Mondays becomes an hour earlier, which is on Sundays.
        let night = when("2026-08-30", "22:30", "sun");
        let drift = night.drift(
            &zone("Europe/Berlin"),
            "2026-08-30T23:00:00Z".parse().unwrap(),
        );
        assert_eq!(
            drift.map(|drift| (drift.time.to_string(), drift.repeat.to_string())),
            Some(("23:30:00".into(), "sun".into()))
        );
        assert_eq!(
            when("2026-01-01", "06:30", "none").drift(&zone("Europe/Berlin"), at),
            None
        );
    }

    #[test]
    fn a_weekly_schedule_is_shown_as_it_runs_next_not_as_it_ran_first() {
        let berlin = zone("Europe/Berlin");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let winter = when("2026-01-05", "23:30", "mon");
        for (now, local) in [
            ("2026-01-01T00:00:00Z", ("2026-01-06", "00:30", "tue")),
            ("2026-07-01T00:00:00Z", ("2026-07-07", "01:30", "tue")),
        ] {
            let local = when(local.0, local.1, local.2);
            assert_eq!(winter.to_local_at(&berlin, at(now)), Ok(local), "{now}");
        }
        let once = when("2026-01-05", "23:30", "none");
        let local = once.to_local_at(&berlin, at("2026-07-01T00:00:00Z"));
        assert_eq!(
            local,
            Ok(when("2026-01-06", "00:30", "none")),
            "it ran then"
        );
    }

    #[test]
    fn days_are_read_in_any_order_and_written_in_one() {
        for (text, want) in [
            ("none", "none"),
            ("Sun, mon", "mon,sun"),
            ("weekend", "sat,sun"),
            ("daily", "mon,tue,wed,thu,fri,sat,sun"),
        ] {
            assert_eq!(text.parse::<Repeat>().unwrap().to_string(), want);
        }
        assert!(
            "monday"
                .parse::<Repeat>()
                .unwrap_err()
                .contains("mon,wed,sun")
        );
    }

    const ZONES: [&str; 8] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Shanghai",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
    ];

    proptest! {
        #[test]
        fn utc_and_back_is_the_same_moment(zone_at in 0..ZONES.len(), day in 0_i32..4000, minute in 0_i32..1440, bits in 0_u8..128) {
            let zone = zone(ZONES[zone_at]);
            let date: Date = "2020-01-01".parse().unwrap();
            let repeat = if bits == 0 { Repeat::Once } else { Repeat::Weekly(Weekdays(bits)) };
            let local = When {
                date: date.checked_add(day.days()).unwrap(),
                time: Time::midnight() + minute.minutes(),
                repeat,
            };
            if let Ok(utc) = local.to_utc(&zone) {
                let back = utc.between(&TimeZone::UTC, &zone).unwrap();
                prop_assert_eq!(back.date, local.first_day());
                prop_assert_eq!(back.time, local.time);
                prop_assert_eq!(back.repeat, local.repeat);
                // The first run is on the day and at the time that the person named.
                let before = instant(utc.date, utc.time, &TimeZone::UTC).unwrap() - 1.second();
                let run = zone.to_datetime(utc.next_run(before).unwrap());
                prop_assert_eq!((run.date(), run.time()), (local.first_day(), local.time));
            }
        }

        #[test]
        fn weekly_runs_fall_on_its_days_and_never_before_its_date(day in 0_i32..4000, minute in 0_i32..1440, bits in 1_u8..128, later in 0_i64..5_000_000) {
            let weekdays = Weekdays(bits);
            let date: Date = "2020-01-01".parse().unwrap();
            let weekly = When {
                date: date.checked_add(day.days()).unwrap(),
                time: Time::midnight() + minute.minutes(),
                repeat: Repeat::Weekly(weekdays),
            };
            let first = instant(weekly.first_day(), weekly.time, &TimeZone::UTC).unwrap();
            let after = first + jiff::SignedDuration::from_secs(later - 2_500_000);
            let next = weekly.next_run(after).unwrap();
            prop_assert!(next > after && next >= first);
            prop_assert!(weekdays.contains(TimeZone::UTC.to_datetime(next).date().weekday()));
            if let Some(last) = weekly.last_run(after) {
                prop_assert!(last <= after && last >= first);
                prop_assert_eq!(weekly.next_run(last), Some(next), "nothing lies between them");
            } else {
                prop_assert_eq!(next, first);
            }
        }
    }
}
