//! A forgotten password: by a mail with a link, or by a code on the phone.

use serde_json::json;

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::Form;
use super::outbox::Message;
use super::tokens;
use super::world::World;

/// `POST /app/reset_password`
pub(super) fn ask(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let form = Form::of(request)?;
    if form.has("email") {
        let email = form.text("email")?;
        let user = world
            .users
            .find(|user| user.email.as_deref() == Some(email))
            .ok_or(ApiError::plain(9005))?;
        let uid = user.uid.clone();
        let key = tokens::text(&mut world.chance, 32);
        world.codes.add_link(now_ms, &key, &uid);
        let link = request.url(&format!("/reset_password/{key}"));
        let text = format!("Reset your password: {link}");
        world
            .outbox
            .send(now_ms, Message::mail(email, text, Some(link)));
    } else {
        let (phone, code) = (form.text("phone")?, form.text("code")?);
        let new = form.text("new_pwd")?;
        world.codes.redeem(now_ms, phone, code)?;
        let user = world
            .users
            .find(|user| user.phone.as_deref() == Some(phone))
            .ok_or(ApiError::plain(9005))?;
        user.password = Some(new.to_owned());
    }
    Ok(Answer::json(200, &json!({})))
}

/// `POST` to the link of the mail: stands for the page that opens in a browser.
pub(super) fn follow(world: &mut World, now_ms: i64, key: &str, request: &Request) -> Answered {
    let form = Form::of(request)?;
    let new = form.text("new_pwd")?;
    let uid = world.codes.follow(now_ms, key)?;
    let user = world.users.by_uid(&uid).ok_or(ApiError::plain(9005))?;
    user.password = Some(new.to_owned());
    Ok(Answer::json(200, &json!({})))
}
