//! What the core needs of the configuration, already validated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::homeassistant::topic::Topics;
use crate::ids::{AccountName, Did};
use crate::model::Region;
use crate::profile::catalog::Catalog;

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `mqtt.base_topic`; no wildcard, no slash at either end.
    pub base_topic: String,
    /// `None` when discovery is switched off.
    pub homeassistant: Option<HomeAssistant>,
    /// At least one.
    pub accounts: BTreeMap<AccountName, Account>,
    /// Listen on the cloud's WebSocket.
    pub push: bool,
    /// Time between two polls of one device without push.
    pub poll_interval: Duration,
    /// Time between two polls of one device that push reaches.
    pub poll_interval_with_push: Duration,
    /// Time between two listings of the bindings without push.
    pub bindings_interval: Duration,
    /// The same where push brings all devices of an account.
    pub bindings_interval_with_push: Duration,
    /// Calls a minute and account, commands included; this instance's share. At least 1.
    pub requests_per_minute: u32,
    /// Calls a minute of all accounts together; `None`: no such limit. This instance's share, at least 1.
    pub total_requests_per_minute: Option<u32>,
    /// What products become in Home Assistant.
    pub profiles: Arc<Catalog>,
    /// What the user says of single devices.
    pub devices: BTreeMap<Did, DeviceSettings>,
    /// Which devices are this instance's.
    pub shard: Shard,
}

/// The `homeassistant` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeAssistant {
    /// `discovery_prefix`
    pub discovery_prefix: String,
    /// `status_topic`
    pub status_topic: String,
}

/// One entry of `accounts`, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// A fingerprint of who the user is and in which cloud, without the password. Another user under the
    /// same name is another account.
    pub user: u64,
    /// Regions to try, in order; one unless `region: auto`.
    pub regions: Vec<Region>,
    /// Only these devices; `None`: all.
    pub include: Option<BTreeSet<Did>>,
    /// Not these.
    pub exclude: BTreeSet<Did>,
}

/// One entry of `devices`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSettings {
    /// The shown name.
    pub name: Option<String>,
    /// The topic level.
    pub topic: Option<String>,
    /// The profile, by its id, instead of the one that is found.
    pub profile: Option<String>,
}

/// The `shard` section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Shard {
    /// Several instances split the devices between them.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.count > 1
    }

    /// Is this device this instance's?
    #[must_use]
    pub fn has(self, did: &Did) -> bool {
        !self.is_shared() || did.shard(self.count) == self.index
    }
}

/// Whose a device is that an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This instance serves it.
    Ours,
    /// Another instance that shares the base topic serves it.
    OtherInstance,
    /// The filters of its account leave it out, or the account is not configured.
    Excluded,
}

impl Settings {
    /// Whose is this device of this account?
    #[must_use]
    pub fn claim(&self, account: &AccountName, did: &Did) -> Claim {
        let is_wanted = self.accounts.get(account).is_some_and(|account| {
            account
                .include
                .as_ref()
                .is_none_or(|only| only.contains(did))
                && !account.exclude.contains(did)
        });
        match (is_wanted, self.shard.has(did)) {
            (true, true) => Claim::Ours,
            (true, false) => Claim::OtherInstance,
            (false, _) => Claim::Excluded,
        }
    }

    /// Where everything is published.
    #[must_use]
    pub fn topics(&self) -> Topics {
        let (prefix, status) = self
            .homeassistant
            .as_ref()
            .map_or(("homeassistant", ""), |ha| {
                (ha.discovery_prefix.as_str(), ha.status_topic.as_str())
            });
        let topics = Topics::new(&self.base_topic, prefix, status);
        if self.shard.is_shared() {
            topics.of_instance(self.shard.index)
        } else {
            topics
        }
    }

    /// The topic level that the user chose for a device.
    #[must_use]
    pub fn topic_of(&self, did: &Did) -> Option<&str> {
        self.devices
            .get(did)
            .and_then(|device| device.topic.as_deref())
    }
}
