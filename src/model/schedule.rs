//! A schedule that the cloud keeps: what it sets, on which devices, and how hard it tries.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use crate::ids::{Did, ProductKey, ScheduleId};

use super::when::When;

/// The cloud tries a failed run again at most this often (documented).
pub const MAX_RETRIES: u8 = 60;

/// One row of the scheduler list.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What to remove it by.
    pub id: ScheduleId,
    /// UTC; absent where the cloud does not say.
    pub created_at: Option<DateTime>,
    /// What was asked for.
    pub plan: Plan,
}

/// What a schedule is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// UTC, as the cloud keeps it.
    pub when: When,
    /// What it sets. A run succeeds when every command was delivered (documented).
    pub tasks: Vec<Task>,
    /// 0 to [`MAX_RETRIES`].
    pub retry_count: u8,
    /// What a retry sends.
    pub retry: Retry,
}

/// One device's part of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The device.
    pub did: Did,
    /// Its product.
    pub product_key: ProductKey,
    /// As in a control call.
    pub attrs: Map<String, Value>,
}

/// What is sent again when a part of a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// `all`: every command.
    #[default]
    All,
    /// `failed`: those that did not get through.
    Failed,
}

impl Retry {
    /// As the cloud spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Retry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "failed" => Ok(Self::Failed),
            _ => Err(format!("{text:?} is refused; write all or failed")),
        }
    }
}

/// The last run of a schedule; the cloud keeps no more (documented).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// UTC; absent where the cloud does not say.
    pub at: Option<DateTime>,
    /// True when every command was delivered.
    pub succeeded: bool,
    /// Whether each device's command was delivered.
    pub delivered: BTreeMap<Did, bool>,
}

impl Plan {
    /// The body that creates it, and the row that lists it (documented).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let tasks = self.tasks.iter().map(
            |task| json!({ "did": task.did, "product_key": task.product_key, "attrs": task.attrs }),
        );
        json!({
            "date": self.when.date.to_string(),
            "time": self.when.time.strftime("%H:%M").to_string(),
            "repeat": self.when.repeat.to_string(),
            "task": tasks.collect::<Vec<_>>(),
            "retry_count": self.retry_count,
            "retry_task": self.retry.as_str(),
        })
    }
}

impl Schedule {
    /// Does it set anything of this device?
    #[must_use]
    pub fn concerns(&self, did: &Did) -> bool {
        self.plan.tasks.iter().any(|task| task.did == *did)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_spelled_as_documented() {
        let plan = Plan {
            when: When {
                date: "2026-11-26".parse().unwrap(),
                time: "06:30".parse().unwrap(),
                repeat: "mon,fri".parse().unwrap(),
            },
            tasks: vec![Task {
                did: Did::new("d1").unwrap(),
                product_key: ProductKey::new("pk").unwrap(),
                attrs: Map::from_iter([("power".to_owned(), true.into())]),
            }],
            retry_count: 3,
            retry: Retry::Failed,
        };
        assert_eq!(
            plan.to_json(),
            json!({
                "date": "2026-11-26", "time": "06:30", "repeat": "mon,fri",
                "task": [{ "did": "d1", "product_key": "pk", "attrs": { "power": true } }],
                "retry_count": 3, "retry_task": "failed",
            })
        );
    }
}
