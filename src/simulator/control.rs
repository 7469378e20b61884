//! `/_sim`: what tests and demonstrations do to the cloud.

use serde_json::{Value, json};

use super::devices::Device;
use super::exchange::{Answer, Request};
use super::faults::{self, Fault, Faults, Throttle};
use super::limits::Counted;
use super::push_faults::Action;
use super::scenario;
use super::world::World;

/// The furthest that the clock moves at once.
const MAX_ADVANCE_S: f64 = 10.0 * 366.0 * 86_400.0;

/// The status and body of a control's answer.
type Controlled = Result<Value, (u16, String)>;

pub(super) fn answer(world: &mut World, now_ms: i64, request: &Request) -> Answer {
    match control(world, now_ms, request) {
        Ok(body) => Answer::json(200, &body),
        Err((status, error)) => Answer::json(status, &json!({ "error": error })),
    }
}

/// All who have bound it hear that they do, or no longer do.
fn tell_users(world: &mut World, now_ms: i64, did: &str, bound: bool) {
    let bindings = world.device(did).map(|device| device.bindings.clone());
    for binding in bindings.into_iter().flatten() {
        world.push_binding(now_ms, &binding.uid, did, bound);
    }
}

fn control(world: &mut World, now_ms: i64, request: &Request) -> Controlled {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["_sim", "devices"]) => {
            let device: scenario::Device = faults::read(&body(request)?).map_err(bad)?;
            let is_product = |key: &str| world.products.contains_key(key);
            let is_user = |name: &str| world.users.uid_of(name).is_some();
            if let Some((_, why)) = device.fault(is_product, is_user) {
                return Err(bad(why));
            }
            if world.device(&device.did).is_some() {
                return Err(bad(format!("{:?} is there already", device.did)));
            }
            let did = device.did.clone();
            world.add_device(device, now_ms);
            tell_users(world, now_ms, &did, true);
            done()
        }
        ("DELETE", ["_sim", "devices", did]) => {
            known(world, did)?;
            tell_users(world, now_ms, did, false);
            world.devices.retain(|device| device.did != *did);
            done()
        }
        ("GET", ["_sim", "devices", did]) => {
            let device = known(world, did)?;
            Ok(json!({ "online": device.online, "attrs": device.attrs,
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
            let device = known(world, did)?;
            let is_news = device.online != online;
            device.set_online(now_ms, online);
            if is_news {
                world.push_online(now_ms, did);
            }
            done()
        }
        ("POST", ["_sim", "devices", did, "quirks"]) => {
            known(world, did)?.quirks = faults::read(&body(request)?).map_err(bad)?;
            done()
        }
        ("POST", ["_sim", "devices", did, "alias"]) => {
            let form = body(request)?;
            let alias = form.get("alias").and_then(Value::as_str);
            let alias = alias.ok_or_else(|| bad("send {\"alias\": \"…\"}"))?;
            for binding in &mut known(world, did)?.bindings {
                alias.clone_into(&mut binding.alias);
            }
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
            world.user_tokens.expire_all(now_ms);
            done()
        }
        ("POST", ["_sim", "limits"]) => {
            world.limits = Counted::new(faults::read(&body(request)?).map_err(bad)?);
            done()
        }
        ("DELETE", ["_sim", "limits"]) => {
            world.limits = Counted::default();
            done()
        }
        ("POST", ["_sim", "push"]) => {
            let action: Action = faults::read(&body(request)?).map_err(bad)?;
            world.push_action(now_ms, &action).map_err(bad)?;
            done()
        }
        ("GET", ["_sim", "push"]) => Ok(world.push_state()),
        ("GET", ["_sim", "push", "writes"]) => Ok(world.push.writes.iter().cloned().collect()),
        ("DELETE", ["_sim", "push", "writes"]) => {
            world.push.writes.clear();
            done()
        }
        ("GET", ["_sim", "clock"]) => Ok(clock(world, now_ms)),
        ("POST", ["_sim", "clock"]) => {
            let by_s = body(request)?.get("advance_s").and_then(Value::as_f64);
            let by_s = by_s.filter(|by_s| (0.0..=MAX_ADVANCE_S).contains(by_s));
            let by_s = by_s.ok_or_else(|| {
                bad("send {\"advance_s\": seconds}, from 0 to ten years: time does not go back")
            })?;
            let by_ms = faults::millis(by_s);
            world.jump(now_ms, by_ms);
            Ok(clock(world, now_ms.saturating_add(by_ms)))
        }
        ("GET", ["_sim", "outbox"]) => Ok(world.outbox.all()),
        ("DELETE", ["_sim", "outbox"]) => {
            world.outbox.empty();
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

/// What the cloud's clock shows, and how far it was moved.
fn clock(world: &World, now_ms: i64) -> Value {
    json!({ "time": now_ms / 1000, "time_ms": now_ms, "ahead_s": world.ahead_ms / 1000 })
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

fn known<'a>(world: &'a mut World, did: &str) -> Result<&'a mut Device, (u16, String)> {
    world
        .device(did)
        .ok_or_else(|| (404, format!("no device {did:?}")))
}
