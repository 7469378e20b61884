//! `POST /app/users`: six ways to become a user, two of which are the same user the next time.

use serde_json::Value;

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::Form;
use super::outbox::Message;
use super::tokens;
use super::users::User;
use super::world::World;
use super::{form, rights, session};

/// Whom the cloud asks about users of others (documented).
const PROVIDERS: [&str; 3] = ["baidu", "sina", "qq"];
/// The provider does not know this one; it takes every other.
const REFUSED_TOKEN: &str = "invalid";

pub(super) fn register(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let form = Form::of(request)?;
    let known = if form.has("authData") {
        third_party(world, request, &form)?
    } else if form.has("phone_id") {
        anonymous(world, &form)?
    } else {
        Err(new_user(world, now_ms, &form)?)
    };
    let uid = match known {
        Ok(uid) => uid,
        Err(user) => admit(world, now_ms, user),
    };
    Ok(Answer::json(201, &session::begin(world, now_ms, &uid)))
}

/// The uid of somebody who is known, or a new user.
type Known = Result<String, User>;

fn anonymous(world: &mut World, form: &Form) -> Result<Known, ApiError> {
    let phone_id = form.text("phone_id")?;
    let known = world
        .users
        .find(|user| user.phone_id.as_deref() == Some(phone_id));
    Ok(match known {
        Some(user) => Ok(user.uid.clone()),
        None => Err(User {
            phone_id: Some(phone_id.to_owned()),
            ..User::default()
        }),
    })
}

fn third_party(world: &mut World, request: &Request, form: &Form) -> Result<Known, ApiError> {
    let data = form.get("authData").and_then(Value::as_object);
    let data = data.ok_or(ApiError::plain(9015))?;
    let text = |key: &str| form::text(data, key).ok_or(ApiError::plain(9015));
    let (src, uid, token) = (text("src")?, text("uid")?, text("token")?);
    if !PROVIDERS.contains(&src) {
        return Err(ApiError::form("src invalid."));
    }
    let app_id = rights::application(world, request)?;
    if src == "qq" && !world.qq_app_ids.iter().any(|linked| linked == app_id) {
        return Err(ApiError::plain(9031));
    }
    if token == REFUSED_TOKEN {
        return Err(ApiError::plain(9026));
    }
    let there = Some((src.to_owned(), uid.to_owned()));
    let known = world.users.find(|user| user.third_party == there);
    Ok(match known {
        Some(user) => Ok(user.uid.clone()),
        None => Err(User {
            third_party: there,
            ..User::default()
        }),
    })
}

fn new_user(world: &mut World, now_ms: i64, form: &Form) -> Result<User, ApiError> {
    let text = |key: &str| form.text(key).map(|text| Some(text.to_owned()));
    let password = text("password")?;
    let mut user = User::default();
    if form.has("username") {
        user.username = text("username")?;
        free(world, user.username.as_deref(), 9019)?;
    } else if form.has("email") {
        user.email = text("email")?;
        if !form.text("email")?.contains('@') {
            return Err(ApiError::form("email invalid."));
        }
        free(world, user.email.as_deref(), 9022)?;
    } else {
        user.phone = text("phone")?;
        let code = form.text("code")?;
        free(world, user.phone.as_deref(), 9018)?;
        world.codes.redeem(now_ms, form.text("phone")?, code)?;
    }
    user.password = password;
    Ok(user)
}

/// Names of each kind are anybody's only once: one login field takes them all.
///
/// # Errors
/// The given code.
pub(super) fn free(world: &mut World, name: Option<&str>, taken: u16) -> Result<(), ApiError> {
    match name.and_then(|name| world.users.called(name)) {
        Some(_) => Err(ApiError::plain(taken)),
        None => Ok(()),
    }
}

fn admit(world: &mut World, now_ms: i64, user: User) -> String {
    let uid = tokens::text(&mut world.chance, 32);
    if let Some(email) = &user.email {
        let text = "Welcome. Your account is ready.";
        world
            .outbox
            .send(now_ms, Message::mail(email, text.to_owned(), None));
    }
    world.users.0.push(User {
        uid: uid.clone(),
        ..user
    });
    uid
}
