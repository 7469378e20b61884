//! Everything the core can ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::homeassistant::discovery::Components;
use crate::ids::{AccountName, CallId, Did, LinkId, ProductKey, ScheduleId};
use crate::model::binding::{Bind, BindByMac};
use crate::model::schedule::Plan;
use crate::model::{Attrs, Region};

use super::SocketOrder;

/// One thing to do, now. Effects are carried out in the order given.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Publish with quality of service 1.
    Publish(Publication),
    /// Subscribe with quality of service 1; asked for after each `MqttUp`, since subscriptions do not survive.
    Subscribe {
        /// Topic filters.
        filters: Vec<String>,
    },
    /// Make one HTTP exchange and answer with [`super::Input::CallDone`], whatever happens.
    Call {
        /// Whose credentials.
        account: AccountName,
        /// Which of the account's addresses.
        region: Region,
        /// Comes back with the outcome.
        id: CallId,
        /// What to ask.
        call: CloudCall,
    },
    /// Something for a push connection; what comes of it is told with [`super::Input::Socket`].
    Socket {
        /// Whose credentials.
        account: AccountName,
        /// Which of the account's tokens.
        region: Region,
        /// Which connection.
        link: LinkId,
        /// What to do.
        order: SocketOrder,
    },
    /// Keep a product's schema document for the next start.
    SaveSchema {
        /// The product.
        product_key: ProductKey,
        /// As the cloud sent it.
        document: Arc<Value>,
    },
    /// Keep (or with `None` forget) what was announced of a device.
    SaveAnnounced {
        /// The device.
        did: Did,
        /// What to remember.
        announced: Option<Announced>,
    },
    /// Keep what an account's limit of calls learnt: it changed, or the bridge is stopping.
    SaveBudget {
        /// Whose.
        account: AccountName,
        /// What to remember.
        learnt: Learnt,
    },
    /// Answer with [`super::Input::Drained`] when nearly all that was published is with the broker, be it
    /// at once.
    TellDrained,
    /// Answer with [`super::Input::Sampled`]: facts that only the process knows.
    Sample,
    /// The answer to [`super::Input::Stop`]: everything has been published.
    Stopped,
}

/// A message to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: String,
    /// An empty retained payload deletes the topic.
    pub payload: Vec<u8>,
    /// Retained messages are states: of one topic only the newest counts. The others are results and
    /// events: each counts.
    pub retain: bool,
    /// News of the bridge that nobody asked for. When too many wait, it takes no room from results.
    pub is_event: bool,
    /// MQTT 5 correlation data of a request that is answered.
    pub correlation: Option<Vec<u8>>,
}

/// One HTTP exchange with the cloud.
#[derive(Debug, Clone, PartialEq)]
pub enum CloudCall {
    /// Log in, or register the anonymous user. Answers [`super::Reply::LoggedIn`]; the token stays
    /// with the edge, which uses it for all later calls in that region.
    Login,
    /// One page of the bindings.
    Bindings {
        /// Rows to leave out.
        skip: u32,
        /// Rows a page.
        limit: u32,
    },
    /// A product's datapoints.
    Schema {
        /// The product.
        product_key: ProductKey,
    },
    /// A device's last report.
    Latest {
        /// The device.
        did: Did,
    },
    /// Set attributes.
    Control {
        /// The device.
        did: Did,
        /// Names and values, already checked.
        attrs: Attrs,
    },
    /// Send a raw command.
    Raw {
        /// The device.
        did: Did,
        /// The bare p0 payload.
        bytes: Vec<u8>,
    },
    /// Bind devices by did and passcode.
    Bind(Vec<Bind>),
    /// Bind a device by its mac.
    BindByMac(Box<BindByMac>),
    /// Unbind devices.
    Unbind(Vec<Did>),
    /// One page of the schedules.
    Schedules {
        /// Rows to leave out.
        skip: u32,
        /// Rows a page.
        limit: u32,
    },
    /// Make a schedule.
    AddSchedule(Box<Plan>),
    /// Take a schedule back.
    RemoveSchedule(ScheduleId),
    /// The last run of a schedule.
    ScheduleLog(ScheduleId),
}

impl CloudCall {
    /// A word for logs and counters.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Bindings { .. } => "bindings",
            Self::Schema { .. } => "schema",
            Self::Latest { .. } => "latest",
            Self::Control { .. } => "control",
            Self::Raw { .. } => "raw",
            Self::Bind(_) | Self::BindByMac(_) => "bind",
            Self::Unbind(_) => "unbind",
            Self::Schedules { .. } => "schedules",
            Self::AddSchedule(_) => "add_schedule",
            Self::RemoveSchedule(_) => "remove_schedule",
            Self::ScheduleLog(_) => "schedule_log",
        }
    }
}

/// What is remembered of a device between runs, so that its topics and entities can be taken back
/// when it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Announced {
    /// The account that had it.
    pub account: String,
    /// Its topic level.
    pub level: String,
    /// Levels below it that hold retained values.
    pub attrs: Vec<String>,
    /// Component keys with platforms, retired ones included.
    pub components: Components,
}

/// What is remembered of an account's calls between runs, so that a restart is no way around the
/// cloud's limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Learnt {
    /// Calls a minute that 9041 left of those configured; `None`: all.
    pub per_minute: Option<u32>,
    /// No 9041 since then, Unix seconds; ahead while a pause lasts, which ends then.
    pub since: i64,
    /// When each call of the last minute counts no more, Unix seconds; at most as many as are
    /// configured for a minute.
    pub back_at: Vec<i64>,
    /// The same of the last hour's logins, by region; a few in each.
    #[serde(default)]
    pub logins: BTreeMap<Region, Vec<i64>>,
}

impl Learnt {
    /// Not just that nothing was learnt and nothing is spent.
    pub(super) fn tells_something(&self) -> bool {
        self.per_minute.is_some() || !self.back_at.is_empty() || !self.logins.is_empty()
    }
}
