//! Payloads of `set`, `set/ATTR` and `raw`: to values, or to an error that names what is accepted.

use serde_json::{Map, Value};

use crate::ids::AttrName;
use crate::model::{Access, AttrValue, Attrs, DataType, Datapoint, ProductSchema, hex};

use super::likeness::nearest;

/// A `set` that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct SetRequest {
    /// What to set; never empty.
    pub attrs: Attrs,
    /// Echoed in the result, as it came.
    pub transaction: Option<Value>,
}

/// A command that is refused before it reaches the cloud.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct CommandError {
    /// For people: what was wrong, and what is accepted. All faults of one command.
    pub reason: String,
    /// Echoed in the result where the payload could be read so far.
    pub transaction: Option<Value>,
}

/// Largest payload of a command that is looked at, in bytes.
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;
/// Longest raw command, in bytes.
pub const MAX_RAW_BYTES: usize = 4096;

/// Faults that one answer names: 64 KiB of nonsense must not make an answer of a megabyte, nor
/// seconds of looking for what may have been meant.
const MAX_FAULTS: usize = 20;

/// The member of a command that is echoed and never set.
const TRANSACTION: &str = "transaction";

/// The transaction of a command that nothing else is read of.
#[must_use]
pub fn transaction(payload: &[u8]) -> Option<Value> {
    match parse_json(payload).ok()? {
        Value::Object(mut members) => members.remove(TRANSACTION),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

/// `{"ATTR": value, …}`, with an optional `transaction`.
///
/// # Errors
/// [`CommandError`] when it is not a JSON object, or any attribute is unknown, read-only or refused.
pub fn parse_set(schema: &ProductSchema, payload: &[u8]) -> Result<SetRequest, CommandError> {
    let mut wishes = match parse_json(payload)? {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(plain(
                "the payload is JSON, but no object such as {\"power\": true}",
            ));
        }
    };
    // A product whose own attribute is called so keeps it.
    let transaction = match schema.get(TRANSACTION) {
        Some(_) => None,
        None => wishes.remove(TRANSACTION),
    };
    match check_all(schema, &wishes) {
        Ok(attrs) => Ok(SetRequest { attrs, transaction }),
        Err(reason) => Err(CommandError {
            reason,
            transaction,
        }),
    }
}

/// Checks every wish, so that one answer names all faults.
pub(super) fn check_all(
    schema: &ProductSchema,
    wishes: &Map<String, Value>,
) -> Result<Attrs, String> {
    if wishes.is_empty() {
        return Err("the command names no attribute".into());
    }
    let (mut attrs, mut faults) = (Attrs::default(), Vec::new());
    for (at, (name, json)) in wishes.iter().enumerate() {
        match check(schema, name, json) {
            Ok((name, value)) => {
                attrs.insert(name, value);
            }
            Err(fault) => faults.push(fault),
        }
        if faults.len() >= MAX_FAULTS {
            let unread = wishes.len() - at - 1;
            faults.extend((unread > 0).then(|| format!("{unread} more were not looked at")));
            break;
        }
    }
    if faults.is_empty() {
        Ok(attrs)
    } else {
        Err(faults.join("; "))
    }
}

fn check(
    schema: &ProductSchema,
    name: &str,
    json: &Value,
) -> Result<(AttrName, AttrValue), String> {
    let datapoint = schema.get(name).ok_or_else(|| unknown(schema, name))?;
    let value = AttrValue::accept(datapoint, json).map_err(|err| err.to_string())?;
    Ok((datapoint.name.clone(), value))
}

/// Says that there is no such attribute, and which one may have been meant.
fn unknown(schema: &ProductSchema, name: &str) -> String {
    if AttrName::new(name).is_err() {
        return "a name that is empty, too long or holds control characters is no attribute".into();
    }
    let names = schema.datapoints().iter().map(|known| known.name.as_str());
    match nearest(names, name) {
        Some(known) => {
            format!("{name:?} is no attribute of this product; did you mean {known:?}?")
        }
        None => format!("{name:?} is no attribute of this product"),
    }
}

/// A bare value for the attribute whose topic level is `level`: JSON, or a word such as `ON`, a label,
/// or hex. An attribute that is called like a reserved word (`set`) also answers to its own name, which
/// is no attribute's level.
///
/// # Errors
/// [`CommandError`] when the attribute is unknown, read-only, or the value is refused.
pub fn parse_set_attr(
    schema: &ProductSchema,
    level: &str,
    payload: &[u8],
) -> Result<SetRequest, CommandError> {
    let text = utf8(payload)?;
    let datapoint = schema
        .at_level(level)
        .or_else(|| schema.get(level))
        .ok_or_else(|| plain(unknown(schema, level)))?;
    if text.trim().is_empty() {
        // What clears a retained message, too; as a text it would be a value.
        return Err(plain(format!("{}: the payload is empty", datapoint.name)));
    }
    let value = AttrValue::accept(datapoint, &bare_value(datapoint, text))
        .map_err(|err| plain(err.to_string()))?;
    Ok(SetRequest {
        attrs: Attrs::from_iter([(datapoint.name.clone(), value)]),
        transaction: None,
    })
}

/// `ATTR=VALUE` pairs as a person types them: bare values under true names.
///
/// # Errors
/// [`CommandError`] with all faults.
pub fn parse_pairs(
    schema: &ProductSchema,
    pairs: &[(String, String)],
) -> Result<SetRequest, CommandError> {
    let wishes = pairs.iter().map(|(name, text)| {
        let value = schema
            .get(name)
            .map_or(Value::Null, |datapoint| bare_value(datapoint, text));
        (name.clone(), value)
    });
    let attrs = check_all(schema, &wishes.collect()).map_err(plain)?;
    Ok(SetRequest {
        attrs,
        transaction: None,
    })
}

/// A bare word stays a word, so that a label such as `1` or `true` is found; only what is plainly
/// JSON is read as such. Without a schema nothing tells `1` from `"1"`, so the JSON reading wins.
fn bare_value(datapoint: &Datapoint, text: &str) -> Value {
    let text = text.trim();
    if let DataType::Enum(labels) = &datapoint.data_type
        && labels.iter().any(|label| label.trim() == text)
    {
        return Value::String(text.into());
    }
    let looks_like_json = text.starts_with(['"', '[', '{']);
    if (looks_like_json || datapoint.access == Access::Inferred)
        && let Ok(json) = serde_json::from_str(text)
    {
        return json;
    }
    Value::String(text.into())
}

/// `[0,1,2]`, `"000102"`, bare hex, or `{"raw": …, "transaction": …}`.
///
/// # Errors
/// [`CommandError`] when it is empty, no bytes, or longer than 4096 bytes.
pub fn parse_raw(payload: &[u8]) -> Result<(Vec<u8>, Option<Value>), CommandError> {
    let text = utf8(payload)?.trim();
    let mut json = serde_json::from_str(text).ok();
    let mut transaction = None;
    if let Some(Value::Object(members)) = &mut json {
        transaction = members.remove(TRANSACTION);
        json = members.remove("raw");
        if json.is_none() {
            return Err(CommandError {
                reason: "the object has no member \"raw\"".into(),
                transaction,
            });
        }
    }
    let bytes = match &json {
        Some(Value::Array(items)) => bytes_of(items),
        Some(Value::String(digits)) => hex::decode(digits.trim()).map_err(|err| err.to_string()),
        // Hex without a letter reads as a number.
        Some(Value::Number(_)) | None if transaction.is_none() => {
            hex::decode(text).map_err(|err| err.to_string())
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Err("that is neither".into())
        }
    };
    match bytes {
        Ok(bytes) if (1..=MAX_RAW_BYTES).contains(&bytes.len()) => Ok((bytes, transaction)),
        Ok(bytes) => Err(CommandError {
            reason: format!(
                "a raw command has 1 to {MAX_RAW_BYTES} bytes, not {}",
                bytes.len()
            ),
            transaction,
        }),
        Err(fault) => Err(CommandError {
            reason: format!(
                "a raw command is a list of bytes such as [0,1,2], or hex such as \"000102\": {fault}"
            ),
            transaction,
        }),
    }
}

fn bytes_of(items: &[Value]) -> Result<Vec<u8>, String> {
    items
        .iter()
        .map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| "a list may hold only numbers from 0 to 255".into())
}

fn parse_json(payload: &[u8]) -> Result<Value, CommandError> {
    let text = utf8(payload)?;
    serde_json::from_str(text).map_err(|err| plain(format!("the payload is not JSON: {err}")))
}

fn utf8(payload: &[u8]) -> Result<&str, CommandError> {
    if payload.len() > MAX_COMMAND_BYTES {
        return Err(plain(format!(
            "a command may have {MAX_COMMAND_BYTES} bytes, not {}",
            payload.len()
        )));
    }
    std::str::from_utf8(payload).map_err(|_| plain("the payload is not UTF-8"))
}

fn plain(reason: impl Into<String>) -> CommandError {
    CommandError {
        reason: reason.into(),
        transaction: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ids::ProductKey;

    fn schema() -> ProductSchema {
        let attr = |name: &str, access: &str, rest: Value| {
            let mut attr = json!({ "name": name, "type": access });
            attr.as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            attr
        };
        let number = json!({ "data_type": "uint8",
            "uint_spec": { "min": 20, "max": 40, "ratio": 1, "addition": 0 } });
        let document = json!({ "name": "Airjet", "entities": [{ "attrs": [
            attr("power", "status_writable", json!({ "data_type": "bool" })),
            attr("temp_set", "status_writable", number.clone()),
            attr("temp_now", "status_readonly", number),
            attr("mode", "status_writable", json!({ "data_type": "enum", "enum": ["cft", "eco", "1"] })),
            attr("a/b", "status_writable", json!({ "data_type": "bool" })),
            attr("speed", "status_writable", json!({ "data_type": "enum", "enum": [" low", "high ", "\"max\""] })),
            attr("blob", "status_writable", json!({ "data_type": "binary", "position": { "len": 2 } })),
        ] }] });
        ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document)
            .unwrap()
            .0
    }

    fn reason(payload: &str) -> String {
        parse_set(&schema(), payload.as_bytes()).unwrap_err().reason
    }

    #[test]
    fn a_set_is_read_with_its_transaction() {
        let payload = br#"{"power": "ON", "temp_set": 30, "mode": 1, "transaction": [7]}"#;
        let request = parse_set(&schema(), payload).unwrap();
        assert_eq!(
            Value::Object(request.attrs.to_json()),
            json!({ "power": true, "temp_set": 30, "mode": "eco" })
        );
        assert_eq!(request.transaction, Some(json!([7])));
    }

    #[test]
    fn a_set_names_all_its_faults_at_once() {
        let error = parse_set(
            &schema(),
            br#"{"powr": 1, "temp_now": 30, "temp_set": 41, "transaction": "t"}"#,
        )
        .unwrap_err();
        assert_eq!(error.transaction, Some(json!("t")));
        assert_eq!(
            error.reason,
            "\"powr\" is no attribute of this product; did you mean \"power\"?; \
             temp_now is read-only; temp_set: 41 is refused; accepted: 20 to 40 in steps of 1"
        );
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for (payload, want) in [
            ("", "the payload is not JSON"),
            ("on", "the payload is not JSON"),
            ("[1]", "the payload is JSON, but no object"),
            ("{}", "the command names no attribute"),
            (r#"{"transaction":1}"#, "the command names no attribute"),
            (r#"{"zzz":1}"#, "\"zzz\" is no attribute of this product"),
            (r#"{"mode":"warp"}"#, "accepted: cft, eco, 1"),
            (r#"{"blob":"00"}"#, "exactly 2 bytes"),
        ] {
            assert!(
                reason(payload).contains(want),
                "{payload}: {}",
                reason(payload)
            );
        }
        let many: Vec<String> = (0..4_000).map(|n| format!("\"x{n}\":1")).collect();
        let answer = reason(&format!("{{{}}}", many.join(",")));
        assert!(
            answer.ends_with("; 3980 more were not looked at"),
            "{answer}"
        );
        assert!(answer.len() < 2_000, "{} bytes", answer.len());
        let answer = reason(&format!("{{\"{}\":1}}", "x".repeat(10_000)));
        assert!(answer.len() < 100, "{} bytes", answer.len());
        let not_utf8 = parse_set(&schema(), &[0xff]).unwrap_err();
        assert_eq!(not_utf8.reason, "the payload is not UTF-8");
        let long = vec![b' '; MAX_COMMAND_BYTES + 1];
        assert!(parse_set(&schema(), &long).is_err());
    }

    #[test]
    fn a_bare_value_is_a_word_first() {
        for (level, payload, want) in [
            ("power", "ON", json!({ "power": true })),
            ("power", " false\n", json!({ "power": false })),
            ("temp_set", "25", json!({ "temp_set": 25 })),
            ("mode", "1", json!({ "mode": "1" })),
            ("mode", "0", json!({ "mode": "cft" })),
            ("mode", "\"eco\"", json!({ "mode": "eco" })),
            ("speed", "high ", json!({ "speed": "high " })),
            ("speed", "low", json!({ "speed": " low" })),
            ("speed", "\"max\"", json!({ "speed": "\"max\"" })),
            ("a_b", "1", json!({ "a/b": true })),
            ("blob", "00ff", json!({ "blob": "00ff" })),
            ("blob", "[0, 255]", json!({ "blob": "00ff" })),
        ] {
            let request = parse_set_attr(&schema(), level, payload.as_bytes()).unwrap();
            assert_eq!(
                Value::Object(request.attrs.to_json()),
                want,
                "{level} {payload}"
            );
        }
        for (level, payload) in [
            ("temp_now", "30"),
            ("nothing", "1"),
            ("temp_set", "x"),
            ("power", ""),
        ] {
            assert!(
                parse_set_attr(&schema(), level, payload.as_bytes()).is_err(),
                "{level} {payload}"
            );
        }
    }

    #[test]
    fn an_attribute_called_like_a_reserved_word_is_set_by_its_level_and_by_its_name() {
        let names = ["availability", "set", "set_", "get", "raw", "result"];
        let attrs = names
            .map(|name| json!({ "name": name, "type": "status_writable", "data_type": "bool" }));
        let document = json!({ "entities": [{ "attrs": attrs }] });
        let schema = ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document)
            .unwrap()
            .0;
        for (level, attr) in [
            ("availability", "availability"),
            ("availability_", "availability"),
            ("set", "set"),
            ("set_", "set"),
            ("set__", "set_"),
            ("get", "get"),
            ("get_", "get"),
            ("raw", "raw"),
            ("raw_", "raw"),
            ("result", "result"),
            ("result_", "result"),
        ] {
            let request = parse_set_attr(&schema, level, b"true").unwrap();
            let set = Value::Object(request.attrs.to_json());
            assert_eq!(set, json!({ attr: true }), "{level}");
        }
    }

    #[test]
    fn an_empty_payload_is_no_text_even_without_a_schema() {
        let none = ProductSchema::new(ProductKey::new("pk").unwrap(), "".into(), true, vec![]);
        let report = json!({ "mode": "eco" });
        let schema = crate::model::infer::widen(&none, report.as_object().unwrap()).unwrap();
        assert!(parse_set_attr(&schema, "mode", b"cft").is_ok());
        let error = parse_set_attr(&schema, "mode", b" ").unwrap_err();
        assert_eq!(error.reason, "mode: the payload is empty");
    }

    #[test]
    fn raw_bytes_come_in_four_shapes() {
        for payload in ["[0,1,16]", "\"000110\"", "000110", r#"{"raw": [0,1,16]}"#] {
            assert_eq!(
                parse_raw(payload.as_bytes()).unwrap().0,
                [0, 1, 16],
                "{payload}"
            );
        }
        assert_eq!(parse_raw(b"12").unwrap().0, [0x12]);
        let (bytes, transaction) = parse_raw(br#"{"raw":"ff","transaction":3}"#).unwrap();
        assert_eq!((bytes, transaction), (vec![0xff], Some(json!(3))));
        for payload in [
            "",
            "[]",
            "[256]",
            "xyz",
            "\"0\"",
            "{}",
            "true",
            r#"{"raw":5,"transaction":1}"#,
        ] {
            assert!(parse_raw(payload.as_bytes()).is_err(), "{payload}");
        }
        assert!(parse_raw("00".repeat(MAX_RAW_BYTES + 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..64), level: String) {
            let schema = schema();
            drop(parse_set(&schema, &payload));
            drop(parse_set_attr(&schema, &level, &payload));
            drop(parse_raw(&payload));
        }
    }
}
