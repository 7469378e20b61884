//! `GET /errors` and `GET /status`. Not in the Open API page (newer documents).

use serde_json::{Value, json};

use super::errors::TABLE;
use super::exchange::Answer;

pub(super) fn errors() -> Answer {
    let row = |(code, status, message)| json!({ "error_code": code, "status": status, "error_message": message });
    let rows: Vec<Value> = TABLE.into_iter().map(row).collect();
    Answer::json(200, &rows.into())
}

pub(super) fn status() -> Answer {
    Answer::json(200, &json!({ "status": { "version": "2.15.1" } }))
}
