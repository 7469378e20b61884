//! Words for what people see of a push connection, and for why one was given up.

/// What people see of a connection: not each try of an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum Shown {
    Connecting,
    Ok,
    Down,
}

impl Shown {
    /// A word for `bridge/info`.
    pub(in crate::bridge) const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ok => "ok",
            Self::Down => "down",
        }
    }
}

/// Why a connection was given up, in a word for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bridge) enum Fault {
    /// It ended, or never came to be.
    Ended,
    /// The cloud did not answer in time.
    Silent,
    /// A poll showed a change that it did not bring.
    Missed,
    /// It is open, and devices do not answer over it any more.
    Mute,
    /// The cloud lost the session, or refused the login.
    Session,
}

impl Fault {
    pub(in crate::bridge) const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Silent => "silent",
            Self::Missed => "missed_change",
            Self::Mute => "mute",
            Self::Session => "session",
        }
    }
}
