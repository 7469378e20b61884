//! The scheduler.

use gizwits2mqtt::bridge::{CloudCall, Reply};
use gizwits2mqtt::ids::{Did, ProductKey, ScheduleId};
use gizwits2mqtt::model::schedule::{Plan, Retry, Task};
use gizwits2mqtt::model::when::When;
use serde_json::json;

use super::{HERE, NOW, Wire};

fn id() -> ScheduleId {
    ScheduleId::new("adkle").unwrap()
}

async fn perform(wire: &Wire, call: CloudCall) -> Reply {
    wire.api.perform(HERE, call, NOW).await.unwrap()
}

fn plan() -> Plan {
    let task = |did: &str| Task {
        did: Did::new(did).unwrap(),
        product_key: ProductKey::new("xxx").unwrap(),
        attrs: serde_json::Map::from_iter([("attr1".to_owned(), json!(1))]),
    };
    Plan {
        when: When {
            date: "2015-01-01".parse().unwrap(),
            time: "12:00".parse().unwrap(),
            repeat: "none".parse().unwrap(),
        },
        tasks: vec![task("did1"), task("did2")],
        retry_count: 3,
        retry: Retry::All,
    }
}

#[tokio::test]
async fn a_schedule_is_added_with_all_that_the_document_names() {
    for (repeat, retry, retry_count, wanted) in [
        (
            "none",
            Retry::All,
            3,
            r#""none","retry_count":3,"retry_task":"all""#,
        ),
        (
            "sun,fri,mon",
            Retry::Failed,
            60,
            r#""mon,fri,sun","retry_count":60,"retry_task":"failed""#,
        ),
    ] {
        let wire = Wire::up().await;
        let mut plan = plan();
        plan.when.repeat = repeat.parse().unwrap();
        (plan.retry, plan.retry_count) = (retry, retry_count);
        wire.will_say("201 Created", r#"{"id": "adkle"}"#);
        let reply = perform(&wire, CloudCall::AddSchedule(Box::new(plan))).await;
        assert_eq!(reply, Reply::ScheduleAdded { id: id() });
        let tasks = concat!(
            r#"[{"attrs":{"attr1":1},"did":"did1","product_key":"xxx"},"#,
            r#"{"attrs":{"attr1":1},"did":"did2","product_key":"xxx"}]"#
        );
        wire.sent(&format!(
            "POST /app/scheduler\n\
             content-type: application/json\n\
             x-gizwits-application-id: abc\n\
             x-gizwits-user-token: user-token\n\
             {{\"date\":\"2015-01-01\",\"repeat\":{wanted},\"task\":{tasks},\"time\":\"12:00\"}}"
        ));
    }
}

#[tokio::test]
async fn schedules_are_listed_by_pages_as_a_bare_list() {
    let wire = Wire::up().await;
    // The documented answer.
    wire.will_say(
        "200 OK",
        r#"[{"id": "adkle", "created_at": "2015-01-01T12:00:00", "date": "2015-01-01", "time": "12:00",
            "repeat": "none", "retry_count": 3, "retry_task": "all", "task": [
              {"did": "did1", "product_key": "xxx", "attrs": {"attr1": 1}},
              {"did": "did2", "product_key": "xxx", "attrs": {"attr1": 1}}]}]"#,
    );
    let call = CloudCall::Schedules {
        skip: 20,
        limit: 20,
    };
    let Reply::Schedules {
        schedules, rows, ..
    } = perform(&wire, call).await
    else {
        panic!("not the schedules");
    };
    assert_eq!(
        (rows, &schedules[0].id, &schedules[0].plan),
        (1, &id(), &plan())
    );
    wire.sent(
        "GET /app/scheduler?limit=20&skip=20\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}

#[tokio::test]
async fn a_schedule_is_removed_by_its_id() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", "");
    assert_eq!(
        perform(&wire, CloudCall::RemoveSchedule(id())).await,
        Reply::Done
    );
    wire.sent(
        "DELETE /app/scheduler/adkle\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}

#[tokio::test]
async fn the_log_is_that_of_the_last_run() {
    let wire = Wire::up().await;
    wire.will_say(
        "200 OK",
        r#"{"datetime": "2015-01-02T12:00:00", "status": "failed", "detail": {"did1": true, "did2": false}}"#,
    );
    let Reply::ScheduleLog(Some(run)) = perform(&wire, CloudCall::ScheduleLog(id())).await else {
        panic!("not the log");
    };
    assert_eq!(run.at.unwrap().to_string(), "2015-01-02T12:00:00");
    assert_eq!(
        run.delivered.values().copied().collect::<Vec<_>>(),
        [true, false]
    );
    wire.sent(
        "GET /app/scheduler/adkle/logs\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}
