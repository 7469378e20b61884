//! `GET` and `PUT /app/users`: what a user is, and five ways to change.

use serde_json::json;

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::Form;
use super::registration::free;
use super::rights;
use super::users::User;
use super::world::{World, timestamp};

/// `GET /app/users`. Not in the Open API page (newer documents).
pub(super) fn profile(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let user = world.users.by_uid(&uid).ok_or(ApiError::plain(9005))?;
    Ok(Answer::json(200, &user.profile()))
}

/// `PUT /app/users`: which of the five it is, the names of its fields say (documented).
pub(super) fn change(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let form = Form::of(request)?;
    let mut user = world
        .users
        .by_uid(&uid)
        .cloned()
        .ok_or(ApiError::plain(9005))?;
    if form.has("old_pwd") || form.has("new_pwd") {
        password(&mut user, &form)?;
    } else if form.has("username") {
        let (name, password) = (form.text("username")?, form.text("password")?);
        become_known(&mut user, password)?;
        free(world, Some(name), 9019)?;
        user.username = Some(name.to_owned());
    } else if form.has("phone") {
        let (phone, code) = (form.text("phone")?, form.text("code")?);
        if form.has("password") {
            become_known(&mut user, form.text("password")?)?;
        }
        free(world, Some(phone), 9018)?;
        world.codes.redeem(now_ms, phone, code)?;
        user.phone = Some(phone.to_owned());
    } else {
        let email = form.text("email")?;
        if !email.contains('@') {
            return Err(ApiError::form("email invalid."));
        }
        free(world, Some(email), 9022)?;
        user.email = Some(email.to_owned());
    }
    if !user.is_anonymous() {
        // Nobody gets in by a phone id where there is a name.
        user.phone_id = None;
    }
    if let Some(known) = world.users.by_uid(&uid) {
        *known = user;
    }
    let updated_at = format!("{}Z", timestamp(now_ms, "%Y-%m-%dT%H:%M:%S%.3f"));
    Ok(Answer::json(200, &json!({ "updatedAt": updated_at })))
}

fn password(user: &mut User, form: &Form) -> Result<(), ApiError> {
    let (old, new) = (form.text("old_pwd")?, form.text("new_pwd")?);
    match user.password.as_deref() {
        None => Err(ApiError::plain(9026)),
        Some(known) if known != old => Err(ApiError::plain(9020)),
        Some(_) => {
            user.password = Some(new.to_owned());
            Ok(())
        }
    }
}

/// An anonymous user gets its first password; no other user does so.
fn become_known(user: &mut User, password: &str) -> Result<(), ApiError> {
    if !user.is_anonymous() {
        return Err(ApiError::plain(9026));
    }
    user.password = Some(password.to_owned());
    Ok(())
}
