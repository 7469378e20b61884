//! The cloud's errors as it sends them: code, HTTP status, wording (documented and seen).

use serde_json::{Value, json};

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

    pub(super) fn status(&self) -> u16 {
        status(self.code)
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "error_message": message(self.code),
            "error_code": self.code,
            "detail_message": self.detail,
        })
    }
}

/// The HTTP status that goes with a code.
pub(super) const fn status(code: u16) -> u16 {
    match code {
        9008 | 9035 => 500,
        9014 | 9027 | 9028 | 9030 | 9034 => 404,
        9017 => 401,
        9039 => 403,
        9041 => 429,
        _ => 400,
    }
}

const fn message(code: u16) -> &'static str {
    match code {
        9002 => "product_key invalid!",
        9003 => "appid invalid!",
        9004 => "token invalid!",
        9005 => "user does not exist!",
        9006 => "token expired!",
        9008 => "server error!",
        9014 => "device not found!",
        9015 => "form invalid!",
        9017 => "device not bound!",
        9019 => "username unavailable!",
        9020 => "username or password error!",
        9021 => "send command failed!",
        9023 => "device disabled!",
        9025 => "attr invalid!",
        9029 => "datapoint data not found!",
        9041 => "request throttled!",
        9042 => "device offline!",
        9045 => "api deprecated!",
        _ => "error!",
    }
}
