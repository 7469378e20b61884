//! Layer 4: health checks over HTTP, read only.

mod access;
mod probe;
mod server;

pub use probe::{ProbeError, Question, probe};
pub use server::{Server, WebError, serve};
