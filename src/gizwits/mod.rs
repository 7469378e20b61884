//! Layer 4: the Gizwits Open API over HTTP. Sends one call, translates one answer, decides nothing.

pub mod api;
pub mod error;
pub mod session;
pub mod sign;
mod wire;

pub use api::{Access, Api, LoginAs, SetUpError};
pub use session::Session;
