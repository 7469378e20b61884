//! Logs to stderr, at the level and in the form that the user wants.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, warn};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

use crate::config::{Log, LogFormat};

/// What a command without configuration logs by.
pub(super) const QUIET: Log = Log {
    level: Level::WARN,
    format: LogFormat::Text,
};

/// A log that runs; its level can still be changed, its form cannot.
pub(super) struct Logging {
    verbosity: i16,
    /// `None` where `$RUST_LOG` decides, or another log runs in this process.
    refilter: Option<Refilter>,
}

type Refilter = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// Libraries say no more than this, whatever is asked for: below it they write what they send and
/// receive, tokens and passwords included.
const LIBRARIES: LevelFilter = LevelFilter::INFO;

/// Starts logging. `verbosity` counts `-v` minus `-q`; `$RUST_LOG` overrides everything but the bound
/// for libraries.
pub(super) fn start(log: Log, verbosity: i16) -> Logging {
    let chosen = EnvFilter::try_from_default_env().ok();
    let is_fixed = chosen.is_some();
    let filter = chosen.unwrap_or_else(|| EnvFilter::new(directives(log.level, verbosity)));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(verbosity > 0);
    // journald adds the time itself.
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    // The three forms are three types, which is why the way to each is boxed.
    let (started, refilter): (_, Refilter) = match (log.format, in_journal) {
        (LogFormat::Json, _) => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            (
                builder.finish().with(filter_fn(may_speak)).try_init(),
                Box::new(move |filter| handle.reload(filter)),
            )
        }
        (LogFormat::Text, true) => {
            let builder = builder.without_time().with_filter_reloading();
            let handle = builder.reload_handle();
            (
                builder.finish().with(filter_fn(may_speak)).try_init(),
                Box::new(move |filter| handle.reload(filter)),
            )
        }
        (LogFormat::Text, false) => {
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (
                builder.finish().with(filter_fn(may_speak)).try_init(),
                Box::new(move |filter| handle.reload(filter)),
            )
        }
    };
    // A second start is a second command in one process, which only tests do.
    let refilter = Some(refilter).filter(|_| started.is_ok() && !is_fixed);
    Logging {
        verbosity,
        refilter,
    }
}

impl Logging {
    /// Logs at the level of a configuration that was read again.
    pub(super) fn change(&self, log: Log) {
        let Some(refilter) = &self.refilter else {
            return;
        };
        if let Err(err) = refilter(EnvFilter::new(directives(log.level, self.verbosity))) {
            warn!(%err, "the log level cannot be changed");
        }
    }
}

/// Is it our own line, or one of a library that holds no secret?
fn may_speak(line: &Metadata<'_>) -> bool {
    let is_own = line.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"));
    is_own || *line.level() <= LIBRARIES
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
    let others = if wanted >= 4 { "info" } else { "error" };
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
            (Level::INFO, 9, "info,rumqttd=off,gizwits2mqtt=trace"),
            (Level::WARN, -1, "error,rumqttd=off,gizwits2mqtt=error"),
            (Level::ERROR, -3, "error,rumqttd=off,gizwits2mqtt=error"),
        ] {
            assert_eq!(directives(level, verbosity), want);
        }
    }
}
