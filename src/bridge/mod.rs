//! Layer 3: the bridge itself, a value that is told what happened and answers with what to do.
//!
//! It never waits, reads a clock or opens a socket. See `docs/ARCHITECTURE.md` for walks through it.

pub mod effect;
pub mod input;
pub mod settings;

pub use effect::{CloudCall, Effect, Publication};
pub use input::{CallError, CallOutcome, ErrorClass, Input, Reply};
pub use settings::Settings;
