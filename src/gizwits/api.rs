//! `Api`: one account's way to the cloud. Holds the tokens, proves rights, and makes the core's calls;
//! the calls themselves stand in files of their own, by what they are about.
//!
//! No retry, no pause, no login of its own accord: the core decides all of that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;
use url::Url;

use crate::bridge::{CallError, CallOutcome, CloudCall, ErrorClass, Reply};
use crate::ids::Did;
use crate::model::Region;
use crate::secret::Secret;

use super::http::{Answer, Http, SetUpError};
use super::request::{Request, Right};
use super::session::Session;
use super::users::NewUser;
use super::ws_frame::Credentials;
use super::{error, sign};

/// Where an account's cloud is and how to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// `X-Gizwits-Application-Id`
    pub app_id: String,
    /// Address of the Open API in each region, without a slash at the end.
    pub urls: BTreeMap<Region, String>,
    /// Who logs in; `None` for calls that need no user.
    pub login: Option<LoginAs>,
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

/// See the module. Clones share connections and sessions.
#[derive(Debug, Clone)]
pub struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    access: Access,
    http: Http,
    sessions: Mutex<BTreeMap<Region, Session>>,
    /// The cloud's clock minus ours, in seconds, by the last answer that told: signatures are good
    /// for five minutes only.
    skew_s: AtomicI64,
    /// Each listing brings the same push host again; what is wrong with it is told once.
    told_unusable_host: AtomicBool,
}

impl Api {
    /// Sets up the client; connects to nothing yet.
    ///
    /// # Errors
    /// [`SetUpError`]
    pub fn new(access: Access) -> Result<Self, SetUpError> {
        let is_clear = access.urls.values().any(|url| url.starts_with("http:"));
        let http = Http::new(&access.app_id, is_clear)?;
        Ok(Self(Arc::new(Inner {
            access,
            http,
            sessions: Mutex::default(),
            skew_s: AtomicI64::new(0),
            told_unusable_host: AtomicBool::new(false),
        })))
    }

    /// Tells it at the first of all devices; the others are likely to have the same.
    pub(super) fn tell_unusable_host(&self, did: &Did) {
        if !self.0.told_unusable_host.swap(true, Ordering::Relaxed) {
            warn!(
                %did,
                "the cloud names a push host that is no host name; such devices are polled instead"
            );
        }
    }

    /// Is this region's address an encrypted one? Push goes the same way.
    pub(super) fn is_tls(&self, region: Region) -> bool {
        let url = self.0.access.urls.get(&region);
        url.is_some_and(|url| url.starts_with("https:"))
    }

    /// What a push connection logs in with: `None` before the first login in that region.
    pub(super) fn push_credentials(&self, region: Region) -> Option<Credentials> {
        let session = self.session(region)?;
        Some(Credentials {
            app_id: self.0.access.app_id.clone(),
            uid: session.uid,
            token: session.token,
        })
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

    /// Makes one of the core's calls. `unix_now` dates tokens without an end, `Retry-After` and
    /// signatures.
    pub async fn perform(&self, region: Region, call: CloudCall, unix_now: i64) -> CallOutcome {
        match call {
            CloudCall::Login => {
                let entered = self.enter(region, unix_now).await;
                let session = entered.map_err(error::at_login)?;
                Ok(Reply::LoggedIn {
                    uid: session.uid,
                    expires_at: session.expires_at,
                })
            }
            CloudCall::Bindings { skip, limit } => {
                self.bindings(region, skip, limit, unix_now).await
            }
            CloudCall::Schema { product_key } => {
                self.datapoints(region, &product_key, unix_now).await
            }
            CloudCall::Latest { did } => self.latest(region, &did, unix_now).await,
            CloudCall::Control { did, attrs } => {
                let done = self.control(region, &did, &attrs, unix_now).await;
                done.map(|()| Reply::Done)
            }
            CloudCall::Raw { did, bytes } => {
                let done = self.control_raw(region, &did, &bytes, unix_now).await;
                done.map(|()| Reply::Done)
            }
            CloudCall::Bind(devices) => {
                let bound = self.bind(region, &devices, unix_now).await;
                bound.map(Reply::Bound)
            }
            CloudCall::BindByMac(device) => {
                let did = self.bind_by_mac(region, &device, unix_now).await?;
                Ok(Reply::BoundByMac { did })
            }
            CloudCall::Unbind(dids) => {
                let bound = self.unbind(region, &dids, unix_now).await;
                bound.map(Reply::Bound)
            }
            CloudCall::Schedules { skip, limit } => {
                self.schedules(region, skip, limit, unix_now).await
            }
            CloudCall::AddSchedule(plan) => {
                let id = self.add_schedule(region, &plan, unix_now).await?;
                Ok(Reply::ScheduleAdded { id })
            }
            CloudCall::RemoveSchedule(id) => {
                let done = self.remove_schedule(region, &id, unix_now).await;
                done.map(|()| Reply::Done)
            }
            CloudCall::ScheduleLog(id) => {
                let run = self.schedule_log(region, &id, unix_now).await;
                run.map(Reply::ScheduleLog)
            }
        }
    }

    /// Logs in as the account's user, or registers the anonymous one, which is the same thing.
    async fn enter(&self, region: Region, unix_now: i64) -> Result<Session, CallError> {
        match self.0.access.login.clone() {
            Some(LoginAs::User { username, password }) => {
                self.log_in(region, &username, &password, unix_now).await
            }
            Some(LoginAs::Anonymous { phone_id }) => {
                let user = NewUser::Anonymous { phone_id };
                self.create_user(region, &user, unix_now).await
            }
            None => Err(error::own(
                ErrorClass::LoginRefused,
                "no user is configured for this account",
            )),
        }
    }

    /// Sends a request with the proofs that it needs; an error of the cloud is an error here.
    pub(super) async fn send(
        &self,
        region: Region,
        request: Request,
        unix_now: i64,
    ) -> Result<Answer, CallError> {
        let base = self.0.access.urls.get(&region);
        let mut base = base.and_then(|base| Url::parse(base).ok()).ok_or_else(|| {
            let reason = format!("no address is known for region {region}");
            error::own(ErrorClass::Fatal, reason)
        })?;
        if matches!(request.right, Right::ApplicationAuth(_)) {
            base = over_tls(base);
        }
        let headers = self.proofs(region, &request.right, unix_now)?;
        let sent = self.0.http.exchange(&base, &request, headers, unix_now);
        let answer = sent.await?;
        if let Some(date) = answer.date {
            let skew_s = date.saturating_sub(unix_now);
            self.0.skew_s.store(skew_s, Ordering::Relaxed);
        }
        match error::find(answer.status, answer.json.as_ref(), answer.retry_after) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    /// As [`Self::send`], for a call beyond the document: a cloud may do without it, and is none the
    /// worse for that.
    pub(super) async fn send_if_offered(
        &self,
        region: Region,
        request: Request,
        unix_now: i64,
    ) -> Result<Answer, CallError> {
        let sent = self.send(region, request, unix_now).await;
        sent.map_err(|err| {
            if !error::is_not_offered(&err) {
                return err;
            }
            CallError {
                class: ErrorClass::Refused,
                message: format!("this cloud does not offer it ({})", err.message),
                ..err
            }
        })
    }

    fn proofs(
        &self,
        region: Region,
        right: &Right,
        unix_now: i64,
    ) -> Result<Vec<(&'static str, Secret<String>)>, CallError> {
        let user = || match self.session(region) {
            Some(session) => Ok(("x-gizwits-user-token", session.token)),
            None => Err(error::own(ErrorClass::TokenLost, "there is no token yet")),
        };
        Ok(match right {
            Right::Application => Vec::new(),
            Right::User => vec![user()?],
            Right::ApplicationAuth(app_secret) => {
                let auth = sign::application_auth(&self.0.access.app_id, app_secret);
                vec![("x-gizwits-application-auth", Secret::new(auth))]
            }
            Right::ApplicationToken(token) => {
                vec![("x-gizwits-application-token", token.clone())]
            }
            Right::Signed(product_secret) => {
                let timestamp = self.cloud_time(unix_now);
                let signature = sign::product_signature(product_secret, timestamp);
                vec![
                    user()?,
                    ("x-gizwits-timestamp", Secret::new(timestamp.to_string())),
                    ("x-gizwits-signature", Secret::new(signature)),
                ]
            }
        })
    }

    /// What the cloud's clock says now, Unix seconds, as far as it told.
    pub(super) fn cloud_time(&self, unix_now: i64) -> i64 {
        unix_now.saturating_add(self.0.skew_s.load(Ordering::Relaxed))
    }

    /// A picture that the cloud named the address of.
    pub(super) async fn picture(&self, url: &str, unix_now: i64) -> Result<Vec<u8>, CallError> {
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| error::unexpected("the picture has no usable address"))?;
        self.0.http.picture(&url, unix_now).await
    }

    /// The account's own token is of no use any more.
    pub(super) fn forget(&self, region: Region) {
        self.sessions().remove(&region);
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<Region, Session>> {
        self.0
            .sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The document wants https where the application's secret is at stake, and the cloud offers it at the
/// same name. An address with a port of its own says itself what it speaks.
fn over_tls(mut base: Url) -> Url {
    if base.scheme() == "http" && base.port().is_none() {
        base.set_scheme("https")
            .expect("http and https are schemes of one kind");
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_s_secret_is_shown_over_https_only() {
        for (address, want) in [
            ("http://api.gizwits.com", "https://api.gizwits.com/"),
            ("https://api.gizwits.com", "https://api.gizwits.com/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("https://host:8443/v1", "https://host:8443/v1"),
        ] {
            assert_eq!(over_tls(Url::parse(address).unwrap()).as_str(), want);
        }
    }
}
