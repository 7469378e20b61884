//! Everything the world can tell the core.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::ids::{AccountName, CallId, Did, LinkId, ScheduleId};
use crate::model::binding::Bound;
use crate::model::schedule::Run;
use crate::model::{Device, ProductSchema, Schedule};

use super::{Settings, SocketEvent};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The broker answered a CONNECT: nothing of ours is known there, nothing is subscribed.
    MqttUp,
    /// The link to the broker is gone.
    MqttDown {
        /// For people: what happened and what to do.
        reason: String,
    },
    /// The largest packet that the broker takes, where it says so; told before `MqttUp`.
    BrokerLimit {
        /// In bytes, the whole packet.
        max_packet_bytes: usize,
    },
    /// The broker has nearly all that it was given: the answer to [`super::Effect::TellDrained`].
    Drained {
        /// Retained topics were dropped since the link came up, since more waited than the outbox holds.
        lost: bool,
    },
    /// What the broker refuses to subscribe to now: filters with its reason. None, when all is granted.
    SubscriptionsRefused(BTreeMap<String, String>),
    /// A message arrived.
    Message(Message),
    /// The outcome of an [`super::Effect::Call`].
    CallDone {
        /// Whose call.
        account: AccountName,
        /// Which.
        id: CallId,
        /// What came of it.
        outcome: CallOutcome,
    },
    /// A push connection told something.
    Socket {
        /// Which.
        link: LinkId,
        /// What.
        event: SocketEvent,
    },
    /// The answer to [`super::Effect::Sample`].
    Sampled(Sample),
    /// Whether files can be kept in `state_dir` has changed.
    StateDir {
        /// For people: why they cannot, and what to do; `None`: they can.
        trouble: Option<String>,
    },
    /// A deadline is here, or nothing: waking early is harmless.
    Tick,
    /// New settings, already validated.
    Reconfigure(Box<Settings>),
    /// End: settle what is pending, say `offline`.
    Stop,
}

/// An incoming MQTT message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: String,
    /// What it says; any bytes.
    pub payload: Vec<u8>,
    /// It was waiting at the broker when we subscribed: an old wish, not a new one.
    pub retained: bool,
    /// MQTT 5: where the sender wants the answer.
    pub reply: Option<ReplyTo>,
}

/// A request may hold a passcode, so what it says is not shown.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("payload_bytes", &self.payload.len())
            .field("retained", &self.retained)
            .field("reply", &self.reply)
            .finish()
    }
}

/// MQTT 5 response topic and correlation data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// Where the answer goes, too.
    pub topic: String,
    /// Goes back unchanged.
    pub correlation: Option<Vec<u8>>,
}

/// What came of a call.
pub type CallOutcome = Result<Reply, CallError>;

/// A call that was answered as documented.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// To `Login`.
    LoggedIn {
        /// The user's id.
        uid: String,
        /// When the token ends, Unix seconds.
        expires_at: i64,
    },
    /// To `Bindings`.
    Bindings {
        /// The rows that could be read.
        devices: Vec<Device>,
        /// How many rows the page had, readable or not: fewer than `limit` means it was the last.
        rows: u32,
        /// One line for each row that could not be read.
        unreadable: Vec<String>,
    },
    /// To `Schema`.
    Schema {
        /// The product's datapoints.
        schema: Arc<ProductSchema>,
        /// The document, for the cache.
        document: Arc<Value>,
        /// Datapoints that were left out, for the log.
        left_out: Vec<String>,
    },
    /// To `Latest`.
    Latest {
        /// The device's last report, Unix seconds; 0 when the cloud has none.
        updated_at: i64,
        /// As the cloud sent them.
        attrs: Map<String, Value>,
    },
    /// To `Control` and `Raw`: the cloud took it, which does not say that the device did. To
    /// `RemoveSchedule`: it is gone.
    Done,
    /// To `Bind` and `Unbind`.
    Bound(Bound),
    /// To `BindByMac`.
    BoundByMac {
        /// The device, where the cloud names it.
        did: Option<Did>,
    },
    /// To `Schedules`.
    Schedules {
        /// The rows that could be read.
        schedules: Vec<Schedule>,
        /// How many rows the page had, readable or not: fewer than `limit` means it was the last.
        rows: u32,
        /// One line for each row that could not be read.
        unreadable: Vec<String>,
    },
    /// To `AddSchedule`.
    ScheduleAdded {
        /// What to remove it by.
        id: ScheduleId,
    },
    /// To `ScheduleLog`; `None`: it has not run yet.
    ScheduleLog(Option<Run>),
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// What to do about it.
    pub class: ErrorClass,
    /// The cloud's `error_code`, where it sent one.
    pub code: Option<u16>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// For people: what happened; no secret in it.
    pub message: String,
}

impl CallError {
    /// The cloud says that the device does not exist (9014) or is not bound to this user (9017).
    pub(super) const fn is_not_bound(&self) -> bool {
        matches!(self.code, Some(9014 | 9017))
    }
}

/// What a failed call means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorClass {
    /// 9041 or HTTP 429: the account must pause.
    Throttled,
    /// 9004, 9006: log in again, then repeat the call.
    TokenLost,
    /// 9005, 9020, 9026: the user name or password is wrong here. As the answer to a login: the cloud
    /// does not let this user or this application in.
    LoginRefused,
    /// 9042 (9021 on older servers): the device is offline.
    DeviceOffline,
    /// 9014, 9017, 9016: no such device, or not bound to this user any more.
    DeviceGone,
    /// 9015, 9023, 9025, 9029, 9039 and all other documented answers: repeating it would not help.
    Refused,
    /// 9003, 9045: the application id is wrong or the API is gone. Only the answer to a login or a listing
    /// says so of the account.
    Fatal,
    /// The request never left: no connection. It can be repeated safely.
    Unsent,
    /// 9008, 5xx, time-out, HTML, not JSON: it may or may not have had its effect. As the answer to a login
    /// also any code that speaks neither of the user nor of the application.
    Transient,
}

impl ErrorClass {
    /// A word for logs, counters and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::TokenLost => "token_lost",
            Self::LoginRefused => "login_refused",
            Self::DeviceOffline => "device_offline",
            Self::DeviceGone => "device_gone",
            Self::Refused => "refused",
            Self::Fatal => "fatal",
            Self::Unsent => "unsent",
            Self::Transient => "transient",
        }
    }
}

/// Facts that only the process knows, for `bridge/health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// Resident memory in bytes; 0 where the platform does not tell.
    pub memory_bytes: u64,
    /// Messages that wait for the broker.
    pub outbox_depth: usize,
    /// Messages that the outbox had to drop since the start.
    pub outbox_lost: Lost,
    /// Which of its bounds the outbox meets now.
    pub outbox_full: Full,
    /// How often the broker link came up again.
    pub mqtt_reconnects: u64,
}

/// Messages that never reached the broker, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// More results and answers waited than the outbox holds.
    pub results: u64,
    /// The same with events.
    pub events: u64,
    /// The same with retained topics. What the core knows is offered again.
    pub states: u64,
    /// The broker takes no packet of that size.
    pub too_large: u64,
}

/// Bounds of the outbox that are met: what comes beyond them is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Full {
    /// No more results and answers fit.
    pub results: bool,
    /// No more events fit.
    pub events: bool,
    /// No more retained topics fit.
    pub states: bool,
}
