//! What proves a phone number or an address: application token, captcha, text message, reset.

use serde_json::{Value, json};

use crate::bridge::CallError;
use crate::model::Region;
use crate::secret::Secret;

use super::api::Api;
use super::error::unexpected;
use super::request::{Method, Request, Right};
use super::wire;

/// What an application proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppToken {
    /// Goes into `X-Gizwits-Application-Token`.
    pub token: Secret<String>,
    /// When it ends, Unix seconds; `None` where the cloud does not say.
    pub expires_at: Option<i64>,
}

/// A picture that a person must read before the cloud sends a text message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captcha {
    /// Goes back with what the person read.
    pub id: String,
    /// Where the picture is.
    pub url: String,
}

impl Api {
    /// `POST /app/request_token`, signed with the application's secret.
    ///
    /// # Errors
    /// [`CallError`]: 9038 for a wrong secret.
    pub async fn app_token(
        &self,
        region: Region,
        app_secret: &Secret<String>,
        unix_now: i64,
    ) -> Result<AppToken, CallError> {
        let request = Request::new(Method::Post, &["app", "request_token"])
            .right(Right::ApplicationAuth(app_secret.clone()));
        let json = self.send(region, request, unix_now).await?.document()?;
        let token = json.get("token").and_then(Value::as_str);
        let token = token.ok_or_else(|| unexpected("it brought no application token"))?;
        // `expired_at` here, `expire_at` at a login (documented).
        let end = json.get("expired_at").or_else(|| json.get("expire_at"));
        Ok(AppToken {
            token: Secret::new(token.to_owned()),
            expires_at: end.and_then(wire::integer),
        })
    }

    /// `GET /app/verify/codes`
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn captcha(
        &self,
        region: Region,
        app_token: &AppToken,
        unix_now: i64,
    ) -> Result<Captcha, CallError> {
        let request = codes(Method::Get, app_token);
        let json = self.send(region, request, unix_now).await?.document()?;
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("captcha_id"), text("captcha_url")) {
            (Some(id), Some(url)) => Ok(Captcha { id, url }),
            _ => Err(unexpected("it brought no captcha")),
        }
    }

    /// The captcha's picture, at most 256 KiB.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn captcha_picture(
        &self,
        captcha: &Captcha,
        unix_now: i64,
    ) -> Result<Vec<u8>, CallError> {
        self.picture(&captcha.url, unix_now).await
    }

    /// `POST /app/verify/codes`: the cloud sends a text message.
    ///
    /// # Errors
    /// [`CallError`]: 9037 when it could not, 9010 when the captcha was read wrongly.
    pub async fn send_code(
        &self,
        region: Region,
        app_token: &AppToken,
        captcha_id: &str,
        captcha_code: &str,
        phone: &str,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let request = codes(Method::Post, app_token).body(json!({
            "captcha_id": captcha_id, "captcha_code": captcha_code, "phone": phone,
        }));
        self.send(region, request, unix_now).await?.nothing()
    }

    /// `PUT /app/verify/codes`: is this what the text message said?
    ///
    /// # Errors
    /// [`CallError`]: 9010 when not, 9009 when it is too late.
    pub async fn verify_code(
        &self,
        region: Region,
        app_token: &AppToken,
        phone: &str,
        sms_code: &str,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let request =
            codes(Method::Put, app_token).body(json!({ "sms_code": sms_code, "phone": phone }));
        self.send(region, request, unix_now).await?.nothing()
    }

    /// `POST /app/reset_password`: the address gets a link.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn reset_password_by_email(
        &self,
        region: Region,
        email: &str,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let request = reset(json!({ "email": email }));
        self.send(region, request, unix_now).await?.nothing()
    }

    /// `POST /app/reset_password` with a code from a text message.
    ///
    /// # Errors
    /// [`CallError`]: 9010 wrong code, 9009 expired.
    pub async fn reset_password_by_phone(
        &self,
        region: Region,
        phone: &str,
        code: &str,
        new_password: &Secret<String>,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let body = json!({ "phone": phone, "code": code, "new_pwd": new_password.expose() });
        self.send(region, reset(body), unix_now).await?.nothing()
    }
}

fn codes(method: Method, app_token: &AppToken) -> Request {
    Request::new(method, &["app", "verify", "codes"])
        .right(Right::ApplicationToken(app_token.token.clone()))
}

fn reset(body: Value) -> Request {
    Request::new(Method::Post, &["app", "reset_password"]).body(body)
}
