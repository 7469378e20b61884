//! Layer 4: the Gizwits cloud, over HTTP and over push. Sends one call, translates one answer, decides
//! nothing.

pub mod api;
pub mod devices;
pub mod error;
pub mod error_code;
mod http;
mod json;
mod request;
pub mod schedules;
pub mod service;
pub mod session;
pub mod sign;
mod tls;
pub mod users;
pub mod verification;
mod wire;
mod wire_schedule;
pub mod ws;
pub mod ws_frame;
mod ws_tls;

pub use api::{Access, Api, LoginAs};
pub use error_code::{Cure, ErrorCode};
pub use http::SetUpError;
pub use session::Session;
pub use users::{NewUser, Provider, UserChange};
pub use verification::{AppToken, Captcha};
pub use ws::Sockets;
