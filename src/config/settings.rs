//! The configuration as the program uses it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::bridge::Settings;
use crate::ids::AccountName;
use crate::model::Region;
use crate::secret::Secret;

use super::profiles::{self, UserProfiles};

/// Everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// In the order of the file; at least one.
    pub accounts: Vec<Account>,
    /// The broker.
    pub mqtt: Mqtt,
    /// What the core works by.
    pub settings: Settings,
    /// The user's profiles, which `settings` has as well, with what is wrong with them.
    pub profiles: UserProfiles,
    /// `None`: no web server.
    pub web: Option<Web>,
    /// Where tokens and schemas are kept.
    pub state_dir: PathBuf,
    /// What is logged, and how.
    pub log: Log,
    /// What is allowed but hardly meant, for the log.
    pub warnings: Vec<String>,
}

impl Config {
    /// Takes other profiles of the user than it has.
    pub fn take_profiles(&mut self, profiles: UserProfiles) {
        self.settings.profiles = Arc::new(profiles.catalog());
        self.profiles = profiles;
    }

    /// What is wrong with profiles and with the choice of them: it leaves the rest working.
    #[must_use]
    pub fn profile_warnings(&self) -> Vec<String> {
        let faults = self.profiles.faults().map(ToString::to_string);
        faults.chain(profiles::unknown(&self.settings)).collect()
    }
}

/// An account's way into the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name here.
    pub name: AccountName,
    /// `X-Gizwits-Application-Id`
    pub app_id: String,
    /// Only for calls with an application token.
    pub app_secret: Option<Secret<String>>,
    /// The address of each region that is tried.
    pub urls: BTreeMap<Region, String>,
    /// Who logs in.
    pub credentials: Credentials,
}

/// What commands about users work by: an account whose user may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// The account's name here.
    pub name: AccountName,
    /// `X-Gizwits-Application-Id`
    pub app_id: String,
    /// Only for calls with an application token.
    pub app_secret: Option<Secret<String>>,
    /// The address of each region that is tried.
    pub urls: BTreeMap<Region, String>,
    /// The user's name, which may stand alone.
    pub username: Option<String>,
    /// Who logs in, where the configuration says all of it.
    pub credentials: Option<Credentials>,
}

impl Realm {
    /// Its regions in the order in which they are tried: a map keeps another one.
    #[must_use]
    pub fn regions(&self) -> Vec<Region> {
        let mut regions: Vec<Region> = self.urls.keys().copied().collect();
        regions.sort_by_key(|region| Region::AUTO.iter().position(|known| known == region));
        regions
    }
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// By name and password.
    User {
        /// User name, e-mail or phone number.
        username: String,
        /// The password.
        password: Secret<String>,
    },
    /// An anonymous user.
    Anonymous {
        /// Whoever knows it is that user.
        phone_id: Secret<String>,
    },
}

/// The `mqtt` section without the base topic, which is in [`Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// The broker.
    pub url: String,
    /// With its password, or neither.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// Certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, PEM.
    pub client_cert_file: Option<PathBuf>,
    /// The client's key, PEM.
    pub client_key_file: Option<PathBuf>,
    /// `None`: one of this installation's own.
    pub client_id: Option<String>,
    /// False: MQTT 3.1.1.
    pub is_v5: bool,
}

/// The `web` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Asked for where it listens beyond loopback.
    pub token: Option<Secret<String>>,
}

/// The `log` section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least important level that is written.
    pub level: tracing::Level,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// For machines.
    Json,
}
