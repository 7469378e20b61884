//! HTTP as the cloud sees it: a request, and what it does about one.

use std::collections::BTreeMap;

use serde_json::Value;

/// An HTTP request, as far as the cloud looks at it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, …
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The query's parameters.
    pub query: BTreeMap<String, String>,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// As sent.
    pub body: Vec<u8>,
}

impl Request {
    /// The address of a path of this cloud, as its caller reached it.
    pub(super) fn url(&self, path: &str) -> String {
        let host = self.headers.get("host").map_or("127.0.0.1", String::as_str);
        format!("http://{host}{path}")
    }
}

/// What the cloud does about a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// An answer, perhaps late.
    Answer(Answer),
    /// Nothing, for ever.
    Hang,
    /// The connection breaks.
    Reset,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
    /// How late it comes, in milliseconds.
    pub delay_ms: i64,
}

impl Answer {
    const fn new(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            retry_after: None,
            body,
            delay_ms: 0,
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string().into_bytes())
    }

    /// 204, which has no body.
    pub(super) const fn nothing() -> Self {
        Self::new(204, "application/json", Vec::new())
    }

    pub(super) const fn png(picture: Vec<u8>) -> Self {
        Self::new(200, "image/png", picture)
    }

    pub(super) fn html(status: u16, text: &str) -> Self {
        let body = format!("<html><body><h1>{text}</h1></body></html>");
        Self::new(status, "text/html", body.into_bytes())
    }
}
