//! What an asker is told of the cloud's answer.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::ids::AccountName;
use crate::model::binding::Bound;
use crate::model::schedule::Run;
use crate::model::{Schedule, When};

use super::effect::CloudCall;
use super::input::{CallError, ErrorClass, Reply};
use super::requests::changes_something;

/// The body of a response, without the transaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Done(Value),
    Failed {
        reason: String,
        code: Option<u16>,
        /// What is known all the same; mostly nothing.
        data: Value,
    },
}

impl Answer {
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed {
            reason: reason.into(),
            code: None,
            data: Value::Null,
        }
    }

    /// To a request of one call.
    pub(super) fn to_call(
        call: &CloudCall,
        result: Result<Reply, CallError>,
        now: Timestamp,
    ) -> Self {
        match (call, result) {
            (CloudCall::Bind(_), Ok(Reply::Bound(bound))) => Self::to_bind(
                &bound,
                "the cloud bound none of them; compare did and passcode with the device's label",
            ),
            (CloudCall::Unbind(_), Ok(Reply::Bound(bound))) => {
                Self::to_bind(&bound, "the cloud unbound none of them")
            }
            (_, Ok(Reply::BoundByMac { did })) => Self::Done(json!({ "did": did })),
            (CloudCall::AddSchedule(plan), Ok(Reply::ScheduleAdded { id })) => {
                Self::Done(json!({ "id": id, "next_run": next_run(&plan.when, now) }))
            }
            (CloudCall::RemoveSchedule(id), Ok(Reply::Done)) => Self::Done(json!({ "id": id })),
            (_, Ok(Reply::ScheduleLog(run))) => Self::Done(run.as_ref().map_or(Value::Null, log)),
            (_, Ok(_)) => Self::failed("the cloud gave an answer of the wrong kind"),
            (call, Err(err)) => Self::to_error(err, changes_something(call)),
        }
    }

    /// To a listing that failed, or a call.
    pub(super) fn to_error(err: CallError, changes: bool) -> Self {
        let reason = match err.class {
            ErrorClass::Transient if changes => format!(
                "it is not known whether the cloud did it ({}); it is not sent again",
                err.message
            ),
            ErrorClass::Throttled
            | ErrorClass::TokenLost
            | ErrorClass::LoginRefused
            | ErrorClass::DeviceOffline
            | ErrorClass::DeviceGone
            | ErrorClass::Refused
            | ErrorClass::Fatal
            | ErrorClass::Unsent
            | ErrorClass::Transient => err.message,
        };
        Self::Failed {
            reason,
            code: err.code,
            data: Value::Null,
        }
    }

    /// A part may fail, which is no error.
    fn to_bind(bound: &Bound, why_none: &str) -> Self {
        let data = json!({ "success": bound.success, "failed": bound.failed });
        if bound.success.is_empty() {
            return Self::Failed {
                reason: why_none.into(),
                code: None,
                data,
            };
        }
        Self::Done(data)
    }
}

/// A row of `schedules/list`: UTC as the cloud keeps it, and in a zone.
pub(super) fn schedule(
    schedule: &Schedule,
    account: &AccountName,
    zone: Option<&TimeZone>,
    now: Timestamp,
) -> Value {
    let when = &schedule.plan.when;
    let mut row = schedule.plan.to_json();
    row["id"] = json!(schedule.id);
    row["account"] = json!(account);
    row["created_at"] = json!(schedule.created_at.map(|at| at.to_string()));
    row["next_run"] = next_run(when, now);
    if let Some(zone) = zone {
        row["local"] = when.to_local_at(zone, now).map_or(Value::Null, local);
    }
    row
}

fn local(when: When) -> Value {
    json!({
        "date": when.date.to_string(),
        "time": when.time.strftime("%H:%M").to_string(),
        "repeat": when.repeat.to_string(),
    })
}

fn next_run(when: &When, now: Timestamp) -> Value {
    json!(when.next_run(now).map(|at| at.to_string()))
}

/// As the cloud spells it.
fn log(run: &Run) -> Value {
    json!({
        "datetime": run.at.map(|at| at.to_string()),
        "status": if run.succeeded { "succeed" } else { "failed" },
        "detail": run.delivered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Did, ScheduleId};
    use crate::model::schedule::{Plan, Retry};

    fn did(text: &str) -> Did {
        Did::new(text).unwrap()
    }

    fn plan() -> Plan {
        Plan {
            when: When {
                date: "2026-11-26".parse().unwrap(),
                time: "23:30".parse().unwrap(),
                repeat: "thu,sun".parse().unwrap(),
            },
            tasks: Vec::new(),
            retry_count: 0,
            retry: Retry::All,
        }
    }

    fn now() -> Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_part_that_fails_is_told_and_all_that_fail_are_an_error() {
        let bound = |success: &[&str]| {
            let success = success.iter().map(|text| did(text)).collect();
            let failed = vec![did("b")];
            Ok(Reply::Bound(Bound { success, failed }))
        };
        let some = Answer::to_call(&CloudCall::Bind(Vec::new()), bound(&["a"]), now());
        let data = json!({ "success": ["a"], "failed": ["b"] });
        assert_eq!(some, Answer::Done(data));
        let none = Answer::to_call(&CloudCall::Unbind(Vec::new()), bound(&[]), now());
        assert!(
            matches!(&none, Answer::Failed { data, .. } if data["failed"] == json!(["b"])),
            "{none:?}"
        );
    }

    #[test]
    fn a_change_of_unknown_fate_says_so_and_a_question_does_not() {
        let error = || CallError {
            class: ErrorClass::Transient,
            code: Some(9008),
            retry_after: None,
            message: "broken".into(),
        };
        let id = ScheduleId::new("s").unwrap();
        for (call, unknown) in [
            (CloudCall::RemoveSchedule(id.clone()), true),
            (CloudCall::ScheduleLog(id), false),
        ] {
            let answer = Answer::to_call(&call, Err(error()), now());
            let Answer::Failed { reason, code, .. } = answer else {
                panic!("{answer:?}")
            };
            assert_eq!(code, Some(9008));
            assert_eq!(reason.contains("not known whether"), unknown, "{reason}");
            assert!(reason.contains("broken"));
        }
    }

    #[test]
    fn a_schedule_is_told_in_utc_and_in_a_zone() {
        let kept = Schedule {
            id: ScheduleId::new("s").unwrap(),
            created_at: "2026-11-01T10:00:00".parse().ok(),
            plan: plan(),
        };
        let berlin = crate::model::zone::named("Europe/Berlin").unwrap();
        let account = AccountName::new("home").unwrap();
        assert_eq!(
            schedule(&kept, &account, Some(&berlin), now()),
            json!({
                "id": "s", "account": "home", "created_at": "2026-11-01T10:00:00",
                "date": "2026-11-26", "time": "23:30", "repeat": "thu,sun", "task": [],
                "retry_count": 0, "retry_task": "all", "next_run": "2026-11-26T23:30:00Z",
                "local": { "date": "2026-11-27", "time": "00:30", "repeat": "mon,fri" },
            })
        );
        let utc = schedule(&kept, &account, None, now());
        assert!(utc.get("local").is_none());
    }

    #[test]
    fn a_log_is_told_as_the_cloud_spells_it() {
        let run = Run {
            at: "2026-11-26T06:30:00".parse().ok(),
            succeeded: true,
            delivered: [(did("a"), true)].into(),
        };
        let call = CloudCall::ScheduleLog(ScheduleId::new("s").unwrap());
        let told = |run| Answer::to_call(&call, Ok(Reply::ScheduleLog(run)), now());
        assert_eq!(
            told(Some(run)),
            Answer::Done(
                json!({ "datetime": "2026-11-26T06:30:00", "status": "succeed",
                "detail": { "a": true } })
            )
        );
        assert_eq!(told(None), Answer::Done(Value::Null));
    }
}
