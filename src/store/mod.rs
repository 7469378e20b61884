//! Layer 4: what outlives a run, as files in `state_dir`: tokens, schemas, what was announced, what
//! limits of calls learnt.
//!
//! Everything here can be had again from the cloud, except for `announced`, without which entities
//! of devices that left meanwhile would stay in Home Assistant.

mod announced;
mod budgets;
pub mod dir;
pub mod kept;
mod schemas;
pub mod tokens;

pub use dir::{StateDir, StoreError};
pub use kept::{Keep, KeptAppToken, KeptLogin};
pub use tokens::StoredToken;
