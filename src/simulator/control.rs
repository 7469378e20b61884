//! `/_sim`: what tests and demonstrations do to the cloud.

use serde_json::{Value, json};

use super::faults::{self, Fault, Faults, Throttle};
use super::scenario;
use super::world::{Answer, Request, World};

/// The status and body of a control's answer.
type Controlled = Result<Value, (u16, String)>;

pub(super) fn answer(world: &mut World, now_ms: i64, request: &Request) -> Answer {
    match control(world, now_ms, request) {
        Ok(body) => Answer::json(200, &body),
        Err((status, error)) => Answer::json(status, &json!({ "error": error })),
    }
}

fn control(world: &mut World, now_ms: i64, request: &Request) -> Controlled {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["_sim", "devices"]) => {
            let device: scenario::Device = faults::read(&body(request)?).map_err(bad)?;
            let is_product = |key: &str| world.products.contains_key(key);
            if let Some((_, why)) = device.fault(is_product, |name| world.users.contains_key(name))
            {
                return Err(bad(why));
            }
            if world.device(&device.did).is_some() {
                return Err(bad(format!("{:?} is there already", device.did)));
            }
            world.add_device(device, now_ms);
            done()
        }
        ("DELETE", ["_sim", "devices", did]) => {
            known(world, did)?;
            world.devices.retain(|device| device.row.did != *did);
            done()
        }
        ("GET", ["_sim", "devices", did]) => {
            let device = known(world, did)?;
            Ok(json!({ "online": device.row.online, "attrs": device.attrs,
                "updated_at": device.updated_ms / 1000 }))
        }
        ("POST", ["_sim", "devices", did, "attrs"]) => {
            known(world, did)?;
            let Value::Object(attrs) = body(request)? else {
                return Err(bad("send {\"ATTR\": value, …}"));
            };
            world.report(now_ms, did, attrs);
            done()
        }
        ("POST", ["_sim", "devices", did, "online"]) => {
            let online = body(request)?.get("online").and_then(Value::as_bool);
            let online = online.ok_or_else(|| bad("send {\"online\": true} or false"))?;
            known(world, did)?.row.online = online;
            done()
        }
        ("POST", ["_sim", "devices", did, "alias"]) => {
            let form = body(request)?;
            let alias = form.get("alias").and_then(Value::as_str);
            known(world, did)?.row.alias = alias
                .ok_or_else(|| bad("send {\"alias\": \"…\"}"))?
                .to_owned();
            done()
        }
        ("POST", ["_sim", "throttle"]) => {
            let throttle: Throttle = faults::read(&body(request)?).map_err(bad)?;
            world.faults.throttle(now_ms, throttle);
            done()
        }
        ("POST", ["_sim", "faults"]) => {
            let fault: Fault = faults::read(&body(request)?).map_err(bad)?;
            world.faults.add(fault);
            done()
        }
        ("DELETE", ["_sim", "faults"]) => {
            world.faults = Faults::default();
            done()
        }
        ("POST", ["_sim", "tokens", "expire"]) => {
            for token in world.tokens.values_mut() {
                token.ends_ms = now_ms;
            }
            done()
        }
        ("GET", ["_sim", "requests"]) => Ok(world.requests.iter().cloned().collect()),
        ("DELETE", ["_sim", "requests"]) => {
            world.requests.clear();
            done()
        }
        _ => Err((404, "no such control; see docs/SIMULATOR.md".into())),
    }
}

fn done() -> Controlled {
    Ok(json!({}))
}

fn bad(error: impl Into<String>) -> (u16, String) {
    (400, error.into())
}

fn body(request: &Request) -> Controlled {
    serde_json::from_slice(&request.body).map_err(|err| bad(format!("the body is not JSON: {err}")))
}

fn known<'a>(
    world: &'a mut World,
    did: &str,
) -> Result<&'a mut super::world::Device, (u16, String)> {
    world
        .device(did)
        .ok_or_else(|| (404, format!("no device {did:?}")))
}
