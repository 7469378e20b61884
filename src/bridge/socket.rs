//! What the core asks of a push connection, and what one tells. The edge behind it opens sockets,
//! spells messages and acknowledges them; it decides nothing.

use serde_json::{Map, Value};

use crate::ids::Did;
use crate::model::{Attrs, Endpoint};

/// One thing for a connection to do. An order for a connection that is gone does nothing: it has told
/// its end with [`SocketEvent::Down`], or was told to close.
#[derive(Debug, Clone, PartialEq)]
pub enum SocketOrder {
    /// Connect. Answers [`SocketEvent::Opened`] or [`SocketEvent::Down`].
    Open(Endpoint),
    /// Log in with the newest token at hand, subscribing to nothing. Answers
    /// [`SocketEvent::LoggedIn`].
    Login {
        /// How often a ping comes at the latest, in seconds; the cloud closes a silent connection. At most
        /// 180 (documented).
        heartbeat_s: u16,
    },
    /// Let these devices' reports come. Answers [`SocketEvent::Subscribed`].
    Subscribe(Vec<Did>),
    /// Ask a device for all its values. It answers with a [`SocketEvent::Report`], an offline one with nothing.
    Read(Did),
    /// Set attributes. The device acknowledges with [`SocketEvent::Acknowledged`]; an offline one does not.
    Write {
        /// The device.
        did: Did,
        /// Names and values, already checked.
        attrs: Attrs,
        /// Comes back with the acknowledgement; never used twice on one connection.
        serial: u64,
    },
    /// Answers [`SocketEvent::Pong`].
    Ping,
    /// End it, without a further event.
    Close,
}

/// What a connection told.
#[derive(Debug, Clone, PartialEq)]
pub enum SocketEvent {
    /// It stands; nothing comes before a login.
    Opened,
    /// The answer to a login. `Err` says why not, for people.
    LoggedIn(Result<(), String>),
    /// The answer to a subscription: who is not in it, each with a reason for people.
    Subscribed {
        /// In it.
        done: Vec<Did>,
        /// Not in it.
        failed: Vec<(Did, String)>,
    },
    /// A device reported some or all of its values.
    Report {
        /// The device.
        did: Did,
        /// As the cloud sent them; a byte array is spelled as hex, as on HTTP.
        attrs: Map<String, Value>,
        /// The write or read that it answers.
        answers: Option<u64>,
    },
    /// A device took a write.
    Acknowledged {
        /// The device.
        did: Did,
        /// The write's.
        serial: u64,
    },
    /// A device came or went.
    Online {
        /// The device.
        did: Did,
        /// Whether it is there.
        online: bool,
    },
    /// A device was bound or unbound, perhaps in an app.
    BindingChanged {
        /// The device.
        did: Did,
        /// Whether it is bound now.
        bound: bool,
    },
    /// `s2c_invalid_msg`: the cloud did not like what came, or has lost this session (1003, 1009, 1011, seen).
    Invalid {
        /// The cloud's.
        code: i64,
        /// The cloud's words.
        message: String,
    },
    /// To a ping.
    Pong,
    /// The connection is gone, or never came to be.
    Down {
        /// For people; no secret in it.
        reason: String,
    },
}
