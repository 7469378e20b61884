//! What an error of the cloud means: the 90xx table, and every other way in which an answer fails.

use std::time::Duration;

use serde_json::Value;

use crate::bridge::{CallError, ErrorClass};

/// More of the cloud's own words than this helps nobody.
const MAX_WORDS: usize = 200;

/// What to do about an `error_code`.
#[must_use]
pub const fn class_of(code: u16) -> ErrorClass {
    match code {
        9041 => ErrorClass::Throttled,
        9004 | 9006 => ErrorClass::TokenLost,
        9005 | 9020 | 9026 => ErrorClass::LoginRefused,
        9021 | 9042 => ErrorClass::DeviceOffline,
        9014 | 9016 | 9017 => ErrorClass::DeviceGone,
        9003 | 9045 => ErrorClass::Fatal,
        9008 | 9035 => ErrorClass::Transient,
        _ => ErrorClass::Refused,
    }
}

/// What an `error_code` says, for people; the codes that the bridge's calls can meet.
#[must_use]
pub const fn meaning(code: u16) -> Option<&'static str> {
    Some(match code {
        9002 => "the product key is not known",
        9003 => "the application id is not known",
        9004 => "the user token is not known",
        9005 => "there is no such user",
        9006 => "the user token has expired",
        9008 => "the cloud has an internal error",
        9014 => "there is no such device",
        9015 => "the request is malformed",
        9016 => "the did or the passcode is wrong",
        9017 => "the device is not bound to this user",
        9020 => "the user name or the password is wrong",
        9021 => "the command could not be delivered",
        9023 => "the device is disabled",
        9025 => "an attribute is unknown, read-only, or its value is refused",
        9026 => "the user is wrong",
        9029 => "the device has no data stored",
        9035 => "the cloud's storage failed",
        9039 => "this call is not allowed for this application",
        9041 => "too many requests",
        9042 => "the device is offline",
        9045 => "this call is no longer offered",
        _ => return None,
    })
}

/// The error in an answer, or `None` when it is none. Judged by content: error codes may come with
/// HTTP 200, and JSON as `text/html` (seen).
pub(super) fn find(
    status: u16,
    json: Option<&Value>,
    retry_after: Option<Duration>,
) -> Option<CallError> {
    let code = json.and_then(error_code);
    if (200..300).contains(&status) && code.is_none() && !json.is_some_and(tells_an_error) {
        return None;
    }
    let words = json.map(words).unwrap_or_default();
    let class = match (code, status) {
        (_, 429) => ErrorClass::Throttled,
        (Some(code), 500..) if meaning(code).is_none() => ErrorClass::Transient,
        (Some(code), _) => class_of(code),
        // A gateway's way to say that the token is not good.
        (None, 401) => ErrorClass::TokenLost,
        // 400 without a code was seen while the vendor's app worked: it passes.
        (None, 400 | 408 | 425 | 500.. | 300..=399) => ErrorClass::Transient,
        (None, _) => ErrorClass::Refused,
    };
    Some(CallError {
        class,
        code,
        retry_after,
        message: sentence(status, code, &words),
    })
}

fn sentence(status: u16, code: Option<u16>, words: &str) -> String {
    let reason = match code {
        Some(code) => match meaning(code) {
            Some(meaning) => format!("{meaning} ({code})"),
            None => format!("error {code}"),
        },
        None => format!("HTTP status {status}"),
    };
    if words.is_empty() {
        format!("the cloud refused: {reason}")
    } else {
        format!("the cloud refused: {reason}: {words}")
    }
}

/// True where an answer calls itself an error, though by no code of the table: one beyond it, or the
/// `"error": true` of a newer gateway of the vendor (seen).
fn tells_an_error(json: &Value) -> bool {
    let beyond = match json.get("error_code") {
        None | Some(Value::Null) => false,
        Some(Value::Number(code)) => code.as_f64() != Some(0.0),
        Some(Value::String(code)) => !matches!(code.trim(), "" | "0"),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => true,
    };
    beyond || json.get("error") == Some(&Value::Bool(true))
}

/// `error_code`, as a number or a text; 0 is no error.
fn error_code(json: &Value) -> Option<u16> {
    let code = json.get("error_code")?;
    let number = code.as_u64().or_else(|| code.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|code| *code != 0)
}

/// The cloud's own words: the detail where there is one, else the message (three shapes seen).
fn words(json: &Value) -> String {
    ["detail_message", "detail", "error_message", "message"]
        .iter()
        .filter_map(|key| json.get(key).and_then(Value::as_str))
        .map(str::trim)
        .find(|text| !text.is_empty())
        .map(|text| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(MAX_WORDS)
                .collect()
        })
        .unwrap_or_default()
}

/// A body that is no JSON where JSON was due.
pub(super) fn not_json(status: u16, body: &[u8]) -> CallError {
    let text = String::from_utf8_lossy(body);
    let what = if body.is_empty() {
        "nothing"
    } else if text.trim_start().starts_with('<') {
        "a web page"
    } else {
        "something that is not JSON"
    };
    transient(format!("the cloud answered {what} (HTTP status {status})"))
}

/// An answer that is JSON, but not what the call promises.
pub(super) fn unexpected(what: &str) -> CallError {
    transient(format!("the cloud's answer cannot be used: {what}"))
}

/// The call may or may not have had its effect.
pub(super) const fn transient(message: String) -> CallError {
    CallError {
        class: ErrorClass::Transient,
        code: None,
        retry_after: None,
        message,
    }
}

/// A call that did not come to an answer.
pub(super) fn transport(err: reqwest::Error, host: &str) -> CallError {
    let class = if err.is_connect() {
        ErrorClass::Unsent
    } else {
        ErrorClass::Transient
    };
    let what = match (err.is_connect(), err.is_timeout()) {
        (true, true) => format!("{host} does not answer"),
        (true, false) => format!("cannot connect to {host}"),
        (false, true) => format!("{host} did not answer in time"),
        (false, false) => format!("the connection to {host} broke"),
    };
    CallError {
        class,
        code: None,
        retry_after: None,
        message: format!("{what}: {}", innermost(&err.without_url())),
    }
}

/// The cause that names the fact ("Connection refused"), without the layers around it.
fn innermost(err: &dyn std::error::Error) -> String {
    let mut cause = err;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_shape_of_error_finds_its_class() {
        use ErrorClass as C;
        let coded =
            |code: u16| json!({ "error_message": "x", "error_code": code, "detail_message": null });
        for (status, body, class) in [
            (400, Some(coded(9004)), C::TokenLost),
            (200, Some(coded(9006)), C::TokenLost),
            (400, Some(coded(9020)), C::LoginRefused),
            (429, Some(coded(9041)), C::Throttled),
            (200, Some(coded(9041)), C::Throttled),
            (429, None, C::Throttled),
            (400, Some(coded(9042)), C::DeviceOffline),
            (400, Some(coded(9021)), C::DeviceOffline),
            (404, Some(coded(9014)), C::DeviceGone),
            (401, Some(coded(9017)), C::DeviceGone),
            (400, Some(coded(9025)), C::Refused),
            (400, Some(coded(9003)), C::Fatal),
            (500, Some(coded(9008)), C::Transient),
            (502, Some(coded(9999)), C::Transient),
            (502, None, C::Transient),
            (400, None, C::Transient),
            (302, None, C::Transient),
            (401, None, C::TokenLost),
            (403, None, C::Refused),
            (400, Some(json!({ "detail": "no" })), C::Transient),
            (400, Some(json!({ "error_code": "9025" })), C::Refused),
            (200, Some(json!({ "error_code": 5_000_017 })), C::Refused),
            (200, Some(json!({ "error_code": "E42" })), C::Refused),
            (
                200,
                Some(json!({ "error": true, "code": "1000033", "data": null })),
                C::Refused,
            ),
        ] {
            let error = find(status, body.as_ref(), None).unwrap();
            assert_eq!(error.class, class, "{status} {body:?}");
        }
    }

    #[test]
    fn an_answer_without_a_code_is_no_error() {
        for body in [
            json!({}),
            json!([]),
            json!({ "error_code": 0 }),
            json!({ "error_code": null }),
            json!({ "error_code": "0", "error": false }),
        ] {
            assert_eq!(find(200, Some(&body), None), None, "{body}");
        }
    }

    #[test]
    fn the_message_says_what_it_means_and_what_the_cloud_said() {
        let body = json!({ "error_message": "attr invalid!", "error_code": 9025,
            "detail_message": "attr eco_tempH invalid or read only." });
        assert_eq!(
            find(400, Some(&body), None).unwrap().message,
            "the cloud refused: an attribute is unknown, read-only, or its value is refused (9025): \
             attr eco_tempH invalid or read only."
        );
        assert_eq!(
            not_json(502, b"<html>").message,
            "the cloud answered a web page (HTTP status 502)"
        );
    }
}
