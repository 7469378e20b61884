//! What goes wrong with push on purpose.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::faults::millis;

/// `POST /_sim/push`
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    /// Connections are closed; `host` is the number of an M2M host, without it all.
    Drop {
        #[serde(default)]
        host: Option<usize>,
    },
    /// They stay open and silent.
    Freeze {
        #[serde(default)]
        host: Option<usize>,
        /// They answer pings all the same.
        #[serde(default)]
        pong: bool,
        /// New ones (there) are silent, too.
        #[serde(default)]
        new: bool,
    },
    /// Silence ends; without a host so do the faults below. What happened meanwhile is not told.
    Resume {
        #[serde(default)]
        host: Option<usize>,
    },
    /// 1009, then 1003 for each message until a login.
    LoseSession {
        #[serde(default)]
        host: Option<usize>,
    },
    /// New connections are refused.
    Refuse { seconds: f64 },
    /// The next reports and acknowledgements do not come.
    Lose { count: u32 },
    /// They come twice.
    Double { count: u32 },
    /// They come late, and so in another order.
    Delay { count: u32, seconds: f64 },
}

impl Action {
    /// The M2M host that it is about.
    pub(super) const fn host(&self) -> Option<usize> {
        match self {
            Self::Drop { host }
            | Self::Freeze { host, .. }
            | Self::Resume { host }
            | Self::LoseSession { host } => *host,
            Self::Refuse { .. } | Self::Lose { .. } | Self::Double { .. } | Self::Delay { .. } => {
                None
            }
        }
    }
}

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Plain,
    Lost,
    Doubled,
    Late { by_ms: i64 },
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct PushFaults {
    refuse_until_ms: i64,
    /// M2M hosts whose new connections are frozen, and how.
    new: BTreeMap<usize, bool>,
    lose: u32,
    double: u32,
    delay: (u32, i64),
}

impl PushFaults {
    pub(super) const fn refuses(&self, now_ms: i64) -> bool {
        now_ms < self.refuse_until_ms
    }

    pub(super) fn frozen_new(&self, m2m: usize) -> Option<bool> {
        self.new.get(&m2m).copied()
    }

    pub(super) fn freeze_new(&mut self, m2m: usize, how: Option<bool>) {
        match how {
            Some(pong) => self.new.insert(m2m, pong),
            None => self.new.remove(&m2m),
        };
    }

    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take_up(&mut self, now_ms: i64, action: &Action) {
        match action {
            Action::Refuse { seconds } => {
                self.refuse_until_ms = now_ms.saturating_add(millis(*seconds));
            }
            Action::Lose { count } => self.lose = *count,
            Action::Double { count } => self.double = *count,
            Action::Delay { count, seconds } => self.delay = (*count, millis(*seconds)),
            Action::Drop { .. }
            | Action::Freeze { .. }
            | Action::Resume { .. }
            | Action::LoseSession { .. } => {}
        }
    }

    /// Of the next message.
    pub(super) const fn fate(&mut self) -> Fate {
        if self.lose > 0 {
            self.lose -= 1;
            return Fate::Lost;
        }
        if self.double > 0 {
            self.double -= 1;
            return Fate::Doubled;
        }
        let (count, by_ms) = self.delay;
        if count > 0 {
            self.delay = (count - 1, by_ms);
            return Fate::Late { by_ms };
        }
        Fate::Plain
    }
}
