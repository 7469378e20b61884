//! The time zone that a request names.

use jiff::tz::TimeZone;

use crate::model::zone;

use super::body::shown;
use super::likeness::nearest;

/// # Errors
/// Says that there is no such zone, and which one may have been meant.
pub(super) fn named(name: &str) -> Result<TimeZone, String> {
    zone::named(name).ok_or_else(|| {
        let names = zone::names();
        let hint = nearest(names.iter().map(String::as_str), name).unwrap_or("Europe/Berlin");
        format!(
            "{:?} is no time zone; write one such as {hint}",
            shown(name)
        )
    })
}
