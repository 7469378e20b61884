//! Bodies of `bridge/request/VERB`: to what is wanted, or to an answer that names every fault.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::ids::{AccountName, Did, Mac, ProductKey, ScheduleId};
use crate::model::binding::{Bind, BindByMac};
use crate::model::schedule::Plan;

use super::body::{Body, Faults, id, shown};
use super::command::{CommandError, MAX_COMMAND_BYTES};
use super::{request_schedule, request_zone};

pub use super::request_schedule::Context;

/// Devices that one request may name; more belong into several.
const MAX_DEVICES: usize = 100;
/// Every verb, in the order of the documents.
const VERBS: [&str; 10] = [
    "refresh",
    "health",
    "discovery",
    "devices/bind",
    "devices/bind_mac",
    "devices/unbind",
    "schedules/list",
    "schedules/add",
    "schedules/remove",
    "schedules/logs",
];

/// A request that passed every check that needs no cloud.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Echoed in the answer, as it came.
    pub transaction: Option<Value>,
    /// The account that the sender named.
    pub account: Option<AccountName>,
    /// What is wanted.
    pub wish: Wish,
}

/// What the verbs ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// `refresh`
    Refresh,
    /// `health`
    Health,
    /// `discovery`
    Discovery,
    /// `devices/bind`
    Bind(Vec<Bind>),
    /// `devices/bind_mac`
    BindByMac(Box<BindByMac>),
    /// `devices/unbind`
    Unbind(Vec<Did>),
    /// `schedules/list`
    ListSchedules {
        /// Only those that set something of this device.
        did: Option<Did>,
        /// Tell their times in this zone, too.
        zone: Option<TimeZone>,
    },
    /// `schedules/add`; the plan is in UTC.
    AddSchedule(Box<Plan>),
    /// `schedules/remove`
    RemoveSchedule(ScheduleId),
    /// `schedules/logs`
    ScheduleLog(ScheduleId),
}

/// Reads the body of a request. An empty one asks for nothing in particular.
///
/// # Errors
/// [`CommandError`] with every fault at once.
pub fn parse(verb: &str, payload: &[u8], context: Context<'_>) -> Result<Request, CommandError> {
    let mut members = members(payload).map_err(|reason| CommandError {
        reason,
        transaction: None,
    })?;
    let transaction = members.remove("transaction");
    let mut faults = Faults::default();
    let mut body = Body::new(String::new(), members);
    let account = body.read("account", &mut faults, |text| known(text, context.accounts));
    let wish = match verb {
        // What else these say was never looked at.
        "refresh" => return Ok(simple(transaction, Wish::Refresh)),
        "health" => return Ok(simple(transaction, Wish::Health)),
        "discovery" => return Ok(simple(transaction, Wish::Discovery)),
        "devices/bind" => bind(&mut body, &mut faults).map(Wish::Bind),
        "devices/bind_mac" => {
            bind_by_mac(&mut body, &mut faults).map(|device| Wish::BindByMac(Box::new(device)))
        }
        "devices/unbind" => unbind(&mut body, &mut faults).map(Wish::Unbind),
        "schedules/list" => Some(Wish::ListSchedules {
            did: body.read("did", &mut faults, |text| id(Did::new(text))),
            zone: body.read("zone", &mut faults, request_zone::named),
        }),
        "schedules/add" => request_schedule::plan(&mut body, &mut faults, context)
            .map(|plan| Wish::AddSchedule(Box::new(plan))),
        "schedules/remove" => schedule_id(&mut body, &mut faults).map(Wish::RemoveSchedule),
        "schedules/logs" => schedule_id(&mut body, &mut faults).map(Wish::ScheduleLog),
        _ => {
            let known = VERBS.join(", ");
            return Err(CommandError {
                reason: format!("unknown request {verb:?}; known: {known}"),
                transaction,
            });
        }
    };
    body.close(&mut faults);
    match faults.settle(wish) {
        Ok(wish) => Ok(Request {
            transaction,
            account,
            wish,
        }),
        Err(reason) => Err(CommandError {
            reason,
            transaction,
        }),
    }
}

const fn simple(transaction: Option<Value>, wish: Wish) -> Request {
    Request {
        transaction,
        account: None,
        wish,
    }
}

fn known(name: &str, accounts: &[&AccountName]) -> Result<AccountName, String> {
    let mut all = accounts.iter();
    let known = all.find(|known| known.as_str() == name);
    known.map(|known| (*known).clone()).ok_or_else(|| {
        let all: Vec<&str> = accounts.iter().map(|known| known.as_str()).collect();
        format!(
            "{:?} is not configured; write one of {}",
            shown(name),
            all.join(", ")
        )
    })
}

fn members(payload: &[u8]) -> Result<Map<String, Value>, String> {
    if payload.is_empty() {
        return Ok(Map::new());
    }
    if payload.len() > MAX_COMMAND_BYTES {
        return Err(format!(
            "the request is larger than {MAX_COMMAND_BYTES} bytes"
        ));
    }
    match serde_json::from_slice(payload) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err("the request is not a JSON object".into()),
        Err(err) => Err(format!("the request is not JSON: {err}")),
    }
}

fn bind(body: &mut Body, faults: &mut Faults) -> Option<Vec<Bind>> {
    if !body.has("devices") {
        return bind_row(body, faults).map(|device| vec![device]);
    }
    let rows = body.rows("devices", MAX_DEVICES, faults)?;
    let read = |mut row: Body| {
        let device = bind_row(&mut row, faults);
        row.close(faults);
        device
    };
    let devices: Vec<Option<Bind>> = rows.into_iter().map(read).collect();
    devices.into_iter().collect()
}

fn bind_row(row: &mut Body, faults: &mut Faults) -> Option<Bind> {
    let did = row.need("did", faults, |text| id(Did::new(text)));
    let passcode = row.secret("passcode", faults);
    let remark = row.text("remark", faults).unwrap_or_default();
    let alias = row.text("dev_alias", faults).unwrap_or_default();
    Some(Bind {
        did: did?,
        passcode: passcode?,
        remark,
        alias,
    })
}

fn bind_by_mac(body: &mut Body, faults: &mut Faults) -> Option<BindByMac> {
    let product_key = body.need("product_key", faults, |text| id(ProductKey::new(text)));
    let mac = body.need("mac", faults, |text| id(Mac::new(text)));
    let product_secret = body.secret("product_secret", faults);
    let remark = body.text("remark", faults).unwrap_or_default();
    let alias = body.text("dev_alias", faults).unwrap_or_default();
    Some(BindByMac {
        product_key: product_key?,
        mac: mac?,
        product_secret: product_secret?,
        remark,
        alias,
    })
}

fn unbind(body: &mut Body, faults: &mut Faults) -> Option<Vec<Did>> {
    if !body.has("dids") {
        let did = body.need("did", faults, |text| id(Did::new(text)));
        return did.map(|did| vec![did]);
    }
    let items = match body.take("dids") {
        Some(Value::Array(items)) if (1..=MAX_DEVICES).contains(&items.len()) => items,
        _ => {
            faults.add(format!("dids: write a list of 1 to {MAX_DEVICES} dids"));
            return None;
        }
    };
    let read = |(at, item): (usize, &Value)| {
        let text = item.as_str().ok_or_else(|| "write a text".to_owned());
        let did = text.and_then(|text| id(Did::new(text)));
        did.map_err(|fault| faults.add(format!("dids[{at}]: {fault}")))
            .ok()
    };
    let dids: Vec<Option<Did>> = items.iter().enumerate().map(read).collect();
    dids.into_iter().collect()
}

fn schedule_id(body: &mut Body, faults: &mut Faults) -> Option<ScheduleId> {
    body.need("id", faults, |text| id(ScheduleId::new(text)))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
