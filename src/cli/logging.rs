//! Logs to stderr, at the level and in the form that the user wants.

use std::io::IsTerminal as _;

use tracing::Level;
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// What a command without configuration logs by.
pub(super) const QUIET: Log = Log {
    level: Level::WARN,
    format: LogFormat::Text,
};

/// Starts logging. `verbosity` counts `-v` minus `-q`; `$RUST_LOG` overrides everything.
pub(super) fn start(log: Log, verbosity: i16) {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) => EnvFilter::new(directives(log.level, verbosity)),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(verbosity > 0);
    // journald adds the time itself.
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let started = match (log.format, in_journal) {
        (LogFormat::Json, _) => builder.json().flatten_event(true).try_init(),
        (LogFormat::Text, true) => builder.without_time().try_init(),
        (LogFormat::Text, false) => builder.try_init(),
    };
    // A second start is a second command in one process, which only tests do.
    drop(started);
}

/// Libraries speak only of what they cannot handle, unless everything is wanted.
fn directives(level: Level, verbosity: i16) -> String {
    let levels = ["error", "warn", "info", "debug", "trace"];
    let base = levels
        .iter()
        .position(|word| level.as_str().eq_ignore_ascii_case(word));
    let wanted = i16::try_from(base.unwrap_or(2)).unwrap_or(2) + verbosity;
    let wanted = usize::try_from(wanted.clamp(0, 4)).unwrap_or(2);
    let own = levels.get(wanted).copied().unwrap_or("info");
    let others = if wanted >= 4 { "debug" } else { "error" };
    format!("{others},rumqttd=off,gizwits2mqtt={own}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_moves_the_level_within_bounds() {
        for (level, verbosity, want) in [
            (Level::INFO, 0, "error,rumqttd=off,gizwits2mqtt=info"),
            (Level::INFO, 1, "error,rumqttd=off,gizwits2mqtt=debug"),
            (Level::INFO, 9, "debug,rumqttd=off,gizwits2mqtt=trace"),
            (Level::WARN, -1, "error,rumqttd=off,gizwits2mqtt=error"),
            (Level::ERROR, -3, "error,rumqttd=off,gizwits2mqtt=error"),
        ] {
            assert_eq!(directives(level, verbosity), want);
        }
    }
}
