//! Sends one request and brings what came back, good or bad. The only user of reqwest.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use serde_json::Value;
use url::Url;

use crate::bridge::{CallError, ErrorClass};
use crate::secret::Secret;

use super::request::{Bound, Method, Request};
use super::{error, json, tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The slowest good answers seen take a few seconds.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// The cloud closes idle connections, too: a command that leaves at that moment is lost with nobody
/// knowing whether it arrived. So ours end first; common servers wait for a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Nobody waits longer than this for a server that asks to.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Why no call can be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The resolver could not be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// A header cannot carry it.
    #[error("the application id has characters that no header can carry")]
    AppId,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    app_id: HeaderValue,
    /// False where the system has no certificates to trust.
    has_roots: bool,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// `None` when the body is no JSON, whatever its `Content-Type` says.
    pub(super) json: Option<Value>,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<Duration>,
    /// The server's clock, Unix seconds, where it tells.
    pub(super) date: Option<i64>,
}

impl Http {
    /// Sets up the client; connects to nothing yet. A proxy that the environment names
    /// (`HTTPS_PROXY`, `ALL_PROXY`) is used where TLS keeps it from reading along, so not where an
    /// address `is_clear`.
    pub(super) fn new(app_id: &str, is_clear: bool) -> Result<Self, SetUpError> {
        // A set-up of our own: the library's refuses to begin where the system has no certificates, also
        // for a cloud without TLS, and logs each fault by itself.
        let (tls, has_roots) = tls::client_config()?;
        let app_id = HeaderValue::from_str(app_id).map_err(|_| SetUpError::AppId)?;
        let builder = if is_clear {
            Client::builder().no_proxy()
        } else {
            Client::builder()
        };
        let client = builder
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("gizwits2mqtt/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            app_id,
            has_roots,
        })
    }

    /// One exchange with the API below `base`, with these headers beside the application id.
    pub(super) async fn exchange(
        &self,
        base: &Url,
        request: &Request,
        headers: Vec<(&'static str, Secret<String>)>,
        unix_now: i64,
    ) -> Result<Answer, CallError> {
        self.can_trust(base)?;
        let mut url = below(base.clone(), &request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut outgoing = self
            .client
            .request(method, url)
            .header("x-gizwits-application-id", self.app_id.clone())
            // Also where there is no body (documented).
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            // One that a header cannot carry is as good as none: only another login helps.
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|_| error::own(ErrorClass::TokenLost, "the token is damaged"))?;
            value.set_sensitive(true);
            outgoing = outgoing.header(name, value);
        }
        outgoing = match (&request.body, request.method) {
            (Some(body), _) => outgoing.json(body),
            // Gateways may refuse a POST of unknown length (411).
            (None, Method::Post | Method::Put) => outgoing.header(CONTENT_LENGTH, 0),
            (None, Method::Get | Method::Delete) => outgoing,
        };
        receive(outgoing.send().await, base, unix_now, request.bound).await
    }

    /// A picture from an address that the cloud named, which may be anybody's: it is not told who
    /// asks.
    pub(super) async fn picture(&self, url: &Url, unix_now: i64) -> Result<Vec<u8>, CallError> {
        self.can_trust(url)?;
        let sent = self.client.get(url.clone()).send().await;
        let answer = receive(sent, url, unix_now, Bound::ORDINARY).await?;
        if !(200..300).contains(&answer.status) {
            return Err(error::transient(format!(
                "the picture cannot be had (HTTP status {})",
                answer.status
            )));
        }
        Ok(answer.body)
    }

    /// Says what is missing, instead of that the other side is not trusted.
    fn can_trust(&self, url: &Url) -> Result<(), CallError> {
        if self.has_roots || url.scheme() != "https" {
            return Ok(());
        }
        Err(error::own(ErrorClass::Unsent, tls::NO_ROOTS))
    }
}

async fn receive(
    sent: reqwest::Result<Response>,
    url: &Url,
    unix_now: i64,
    bound: Bound,
) -> Result<Answer, CallError> {
    let host = url.host_str().unwrap_or_default();
    let failed = |err| error::transport(err, host);
    let mut response = sent.map_err(failed)?;
    let status = response.status().as_u16();
    let date = header(&response, "date").and_then(http_date);
    let retry_after = retry_after(&response, date.unwrap_or(unix_now));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > bound.body {
            let limit = bound.body / 1024;
            return Err(error::transient(format!(
                "the cloud's answer is larger than {limit} KiB"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    let json = match json::parse(&body, bound.memory) {
        Ok(json) => Some(json),
        Err(err) if err.is_data() => return Err(error::unexpected(&err.to_string())),
        Err(_) => None,
    };
    Ok(Answer {
        status,
        json,
        body,
        retry_after,
        date,
    })
}

impl Answer {
    /// The document that a good answer brings.
    pub(super) fn document(self) -> Result<Value, CallError> {
        self.json
            .ok_or_else(|| error::not_json(self.status, &self.body))
    }

    /// For a call whose good answer says nothing but that it is one: 204, an empty 200 and `{}` are
    /// all such (seen).
    pub(super) fn nothing(self) -> Result<(), CallError> {
        if self.body.trim_ascii().is_empty() {
            return Ok(());
        }
        self.document().map(drop)
    }
}

/// Each segment is escaped: whatever an id holds, it cannot become another path.
fn below(mut base: Url, segments: &[String]) -> Url {
    if let Ok(mut path) = base.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    base
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok().map(str::trim)
}

fn http_date(text: &str) -> Option<i64> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().as_second())
}

/// `Retry-After` in seconds or as a date; else `X-RateLimit-Reset` with nothing remaining, which a
/// sister API of the vendor documents. Both by the server's clock.
fn retry_after(response: &Response, server_now: i64) -> Option<Duration> {
    let asked = match header(response, RETRY_AFTER.as_str()) {
        Some(text) => text
            .parse::<i64>()
            .ok()
            .or_else(|| Some(http_date(text)?.saturating_sub(server_now))),
        None if header(response, "x-ratelimit-remaining") == Some("0") => {
            let reset: i64 = header(response, "x-ratelimit-reset")?.parse().ok()?;
            Some(reset.saturating_sub(server_now))
        }
        None => None,
    };
    let asked = Duration::from_secs(u64::try_from(asked?).ok()?);
    Some(asked.min(MAX_RETRY_AFTER))
}
