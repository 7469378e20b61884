//! A moment of the past as people read it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `3 h ago (2026-01-01 12:00:00 CET)`; both in Unix seconds. 0 is the cloud's word for never.
pub(super) fn ago(then: i64, now: i64) -> String {
    if then <= 0 {
        return "never".to_owned();
    }
    let passed = now.saturating_sub(then).max(0);
    let passed = match passed {
        ..120 => format!("{passed} s"),
        120..7_200 => format!("{} min", passed / 60),
        7_200..172_800 => format!("{} h", passed / 3_600),
        172_800.. => format!("{} days", passed / 86_400),
    };
    format!("{passed} ago ({})", moment(then))
}

/// `2026-01-01 12:00:00 CET`, of Unix seconds.
pub(super) fn moment(unix: i64) -> String {
    let Ok(moment) = Timestamp::from_second(unix) else {
        return unix.to_string();
    };
    let local = moment.to_zoned_datetime(TimeZone::system());
    local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_the_age() {
        let now = 1_767_225_600;
        for (age, want) in [
            (-5, "0 s ago ("),
            (12, "12 s ago ("),
            (130, "2 min ago ("),
            (7_200, "2 h ago ("),
            (400_000, "4 days ago ("),
        ] {
            let text = ago(now - age, now);
            assert!(text.starts_with(want), "{text}");
        }
        assert_eq!(ago(0, now), "never");
    }
}
