//! The cloud's errors as it sends them: code, HTTP status, wording (documented; 9004 as captured).

use serde_json::{Value, json};

use super::exchange::Answer;

/// What a call of the API comes to.
pub(super) type Answered = Result<Answer, ApiError>;

/// An error of the cloud.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApiError {
    pub(super) code: u16,
    pub(super) detail: Option<String>,
}

impl ApiError {
    pub(super) const fn plain(code: u16) -> Self {
        Self { code, detail: None }
    }

    /// 9015, with what is wrong.
    pub(super) fn form(detail: impl Into<String>) -> Self {
        Self {
            code: 9015,
            detail: Some(detail.into()),
        }
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::json(status(self.code), &self.body())
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "error_message": row(self.code).map_or("error!", |(_, _, message)| *message),
            "error_code": self.code,
            "detail_message": self.detail,
        })
    }
}

/// The HTTP status that goes with a code.
pub(super) fn status(code: u16) -> u16 {
    row(code).map_or(400, |(_, status, _)| *status)
}

fn row(code: u16) -> Option<&'static (u16, u16, &'static str)> {
    TABLE.iter().find(|(number, ..)| *number == code)
}

/// Code, HTTP status, message.
pub(super) const TABLE: [(u16, u16, &str); 46] = [
    (9001, 400, "mac already registered!"),
    (9002, 400, "product_key invalid"),
    (9003, 400, "appid invalid"),
    (9004, 400, "token invalid!"),
    (9005, 400, "user not exist"),
    (9006, 400, "token expired"),
    (9007, 400, "m2m_id invalid"),
    (9008, 500, "server error"),
    (9009, 400, "code expired"),
    (9010, 400, "code invalid"),
    (9011, 400, "sandbox scale quota exhausted!"),
    (9012, 400, "production scale quota exhausted!"),
    (9013, 400, "product has no request scale!"),
    (9014, 404, "device not found!"),
    (9015, 400, "form invalid!"),
    (9016, 400, "did or passcode invalid!"),
    (9017, 401, "device not bound!"),
    (9018, 400, "phone unavailable!"),
    (9019, 400, "username unavailable!"),
    (9020, 400, "username or password error!"),
    (9021, 400, "send command failed!"),
    (9022, 400, "email unavailable!"),
    (9023, 400, "device is disabled!"),
    (9024, 400, "fail to notify m2m!"),
    (9025, 400, "attr invalid!"),
    (9026, 400, "user invalid!"),
    (9027, 404, "firmware not found!"),
    (9028, 404, "JD product info not found!"),
    (9029, 400, "datapoint data not found!"),
    (9030, 404, "scheduler not found!"),
    (9031, 400, "qq oauth key invalid!"),
    (9032, 400, "ota upgrade service OK, but in idle or disable!"),
    (9033, 400, "bt firmware unverified, except verify device!"),
    (9034, 404, "bt firmware is OK, but nothing to upgrade!"),
    (9035, 500, "Save kairosdb error!"),
    (9036, 400, "event not defined!"),
    (9037, 400, "send sms failed!"),
    (9038, 400, "X-Gizwits-Application-Auth invalid!"),
    (9039, 403, "Not allowed to call deprecated API!"),
    (9040, 400, "bad qrcode content!"),
    (9041, 429, "request was throttled"),
    (9042, 400, "device offline!"),
    (9043, 400, "X-Gizwits-Timestamp invalid!"),
    (9044, 400, "X-Gizwits-Signature invalid!"),
    (9045, 400, "API deprecated!"),
    (9999, 400, "reserved"),
];
