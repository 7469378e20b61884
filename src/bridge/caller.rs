//! Who asked for a command, and how that ended for them.

use serde_json::Value;

use crate::ids::Did;
use crate::model::Attrs;

use super::input::ReplyTo;
use super::intent::Intent;

/// Who asked, and for what.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller {
    /// The values this caller named; empty for a raw command.
    pub(super) attrs: Attrs,
    pub(super) intent: Intent,
    pub(super) transaction: Option<Value>,
    pub(super) reply: Option<ReplyTo>,
}

impl Caller {
    /// Who asked for nothing that could be read, or for a raw command.
    pub(super) fn of_no_values(transaction: Option<Value>, reply: Option<ReplyTo>) -> Self {
        Self {
            attrs: Attrs::default(),
            intent: Intent::default(),
            transaction,
            reply,
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// It was taken; `confirmed` when the device showed it.
    Taken { confirmed: bool },
    /// It failed, with the reason for people and the cloud's code.
    Failed { reason: String, code: Option<u16> },
}

/// One result to publish.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) did: Did,
    pub(super) caller: Caller,
    pub(super) ending: Ending,
}
