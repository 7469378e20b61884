//! One request as plain data: where it goes, what proves the right to it, what it carries.

use serde_json::Value;

use crate::secret::Secret;

/// How much an answer may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    /// Bytes of the body.
    pub(super) body: usize,
    /// Bytes of memory that the document takes.
    pub(super) memory: usize,
}

impl Bound {
    /// A page of 20 rows has some 20 kB, and everything else is smaller.
    pub(super) const ORDINARY: Self = Self {
        body: 256 * 1024,
        memory: 4 * 1024 * 1024,
    };
    /// A schema, of which the largest known has 300 kB, or a log.
    pub(super) const LARGE: Self = Self {
        body: 4 * 1024 * 1024,
        memory: 8 * 1024 * 1024,
    };
}

/// An HTTP method of the Open API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// What a call must show beside the application id (documented for each call).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Right {
    /// The application id is enough.
    Application,
    /// `X-Gizwits-User-token`
    User,
    /// `X-Gizwits-Application-Auth`, made from the application's secret.
    ApplicationAuth(Secret<String>),
    /// `X-Gizwits-Application-Token`
    ApplicationToken(Secret<String>),
    /// `X-Gizwits-User-token`, with `X-Gizwits-Timestamp` and `X-Gizwits-Signature`, made from the
    /// product's secret.
    Signed(Secret<String>),
}

/// See the module. Without `Debug`: a body may hold a password.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) right: Right,
    pub(super) body: Option<Value>,
    pub(super) bound: Bound,
}

impl Request {
    /// A request that the application id is enough for, without a body.
    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        Self {
            method,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            right: Right::Application,
            body: None,
            bound: Bound::ORDINARY,
        }
    }

    /// The answer may be a long one.
    pub(super) const fn large(mut self) -> Self {
        self.bound = Bound::LARGE;
        self
    }

    pub(super) fn right(mut self, right: Right) -> Self {
        self.right = right;
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}
