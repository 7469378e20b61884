//! `Api`: one call of the core becomes one HTTP exchange. The only user of reqwest.
//!
//! No retry, no pause, no login of its own accord: the core decides all of that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value, json};

use crate::bridge::{CallError, CallOutcome, CloudCall, ErrorClass, Reply};
use crate::model::Region;
use crate::secret::Secret;

use super::session::Session;
use super::{error, wire};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The slowest good answers seen take a few seconds.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// The cloud closes idle connections, too: a command that leaves at that moment is lost with nobody
/// knowing whether it arrived. So ours end first; common servers wait for a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest schema known has 300 kB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Nobody waits longer than this for a server that asks to.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Where an account's cloud is and how to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// `X-Gizwits-Application-Id`
    pub app_id: String,
    /// Address of the Open API in each region, without a slash at the end.
    pub urls: BTreeMap<Region, String>,
    /// Who logs in.
    pub login: LoginAs,
}

/// The kinds of user that the bridge can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginAs {
    /// `POST /app/login`
    User {
        /// User name, e-mail or phone number.
        username: String,
        /// Its password.
        password: Secret<String>,
    },
    /// `POST /app/users`: the same id is the same user each time.
    Anonymous {
        /// Whoever knows it is that user.
        phone_id: Secret<String>,
    },
}

/// Why no call can be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// TLS or the resolver could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
    /// A header cannot carry it.
    #[error("the application id has characters that no header can carry")]
    AppId,
}

/// One account's way to the cloud. Clones share connections and sessions.
#[derive(Debug, Clone)]
pub struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    access: Access,
    client: Client,
    sessions: Mutex<BTreeMap<Region, Session>>,
}

impl Api {
    /// Sets up the client; connects to nothing yet.
    ///
    /// # Errors
    /// [`SetUpError`]
    pub fn new(access: Access) -> Result<Self, SetUpError> {
        // Fails when it is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let app_id = HeaderValue::from_str(&access.app_id).map_err(|_| SetUpError::AppId)?;
        let client = Client::builder()
            .user_agent(concat!("gizwits2mqtt/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(
                reqwest::header::HeaderName::from_static("x-gizwits-application-id"),
                app_id,
            )]))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self(Arc::new(Inner {
            access,
            client,
            sessions: Mutex::default(),
        })))
    }

    /// The session in a region, to be kept on disk.
    #[must_use]
    pub fn session(&self, region: Region) -> Option<Session> {
        self.sessions().get(&region).cloned()
    }

    /// Takes over a session from an earlier run.
    pub fn restore(&self, region: Region, session: Session) {
        self.sessions().insert(region, session);
    }

    /// Makes one exchange. `unix_now` dates tokens without an end and `Retry-After`.
    pub async fn perform(&self, region: Region, call: CloudCall, unix_now: i64) -> CallOutcome {
        let base = self.0.access.urls.get(&region);
        let base = base.and_then(|base| Url::parse(base).ok()).ok_or_else(|| {
            own_fault(
                ErrorClass::Fatal,
                format!("no address is known for region {region}"),
            )
        })?;
        let host = base.host_str().unwrap_or_default().to_owned();
        let request = self.sign(region, &call, self.request(base, &call))?;
        let answer = exchange(request, &host, unix_now).await?;
        self.understand(region, call, answer, unix_now)
    }

    fn request(&self, base: Url, call: &CloudCall) -> RequestBuilder {
        let client = &self.0.client;
        let at = |segments: &[&str]| below(base, segments);
        match call {
            CloudCall::Login => match &self.0.access.login {
                LoginAs::User { username, password } => {
                    let body = json!({ "username": username, "password": password.expose(), "lang": "en" });
                    client.post(at(&["app", "login"])).json(&body)
                }
                LoginAs::Anonymous { phone_id } => {
                    let body = json!({ "phone_id": phone_id.expose() });
                    client.post(at(&["app", "users"])).json(&body)
                }
            },
            CloudCall::Bindings { skip, limit } => {
                let mut url = at(&["app", "bindings"]);
                url.query_pairs_mut()
                    .append_pair("limit", &limit.to_string())
                    .append_pair("skip", &skip.to_string());
                client.get(url)
            }
            CloudCall::Schema { product_key } => {
                let mut url = at(&["app", "datapoint"]);
                url.query_pairs_mut()
                    .append_pair("product_key", product_key.as_str());
                client.get(url)
            }
            CloudCall::Latest { did } => {
                client.get(at(&["app", "devdata", did.as_str(), "latest"]))
            }
            CloudCall::Control { did, attrs } => client
                .post(at(&["app", "control", did.as_str()]))
                .json(&json!({ "attrs": attrs.to_json() })),
            CloudCall::Raw { did, bytes } => client
                .post(at(&["app", "control", did.as_str()]))
                .json(&json!({ "raw": bytes })),
        }
    }

    fn sign(
        &self,
        region: Region,
        call: &CloudCall,
        request: RequestBuilder,
    ) -> Result<RequestBuilder, CallError> {
        match (call, self.session(region)) {
            // The application id is enough (documented).
            (CloudCall::Login | CloudCall::Schema { .. }, _) => Ok(request),
            (_, Some(session)) => {
                // One that a header cannot carry is as good as none: only another login helps.
                let mut token = HeaderValue::from_str(session.token.expose())
                    .map_err(|_| own_fault(ErrorClass::TokenLost, "the token is damaged".into()))?;
                token.set_sensitive(true);
                Ok(request.header("x-gizwits-user-token", token))
            }
            (_, None) => Err(own_fault(
                ErrorClass::TokenLost,
                "there is no token yet".into(),
            )),
        }
    }

    fn understand(
        &self,
        region: Region,
        call: CloudCall,
        answer: Answer,
        unix_now: i64,
    ) -> CallOutcome {
        if let Some(error) = error::find(answer.status, answer.json.as_ref(), answer.retry_after) {
            return Err(error);
        }
        // 204 and an empty 200 both say that it was taken (seen).
        let is_control = matches!(call, CloudCall::Control { .. } | CloudCall::Raw { .. });
        if is_control && answer.body_is_empty {
            return Ok(Reply::Done);
        }
        let json = answer.json.ok_or(answer.not_json)?;
        match call {
            CloudCall::Login => {
                let session = wire::session(&json, unix_now)?;
                let reply = Reply::LoggedIn {
                    uid: session.uid.clone(),
                    expires_at: session.expires_at,
                };
                self.restore(region, session);
                Ok(reply)
            }
            CloudCall::Bindings { .. } => wire::bindings(&json),
            CloudCall::Schema { product_key } => wire::schema(&product_key, json),
            CloudCall::Latest { .. } => wire::latest(json),
            CloudCall::Control { .. } | CloudCall::Raw { .. } => Ok(Reply::Done),
        }
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<Region, Session>> {
        self.0
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each segment is escaped: whatever an id holds, it cannot become another path.
fn below(mut base: Url, segments: &[&str]) -> Url {
    if let Ok(mut path) = base.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    base
}

/// A call that cannot be sent as things stand here.
const fn own_fault(class: ErrorClass, message: String) -> CallError {
    CallError {
        class,
        code: None,
        retry_after: None,
        message,
    }
}

/// What came back, whether good or bad.
struct Answer {
    status: u16,
    json: Option<Value>,
    body_is_empty: bool,
    retry_after: Option<Duration>,
    /// What to say when a document was due and there is none.
    not_json: CallError,
}

async fn exchange(request: RequestBuilder, host: &str, unix_now: i64) -> Result<Answer, CallError> {
    let failed = |err| error::transport(err, host);
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let retry_after = retry_after(&response, unix_now);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            let limit = MAX_BODY_BYTES / 1024 / 1024;
            return Err(error::transient(format!(
                "the cloud's answer is larger than {limit} MiB"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        json: serde_json::from_slice(&body).ok(),
        body_is_empty: body.trim_ascii().is_empty(),
        retry_after,
        not_json: error::not_json(status, &body),
    })
}

/// `Retry-After` in seconds or as a date; else `X-RateLimit-Reset` with nothing remaining, which a
/// sister API of the vendor documents.
fn retry_after(response: &Response, unix_now: i64) -> Option<Duration> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::trim);
    let asked = match header(RETRY_AFTER.as_str()) {
        Some(text) => text.parse::<i64>().ok().or_else(|| {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            Some(date.timestamp().as_second().saturating_sub(unix_now))
        }),
        None if header("x-ratelimit-remaining") == Some("0") => {
            let reset: i64 = header("x-ratelimit-reset")?.parse().ok()?;
            Some(reset.saturating_sub(unix_now))
        }
        None => None,
    };
    let asked = Duration::from_secs(u64::try_from(asked?).ok()?);
    Some(asked.min(MAX_RETRY_AFTER))
}
