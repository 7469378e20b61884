//! The cloud's JSON, quirks included: from a good answer's document to a [`Reply`].

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Host;

use crate::bridge::{CallError, Reply};
use crate::ids::{Did, Mac, ProductKey};
use crate::model::binding::Bound;
use crate::model::{Device, Endpoint, ProductSchema};
use crate::secret::Secret;

use super::error::unexpected;
use super::session::Session;

/// The shorter of the two token lives that the documents tell; for an answer that names none.
const SHORTEST_TOKEN_LIFE_S: i64 = 7 * 86_400;
/// The longest name of DNS.
const MAX_HOST_BYTES: usize = 253;
/// A page is asked for with 20 rows; a list beyond this is no page.
pub(super) const MAX_ROWS: usize = 1_000;

/// A login's or a registration's answer.
pub(super) fn session(json: &Value, unix_now: i64) -> Result<Session, CallError> {
    let token = text(json, "token");
    if token.is_empty() {
        return Err(unexpected("the login brought no token"));
    }
    let expires_at = json.get("expire_at").and_then(integer);
    Ok(Session {
        uid: text(json, "uid"),
        token: Secret::new(token),
        expires_at: expires_at.unwrap_or(unix_now + SHORTEST_TOKEN_LIFE_S),
    })
}

/// A page of the bindings. A row that cannot be read costs only itself.
/// `tls` says which of the two push ports is meant.
pub(super) fn bindings(json: &Value, tls: bool) -> Result<Reply, CallError> {
    let rows = json.get("devices").and_then(Value::as_array);
    let rows = rows.ok_or_else(|| unexpected("the bindings have no list `devices`"))?;
    if rows.len() > MAX_ROWS {
        return Err(unexpected("the bindings have far more rows than asked for"));
    }
    let (mut devices, mut unreadable) = (Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        match device(row, tls) {
            Ok(device) => devices.push(device),
            Err(reason) => unreadable.push(format!("bindings row {at}: {reason}")),
        }
    }
    Ok(Reply::Bindings {
        devices,
        rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        unreadable,
    })
}

/// The passcode, which opens the device on the LAN, is not read.
fn device(row: &Value, tls: bool) -> Result<Device, String> {
    Ok(Device {
        did: Did::new(text(row, "did")).map_err(|err| err.to_string())?,
        product_key: ProductKey::new(text(row, "product_key")).map_err(|err| err.to_string())?,
        mac: Mac::new(text(row, "mac")).ok(),
        alias: text(row, "dev_alias"),
        product_name: text(row, "product_name"),
        // A hint in any case; one that is missing hints at nothing bad.
        is_online: row.get("is_online").and_then(flag).unwrap_or(true),
        is_disabled: row.get("is_disabled").and_then(flag).unwrap_or(false),
        wifi_version: text(row, "wifi_soft_version"),
        mcu_version: text(row, "mcu_soft_version"),
        push: endpoint(row, tls),
    })
}

/// A host as a connection wants it: a name of DNS, or an address without brackets.
fn host(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
        return Some(address.to_string());
    }
    let host = match Host::parse(text).ok()? {
        Host::Ipv6(address) => address.to_string(),
        host @ (Host::Domain(_) | Host::Ipv4(_)) => host.to_string(),
    };
    (host.len() <= MAX_HOST_BYTES).then_some(host)
}

/// The first device of a page whose push host nobody could connect to. It is told without the host
/// itself, which is what is wrong.
pub(super) fn unusable_host(json: &Value) -> Option<Did> {
    let rows = json.get("devices")?.as_array()?;
    let is_bad = |row: &&Value| {
        let text = text(row, "host");
        !text.is_empty() && host(&text).is_none()
    };
    Did::new(text(rows.iter().find(is_bad)?, "did")).ok()
}

/// Older accounts' rows have no `wss_port` (seen); then it is the documented one.
fn endpoint(row: &Value, tls: bool) -> Option<Endpoint> {
    let (key, documented) = if tls {
        ("wss_port", 8880)
    } else {
        ("ws_port", 8080)
    };
    let host = host(&text(row, "host"));
    let port = row.get(key).and_then(integer);
    let port = port.and_then(|port| u16::try_from(port).ok());
    host.map(|host| Endpoint {
        host,
        port: port.unwrap_or(documented),
        tls,
    })
}

/// What came of binding or unbinding several devices. An id that cannot be read is left out.
pub(super) fn bound(json: &Value) -> Result<Bound, CallError> {
    let dids = |key: &str| {
        let list = json.get(key)?.as_array()?;
        let did = |item: &Value| Did::new(item.as_str()?).ok();
        Some(list.iter().filter_map(did).collect())
    };
    match (dids("success"), dids("failed")) {
        (None, None) => Err(unexpected("it does not say which devices were bound")),
        (success, failed) => Ok(Bound {
            success: success.unwrap_or_default(),
            failed: failed.unwrap_or_default(),
        }),
    }
}

/// Entries of a raw log: a list, or `objects.hits.objects` (seen).
pub(super) fn raw_log(mut json: Value) -> Result<Vec<Value>, CallError> {
    let inner = ["/objects/hits/objects", "/objects"]
        .iter()
        .find(|path| json.pointer(path).is_some_and(Value::is_array));
    let list = match inner {
        Some(path) => json.pointer_mut(path).map(Value::take),
        None => Some(json),
    };
    match list {
        Some(Value::Array(entries)) => Ok(entries),
        _ => Err(unexpected("the log is no list")),
    }
}

/// A product's datapoints.
pub(super) fn schema(product_key: &ProductKey, document: Value) -> Result<Reply, CallError> {
    let (schema, left_out) =
        ProductSchema::parse(product_key, &document).map_err(|err| unexpected(&err.to_string()))?;
    Ok(Reply::Schema {
        schema: Arc::new(schema),
        document: Arc::new(document),
        left_out,
    })
}

/// A device's last report: `attr` as documented, or `attrs` as control calls spell it. A device that
/// never reported has neither values nor a time.
pub(super) fn latest(mut json: Value) -> Result<Reply, CallError> {
    let updated_at = json.get("updated_at").and_then(integer).unwrap_or(0);
    let mut take = |key: &str| {
        json.get_mut(key)
            .map(Value::take)
            .filter(|value| !value.is_null())
    };
    let attrs = take("attr").or_else(|| take("attrs"));
    match attrs.unwrap_or(Value::Object(Map::new())) {
        Value::Object(attrs) => Ok(Reply::Latest {
            updated_at: seconds(updated_at),
            attrs,
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(unexpected("the latest data are no object"))
        }
    }
}

/// Seconds in practice; one documented sample looks like milliseconds.
const fn seconds(time: i64) -> i64 {
    const BEYOND_YEAR_5000: i64 = 100_000_000_000;
    if time > BEYOND_YEAR_5000 {
        time / 1000
    } else {
        time
    }
}

pub(super) fn text(object: &Value, key: &str) -> String {
    let text = object.get(key).and_then(Value::as_str).unwrap_or_default();
    text.trim().to_owned()
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A boolean, also written as a number (seen).
pub(super) fn flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| Some(integer(value)? != 0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bindings_row_needs_only_did_and_product_key() {
        let page = json!({ "devices": [
            { "did": "d1", "product_key": "pk", "passcode": "SECRETCODE" },
            { "did": "d2", "product_key": "pk", "mac": "AABB", "dev_alias": " Pool ", "is_online": 0,
              "is_disabled": true, "mcu_soft_version": null, "wifi_soft_version": "04020028" },
            { "product_key": "pk" },
            7,
        ] });
        let Ok(Reply::Bindings {
            devices,
            rows,
            unreadable,
        }) = bindings(&page, true)
        else {
            panic!("not read");
        };
        assert_eq!((devices.len(), rows, unreadable.len()), (2, 4, 2));
        assert!(devices[0].is_online && devices[0].mac.is_none());
        assert_eq!(devices[1].alias, "Pool");
        assert!(!devices[1].is_online && devices[1].is_disabled);
        assert!(!format!("{devices:?}").contains("SECRETCODE"));
        assert!(bindings(&json!({}), true).is_err());
    }

    #[test]
    fn a_push_host_is_a_name_or_an_address() {
        for (given, taken) in [
            ("m2m.gizwits.com", Some("ws://m2m.gizwits.com:8080")),
            ("M2M.Gizwits.com", Some("ws://m2m.gizwits.com:8080")),
            ("192.0.2.1", Some("ws://192.0.2.1:8080")),
            ("2001:db8::1", Some("ws://[2001:db8::1]:8080")),
            ("[2001:db8::1]", Some("ws://[2001:db8::1]:8080")),
            ("", None),
            ("evil\r\nX: y", None),
            ("user@host", None),
            ("host/path", None),
            ("host:99", None),
            (&"a.".repeat(35_000), None),
        ] {
            let page = json!({ "devices": [{ "did": "d1", "product_key": "pk", "host": given }] });
            let Ok(Reply::Bindings { devices, .. }) = bindings(&page, false) else {
                panic!("not read");
            };
            let push = devices[0].push.as_ref().map(ToString::to_string);
            let short: String = given.chars().take(20).collect();
            assert_eq!(push.as_deref(), taken, "{short:?}");
            let is_told = unusable_host(&page).is_some();
            assert_eq!(is_told, taken.is_none() && !given.is_empty(), "{short:?}");
        }
    }

    #[test]
    fn latest_data_come_in_several_shapes() {
        for (body, updated_at, count) in [
            (
                json!({ "did": "d", "updated_at": 5, "attr": { "a": 1 } }),
                5,
                1,
            ),
            (json!({ "updated_at": 5, "attrs": { "a": 1 } }), 5, 1),
            (json!({ "updated_at": 0, "attr": {} }), 0, 0),
            (json!({}), 0, 0),
            (json!({ "updated_at": "7", "attr": null }), 7, 0),
            (
                json!({ "updated_at": 1_500_000_000_123_i64, "attr": {} }),
                1_500_000_000,
                0,
            ),
        ] {
            match latest(body.clone()) {
                Ok(Reply::Latest {
                    updated_at: at,
                    attrs,
                }) => {
                    assert_eq!((at, attrs.len()), (updated_at, count), "{body}");
                }
                other => panic!("{body}: {other:?}"),
            }
        }
        assert!(latest(json!({ "attr": [1] })).is_err());
    }

    #[test]
    fn a_session_needs_a_token_and_gets_an_end() {
        let answer = json!({ "uid": "u", "token": "t", "expire_at": 13_894_002_020_i64 });
        assert_eq!(session(&answer, 0).unwrap().expires_at, 13_894_002_020);
        let answer = json!({ "token": "t" });
        assert_eq!(
            session(&answer, 10).unwrap().expires_at,
            10 + SHORTEST_TOKEN_LIFE_S
        );
        assert!(session(&json!({ "uid": "u" }), 0).is_err());
    }
}
