//! The cloud's regions. Each is its own user database (see `docs/CLOUD.md`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an account lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// China: `api.gizwits.com`, also the default of products sold elsewhere.
    Cn,
    /// US East.
    Us,
    /// Europe.
    Eu,
    /// The address that the configuration gives as `api_url`.
    Custom,
}

impl Region {
    /// The order in which `region: auto` tries them. The country a user picks does not decide the
    /// region (seen: Nordic, Australian and Canadian users on the US cluster).
    pub const AUTO: [Self; 3] = [Self::Eu, Self::Us, Self::Cn];

    /// Address of the Open API; `None` for [`Region::Custom`].
    #[must_use]
    pub const fn api_url(self) -> Option<&'static str> {
        match self {
            Self::Cn => Some("https://api.gizwits.com"),
            Self::Us => Some("https://usapi.gizwits.com"),
            Self::Eu => Some("https://euapi.gizwits.com"),
            Self::Custom => None,
        }
    }

    /// The word used in the configuration and in `bridge/info`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cn => "cn",
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
