//! Which call a request is. Checks come in the order in which the cloud seems to make them:
//! application, token, form, device, binding, disabled, online, attribute.

use serde_json::json;

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::world::World;
use super::{
    bindings, command, devices, products, raw_log, registration, reset, rights, schedules, service,
    session, user_changes, verification,
};

pub(super) fn call(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let call = (request.method.as_str(), path.as_slice());
    // What a browser does with an address that the cloud gave away.
    match call {
        ("GET", ["captcha", "image", id]) => return Ok(verification::picture(world, id)),
        ("POST", ["reset_password", key]) => return reset::follow(world, now_ms, key, request),
        _ => {}
    }
    rights::application(world, request)?;
    match call {
        ("POST", ["app", "users"]) => registration::register(world, now_ms, request),
        ("GET", ["app", "users"]) => user_changes::profile(world, now_ms, request),
        ("PUT", ["app", "users"]) => user_changes::change(world, now_ms, request),
        ("POST", ["app", "login"]) => session::log_in(world, now_ms, request),
        ("DELETE", ["app", "logout"]) => session::log_out(world, now_ms, request),
        ("POST", ["app", "request_token"]) => session::request_token(world, now_ms, request),
        ("GET", ["app", "verify", "codes"]) => verification::ask(world, now_ms, request),
        ("POST", ["app", "verify", "codes"]) => verification::send(world, now_ms, request),
        ("PUT", ["app", "verify", "codes"]) => verification::verify(world, now_ms, request),
        ("POST", ["app", "reset_password"]) => reset::ask(world, now_ms, request),
        ("GET", ["app", "bindings"]) => bindings::list(world, now_ms, request),
        ("POST", ["app", "bindings"]) => bindings::bind(world, now_ms, request),
        ("DELETE", ["app", "bindings"]) => bindings::unbind(world, now_ms, request),
        ("PUT", ["app", "bindings", did]) => bindings::rename(world, now_ms, request, did),
        ("POST", ["app", "bind_mac"]) => bindings::bind_mac(world, now_ms, request),
        ("GET", ["app", "devices", did]) => devices::one(world, now_ms, request, did),
        ("GET", ["app", "devices", did, "raw_data"]) => raw_log::read(world, now_ms, request, did),
        ("GET", ["app", "devdata", did, "latest"]) => devices::latest(world, now_ms, did),
        ("GET", ["app", "datapoint"]) => products::datapoint(world, request),
        ("POST", ["app", "control", did]) => command::control(world, now_ms, request, did),
        ("POST", ["app", "scheduler"]) => schedules::add(world, now_ms, request),
        ("GET", ["app", "scheduler"]) => schedules::list(world, now_ms, request),
        ("DELETE", ["app", "scheduler", id]) => schedules::remove(world, now_ms, request, id),
        ("GET", ["app", "scheduler", id, "logs"]) => schedules::log(world, now_ms, request, id),
        ("GET", ["errors"]) => Ok(service::errors()),
        ("GET", ["status"]) => Ok(service::status()),
        // The search by mac and the history of old clients, which the vendor has withdrawn.
        ("GET", ["app", "devices"]) => Err(ApiError::plain(9045)),
        ("GET", ["app", "devdata", _]) => Err(ApiError::plain(9039)),
        _ => Ok(Answer::json(404, &json!({ "detail": "Not found." }))),
    }
}
