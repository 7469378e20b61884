//! Which devices a user has: listed, bound by their passcode or by their mac, renamed, given back.

use serde_json::{Map, Value, json};

use super::devices::{self, Device, bound};
use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::{self, Form};
use super::rights;
use super::world::World;

/// `GET /app/bindings`: disabled devices only for those who ask for them (documented).
pub(super) fn list(world: &World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let shows_disabled = form::number(request, "show_disabled")?.is_some_and(|show| show != 0);
    let rows = world
        .devices
        .iter()
        .filter(|device| device.binding(&uid).is_some())
        .filter(|device| shows_disabled || !device.disabled)
        .map(|device| devices::row(world, device, &uid));
    let rows = form::page(request, rows)?;
    Ok(Answer::json(200, &json!({ "devices": rows })))
}

/// `POST /app/bindings`: each device succeeds or fails for itself (documented).
pub(super) fn bind(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    let mut wanted = Vec::new();
    for row in form.rows("devices")? {
        let text = |key| form::text(row, key).ok_or(ApiError::plain(9016));
        wanted.push((text("did")?, text("passcode")?, row));
    }
    each(wanted.into_iter().map(|(did, passcode, row)| {
        let device = world.device(did);
        let device = device.filter(|device| device.passcode == passcode && !device.disabled);
        let done = device.is_some();
        if let Some(device) = device {
            device.bind(&uid, spoken(row, "dev_alias"), spoken(row, "remark"));
            world.push_binding(now_ms, &uid, did, true);
        }
        (did, done)
    }))
}

fn spoken<'a>(row: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    row.get(key).and_then(Value::as_str)
}

/// `POST /app/bind_mac`, signed with the product's secret.
pub(super) fn bind_mac(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    let (product_key, mac) = (form.text("product_key")?, form.text("mac")?);
    let (alias, remark) = (form.optional("dev_alias")?, form.optional("remark")?);
    let product = world.products.get(product_key);
    let product = product.ok_or(ApiError::plain(9002))?;
    rights::signed(request, now_ms, product.secret.as_deref())?;
    let is_it = |device: &&mut Device| {
        device.product_key == product_key && device.mac.eq_ignore_ascii_case(mac)
    };
    let device = world.devices.iter_mut().find(is_it);
    let device = device.ok_or(ApiError::plain(9014))?;
    if device.disabled {
        return Err(ApiError::plain(9023));
    }
    device.bind(&uid, alias, remark);
    let device = device.clone();
    world.push_binding(now_ms, &uid, &device.did, true);
    let row = devices::row(world, &device, &uid);
    Ok(Answer::json(201, &row.into()))
}

/// `DELETE /app/bindings`
pub(super) fn unbind(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    let rows = form.rows("devices")?.into_iter();
    let dids: Option<Vec<&str>> = rows.map(|row| form::text(row, "did")).collect();
    let dids = dids.ok_or(ApiError::plain(9015))?;
    each(dids.into_iter().map(|did| {
        let device = bound(world, did, &uid);
        let done = device.map(|device| device.bindings.retain(|binding| binding.uid != uid));
        if done.is_ok() {
            world.push_binding(now_ms, &uid, did, false);
        }
        (did, done.is_ok())
    }))
}

fn each<'a>(outcomes: impl Iterator<Item = (&'a str, bool)>) -> Answered {
    let (success, failed): (Vec<_>, Vec<_>) = outcomes.partition(|(_, done)| *done);
    let dids =
        |of: Vec<(&'a str, bool)>| -> Vec<&str> { of.into_iter().map(|(did, _)| did).collect() };
    let body = json!({ "success": dids(success), "failed": dids(failed) });
    Ok(Answer::json(200, &body))
}

/// `PUT /app/bindings/{did}`. Not in the Open API page (newer documents).
pub(super) fn rename(world: &mut World, now_ms: i64, request: &Request, did: &str) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    let (alias, remark) = (form.optional("dev_alias")?, form.optional("remark")?);
    if alias.is_none() && remark.is_none() {
        return Err(ApiError::form("one of dev_alias and remark is required."));
    }
    let device = bound(world, did, &uid)?;
    device.bind(&uid, alias, remark);
    let binding = device.binding(&uid);
    let body = json!({
        "dev_alias": binding.map(|binding| &binding.alias),
        "remark": binding.map(|binding| &binding.remark),
        "dev_label": [],
    });
    Ok(Answer::json(200, &body))
}
