//! `/app/verify/codes`: a picture, the text message that it opens the way to, and the code in that.

use serde_json::json;

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::form::Form;
use super::outbox::Message;
use super::users::is_phone;
use super::world::World;
use super::{captcha, rights};

/// `GET`: a captcha.
pub(super) fn ask(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    rights::application_token(world, now_ms, request)?;
    let id: String = (0..40).map(|_| world.chance.digit(16)).collect();
    let code = digits(world);
    let noise = world.chance.u64(..);
    world.codes.add_captcha(now_ms, &id, &code, noise);
    world.outbox.send(now_ms, Message::captcha(&id, &code));
    let url = request.url(&format!("/captcha/image/{id}/"));
    let body = json!({ "captcha_url": url, "captcha_id": id });
    Ok(Answer::json(200, &body))
}

/// `GET /captcha/image/{id}/`: a browser asks, so nothing is proved.
pub(super) fn picture(world: &World, id: &str) -> Answer {
    match world.codes.captcha(id) {
        Some(captcha) => Answer::png(captcha::draw(&captcha.code, captcha.noise)),
        None => Answer::html(404, "Not Found"),
    }
}

/// `POST`: a text message.
pub(super) fn send(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    rights::application_token(world, now_ms, request)?;
    let form = Form::of(request)?;
    let (id, code) = (form.text("captcha_id")?, form.text("captcha_code")?);
    let phone = form.text("phone")?;
    world.codes.solve(now_ms, id, code)?;
    if !is_phone(phone) {
        return Err(ApiError::plain(9037));
    }
    let code = digits(world);
    world.codes.add_sms(now_ms, phone, &code);
    world.outbox.send(now_ms, Message::sms(phone, &code));
    Ok(Answer::json(201, &json!({})))
}

/// `PUT`: is this the code?
pub(super) fn verify(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    rights::application_token(world, now_ms, request)?;
    let form = Form::of(request)?;
    let (code, phone) = (form.text("sms_code")?, form.text("phone")?);
    world.codes.redeem(now_ms, phone, code)?;
    Ok(Answer::json(200, &json!({})))
}

fn digits(world: &mut World) -> String {
    (0..6).map(|_| world.chance.digit(10)).collect()
}
