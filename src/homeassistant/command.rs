//! Payloads of `set`, `set/ATTR` and `raw`: to values, or to an error that names what is accepted.

use serde_json::Value;

use crate::model::{Attrs, ProductSchema};

/// A `set` that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct SetRequest {
    /// What to set; never empty.
    pub attrs: Attrs,
    /// Echoed in the result, as it came.
    pub transaction: Option<Value>,
}

/// A command that is refused before it reaches the cloud.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct CommandError {
    /// For people: what was wrong, and what is accepted. All faults of one command.
    pub reason: String,
    /// Echoed in the result where the payload could be read so far.
    pub transaction: Option<Value>,
}

/// Largest payload of a command that is looked at, in bytes.
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;

/// `{"ATTR": value, …}`, with an optional `transaction`.
///
/// # Errors
/// [`CommandError`] when it is not a JSON object, or any attribute is unknown, read-only or refused.
pub fn parse_set(schema: &ProductSchema, payload: &[u8]) -> Result<SetRequest, CommandError> {
    todo!("{schema:?} {payload:?}")
}

/// A bare value for the attribute whose topic level is `attr_level`: JSON, or a word such as `ON`,
/// a label, or hex.
///
/// # Errors
/// [`CommandError`] when the attribute is unknown, read-only, or the value is refused.
pub fn parse_set_attr(
    schema: &ProductSchema,
    attr_level: &str,
    payload: &[u8],
) -> Result<SetRequest, CommandError> {
    todo!("{schema:?} {attr_level} {payload:?}")
}

/// `[0,1,2]`, `"000102"`, bare hex, or `{"raw": …, "transaction": …}`.
///
/// # Errors
/// [`CommandError`] when it is empty, no bytes, or longer than 4096 bytes.
pub fn parse_raw(payload: &[u8]) -> Result<(Vec<u8>, Option<Value>), CommandError> {
    todo!("{payload:?}")
}
