//! Layer 4: what the user wants, from a YAML file and the environment, checked as a whole.

mod accounts;
mod env;
mod exposure;
mod fingerprint;
pub mod load;
pub mod problem;
pub mod profiles;
mod reader;
mod sections;
pub mod settings;
mod text;
mod tree;
pub mod write;

pub use load::{find, load, realm, realms};
pub use problem::{ConfigErrors, Problem};
pub use profiles::UserProfiles;
pub use settings::{Account, Config, Credentials, Log, LogFormat, Mqtt, Realm, Web};
