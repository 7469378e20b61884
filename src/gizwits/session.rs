//! What a login yields. The token leaves this edge only to be kept on disk.

use crate::secret::Secret;

/// A user's session in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user's id there.
    pub uid: String,
    /// Goes into `X-Gizwits-User-token`.
    pub token: Secret<String>,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}
