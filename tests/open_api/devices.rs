//! Rows 19 to 25: latest data, bindings, control.

use gizwits2mqtt::bridge::{CallError, CloudCall, Reply};
use gizwits2mqtt::ids::{AttrName, Did, Mac, ProductKey};
use gizwits2mqtt::model::binding::{Bind, BindByMac, Bound};
use gizwits2mqtt::model::{AttrValue, Attrs, Device};
use serde_json::{Value, json};

use super::row::{Row, Shows, refused, step};
use super::stage::{HERE, Stage, secret};

/// One of bob's, at hand.
pub(super) const PUMP: &str = "bobs-pump";
const OFFLINE: &str = "bobs-offline-pump";
const DISABLED: &str = "bobs-disabled-pump";
/// Somebody else's.
pub(super) const FOREIGN: &str = "amys-pump";
/// Nobody's, with this passcode and mac.
const FREE: &str = "free-pump";
const PASSCODE: &str = "FREEPUMPXX";
const MAC: &str = "020000000006";
const NOBODY: &str = "no-such-device";

pub(super) fn did(text: &str) -> Did {
    Did::new(text).unwrap()
}

pub(super) async fn come_as_bob(stage: &mut Stage) {
    stage.log_in("bob", "bobs-password").await;
}

async fn call(stage: &Stage, call: CloudCall) -> Result<Reply, CallError> {
    stage.api.perform(HERE, call, stage.now).await
}

/// All of the user's devices, as the pages of this length tell them.
pub(super) async fn devices(stage: &Stage, limit: u32) -> Result<Vec<Device>, CallError> {
    let mut all = Vec::new();
    loop {
        let skip = u32::try_from(all.len()).unwrap();
        let Reply::Bindings { devices, rows, .. } =
            call(stage, CloudCall::Bindings { skip, limit }).await?
        else {
            panic!("not the bindings");
        };
        all.extend(devices);
        if rows < limit {
            return Ok(all);
        }
    }
}

pub(super) async fn listed(stage: &Stage, id: &str) -> Option<Device> {
    let all = devices(stage, 100).await.unwrap();
    all.into_iter().find(|device| device.did == did(id))
}

/// The device's values, as the cloud tells them.
async fn values(stage: &Stage, id: &str) -> Value {
    let Ok(Reply::Latest { attrs, .. }) = call(stage, CloudCall::Latest { did: did(id) }).await
    else {
        panic!("no latest data of {id}");
    };
    attrs.into()
}

async fn latest(stage: &Stage, id: &str) -> Result<(), CallError> {
    call(stage, CloudCall::Latest { did: did(id) })
        .await
        .map(drop)
}

async fn bind_by_mac(
    stage: &Stage,
    product_key: &str,
    mac: &str,
    product_secret: &str,
) -> Result<(), CallError> {
    let device = BindByMac {
        product_key: ProductKey::new(product_key).unwrap(),
        mac: Mac::new(mac).unwrap(),
        product_secret: secret(product_secret),
        remark: "cellar".into(),
        alias: "Found by mac".into(),
    };
    let reply = call(stage, CloudCall::BindByMac(Box::new(device))).await?;
    let did = Some(did(FREE));
    assert_eq!(reply, Reply::BoundByMac { did });
    Ok(())
}

async fn bind(stage: &Stage, devices: &[(&str, &str)]) -> Result<Bound, CallError> {
    let row = |(id, passcode): &(&str, &str)| Bind {
        did: did(id),
        passcode: secret(passcode),
        remark: String::new(),
        alias: "Found by did".into(),
    };
    let call = call(stage, CloudCall::Bind(devices.iter().map(row).collect()));
    let Reply::Bound(bound) = call.await? else {
        panic!("not what was bound");
    };
    Ok(bound)
}

async fn unbind(stage: &Stage, ids: &[&str]) -> Result<Bound, CallError> {
    let dids = ids.iter().map(|id| did(id)).collect();
    let Reply::Bound(bound) = call(stage, CloudCall::Unbind(dids)).await? else {
        panic!("not what was unbound");
    };
    Ok(bound)
}

fn bound(success: &[&str], failed: &[&str]) -> Bound {
    let dids = |ids: &[&str]| ids.iter().map(|id| did(id)).collect();
    Bound {
        success: dids(success),
        failed: dids(failed),
    }
}

async fn control(stage: &Stage, id: &str, name: &str, value: AttrValue) -> Result<(), CallError> {
    let attrs = Attrs::from_iter([(AttrName::new(name).unwrap(), value)]);
    call(
        stage,
        CloudCall::Control {
            did: did(id),
            attrs,
        },
    )
    .await
    .map(drop)
}

async fn power(stage: &Stage, id: &str) -> Result<(), CallError> {
    control(stage, id, "power", AttrValue::Bool(true)).await
}

async fn raw(stage: &Stage, id: &str) -> Result<(), CallError> {
    let bytes = vec![1, 2, 255];
    let call = call(
        stage,
        CloudCall::Raw {
            did: did(id),
            bytes,
        },
    );
    call.await.map(drop)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![latest_data()];
    rows.extend(bindings());
    rows.extend(controls());
    rows
}

fn latest_data() -> Row {
    Row {
        number: "19",
        what: "get the latest data",
        request: "GET /app/devdata/{did}/latest",
        shows: Shows::App,
        client: "latest",
        command: "get",
        runs: &["get bobs-pump"],
        status: 200,
        answer: &["did", "updated_at", "attr/power"],
        arrange: step!(|stage| come_as_bob(stage).await),
        act: step!(|stage| latest(stage, PUMP).await),
        check: step!(|stage| {
            let call = call(stage, CloudCall::Latest { did: did(OFFLINE) });
            let never = Reply::Latest {
                updated_at: 0,
                attrs: serde_json::Map::new(),
            };
            assert_eq!(call.await, Ok(never), "it has never reported");
        }),
        refusals: vec![refused(
            9014,
            "no such device",
            step!(|stage| latest(stage, NOBODY).await),
        )],
    }
}

fn bindings() -> [Row; 4] {
    [
        Row {
            number: "20",
            what: "bind a device by mac",
            request: "POST /app/bind_mac",
            shows: Shows::UserToken,
            client: "bind_by_mac",
            command: "devices bind-mac --product-key --mac --product-secret-file",
            runs: &[
                "devices bind-mac --product-key pump-product --mac 020000000006 --product-secret-file product-secret",
            ],
            status: 201,
            answer: &["did", "mac"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| bind_by_mac(stage, "pump-product", MAC, "pump-secret").await),
            check: step!(|stage| {
                assert_eq!(listed(stage, FREE).await.unwrap().alias, "Found by mac");
                // A clock that is hours off is no hindrance: the answers so far told the cloud's.
                stage.now -= 4 * 3600;
                latest(stage, PUMP).await.unwrap();
                bind_by_mac(stage, "pump-product", MAC, "pump-secret")
                    .await
                    .unwrap();
            }),
            refusals: vec![
                refused(
                    9002,
                    "no such product",
                    step!(|stage| bind_by_mac(stage, "no-product", MAC, "pump-secret").await),
                ),
                refused(
                    9014,
                    "no such mac",
                    step!(|stage| {
                        bind_by_mac(stage, "pump-product", "ffffffffffff", "pump-secret").await
                    }),
                ),
                refused(
                    9023,
                    "the device is disabled",
                    step!(|stage| {
                        bind_by_mac(stage, "pump-product", "020000000004", "pump-secret").await
                    }),
                ),
                refused(
                    9043,
                    "the clock is hours off, and the cloud does not tell its own",
                    step!(|stage| {
                        stage.tap.hide_dates();
                        stage.now += 6 * 3600;
                        bind_by_mac(stage, "pump-product", MAC, "pump-secret").await
                    }),
                ),
                refused(
                    9044,
                    "another product's secret",
                    step!(|stage| bind_by_mac(stage, "pump-product", MAC, "secret").await),
                ),
            ],
        },
        Row {
            number: "21",
            what: "list the bindings",
            request: "GET /app/bindings",
            shows: Shows::UserToken,
            client: "bindings",
            command: "devices list",
            runs: &["devices list"],
            status: 200,
            answer: &[
                "devices/0/product_key",
                "devices/0/did",
                "devices/0/mac",
                "devices/0/is_online",
                "devices/0/passcode",
                "devices/0/host",
                "devices/0/port",
                "devices/0/remark",
                "devices/0/is_disabled",
                "devices/0/type",
                "devices/0/dev_alias",
            ],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| devices(stage, 100).await.map(drop)),
            check: step!(|stage| {
                let all = devices(stage, 100).await.unwrap();
                let ids: Vec<&str> = all.iter().map(|device| device.did.as_str()).collect();
                assert_eq!(ids, [PUMP, "bobs-other-pump", OFFLINE, DISABLED]);
                assert!(all[3].is_disabled && !all[2].is_online);
                for limit in 1..=4 {
                    assert_eq!(
                        devices(stage, limit).await.unwrap(),
                        all,
                        "pages of {limit}"
                    );
                }
            }),
            refusals: Vec::new(),
        },
        Row {
            number: "22",
            what: "bind devices by did and passcode",
            request: "POST /app/bindings",
            shows: Shows::UserToken,
            client: "bind",
            command: "devices bind --did --passcode-file",
            runs: &["devices bind --did free-pump --passcode-file passcode"],
            status: 200,
            answer: &["success/0", "failed"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| {
                let done = bind(stage, &[(FREE, PASSCODE)]).await?;
                assert_eq!(done, bound(&[FREE], &[]));
                Ok(())
            }),
            check: step!(|stage| {
                assert_eq!(listed(stage, FREE).await.unwrap().alias, "Found by did");
                let wanted = [(FOREIGN, "WRONG"), (FREE, PASSCODE), (NOBODY, "X")];
                let done = bind(stage, &wanted).await.unwrap();
                assert_eq!(done, bound(&[FREE], &[FOREIGN, NOBODY]), "each for itself");
            }),
            refusals: vec![
                refused(
                    9016,
                    "without a passcode",
                    step!(|stage| bind(stage, &[(FREE, "")]).await.map(drop)),
                ),
                refused(
                    9015,
                    "without a device",
                    step!(|stage| bind(stage, &[]).await.map(drop)),
                ),
            ],
        },
        Row {
            number: "23",
            what: "unbind devices",
            request: "DELETE /app/bindings",
            shows: Shows::UserToken,
            client: "unbind",
            command: "devices unbind",
            runs: &["devices unbind bobs-pump"],
            status: 200,
            answer: &["success/0", "failed"],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| {
                let done = unbind(stage, &[PUMP]).await?;
                assert_eq!(done, bound(&[PUMP], &[]));
                Ok(())
            }),
            check: step!(|stage| {
                assert_eq!(listed(stage, PUMP).await, None);
                let err = power(stage, PUMP).await.unwrap_err();
                assert_eq!(err.code, Some(9017), "it is not bob's any more");
                let done = unbind(stage, &[PUMP, OFFLINE, FOREIGN]).await.unwrap();
                assert_eq!(done, bound(&[OFFLINE], &[PUMP, FOREIGN]), "each for itself");
            }),
            refusals: vec![refused(
                9015,
                "without a device",
                step!(|stage| unbind(stage, &[]).await.map(drop)),
            )],
        },
    ]
}

fn controls() -> [Row; 2] {
    [
        Row {
            number: "24",
            what: "set attributes",
            request: "POST /app/control/{did}",
            shows: Shows::UserToken,
            client: "control",
            command: "set",
            runs: &["set bobs-pump power=on speed=55"],
            status: 200,
            answer: &[],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| power(stage, PUMP).await),
            check: step!(|stage| {
                let text = |text: &str| AttrValue::Text(text.into());
                control(stage, PUMP, "mode", text("boost")).await.unwrap();
                control(stage, PUMP, "speed", AttrValue::Number(55.0))
                    .await
                    .unwrap();
                let bytes = AttrValue::Binary(vec![0, 1, 0xfe].into());
                control(stage, PUMP, "words", bytes).await.unwrap();
                let wanted = json!({ "power": 1, "mode": "boost", "speed": 55, "words": "0001fe", "flow": 3.5 });
                assert_eq!(values(stage, PUMP).await, wanted);
            }),
            refusals: vec![
                refused(
                    9014,
                    "no such device",
                    step!(|stage| power(stage, NOBODY).await),
                ),
                refused(
                    9017,
                    "somebody else's device",
                    step!(|stage| power(stage, FOREIGN).await),
                ),
                refused(
                    9023,
                    "the device is disabled",
                    step!(|stage| power(stage, DISABLED).await),
                ),
                refused(
                    9042,
                    "the device is offline",
                    step!(|stage| power(stage, OFFLINE).await),
                ),
                refused(
                    9025,
                    "read-only",
                    step!(|stage| control(stage, PUMP, "flow", AttrValue::Number(1.0)).await),
                ),
                refused(
                    9025,
                    "unknown",
                    step!(|stage| control(stage, PUMP, "colour", AttrValue::Bool(true)).await),
                ),
                refused(
                    9025,
                    "another type",
                    step!(|stage| {
                        control(stage, PUMP, "speed", AttrValue::Text("fast".into())).await
                    }),
                ),
                refused(
                    9025,
                    "out of range",
                    step!(|stage| control(stage, PUMP, "speed", AttrValue::Number(101.0)).await),
                ),
                refused(
                    9025,
                    "not in the enumeration",
                    step!(|stage| {
                        control(stage, PUMP, "mode", AttrValue::Text("turbo".into())).await
                    }),
                ),
                refused(
                    9025,
                    "a binary of another length",
                    step!(|stage| {
                        control(stage, PUMP, "words", AttrValue::Binary(vec![1, 2].into())).await
                    }),
                ),
            ],
        },
        Row {
            number: "25",
            what: "send raw bytes",
            request: "POST /app/control/{did}",
            shows: Shows::UserToken,
            client: "control_raw",
            command: "raw",
            runs: &["raw bobs-pump 0102ff"],
            status: 200,
            answer: &[],
            arrange: step!(|stage| come_as_bob(stage).await),
            act: step!(|stage| raw(stage, PUMP).await),
            check: step!(|stage| {
                let requests = stage.control("GET", "requests", Value::Null).await;
                let last = requests.as_array().unwrap().last().unwrap();
                assert_eq!(last["body"], json!({ "raw": [1, 2, 255] }));
            }),
            refusals: vec![
                refused(
                    9014,
                    "no such device",
                    step!(|stage| raw(stage, NOBODY).await),
                ),
                refused(
                    9017,
                    "somebody else's device",
                    step!(|stage| raw(stage, FOREIGN).await),
                ),
                refused(
                    9042,
                    "the device is offline",
                    step!(|stage| raw(stage, OFFLINE).await),
                ),
            ],
        },
    ]
}
