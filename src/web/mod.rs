//! Layer 4: health checks over HTTP, read only.

mod probe;
mod server;

pub use probe::{ProbeError, probe};
pub use server::{Server, WebError, serve};
