//! Calls that the document does not have, and real clients use. A cloud may do without them.

use gizwits2mqtt::bridge::{CallError, CloudCall, Reply};
use gizwits2mqtt::gizwits::devices::RawLog;
use gizwits2mqtt::ids::ProductKey;

use super::devices::{FOREIGN, PUMP, come_as_bob, did, listed};
use super::row::{Row, Shows, nothing, refused, step};
use super::stage::{HERE, Stage};
use super::verification;

const DAY: i64 = 86_400;
/// How a cloud says that it does not have a call, or not for this application.
pub(super) const NOT_OFFERED: [u16; 2] = [9039, 9045];

async fn profile(stage: &Stage) -> Result<(), CallError> {
    let profile = stage.api.profile(HERE, stage.now).await?;
    assert_eq!(profile["username"], "bob");
    Ok(())
}

async fn device(stage: &Stage, id: &str) -> Result<(), CallError> {
    let device = stage.api.device(HERE, &did(id), stage.now).await?;
    assert_eq!(device["did"], id);
    assert_eq!(device.get("passcode"), None, "it opens the device");
    Ok(())
}

async fn rename(stage: &Stage, id: &str, alias: Option<&str>) -> Result<(), CallError> {
    stage
        .api
        .rename(HERE, &did(id), alias, Some("cellar"), stage.now)
        .await
}

async fn raw_log(
    stage: &Stage,
    id: &str,
    kind: &'static str,
    from: i64,
) -> Result<usize, CallError> {
    let what = RawLog {
        kind,
        from,
        to: stage.now,
        limit: 20,
    };
    let entries = stage.api.raw_log(HERE, &did(id), what, stage.now).await?;
    Ok(entries.len())
}

async fn schema(stage: &Stage, product_key: &str) -> Result<(), CallError> {
    let product_key = ProductKey::new(product_key).unwrap();
    let call = CloudCall::Schema { product_key };
    let Reply::Schema { schema, .. } = stage.api.perform(HERE, call, stage.now).await? else {
        panic!("not a schema");
    };
    assert_eq!(schema.datapoints().len(), 5);
    Ok(())
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![verification::picture()];
    rows.extend(of_users());
    rows.extend(of_devices());
    rows.extend(of_the_cloud());
    rows
}

fn of_users() -> [Row; 2] {
    [
        Row {
            number: "+2",
            what: "get the profile",
            request: "GET /app/users",
            shows: Shows::UserToken,
            client: "profile",
            command: "account profile",
            runs: &["account profile"],
            status: 200,
            answer: &["uid", "username", "email", "phone", "is_anonymous"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| profile(stage).await),
            check: nothing,
            refusals: Vec::new(),
        },
        Row {
            number: "+3",
            what: "log out",
            request: "DELETE /app/logout",
            shows: Shows::UserToken,
            client: "log_out",
            command: "account logout",
            runs: &["account login", "account logout"],
            status: 204,
            answer: &[],
            arrange: step!(|stage| {
                come_as_bob(stage).await;
                let session = stage.api.session(HERE).unwrap();
                stage.note("token", session.token.expose());
            }),
            act: step!(|stage| stage.api.log_out(HERE, stage.now).await),
            check: step!(|stage| {
                assert_eq!(stage.api.session(HERE), None);
                stage.show_token(stage.noted("token"));
                let err = profile(stage).await.unwrap_err();
                assert_eq!(err.code, Some(9004), "the token is void");
            }),
            refusals: Vec::new(),
        },
    ]
}

fn of_devices() -> [Row; 4] {
    [
        Row {
            number: "+4",
            what: "get one device",
            request: "GET /app/devices/{did}",
            shows: Shows::UserToken,
            client: "device",
            command: "devices show",
            runs: &["devices show bobs-pump"],
            status: 200,
            answer: &["did", "mac", "product_key", "is_online", "proto_ver"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| device(stage, PUMP).await),
            check: nothing,
            refusals: vec![
                refused(
                    9014,
                    "no such device",
                    step!(|stage| device(stage, "no-such-device").await),
                ),
                refused(
                    9017,
                    "somebody else's device",
                    step!(|stage| device(stage, FOREIGN).await),
                ),
            ],
        },
        Row {
            number: "+5",
            what: "rename a device",
            request: "PUT /app/bindings/{did}",
            shows: Shows::UserToken,
            client: "rename",
            command: "devices rename --alias --remark",
            runs: &["devices rename bobs-pump --alias Pool --remark cellar"],
            status: 200,
            answer: &["dev_alias", "remark"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| rename(stage, PUMP, Some("Pool & Spa")).await),
            check: step!(|stage| {
                assert_eq!(listed(stage, PUMP).await.unwrap().alias, "Pool & Spa");
                rename(stage, PUMP, None).await.unwrap();
                let alias = listed(stage, PUMP).await.unwrap().alias;
                assert_eq!(alias, "Pool & Spa", "what is not given stays");
                rename(stage, PUMP, Some("")).await.unwrap();
                assert_eq!(listed(stage, PUMP).await.unwrap().alias, "");
            }),
            refusals: vec![refused(
                9017,
                "somebody else's device",
                step!(|stage| rename(stage, FOREIGN, Some("Mine")).await),
            )],
        },
        Row {
            number: "+6",
            what: "read a device's raw log",
            request: "GET /app/devices/{did}/raw_data",
            shows: Shows::UserToken,
            client: "raw_log",
            command: "devices log --online",
            runs: &["devices log bobs-pump --online"],
            status: 200,
            answer: &["objects/0"],
            arrange: step!(|stage| {
                come_as_bob(stage).await;
                let offline = serde_json::json!({ "online": false });
                let path = format!("devices/{PUMP}/online");
                stage.control("POST", &path, offline).await;
                stage.wait(1).await;
            }),
            act: step!(|stage| {
                let entries = raw_log(stage, PUMP, "online", stage.now - 60).await?;
                assert_eq!(entries, 1, "it went offline");
                Ok(())
            }),
            check: step!(|stage| {
                let entries = raw_log(stage, PUMP, "cmd", stage.now - 60).await;
                assert_eq!(entries, Ok(0), "nobody commanded it");
            }),
            refusals: vec![
                refused(
                    9017,
                    "somebody else's device",
                    step!(|stage| {
                        raw_log(stage, FOREIGN, "cmd", stage.now - 60)
                            .await
                            .map(drop)
                    }),
                ),
                refused(
                    9015,
                    "more than two days at once",
                    step!(|stage| {
                        raw_log(stage, PUMP, "cmd", stage.now - 3 * DAY)
                            .await
                            .map(drop)
                    }),
                ),
            ],
        },
        Row {
            number: "+7",
            what: "get a product's datapoints",
            request: "GET /app/datapoint",
            shows: Shows::App,
            client: "datapoints",
            command: "schema",
            runs: &["schema pump-product"],
            status: 200,
            answer: &["name", "product_key", "entities/0/attrs"],
            arrange: nothing,
            act: step!(|stage| schema(stage, "pump-product").await),
            check: nothing,
            refusals: vec![refused(
                9002,
                "no such product",
                step!(|stage| schema(stage, "no-product").await),
            )],
        },
    ]
}

fn of_the_cloud() -> [Row; 2] {
    [
        Row {
            number: "+8",
            what: "get the live error table",
            request: "GET /errors",
            shows: Shows::App,
            client: "live_errors",
            command: "errors --live",
            runs: &["errors --live"],
            status: 200,
            answer: &["0/error_code", "0/status", "0/error_message"],
            arrange: nothing,
            act: step!(|stage| {
                let rows = stage.api.live_errors(HERE, stage.now).await?;
                assert_eq!(rows.len(), super::codes::TABLE.len());
                Ok(())
            }),
            check: nothing,
            refusals: Vec::new(),
        },
        Row {
            number: "+9",
            what: "get the cloud's version",
            request: "GET /status",
            shows: Shows::App,
            client: "api_version",
            command: "errors --live",
            runs: &["errors --live"],
            status: 200,
            answer: &["status/version"],
            arrange: nothing,
            act: step!(|stage| {
                let version = stage.api.api_version(HERE, stage.now).await?;
                assert!(version.starts_with('2'), "{version}");
                Ok(())
            }),
            check: nothing,
            refusals: Vec::new(),
        },
    ]
}
