//! Coming and going: login, logout, the application's token.

use serde_json::{Value, json};

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::Form;
use super::rights;
use super::world::World;

/// `POST /app/login`
pub(super) fn log_in(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let form = Form::of(request)?;
    let (name, password) = (form.text("username")?, form.text("password")?);
    let user = world.users.called(name).ok_or(ApiError::plain(9005))?;
    if user.password.as_deref() != Some(password) {
        return Err(ApiError::plain(9020));
    }
    if let Some(lang) = form.optional("lang")? {
        user.lang = Some(lang.to_owned());
    }
    let uid = user.uid.clone();
    Ok(Answer::json(200, &begin(world, now_ms, &uid)))
}

/// Each login makes a new token.
pub(super) fn begin(world: &mut World, now_ms: i64, uid: &str) -> Value {
    let (token, expire_at) = world.user_tokens.issue(now_ms, uid, &mut world.chance);
    json!({ "uid": uid, "token": token, "expire_at": expire_at })
}

/// `DELETE /app/logout`
pub(super) fn log_out(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let token = rights::user_token(world, now_ms, request)?;
    world.user_tokens.revoke(token);
    Ok(Answer::nothing())
}

/// `POST /app/request_token`. Its end is called `expired_at`, unlike a login's (documented).
pub(super) fn request_token(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let app_id = rights::application(world, request)?;
    rights::application_auth(world, app_id, request)?;
    let (token, expired_at) = world.app_tokens.issue(now_ms, app_id, &mut world.chance);
    let body = json!({ "token": token, "expired_at": expired_at });
    Ok(Answer::json(200, &body))
}
