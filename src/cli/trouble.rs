//! Why a command did not do what it was asked, and the exit code that says so.

use serde_json::{Value, json};

use crate::bridge::{CallError, ErrorClass};
use crate::config::ConfigErrors;

/// A failure with its exit code.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) exit_code: u8,
    pub(super) message: String,
    /// The Gizwits error code, where the cloud sent one.
    pub(super) code: Option<u16>,
    /// Faults of a configuration one by one, for scripts.
    pub(super) problems: Vec<Value>,
}

impl Trouble {
    /// The cloud, the broker, the device or the system refused.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self {
            exit_code: 1,
            message: message.into(),
            code: None,
            problems: Vec::new(),
        }
    }

    /// Wrong usage or configuration.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit_code: 2,
            ..Self::failed(message)
        }
    }

    /// Several accounts' failures as one.
    pub(super) fn joined(troubles: Vec<Self>) -> Option<Self> {
        troubles.into_iter().reduce(|all, next| Self {
            message: format!("{}\nerror: {}", all.message, next.message),
            ..all
        })
    }

    /// The result said already what failed.
    pub(super) const fn told() -> Self {
        Self {
            exit_code: 1,
            message: String::new(),
            code: None,
            problems: Vec::new(),
        }
    }

    /// A call failed that the documents leave out, and that a cloud may therefore lack.
    pub(super) fn undocumented(err: CallError) -> Self {
        let is_lacking = matches!(err.class, ErrorClass::Refused | ErrorClass::Fatal)
            && matches!(err.code, None | Some(9039 | 9045));
        let mut trouble = Self::from(err);
        if is_lacking {
            trouble.message.push_str("; not every cloud has this call");
        }
        trouble
    }

    /// Ctrl-C.
    pub(super) fn interrupted() -> Self {
        Self {
            exit_code: 130,
            ..Self::told()
        }
    }

    /// For scripts.
    pub(super) fn document(&self) -> Value {
        let mut document = json!({ "status": "error", "error": self.message, "code": self.code });
        if !self.problems.is_empty() {
            document["problems"] = json!(self.problems);
        }
        document
    }
}

impl From<CallError> for Trouble {
    fn from(err: CallError) -> Self {
        // Where the cloud named a code, the message says already what to do about it.
        let hint = hint(err.class).filter(|_| err.code.is_none());
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        Self {
            code: err.code,
            ..Self::failed(format!("{}{hint}", err.message))
        }
    }
}

/// What to do where a call failed without the cloud saying why.
const fn hint(class: ErrorClass) -> Option<&'static str> {
    match class {
        ErrorClass::Throttled => {
            Some("wait some minutes; a bridge that runs for this account asks as well")
        }
        ErrorClass::Unsent => {
            Some("check this machine's connection, and `api_url` where it is set")
        }
        ErrorClass::TokenLost
        | ErrorClass::LoginRefused
        | ErrorClass::DeviceOffline
        | ErrorClass::DeviceGone
        | ErrorClass::Transient
        | ErrorClass::Refused
        | ErrorClass::Fatal => None,
    }
}

impl From<ConfigErrors> for Trouble {
    fn from(errors: ConfigErrors) -> Self {
        let problems = errors.problems.iter().map(|problem| {
            json!({
                "file": errors.file,
                "line": problem.line,
                "variable": problem.variable,
                "path": problem.path,
                "message": problem.message,
            })
        });
        Self {
            problems: problems.collect(),
            ..Self::usage(errors.to_string())
        }
    }
}
