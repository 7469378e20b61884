//! A command to a device: `POST /app/control/{did}`, and what a schedule sends.

use serde_json::{Map, Value, json};

use super::devices::bound;
use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::Form;
use super::raw_log::Entry;
use super::world::World;
use super::{rights, values};

/// `POST /app/control/{did}`
pub(super) fn control(world: &mut World, now_ms: i64, request: &Request, did: &str) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    reachable(world, did, &uid)?;
    match (form.get("attrs"), form.get("raw")) {
        (Some(Value::Object(wanted)), None) => send(world, now_ms, did, &uid, wanted)?,
        (None, Some(Value::Array(bytes))) => {
            let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
            let bytes = bytes.ok_or_else(|| ApiError::form("raw is a list of bytes."))?;
            bound(world, did, &uid)?.note(Entry::raw(now_ms, &uid, &bytes));
            world.command(now_ms, did, Map::new());
        }
        _ => return Err(ApiError::form("attrs or raw is required.")),
    }
    Ok(Answer::json(200, &json!({})))
}

/// Sends attributes: all of them or none.
///
/// # Errors
/// 9002, 9014, 9017, 9023, 9025, 9042
pub(super) fn send(
    world: &mut World,
    now_ms: i64,
    did: &str,
    uid: &str,
    wanted: &Map<String, Value>,
) -> Result<(), ApiError> {
    reachable(world, did, uid)?;
    let mut taken = accepted(world, did, wanted)?;
    follow(world, did, &mut taken);
    bound(world, did, uid)?.note(Entry::command(now_ms, uid, wanted));
    world.command(now_ms, did, taken);
    Ok(())
}

/// # Errors
/// 9014, 9017, 9023, 9042
fn reachable(world: &mut World, did: &str, uid: &str) -> Result<(), ApiError> {
    let device = bound(world, did, uid)?;
    match (device.disabled, device.online) {
        (true, _) => Err(ApiError::plain(9023)),
        (false, false) => Err(ApiError::plain(9042)),
        (false, true) => Ok(()),
    }
}

fn byte(value: &Value) -> Option<u8> {
    value.as_u64().and_then(|byte| u8::try_from(byte).ok())
}

/// The attributes as the device will have them.
///
/// # Errors
/// 9002, 9014, 9025
pub(super) fn accepted(
    world: &mut World,
    did: &str,
    wanted: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let device = world.device(did).ok_or(ApiError::plain(9014))?;
    let (known, product_key) = (device.attrs.clone(), device.product_key.clone());
    let product = world.products.get(&product_key);
    let product = product.ok_or(ApiError::plain(9002))?;
    let check = |name: &String, value: &Value| match &product.datapoints {
        Some(datapoints) => datapoints
            .iter()
            .find(|datapoint| datapoint.get("name").and_then(Value::as_str) == Some(name))
            .and_then(|datapoint| values::check(datapoint, value)),
        None => known.contains_key(name).then(|| value.clone()),
    };
    let take = |(name, value): (&String, &Value)| {
        let value = check(name, value).ok_or_else(|| ApiError {
            code: 9025,
            detail: Some(format!("attr {name} invalid or read only.")),
        })?;
        Ok((name.clone(), value))
    };
    wanted.iter().map(take).collect()
}

/// Adds what the device does of itself when it is told this.
fn follow(world: &mut World, did: &str, taken: &mut Map<String, Value>) {
    let product_key = world.device(did).map(|device| device.product_key.clone());
    let product = product_key.and_then(|key| world.products.get(&key));
    let rules = product.into_iter().flat_map(|product| &product.implies);
    let follows: Vec<_> = rules
        .filter(|rule| {
            let mut when = rule.when.iter();
            when.all(|(name, value)| taken.get(name) == Some(value))
        })
        .flat_map(|rule| rule.then.clone())
        .collect();
    for (name, value) in follows {
        taken.entry(name).or_insert(value);
    }
}
