//! Rows 26 to 29: the scheduler.

use gizwits2mqtt::bridge::{CallError, CloudCall, Reply};
use gizwits2mqtt::ids::{ProductKey, ScheduleId};
use gizwits2mqtt::model::Schedule;
use gizwits2mqtt::model::schedule::{Plan, Retry, Run, Task};
use gizwits2mqtt::model::when::When;
use serde_json::{Value, json};

use super::devices::{FOREIGN, PUMP, come_as_bob, did};
use super::row::{Row, Shows, refused, step};
use super::stage::{HERE, Stage};

const OTHER_PUMP: &str = "bobs-other-pump";

/// Tomorrow at 07:30, UTC: the stage is set on 2027-01-15 at 08:00.
pub(super) fn plan(id: &str, attrs: Value) -> Plan {
    Plan {
        when: When {
            date: "2027-01-16".parse().unwrap(),
            time: "07:30".parse().unwrap(),
            repeat: "none".parse().unwrap(),
        },
        tasks: vec![task(id, attrs)],
        retry_count: 0,
        retry: Retry::All,
    }
}

fn task(id: &str, attrs: Value) -> Task {
    Task {
        did: did(id),
        product_key: ProductKey::new("pump-product").unwrap(),
        attrs: attrs.as_object().unwrap().clone(),
    }
}

async fn call(stage: &Stage, call: CloudCall) -> Result<Reply, CallError> {
    stage.api.perform(HERE, call, stage.now).await
}

pub(super) async fn add(stage: &Stage, plan: Plan) -> Result<ScheduleId, CallError> {
    let reply = call(stage, CloudCall::AddSchedule(Box::new(plan))).await?;
    let Reply::ScheduleAdded { id } = reply else {
        panic!("{reply:?}");
    };
    Ok(id)
}

/// All of the user's schedules, as the pages of this length tell them.
pub(super) async fn schedules(stage: &Stage, limit: u32) -> Result<Vec<Schedule>, CallError> {
    let mut all = Vec::new();
    loop {
        let skip = u32::try_from(all.len()).unwrap();
        let Reply::Schedules {
            schedules, rows, ..
        } = call(stage, CloudCall::Schedules { skip, limit }).await?
        else {
            panic!("not the schedules");
        };
        all.extend(schedules);
        if rows < limit {
            return Ok(all);
        }
    }
}

pub(super) async fn log(stage: &Stage, id: &ScheduleId) -> Result<Option<Run>, CallError> {
    let reply = call(stage, CloudCall::ScheduleLog(id.clone())).await?;
    let Reply::ScheduleLog(run) = reply else {
        panic!("{reply:?}");
    };
    Ok(run)
}

/// What this plan is answered with.
async fn try_plan(stage: &Stage, change: impl FnOnce(&mut Plan)) -> Result<(), CallError> {
    let mut plan = plan(PUMP, json!({ "power": true }));
    change(&mut plan);
    add(stage, plan).await.map(drop)
}

async fn add_one(stage: &mut Stage) {
    come_as_bob(stage).await;
    let id = add(stage, plan(PUMP, json!({ "power": true })))
        .await
        .unwrap();
    stage.note("id", id.as_str());
}

fn noted(stage: &Stage) -> ScheduleId {
    ScheduleId::new(stage.noted("id")).unwrap()
}

fn unknown() -> ScheduleId {
    ScheduleId::new("no-such-schedule").unwrap()
}

async fn remove(stage: &Stage, id: ScheduleId) -> Result<(), CallError> {
    call(stage, CloudCall::RemoveSchedule(id)).await.map(drop)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            number: "26",
            what: "make a schedule",
            request: "POST /app/scheduler",
            shows: Shows::UserToken,
            client: "add_schedule",
            command: "schedules add --at --date --repeat --zone --retry-count --retry-task",
            runs: &[
                "schedules add bobs-pump power=on --at 07:30 --date tomorrow --repeat weekdays --zone Europe/Berlin --retry-count 3 --retry-task failed",
            ],
            status: 201,
            answer: &["id"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| try_plan(stage, |_| ()).await),
            check: step!(|stage| it_runs_and_is_tried_again(stage).await),
            refusals: vec![
                refused(
                    9015,
                    "61 retries",
                    step!(|stage| try_plan(stage, |plan| plan.retry_count = 61).await),
                ),
                refused(
                    9015,
                    "without a task",
                    step!(|stage| try_plan(stage, |plan| plan.tasks.clear()).await),
                ),
                refused(
                    9002,
                    "another product than the device's",
                    step!(|stage| {
                        let other = ProductKey::new("no-product").unwrap();
                        try_plan(stage, |plan| plan.tasks[0].product_key = other).await
                    }),
                ),
                refused(
                    9014,
                    "no such device",
                    step!(|stage| {
                        try_plan(stage, |plan| plan.tasks[0].did = did("no-such-device")).await
                    }),
                ),
                refused(
                    9017,
                    "somebody else's device",
                    step!(|stage| try_plan(stage, |plan| plan.tasks[0].did = did(FOREIGN)).await),
                ),
                refused(
                    9025,
                    "a read-only attribute",
                    step!(|stage| {
                        try_plan(stage, |plan| {
                            plan.tasks = vec![task(PUMP, json!({ "flow": 1 }))];
                        })
                        .await
                    }),
                ),
            ],
        },
        Row {
            number: "27",
            what: "list the schedules",
            request: "GET /app/scheduler",
            shows: Shows::UserToken,
            client: "schedules",
            command: "schedules list",
            runs: &["schedules list"],
            status: 200,
            answer: &[
                "0/id",
                "0/created_at",
                "0/date",
                "0/time",
                "0/repeat",
                "0/task/0/did",
                "0/task/0/product_key",
                "0/task/0/attrs",
                "0/retry_count",
                "0/retry_task",
            ],
            arrange: step!(|stage| add_one(stage).await),
            act: step!(|stage| schedules(stage, 20).await.map(drop)),
            check: step!(|stage| they_are_listed_as_they_were_added(stage).await),
            refusals: Vec::new(),
        },
        Row {
            number: "28",
            what: "remove a schedule",
            request: "DELETE /app/scheduler/{id}",
            shows: Shows::UserToken,
            client: "remove_schedule",
            command: "schedules remove",
            runs: &["schedules remove {id}"],
            status: 200,
            answer: &[],
            arrange: step!(|stage| add_one(stage).await),
            act: step!(|stage| remove(stage, noted(stage)).await),
            check: step!(|stage| {
                assert_eq!(schedules(stage, 20).await, Ok(Vec::new()));
                let err = remove(stage, noted(stage)).await.unwrap_err();
                assert_eq!(err.code, Some(9030), "it is gone");
            }),
            refusals: vec![refused(
                9030,
                "no such schedule",
                step!(|stage| remove(stage, unknown()).await),
            )],
        },
        Row {
            number: "29",
            what: "read the log of the last run",
            request: "GET /app/scheduler/{id}/logs",
            shows: Shows::UserToken,
            client: "schedule_log",
            command: "schedules logs",
            runs: &["schedules logs {id}"],
            status: 200,
            answer: &["datetime", "status", "detail"],
            arrange: step!(|stage| {
                add_one(stage).await;
                assert_eq!(log(stage, &noted(stage)).await, Ok(None), "not run yet");
                stage.wait(86_400).await;
            }),
            act: step!(|stage| log(stage, &noted(stage)).await.map(drop)),
            check: step!(|stage| {
                let run = log(stage, &noted(stage)).await.unwrap().unwrap();
                assert!(run.succeeded && run.delivered[&did(PUMP)]);
                assert_eq!(run.at.unwrap().to_string(), "2027-01-16T07:30:00");
            }),
            refusals: vec![refused(
                9030,
                "no such schedule",
                step!(|stage| log(stage, &unknown()).await.map(drop)),
            )],
        },
    ]
}

/// Half of a run fails, and is tried again a minute later: alone, or with the other half.
async fn it_runs_and_is_tried_again(stage: &mut Stage) {
    const FIRST: u64 = 42;
    const BY_HAND: u64 = 7;
    for (time, retry, at_last) in [
        // An hour after the stage was set, and an hour and a minute after that.
        ("09:00", Retry::Failed, BY_HAND),
        ("10:01", Retry::All, FIRST),
    ] {
        let mut plan = plan(PUMP, json!({ "speed": FIRST }));
        plan.tasks.push(task(OTHER_PUMP, json!({ "speed": FIRST })));
        plan.when.date = "2027-01-15".parse().unwrap();
        plan.when.time = time.parse().unwrap();
        (plan.retry_count, plan.retry) = (1, retry);
        let id = add(stage, plan).await.unwrap();
        change(stage, OTHER_PUMP, "online", json!({ "online": false })).await;
        stage.wait(3600).await;
        let run = log(stage, &id).await.unwrap().unwrap();
        assert!(!run.succeeded && run.delivered[&did(PUMP)] && !run.delivered[&did(OTHER_PUMP)]);
        assert_eq!(speed(stage, PUMP).await, FIRST);

        change(stage, PUMP, "attrs", json!({ "speed": BY_HAND })).await;
        change(stage, OTHER_PUMP, "online", json!({ "online": true })).await;
        stage.wait(60).await;
        let run = log(stage, &id).await.unwrap().unwrap();
        assert!(run.succeeded, "{run:?}");
        assert_eq!(speed(stage, OTHER_PUMP).await, FIRST);
        assert_eq!(speed(stage, PUMP).await, at_last, "{retry}");
    }
}

async fn change(stage: &Stage, id: &str, what: &str, to: Value) {
    let path = format!("devices/{id}/{what}");
    stage.control("POST", &path, to).await;
}

async fn speed(stage: &Stage, id: &str) -> u64 {
    let device = stage
        .control("GET", &format!("devices/{id}"), Value::Null)
        .await;
    device["attrs"]["speed"].as_u64().unwrap()
}

async fn they_are_listed_as_they_were_added(stage: &mut Stage) {
    let mut added = vec![plan(PUMP, json!({ "power": true }))];
    for (n, repeat) in ["mon", "sat,sun", "weekdays", "daily"].iter().enumerate() {
        let mut plan = plan(OTHER_PUMP, json!({ "speed": n, "mode": "boost" }));
        plan.tasks.push(task(PUMP, json!({ "words": "0001fe" })));
        plan.when.repeat = repeat.parse().unwrap();
        (plan.retry_count, plan.retry) = (60, Retry::Failed);
        add(stage, plan.clone()).await.unwrap();
        added.push(plan);
    }
    for limit in [1, 2, 5, 20] {
        let listed = schedules(stage, limit).await.unwrap();
        let plans: Vec<Plan> = listed.into_iter().map(|schedule| schedule.plan).collect();
        assert_eq!(plans, added, "pages of {limit}");
    }
}
