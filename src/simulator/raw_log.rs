//! `GET /app/devices/{did}/raw_data`: what went between cloud and device. Not in the Open API page
//! (newer documents).

use serde_json::{Map, Value, json};

use super::devices::{Device, bound};
use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::world::World;
use super::{form, rights};

/// Of each device, older entries are forgotten.
const MAX_KEPT: usize = 1_000;
/// The cloud keeps a week and shows less than two days of it (documented).
const KEPT_MS: i64 = 7 * 86_400 * 1000;
const MAX_WINDOW_S: usize = 48 * 3600;
/// The largest `limit`, and the last row that can be had (documented).
const MAX_LIMIT: usize = 1_000;
const MAX_ROW: usize = 5_000;

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    at_ms: i64,
    is_presence: bool,
    row: Value,
}

impl Entry {
    pub(super) fn presence(at_ms: i64, online: bool) -> Self {
        let mut row = if online {
            json!({ "type": "dev_online", "payload": { "keep_alive": 130 } })
        } else {
            json!({ "type": "dev_offline", "payload": {} })
        };
        row["timestamp"] = (at_ms / 1000).into();
        Self::new(at_ms, true, row)
    }

    /// Bytes as they go over the wire: the frame of the vendor's protocol around the payload.
    pub(super) fn raw(at_ms: i64, uid: &str, payload: &[u8]) -> Self {
        let length = u8::try_from(payload.len() + 3).unwrap_or(u8::MAX);
        let head = [0, 0, 0, 3, length, 0, 0, 0x90];
        let frame = head.iter().chain(payload);
        let hex: String = frame.map(|byte| format!("{byte:02x}")).collect();
        let row = json!({ "type": "app2dev", "payload_bin": hex, "source": "client", "uid": uid });
        Self::new(at_ms, false, row)
    }

    /// The simulator has no bytes for attributes, so it tells their names and values instead.
    pub(super) fn command(at_ms: i64, uid: &str, attrs: &Map<String, Value>) -> Self {
        let row = json!({ "type": "app2dev", "attrs": attrs, "source": "client", "uid": uid });
        Self::new(at_ms, false, row)
    }

    pub(super) fn report(at_ms: i64, attrs: &Map<String, Value>) -> Self {
        Self::new(at_ms, false, json!({ "type": "dev2app", "attrs": attrs }))
    }

    fn new(at_ms: i64, is_presence: bool, mut row: Value) -> Self {
        row["ip"] = "127.0.0.1".into();
        if !is_presence {
            let seconds = std::time::Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
            row["timestamp"] = seconds.as_secs_f64().into();
        }
        Self {
            at_ms,
            is_presence,
            row,
        }
    }
}

impl Device {
    pub(super) fn note(&mut self, entry: Entry) {
        let is_old = |oldest: &Entry| entry.at_ms - oldest.at_ms > KEPT_MS;
        while self.log.len() >= MAX_KEPT || self.log.front().is_some_and(is_old) {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }
}

pub(super) fn read(world: &mut World, now_ms: i64, request: &Request, did: &str) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let device = bound(world, did, &uid)?;
    let number = |key: &str| form::number(request, key);
    let required =
        |key: &str| number(key)?.ok_or_else(|| ApiError::form(format!("{key} is required.")));
    let kind = request.query.get("type").map_or("", String::as_str);
    if !["cmd", "online"].contains(&kind) {
        return Err(ApiError::form("type is cmd or online."));
    }
    let (start, end) = (required("start_time")?, required("end_time")?);
    let (limit, skip) = (number("limit")?.unwrap_or(20), number("skip")?.unwrap_or(0));
    let window = end.checked_sub(start);
    if !window.is_some_and(|window| (1..MAX_WINDOW_S).contains(&window)) {
        let rule = "end_time is after start_time by less than 48 hours.";
        return Err(ApiError::form(rule));
    }
    if limit > MAX_LIMIT || skip.saturating_add(limit) > MAX_ROW {
        return Err(ApiError::form("at most 1000 rows, of the first 5000."));
    }
    let oldest_ms = now_ms - KEPT_MS;
    let is_asked = |entry: &&Entry| {
        let second = usize::try_from(entry.at_ms / 1000).unwrap_or(0);
        (start..=end).contains(&second)
            && entry.at_ms >= oldest_ms
            && entry.is_presence == (kind == "online")
    };
    let mut rows: Vec<&Value> = device
        .log
        .iter()
        .filter(is_asked)
        .map(|entry| &entry.row)
        .collect();
    let sort = request.query.get("sort").map_or("desc", String::as_str);
    if sort.starts_with("desc") {
        rows.reverse();
    }
    let total = rows.len();
    let rows: Vec<&Value> = rows.into_iter().skip(skip).take(limit).collect();
    let meta = json!({ "did": did, "type": kind, "sort": sort, "start_time": start,
        "end_time": end, "limit": limit, "skip": skip, "total": total });
    Ok(Answer::json(200, &json!({ "meta": meta, "objects": rows })))
}
