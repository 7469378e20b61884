//! How an answer fails: by a code of the cloud's table, or in any other way.

use std::time::Duration;

use serde_json::Value;

use crate::bridge::{CallError, ErrorClass};
use crate::printable::is_printable;
use crate::tls_fault;

use super::error_code::ErrorCode;

/// More of the cloud's own words than this helps nobody.
const MAX_WORDS: usize = 200;

/// The error in an answer, or `None` when it is none. Judged by content: error codes may come with
/// HTTP 200, and JSON as `text/html` (seen).
pub(super) fn find(
    status: u16,
    json: Option<&Value>,
    retry_after: Option<Duration>,
) -> Option<CallError> {
    let code = json.and_then(error_code).map(ErrorCode::of);
    if (200..300).contains(&status) && code.is_none() && !json.is_some_and(tells_an_error) {
        return None;
    }
    let class = match (code, status) {
        (_, 429) => ErrorClass::Throttled,
        (Some(ErrorCode::Unknown(_) | ErrorCode::Reserved), 500..) => ErrorClass::Transient,
        (Some(code), _) => code.class(),
        // A gateway's way to say that the token is not good.
        (None, 401) => ErrorClass::TokenLost,
        // 400 without a code was seen while the vendor's app worked: it passes.
        (None, 400 | 408 | 425 | 300..=399) => ErrorClass::Transient,
        // 501 is a gateway's way to say that there is no such call.
        (None, 500..) if status != 501 => ErrorClass::Transient,
        (None, _) => ErrorClass::Refused,
    };
    Some(CallError {
        class,
        code: code.map(ErrorCode::number),
        retry_after,
        message: sentence(status, code, json),
    })
}

/// The same error as the answer to a login.
pub(super) fn at_login(error: CallError) -> CallError {
    match error.code.map(ErrorCode::of) {
        Some(code) if error.class != ErrorClass::Throttled => CallError {
            class: code.class_at_login(),
            ..error
        },
        Some(_) | None => error,
    }
}

/// True where a cloud does not have a call, or not for this application. A gateway that knows no such
/// path names no code.
#[must_use]
pub(super) fn is_not_offered(error: &CallError) -> bool {
    match error.code.map(ErrorCode::of) {
        Some(code) => matches!(code, ErrorCode::Deprecated | ErrorCode::ApiGone),
        None => error.class == ErrorClass::Refused,
    }
}

/// What happened, what the cloud said of it, and what to do.
fn sentence(status: u16, code: Option<ErrorCode>, json: Option<&Value>) -> String {
    let mut sentence = match (code, json.and_then(code_beyond)) {
        (Some(code), _) => format!("the cloud refused: {code}"),
        (None, Some(code)) => format!("the cloud refused: error {code}"),
        (None, None) => format!("the cloud refused: HTTP status {status}"),
    };
    let remedy = code.map(ErrorCode::remedy).unwrap_or_default();
    let words = json.map(|json| words(json, code)).unwrap_or_default();
    for (mark, more) in [(": ", words.as_str()), ("; ", remedy)] {
        if !more.is_empty() {
            sentence.push_str(mark);
            sentence.push_str(more);
        }
    }
    sentence
}

/// A code that is no number of the table's kind, such as the newer gateway's `"code": "1000033"`.
fn code_beyond(json: &Value) -> Option<String> {
    let text = |key: &str| match json.get(key)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(plain(text)).filter(|text| !text.is_empty()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    text("error_code").or_else(|| text("code"))
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

/// The cloud's own words: the detail where there is one, else the message (three shapes seen). Of a code
/// that has no meaning here, both.
fn words(json: &Value, code: Option<ErrorCode>) -> String {
    let first = |keys: [&str; 2]| {
        keys.iter()
            .filter_map(|key| json.get(key).and_then(Value::as_str))
            .map(plain)
            .find(|text| !text.is_empty())
    };
    let detail = first(["detail_message", "detail"]);
    let message = first(["error_message", "message"]);
    let is_known = code.is_some_and(|code| code.meaning().is_some());
    match (message, detail) {
        (Some(message), Some(detail)) if !is_known => format!("{message}: {detail}"),
        (message, detail) => detail.or(message).unwrap_or_default(),
    }
}

/// What a stranger wrote, fit for a sentence of ours.
pub(super) fn plain(text: &str) -> String {
    let printable = text.trim().trim_end_matches(['.', '!']).chars();
    printable
        .filter(|c| is_printable(*c))
        .take(MAX_WORDS)
        .collect()
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

/// A call that cannot be sent as things stand here.
pub(super) fn own(class: ErrorClass, message: impl Into<String>) -> CallError {
    CallError {
        class,
        code: None,
        retry_after: None,
        message: message.into(),
    }
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
        message: format!("{what}: {}", cause(&err.without_url())),
    }
}

/// The cause in words that do not change from one try to the next.
fn cause(err: &(dyn std::error::Error + 'static)) -> String {
    tls_fault::find(err).map_or_else(|| innermost(err), tls_fault::words)
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
            (501, None, C::Refused),
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
    fn the_message_says_what_it_means_what_the_cloud_said_and_what_to_do() {
        let body = json!({ "error_message": "attr invalid!", "error_code": 9025,
            "detail_message": "attr eco_tempH invalid or read only." });
        assert_eq!(
            find(400, Some(&body), None).unwrap().message,
            "the cloud refused: an attribute is unknown, read-only, or its value is refused (9025): \
             attr eco_tempH invalid or read only; `schema` shows what the device takes"
        );
        for (body, message) in [
            (
                json!({ "error_message": "scene not found!", "error_code": 9221, "detail_message": "id 5" }),
                "the cloud refused: error 9221: scene not found: id 5",
            ),
            (
                json!({ "error_message": "too new", "error_code": 5_000_017 }),
                "the cloud refused: error 5000017: too new",
            ),
            (
                json!({ "error": true, "code": "1000033", "message": "wrong password", "data": null }),
                "the cloud refused: error 1000033: wrong password",
            ),
            (
                json!({ "detail": "Not found." }),
                "the cloud refused: HTTP status 400: Not found",
            ),
        ] {
            assert_eq!(find(400, Some(&body), None).unwrap().message, message);
        }
        assert_eq!(
            not_json(502, b"<html>").message,
            "the cloud answered a web page (HTTP status 502)"
        );
    }
}
