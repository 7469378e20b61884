//! How an account is, in one word for people and dashboards.

/// The states of `bridge/info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Logged in, devices known.
    Ok,
    /// On the way there.
    LoggingIn,
    /// The cloud asked for a pause.
    Throttled,
    /// User name, password or application id are wrong; it stopped.
    AuthFailed,
    /// No usable answer for a while.
    Unreachable,
}

impl AccountState {
    /// As `bridge/info` spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::LoggingIn => "logging_in",
            Self::Throttled => "throttled",
            Self::AuthFailed => "auth_failed",
            Self::Unreachable => "unreachable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AccountState as S;
    use crate::homeassistant::bridge_device::ACCOUNT_STATES;

    #[test]
    fn home_assistant_knows_every_state() {
        let states = [
            S::Ok,
            S::LoggingIn,
            S::Throttled,
            S::AuthFailed,
            S::Unreachable,
        ];
        assert_eq!(states.map(S::as_str), ACCOUNT_STATES);
    }
}
