//! Why a command did not do what it was asked, and the exit code that says so.

use crate::bridge::CallError;
use crate::config::ConfigErrors;

/// A failure with its exit code.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) exit_code: u8,
    pub(super) message: String,
    /// The Gizwits error code, where the cloud sent one.
    pub(super) code: Option<u16>,
}

impl Trouble {
    /// The cloud, the broker, the device or the system refused.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self {
            exit_code: 1,
            message: message.into(),
            code: None,
        }
    }

    /// Wrong usage or configuration.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit_code: 2,
            message: message.into(),
            code: None,
        }
    }

    /// Ctrl-C.
    pub(super) const fn interrupted() -> Self {
        Self {
            exit_code: 130,
            message: String::new(),
            code: None,
        }
    }
}

impl From<CallError> for Trouble {
    fn from(err: CallError) -> Self {
        Self {
            exit_code: 1,
            code: err.code,
            message: err.message,
        }
    }
}

impl From<ConfigErrors> for Trouble {
    fn from(errors: ConfigErrors) -> Self {
        Self::usage(errors.to_string())
    }
}
