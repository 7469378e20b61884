//! Words to systemd: ready, watchdog, reloading, stopping. Silent where systemd is not.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells systemd. Failing to is no reason to stop: the service would only be restarted.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(err) = sd_notify::notify(states) {
        tracing::debug!(%err, "systemd cannot be told");
    }
}

/// The configuration is valid and the tasks run. Cloud and broker may still be away: that they are
/// must not make systemd restart the service.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// The engine turns inputs into effects.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// The configuration is being read again; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(err) => tracing::debug!(%err, "systemd cannot be told"),
    }
}

/// The end has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Half of `WatchdogSec`, when systemd watches.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|interval| interval / 2)
}
