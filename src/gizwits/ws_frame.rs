//! The messages of the cloud's WebSocket: from an order to its JSON, and from a message to what it
//! tells. Pure; `ws` carries them.
//!
//! Documented in the cloud's WebSocket API unless a line says that it was seen.

use serde_json::{Map, Value, json};

use crate::bridge::SocketEvent;
use crate::ids::Did;
use crate::model::{AttrValue, Attrs, hex};
use crate::secret::Secret;

use super::error::plain;
use super::json;

/// Where the WebSocket is, below the host and the port of a binding.
pub const PATH: &str = "/ws/app/v1";

/// Bytes of memory that a message may take while it is read. Binary values come as lists of numbers, so that
/// a report of 28 kB takes more than half a MiB.
const MAX_MESSAGE_MEMORY: usize = 2 * 1024 * 1024;

/// What a login says of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `X-Gizwits-Application-Id`
    pub app_id: String,
    /// The user's id.
    pub uid: String,
    /// The user's token.
    pub token: Secret<String>,
}

/// `login_req`, with data points by name. Nothing is subscribed by it: which devices are wanted is known here.
#[must_use]
pub fn login(credentials: &Credentials, heartbeat_s: u16) -> String {
    message(
        "login_req",
        &json!({
            "appid": credentials.app_id,
            "uid": credentials.uid,
            "token": credentials.token.expose(),
            "p0_type": "attrs_v4",
            "heartbeat_interval": heartbeat_s,
            "auto_subscribe": false,
        }),
    )
}

/// `subscribe_req`
#[must_use]
pub fn subscribe(dids: &[Did]) -> String {
    let rows: Vec<Value> = dids.iter().map(|did| json!({ "did": did })).collect();
    message("subscribe_req", &rows.into())
}

/// `c2s_read` of everything.
#[must_use]
pub fn read(did: &Did) -> String {
    message("c2s_read", &json!({ "did": did }))
}

/// `c2s_write`; its serial makes the device acknowledge it.
#[must_use]
pub fn write(did: &Did, attrs: &Attrs, serial: u64) -> String {
    let attrs: Map<String, Value> = attrs
        .iter()
        .map(|(name, value)| (name.to_string(), value_json(value)))
        .collect();
    let data = json!({ "did": did, "attrs": attrs });
    json!({ "cmd": "c2s_write", "req_sn": serial, "data": data }).to_string()
}

/// `ping`
#[must_use]
pub fn ping() -> String {
    json!({ "cmd": "ping" }).to_string()
}

fn message(cmd: &str, data: &Value) -> String {
    json!({ "cmd": cmd, "data": data }).to_string()
}

/// Bytes are a list here, and hex over HTTP.
fn value_json(value: &AttrValue) -> Value {
    match value {
        AttrValue::Binary(bytes) => bytes.iter().copied().collect(),
        AttrValue::Bool(_) | AttrValue::Enum(_) | AttrValue::Number(_) | AttrValue::Text(_) => {
            value.to_json()
        }
    }
}

/// What a message says, and the answer that it wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Its `cmd`, cut short.
    pub cmd: String,
    /// `None`: nothing that the bridge has a use for.
    pub event: Option<SocketEvent>,
    /// `c2s_ack`, ready to be sent.
    pub acknowledge: Option<String>,
}

/// Why a message cannot be read; it costs nothing but itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a message over push cannot be read: {0}")]
pub struct FrameError(String);

/// Reads a message.
///
/// # Errors
/// [`FrameError`] when it is no JSON object with a `cmd`, or lacks what its `cmd` must have.
pub fn parse(text: &str) -> Result<Received, FrameError> {
    // Not straight to a map: the reason would repeat what stood there instead, which may be secret.
    let mut message = match json::parse(text.as_bytes(), MAX_MESSAGE_MEMORY) {
        Ok(Value::Object(message)) => message,
        Ok(_) => return Err(FrameError("it is no object".into())),
        Err(err) => return Err(FrameError(format!("it is no JSON ({err})"))),
    };
    let cmd = message.get("cmd").and_then(Value::as_str);
    let cmd = cmd.ok_or_else(|| FrameError("it has no `cmd`".into()))?;
    let cmd = cmd.to_owned();
    let data = match message.remove("data") {
        Some(Value::Object(data)) => data,
        // `pong` has none.
        _ => Map::new(),
    };
    let mut acknowledge = None;
    let event = match cmd.as_str() {
        "login_res" => Some(logged_in(&data)),
        "subscribe_res" => Some(SocketEvent::Subscribed {
            done: rows(&data, "success").map(|(did, _)| did).collect(),
            failed: rows(&data, "failed").collect(),
        }),
        "s2c_noti" => {
            let did = did_of(&data)?;
            if let Some(serial) = message.get("req_sn").and_then(Value::as_u64) {
                let ack = json!({ "cmd": "c2s_ack", "res_sn": serial, "did": did });
                acknowledge = Some(ack.to_string());
            }
            Some(SocketEvent::Report {
                attrs: attrs(data)?,
                answers: message.get("res_sn").and_then(Value::as_u64),
                did,
            })
        }
        "s2c_ack" => {
            let serial = message.get("res_sn").and_then(Value::as_u64);
            let serial = serial.ok_or_else(|| FrameError("an s2c_ack without `res_sn`".into()))?;
            // At the top level (documented); beside the rest in case that changes.
            let did = did_of(&message).or_else(|_| did_of(&data))?;
            Some(SocketEvent::Acknowledged { did, serial })
        }
        "s2c_online_status" => Some(SocketEvent::Online {
            did: did_of(&data)?,
            // Clients read either name.
            online: flag(&data, "online")
                .or_else(|| flag(&data, "is_online"))
                .ok_or_else(|| FrameError("an s2c_online_status without `online`".into()))?,
        }),
        "s2c_binding_changed" => Some(SocketEvent::BindingChanged {
            did: did_of(&data)?,
            bound: flag(&data, "bind")
                .ok_or_else(|| FrameError("an s2c_binding_changed without `bind`".into()))?,
        }),
        "s2c_invalid_msg" => Some(SocketEvent::Invalid {
            code: data.get("error_code").and_then(Value::as_i64).unwrap_or(0),
            message: words(&data, "msg"),
        }),
        "pong" => Some(SocketEvent::Pong),
        // s2c_raw comes even in attrs_v4 mode; what is unknown may be new.
        _ => None,
    };
    Ok(Received {
        cmd: plain(&cmd),
        event,
        acknowledge,
    })
}

fn logged_in(data: &Map<String, Value>) -> SocketEvent {
    SocketEvent::LoggedIn(if flag(data, "success") == Some(true) {
        Ok(())
    } else {
        // Seen on failure; the document has none.
        Err(words(data, "msg"))
    })
}

fn rows(data: &Map<String, Value>, key: &str) -> impl Iterator<Item = (Did, String)> {
    let rows = data.get(key).and_then(Value::as_array);
    let row = |row: &Value| {
        let row = row.as_object()?;
        Some((did_of(row).ok()?, words(row, "msg")))
    };
    let rows: Vec<(Did, String)> = rows.into_iter().flatten().filter_map(row).collect();
    rows.into_iter()
}

fn did_of(object: &Map<String, Value>) -> Result<Did, FrameError> {
    let did = object.get("did").and_then(Value::as_str);
    let did = did.ok_or_else(|| FrameError("it names no `did`".into()))?;
    Did::new(did).map_err(|err| FrameError(err.to_string()))
}

fn attrs(mut data: Map<String, Value>) -> Result<Map<String, Value>, FrameError> {
    match data.remove("attrs") {
        Some(Value::Object(attrs)) => Ok(attrs.into_iter().map(as_over_http).collect()),
        _ => Err(FrameError("an s2c_noti without `attrs`".into())),
    }
}

fn as_over_http((name, value): (String, Value)) -> (String, Value) {
    let byte = |item: &Value| u8::try_from(item.as_u64()?).ok();
    let bytes: Option<Vec<u8>> = match &value {
        Value::Array(items) => items.iter().map(byte).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            None
        }
    };
    let value = bytes.map_or(value, |bytes| Value::String(hex::encode(&bytes)));
    (name, value)
}

fn flag(object: &Map<String, Value>, key: &str) -> Option<bool> {
    let value = object.get(key)?;
    value.as_bool().or_else(|| Some(value.as_i64()? != 0))
}

fn words(object: &Map<String, Value>, key: &str) -> String {
    let words = object.get(key).and_then(Value::as_str).map(plain);
    let words = words.filter(|words| !words.is_empty());
    words.unwrap_or_else(|| "no reason given".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::AttrName;

    fn did() -> Did {
        Did::new("d1").unwrap()
    }

    fn event(text: &str) -> Option<SocketEvent> {
        parse(text).unwrap().event
    }

    #[test]
    fn a_write_spells_each_type_as_push_does() {
        let attrs: Attrs = [
            ("power", AttrValue::Bool(true)),
            ("mode", AttrValue::Enum("经典".into())),
            ("temp", AttrValue::Number(21.5)),
            ("plan", AttrValue::Binary([0, 255].into())),
        ]
        .map(|(name, value)| (AttrName::new(name).unwrap(), value))
        .into_iter()
        .collect();
        let sent: Value = serde_json::from_str(&write(&did(), &attrs, 7)).unwrap();
        let attrs = json!({ "power": true, "mode": "经典", "temp": 21.5, "plan": [0, 255] });
        let data = json!({ "did": "d1", "attrs": attrs });
        assert_eq!(
            sent,
            json!({ "cmd": "c2s_write", "req_sn": 7, "data": data })
        );
    }

    #[test]
    fn a_login_subscribes_to_nothing_by_itself() {
        let credentials = Credentials {
            app_id: "app".into(),
            uid: "uid".into(),
            token: Secret::new("t".into()),
        };
        let sent: Value = serde_json::from_str(&login(&credentials, 90)).unwrap();
        let data = json!({ "appid": "app", "uid": "uid", "token": "t", "p0_type": "attrs_v4",
            "heartbeat_interval": 90, "auto_subscribe": false });
        assert_eq!(sent, json!({ "cmd": "login_req", "data": data }));
        let sent: Value = serde_json::from_str(&subscribe(&[did()])).unwrap();
        assert_eq!(
            sent,
            json!({ "cmd": "subscribe_req", "data": [{ "did": "d1" }] })
        );
    }

    #[test]
    fn each_message_tells_what_it_means() {
        let report = |attrs: Value, answers| SocketEvent::Report {
            did: did(),
            attrs: attrs.as_object().unwrap().clone(),
            answers,
        };
        let online = |online| SocketEvent::Online { did: did(), online };
        for (text, want) in [
            (
                r#"{"cmd":"login_res","data":{"success":true}}"#,
                Some(SocketEvent::LoggedIn(Ok(()))),
            ),
            (
                r#"{"cmd":"login_res","data":{"success":false,"msg":"token invalid"}}"#,
                Some(SocketEvent::LoggedIn(Err("token invalid".into()))),
            ),
            (
                r#"{"cmd":"subscribe_res","data":{"success":[{"did":"d1","error_code":0,"msg":"ok"}],"failed":[{"did":"d2","error_code":1,"msg":"no"}]}}"#,
                Some(SocketEvent::Subscribed {
                    done: vec![did()],
                    failed: vec![(Did::new("d2").unwrap(), "no".into())],
                }),
            ),
            (
                r#"{"cmd":"s2c_noti","res_sn":3,"data":{"did":"d1","attrs":{"on":true,"plan":[1,255],"odd":[1,256]}}}"#,
                Some(report(
                    json!({ "on": true, "plan": "01ff", "odd": [1, 256] }),
                    Some(3),
                )),
            ),
            (
                r#"{"cmd":"s2c_ack","res_sn":4,"did":"d1"}"#,
                Some(SocketEvent::Acknowledged {
                    did: did(),
                    serial: 4,
                }),
            ),
            (
                r#"{"cmd":"s2c_online_status","data":{"did":"d1","passcode":"p","mac":"m","online":false}}"#,
                Some(online(false)),
            ),
            (
                r#"{"cmd":"s2c_online_status","data":{"did":"d1","is_online":1}}"#,
                Some(online(true)),
            ),
            (
                r#"{"cmd":"s2c_binding_changed","data":{"did":"d1","bind":false}}"#,
                Some(SocketEvent::BindingChanged {
                    did: did(),
                    bound: false,
                }),
            ),
            (
                r#"{"cmd":"s2c_invalid_msg","data":{"error_code":1009,"msg":"M2M socket has closed, please login again!"}}"#,
                Some(SocketEvent::Invalid {
                    code: 1009,
                    message: "M2M socket has closed, please login again".into(),
                }),
            ),
            (r#"{"cmd":"pong"}"#, Some(SocketEvent::Pong)),
            (
                r#"{"cmd":"s2c_raw","data":{"did":"d1","raw":[0,0,0,3]}}"#,
                None,
            ),
            (r#"{"cmd":"s2c_new","data":[]}"#, None),
        ] {
            assert_eq!(event(text), want, "{text}");
        }
    }

    #[test]
    fn a_report_that_wants_it_is_acknowledged() {
        let received = parse(r#"{"cmd":"s2c_noti","req_sn":9,"data":{"did":"d1","attrs":{}}}"#);
        let ack: Value = serde_json::from_str(&received.unwrap().acknowledge.unwrap()).unwrap();
        assert_eq!(ack, json!({ "cmd": "c2s_ack", "res_sn": 9, "did": "d1" }));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, want) in [
            ("", "no JSON"),
            ("[]", "no object"),
            ("{}", "no `cmd`"),
            (r#"{"cmd":"s2c_noti","data":{"attrs":{}}}"#, "no `did`"),
            (
                r#"{"cmd":"s2c_noti","data":{"did":"d1"}}"#,
                "without `attrs`",
            ),
            (r#"{"cmd":"s2c_ack","did":"d1"}"#, "without `res_sn`"),
            (
                r#"{"cmd":"s2c_online_status","data":{"did":"d1"}}"#,
                "without `online`",
            ),
        ] {
            let err = parse(text).unwrap_err().to_string();
            assert!(err.contains(want), "{text}: {err}");
        }
    }

    #[test]
    fn a_strangers_words_are_cut_short_and_secrets_stay_out() {
        let long = "x".repeat(10_000);
        let refused = json!({ "success": false, "msg": format!("a\u{1b}b{long}") });
        let refused = json!({ "cmd": "login_res", "data": refused }).to_string();
        let Some(SocketEvent::LoggedIn(Err(reason))) = event(&refused) else {
            panic!("no refusal");
        };
        assert!(reason.starts_with("abx") && reason.len() <= 200, "{reason}");
        let silent = r#"{"cmd":"login_res","data":{"msg":" "}}"#;
        let none = SocketEvent::LoggedIn(Err("no reason given".into()));
        assert_eq!(event(silent), Some(none));
        let err = parse(r#""the-passcode""#).unwrap_err().to_string();
        assert!(!err.contains("passcode"), "{err}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", cmd in "[a-z0-9_]{0,20}", data in "\\PC{0,40}") {
            drop(parse(&text));
            drop(parse(&json!({ "cmd": cmd, "data": data }).to_string()));
            drop(parse(&format!(r#"{{"cmd":"{cmd}","data":{data}}}"#)));
        }
    }
}
