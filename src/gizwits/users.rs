//! Users: registering, logging in, changing, leaving.

use serde_json::{Value, json};

use crate::bridge::CallError;
use crate::model::Region;
use crate::secret::Secret;

use super::api::Api;
use super::error;
use super::request::{Method, Request, Right};
use super::session::Session;
use super::wire;

/// `POST /app/users`, in its six documented kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewUser {
    /// By anything that stays the same; the same id is the same user each time.
    Anonymous {
        /// Whoever knows it is that user.
        phone_id: Secret<String>,
    },
    /// By name.
    Username {
        /// Must be free, else 9019.
        username: String,
        /// Newer clouds want eight characters of three kinds.
        password: Secret<String>,
    },
    /// By e-mail address, which gets a message.
    Email {
        /// Must be free, else 9022.
        email: String,
        /// As for a name.
        password: Secret<String>,
    },
    /// By phone number.
    Phone {
        /// Must be free, else 9018.
        phone: String,
        /// As for a name.
        password: Secret<String>,
        /// From [`Api::send_code`]; wrong 9010, expired 9009.
        code: Secret<String>,
    },
    /// By an account elsewhere, which the cloud asks.
    ThirdParty {
        /// Where.
        provider: Provider,
        /// The user's id there; QQ calls it `openid`.
        uid: String,
        /// What that provider gave; QQ calls it `access_token`.
        token: Secret<String>,
    },
}

/// Who knows a user of the third kind. QQ works only for apps that the vendor linked (9031).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `baidu`
    Baidu,
    /// `sina`
    Sina,
    /// `qq`
    Qq,
}

impl Provider {
    /// As the cloud spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Baidu => "baidu",
            Self::Sina => "sina",
            Self::Qq => "qq",
        }
    }
}

/// `PUT /app/users`, in its five documented kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// An anonymous user gets a name.
    Username {
        /// Must be free, else 9019.
        username: String,
        /// The first password.
        password: Secret<String>,
    },
    /// An anonymous user gets a phone number.
    Phone {
        /// Must be free, else 9018.
        phone: String,
        /// The first password.
        password: Secret<String>,
        /// From [`Api::send_code`].
        code: Secret<String>,
    },
    /// Another password.
    Password {
        /// The one in force.
        old: Secret<String>,
        /// The one to come.
        new: Secret<String>,
    },
    /// Another e-mail address.
    Email {
        /// Must be free, else 9022.
        email: String,
    },
    /// Another phone number.
    PhoneNumber {
        /// The new one, which the code went to.
        phone: String,
        /// From [`Api::send_code`].
        code: Secret<String>,
    },
}

impl NewUser {
    fn body(&self) -> Value {
        match self {
            Self::Anonymous { phone_id } => json!({ "phone_id": phone_id.expose() }),
            Self::Username { username, password } => {
                json!({ "username": username, "password": password.expose() })
            }
            Self::Email { email, password } => {
                json!({ "email": email, "password": password.expose() })
            }
            Self::Phone {
                phone,
                password,
                code,
            } => json!({ "phone": phone, "password": password.expose(), "code": code.expose() }),
            Self::ThirdParty {
                provider,
                uid,
                token,
            } => {
                let auth = json!({ "src": provider.as_str(), "uid": uid, "token": token.expose() });
                json!({ "authData": auth })
            }
        }
    }
}

impl UserChange {
    fn body(&self) -> Value {
        match self {
            Self::Username { username, password } => {
                json!({ "username": username, "password": password.expose() })
            }
            Self::Phone {
                phone,
                password,
                code,
            } => json!({ "phone": phone, "password": password.expose(), "code": code.expose() }),
            Self::Password { old, new } => {
                json!({ "old_pwd": old.expose(), "new_pwd": new.expose() })
            }
            Self::Email { email } => json!({ "email": email }),
            Self::PhoneNumber { phone, code } => json!({ "phone": phone, "code": code.expose() }),
        }
    }
}

impl Api {
    /// `POST /app/users`. The new user is logged in by that.
    ///
    /// # Errors
    /// [`CallError`]; which codes, [`NewUser`] says.
    pub async fn create_user(
        &self,
        region: Region,
        user: &NewUser,
        unix_now: i64,
    ) -> Result<Session, CallError> {
        let request = Request::new(Method::Post, &["app", "users"]).body(user.body());
        self.begin_session(region, request, unix_now).await
    }

    /// `POST /app/login`. Each login makes a new token; older ones stay good until they end.
    ///
    /// # Errors
    /// [`CallError`]: 9005 no such user, 9020 wrong password.
    pub async fn log_in(
        &self,
        region: Region,
        username: &str,
        password: &Secret<String>,
        unix_now: i64,
    ) -> Result<Session, CallError> {
        // `lang` is what the vendor's own app sends (seen).
        let body = json!({ "username": username, "password": password.expose(), "lang": "en" });
        let request = Request::new(Method::Post, &["app", "login"]).body(body);
        self.begin_session(region, request, unix_now).await
    }

    async fn begin_session(
        &self,
        region: Region,
        request: Request,
        unix_now: i64,
    ) -> Result<Session, CallError> {
        let answer = self.send(region, request, unix_now).await?;
        let session = wire::session(&answer.document()?, unix_now)?;
        self.restore(region, session.clone());
        Ok(session)
    }

    /// `PUT /app/users`. Returns when the cloud changed it, as it says that: ISO 8601.
    ///
    /// # Errors
    /// [`CallError`]; which codes, [`UserChange`] says.
    pub async fn change_user(
        &self,
        region: Region,
        change: &UserChange,
        unix_now: i64,
    ) -> Result<Option<String>, CallError> {
        let request = Request::new(Method::Put, &["app", "users"])
            .right(Right::User)
            .body(change.body());
        let answer = self.send(region, request, unix_now).await?;
        let updated_at = answer.json.as_ref().and_then(|json| json.get("updatedAt"));
        let updated_at = updated_at.and_then(Value::as_str).map(str::to_owned);
        answer.nothing().map(|()| updated_at)
    }

    /// `GET /app/users`: the user's profile as the cloud spells it. Not in the Open API page (seen).
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn profile(&self, region: Region, unix_now: i64) -> Result<Value, CallError> {
        let request = Request::new(Method::Get, &["app", "users"]).right(Right::User);
        let answer = self.send_if_offered(region, request, unix_now).await?;
        answer.document()
    }

    /// `DELETE /app/logout`: the token is void from then on. Not in the Open API page (the vendor's
    /// newer description); where a cloud does without it, the token is forgotten here, and that is all
    /// that can be done.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn log_out(&self, region: Region, unix_now: i64) -> Result<(), CallError> {
        let request = Request::new(Method::Delete, &["app", "logout"]).right(Right::User);
        match self.send(region, request, unix_now).await {
            Ok(answer) => answer.nothing()?,
            Err(err) if error::is_not_offered(&err) => {}
            Err(err) => return Err(err),
        }
        self.forget(region);
        Ok(())
    }
}
