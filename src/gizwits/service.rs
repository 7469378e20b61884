//! What the cloud tells of itself. Not in the Open API page (newer documents).

use serde_json::Value;

use crate::bridge::CallError;
use crate::model::Region;

use super::api::Api;
use super::error::unexpected;
use super::request::{Method, Request};
use super::wire;

/// A row of the cloud's own error table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveError {
    /// `error_code`
    pub code: i64,
    /// HTTP status.
    pub status: i64,
    /// In the cloud's words.
    pub message: String,
}

impl Api {
    /// `GET /errors`: every code that this cloud knows, documented or not.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn live_errors(
        &self,
        region: Region,
        unix_now: i64,
    ) -> Result<Vec<LiveError>, CallError> {
        let request = Request::new(Method::Get, &["errors"]);
        let answer = self.send_if_offered(region, request, unix_now).await?;
        let json = answer.document()?;
        let rows = json.as_array().or_else(|| json.get("errors")?.as_array());
        let rows = rows.ok_or_else(|| unexpected("the error table is no list"))?;
        let number = |row: &Value, key: &str| row.get(key).and_then(wire::integer).unwrap_or(0);
        let read = |row: &Value| LiveError {
            code: number(row, "error_code"),
            status: number(row, "status"),
            message: wire::text(row, "error_message"),
        };
        Ok(rows.iter().map(read).collect())
    }

    /// `GET /status`: the version of the API, where the cloud tells.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn api_version(&self, region: Region, unix_now: i64) -> Result<String, CallError> {
        let request = Request::new(Method::Get, &["status"]);
        let answer = self.send_if_offered(region, request, unix_now).await?;
        let json = answer.document()?;
        let version = json.pointer("/status/version").and_then(Value::as_str);
        version
            .map(str::to_owned)
            .ok_or_else(|| unexpected("it tells no version"))
    }
}
