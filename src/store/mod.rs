//! Layer 4: what outlives a run, as files in `state_dir`: tokens, schemas, what was announced, what
//! limits of calls learnt.
//!
//! Everything here can be had again from the cloud, except for `announced`, without which entities
//! of devices that left meanwhile would stay in Home Assistant.

mod address;
mod announced;
mod budgets;
pub mod dir;
pub mod error;
pub mod kept;
mod private;
mod schemas;
pub mod tokens;

pub use address::AddressFile;
pub use dir::{StateDir, new_install_id};
pub use error::StoreError;
pub use kept::{Keep, KeptAppToken, KeptLogin};
pub use tokens::StoredToken;
