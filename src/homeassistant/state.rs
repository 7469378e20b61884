//! What stands on `BASE/DEV`.

use crate::ids::Did;
use crate::model::Attrs;

/// Where the last values came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The cloud was asked.
    Poll,
}

/// The payload of `BASE/DEV`: every attribute, flat, plus `_meta`. `updated_at` is the device's
/// last report in Unix seconds, `null` when there never was one.
#[must_use]
pub fn device_payload(
    did: &Did,
    attrs: &Attrs,
    updated_at: Option<i64>,
    source: Source,
    online: bool,
) -> Vec<u8> {
    todo!("{did} {attrs:?} {updated_at:?} {source:?} {online}")
}
