//! The only place where a topic is put together or taken apart.

use crate::ids::Did;
use crate::model::ProductSchema;

/// Topics of one bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    base: String,
    discovery_prefix: String,
    status: String,
}

/// What an incoming topic asks for. `level` is the device's topic level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// `BASE/DEV/set`
    Set {
        /// The device's topic level.
        level: String,
    },
    /// `BASE/DEV/set/ATTR`
    SetAttr {
        /// The device's topic level.
        level: String,
        /// The attribute as a topic spells it, see [`attr_level`].
        attr: String,
    },
    /// `BASE/DEV/get`
    Get {
        /// The device's topic level.
        level: String,
    },
    /// `BASE/DEV/raw`
    Raw {
        /// The device's topic level.
        level: String,
    },
    /// `BASE/bridge/request/VERB`; a verb may hold slashes.
    Request {
        /// What is asked for.
        verb: String,
    },
    /// Home Assistant's birth or will.
    HomeAssistantStatus,
}

impl Topics {
    /// Topics below `base`; discovery below `discovery_prefix`; `status` is Home Assistant's.
    #[must_use]
    pub fn new(base: &str, discovery_prefix: &str, status: &str) -> Self {
        Self {
            base: base.to_owned(),
            discovery_prefix: discovery_prefix.to_owned(),
            status: status.to_owned(),
        }
    }

    /// `BASE/bridge/WORD`, e.g. `state`, `info`, `devices`, `health`, `event`.
    #[must_use]
    pub fn bridge(&self, word: &str) -> String {
        format!("{}/bridge/{word}", self.base)
    }

    /// `BASE/bridge/response/VERB`
    #[must_use]
    pub fn response(&self, verb: &str) -> String {
        format!("{}/bridge/response/{verb}", self.base)
    }

    /// `BASE/DEV`
    #[must_use]
    pub fn device(&self, level: &str) -> String {
        format!("{}/{level}", self.base)
    }

    /// `BASE/DEV/WORD`: an attribute's level, or `availability`, `result`, `set`, …
    #[must_use]
    pub fn below_device(&self, level: &str, word: &str) -> String {
        format!("{}/{level}/{word}", self.base)
    }

    /// `PREFIX/device/gizwits2mqtt_DID/config`
    #[must_use]
    pub fn discovery(&self, did: &Did) -> String {
        format!("{}/device/gizwits2mqtt_{did}/config", self.discovery_prefix)
    }

    /// What to subscribe to: never a topic that the bridge itself publishes on.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        todo!()
    }

    /// Takes a topic apart; `None` when it is not one of ours.
    #[must_use]
    pub fn parse(&self, topic: &str) -> Option<Inbound> {
        todo!("{topic}")
    }
}

/// The topic level of an attribute: `/ + #` and control characters become `_`, a word that stands
/// after `DEV` itself (`availability`, `set`, `get`, `raw`, `result`) gets `_` appended, and so does
/// the later one of two attributes that would share a level.
#[must_use]
pub fn attr_level(schema: &ProductSchema, name: &str) -> String {
    todo!("{schema:?} {name}")
}
