//! Calls that fail on purpose: throttling for a while, and faults for the next calls.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;

/// What `POST /_sim/throttle` asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Throttle {
    pub(super) seconds: f64,
    /// Beginnings of paths; none: all of the API.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Sent as `Retry-After`, in seconds. The real cloud sends none.
    #[serde(default)]
    pub(super) retry_after: Option<u32>,
}

/// The next calls of a path fail or are slow: what `POST /_sim/faults` asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Beginning of the path.
    #[serde(default = "everywhere")]
    pub(super) path: String,
    /// For how many calls.
    #[serde(default = "once")]
    pub(super) count: NonZeroU32,
    pub(super) kind: Kind,
    /// The `error_code` of kind `error`.
    #[serde(default)]
    pub(super) code: Option<u16>,
    /// Another HTTP status than the one that goes with the code, such as 200.
    #[serde(default)]
    pub(super) status: Option<u16>,
    /// How slow `slow` is.
    #[serde(default = "three")]
    pub(super) seconds: f64,
    /// The call has its effect though its answer fails.
    #[serde(default)]
    pub(super) effect: bool,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A gateway's web page.
    #[serde(rename = "http_502")]
    Http502,
    /// No answer at all.
    Timeout,
    /// The connection breaks.
    Reset,
    /// A web page with status 200.
    Html,
    /// The right answer, late.
    Slow,
    /// An error of the cloud.
    Error,
}

fn everywhere() -> String {
    "/app/".into()
}

const fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

const fn three() -> f64 {
    3.0
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    throttle: Option<(i64, Throttle)>,
    next: Vec<Fault>,
}

impl Faults {
    /// Those that a scenario starts with.
    pub(super) fn of(faults: Vec<Fault>) -> Self {
        Self {
            throttle: None,
            next: faults,
        }
    }

    pub(super) fn throttle(&mut self, now_ms: i64, throttle: Throttle) {
        let until = now_ms.saturating_add(millis(throttle.seconds));
        self.throttle = Some((until, throttle));
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.next.push(fault);
    }

    /// Is this path throttled, and with which `Retry-After`?
    pub(super) fn throttled(&self, now_ms: i64, path: &str) -> Option<Option<u32>> {
        let (until, throttle) = self.throttle.as_ref()?;
        let covers = throttle.paths.is_empty()
            || throttle
                .paths
                .iter()
                .any(|start| path.starts_with(start.as_str()));
        (now_ms < *until && covers).then_some(throttle.retry_after)
    }

    /// The fault for this call, which is used up by it.
    pub(super) fn take(&mut self, path: &str) -> Option<Fault> {
        let at = self
            .next
            .iter()
            .position(|fault| path.starts_with(&fault.path))?;
        let fault = self.next.get_mut(at)?;
        match NonZeroU32::new(fault.count.get() - 1) {
            Some(left) => {
                fault.count = left;
                Some(fault.clone())
            }
            None => Some(self.next.remove(at)),
        }
    }
}

pub(super) fn millis(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a saturating cast of a duration"
    )]
    let millis = (seconds * 1000.0) as i64;
    millis.max(0)
}

/// Reads a control's body; the message is for the caller.
pub(super) fn read<T: serde::de::DeserializeOwned>(body: &Value) -> Result<T, String> {
    serde_json::from_value(body.clone()).map_err(|err| err.to_string())
}
