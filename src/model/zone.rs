//! Time zones by name, from the database that the program carries: the same on every machine, also in
//! a container that has none.

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The zone of a name such as `Europe/Berlin`, case aside; `None` when there is none.
#[must_use]
pub fn named(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// All names.
#[must_use]
pub fn names() -> Vec<String> {
    let database = TimeZoneDatabase::bundled();
    database.available().map(|name| name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_name_only() {
        assert_eq!(
            named("europe/berlin").unwrap().iana_name(),
            Some("Europe/Berlin")
        );
        for name in ["", "Berlin", "CEST+1", "../../etc/passwd"] {
            assert!(named(name).is_none(), "{name}");
        }
        assert!(names().len() > 400);
    }
}
