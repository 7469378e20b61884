//! What a request says: its body as a form, its page.

use serde_json::{Map, Value};

use super::errors::ApiError;
use super::exchange::Request;

/// The `limit` of a page that names none, and the largest.
const PAGE: usize = 20;
const MAX_PAGE: usize = 100;

/// A body that is a JSON object.
pub(super) struct Form(Map<String, Value>);

impl Form {
    /// # Errors
    /// 9015
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        match serde_json::from_slice(&request.body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(ApiError::plain(9015)),
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// A text that must be there and not be empty.
    ///
    /// # Errors
    /// 9015
    pub(super) fn text(&self, key: &str) -> Result<&str, ApiError> {
        text(&self.0, key).ok_or_else(|| ApiError::form(format!("{key} is required.")))
    }

    /// A text that may be left out.
    ///
    /// # Errors
    /// 9015
    pub(super) fn optional(&self, key: &str) -> Result<Option<&str>, ApiError> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::form(format!("{key} is no text."))),
        }
    }

    /// A list of objects, at least one.
    ///
    /// # Errors
    /// 9015
    pub(super) fn rows(&self, key: &str) -> Result<Vec<&Map<String, Value>>, ApiError> {
        let rows = self.0.get(key).and_then(Value::as_array);
        let rows = rows.and_then(|rows| rows.iter().map(Value::as_object).collect());
        rows.filter(|rows: &Vec<_>| !rows.is_empty())
            .ok_or_else(|| ApiError::form(format!("{key} is no list of objects.")))
    }
}

/// A text that is there and not empty.
pub(super) fn text<'a>(members: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    let text = members.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// A whole number of the query, not below 0.
///
/// # Errors
/// 9015
pub(super) fn number(request: &Request, key: &str) -> Result<Option<usize>, ApiError> {
    let text = request.query.get(key);
    text.map(|text| text.parse())
        .transpose()
        .map_err(|_| ApiError::form(format!("{key} is no number.")))
}

/// The rows that a request asks for.
///
/// # Errors
/// 9015
pub(super) fn page<T>(
    request: &Request,
    rows: impl Iterator<Item = T>,
) -> Result<Vec<T>, ApiError> {
    let limit = number(request, "limit")?.unwrap_or(PAGE).min(MAX_PAGE);
    let skip = number(request, "skip")?.unwrap_or(0);
    Ok(rows.skip(skip).take(limit).collect())
}
