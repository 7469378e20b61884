//! Bindings, latest data, control; one device, its name, its log and its schema beyond the document.

use gizwits2mqtt::bridge::{CloudCall, Reply};
use gizwits2mqtt::gizwits::devices::RawLog;
use gizwits2mqtt::ids::{AttrName, Did, ProductKey};
use gizwits2mqtt::model::binding::{Bind, Bound};
use gizwits2mqtt::model::{AttrValue, Attrs};

use super::{HERE, NOW, Wire, secret};

const DID: &str = "gdGn7PzAYf4VrhnVag5x8D";

fn did(text: &str) -> Did {
    Did::new(text).unwrap()
}

/// Makes one of the core's calls.
async fn perform(wire: &Wire, call: CloudCall) -> Reply {
    wire.api.perform(HERE, call, NOW).await.unwrap()
}

#[tokio::test]
async fn bindings_are_asked_for_by_pages_disabled_ones_too() {
    let wire = Wire::up().await;
    // The documented answer.
    wire.will_say(
        "200 OK",
        r#"{"devices": [{"product_key": "akdlfkad", "did": "abcada", "mac": "1122334455667788",
            "is_online": false, "passcode": "123456", "host": "m2m.gizwits.com", "port": 3128, "remark": "",
            "is_disabled": false, "type": "normal", "dev_alias": "dev1"}]}"#,
    );
    let Reply::Bindings { devices, rows, .. } = perform(
        &wire,
        CloudCall::Bindings {
            skip: 40,
            limit: 20,
        },
    )
    .await
    else {
        panic!("not the bindings");
    };
    assert_eq!((rows, devices[0].alias.as_str()), (1, "dev1"));
    wire.sent(
        "GET /app/bindings?show_disabled=1&limit=20&skip=40\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}

#[tokio::test]
async fn devices_are_bound_by_passcode_and_each_is_answered_for() {
    let wire = Wire::up().await;
    let bind = |id: &str, remark: &str, alias: &str| Bind {
        did: did(id),
        passcode: secret("gokit"),
        remark: remark.into(),
        alias: alias.into(),
    };
    wire.will_say("200 OK", r#"{"success": ["abc"], "failed": ["adad"]}"#);
    let call = CloudCall::Bind(vec![bind("abc", "", "my_dev"), bind("adad", "cellar", "")]);
    let expected = Bound {
        success: vec![did("abc")],
        failed: vec![did("adad")],
    };
    assert_eq!(perform(&wire, call).await, Reply::Bound(expected));
    wire.sent(concat!(
        "POST /app/bindings\n",
        "content-type: application/json\n",
        "x-gizwits-application-id: abc\n",
        "x-gizwits-user-token: user-token\n",
        r#"{"devices":["#,
        r#"{"dev_alias":"my_dev","did":"abc","passcode":"gokit","remark":""},"#,
        r#"{"dev_alias":"","did":"adad","passcode":"gokit","remark":"cellar"}]}"#
    ));
}

#[tokio::test]
async fn devices_are_unbound_by_a_delete_with_a_body() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", r#"{"success": ["abc", "add"], "failed": []}"#);
    let call = CloudCall::Unbind(vec![did("abc"), did("add")]);
    let expected = Bound {
        success: vec![did("abc"), did("add")],
        failed: Vec::new(),
    };
    assert_eq!(perform(&wire, call).await, Reply::Bound(expected));
    wire.sent(
        "DELETE /app/bindings\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token\n\
         {\"devices\":[{\"did\":\"abc\"},{\"did\":\"add\"}]}",
    );
}

#[tokio::test]
async fn latest_data_are_asked_for_by_did() {
    let wire = Wire::up().await;
    wire.will_say(
        "200 OK",
        r#"{"did": "gdGn7PzAYf4VrhnVag5x8D", "updated_at": 148293984328, "attr": {"temp": 10, "humi": 20}}"#,
    );
    let Reply::Latest { updated_at, attrs } =
        perform(&wire, CloudCall::Latest { did: did(DID) }).await
    else {
        panic!("not the latest data");
    };
    // The documented sample is in milliseconds.
    assert_eq!((updated_at, attrs.len()), (148_293_984, 2));
    // The application id is enough by the document; every client sends its token, too.
    wire.sent(
        "GET /app/devdata/gdGn7PzAYf4VrhnVag5x8D/latest\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}

#[tokio::test]
async fn values_are_spelled_as_their_types_want() {
    let wire = Wire::up().await;
    let name = |text: &str| AttrName::new(text).unwrap();
    let attrs = Attrs::from_iter([
        (name("temp"), AttrValue::Number(10.0)),
        (name("ph"), AttrValue::Number(7.32)),
        (name("on"), AttrValue::Bool(true)),
        (name("mode"), AttrValue::Text("制冷".into())),
        (
            name("words"),
            AttrValue::Binary(b"hello world!".to_vec().into()),
        ),
    ]);
    wire.will_say("200 OK", "{}");
    let call = CloudCall::Control {
        did: did(DID),
        attrs,
    };
    assert_eq!(perform(&wire, call).await, Reply::Done);
    wire.sent(concat!(
        "POST /app/control/gdGn7PzAYf4VrhnVag5x8D\n",
        "content-type: application/json\n",
        "x-gizwits-application-id: abc\n",
        "x-gizwits-user-token: user-token\n",
        r#"{"attrs":{"mode":"制冷","on":true,"ph":7.32,"temp":10,"words":"68656c6c6f20776f726c6421"}}"#
    ));
}

#[tokio::test]
async fn a_raw_command_is_a_list_of_bytes() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", "{}");
    let call = CloudCall::Raw {
        did: did(DID),
        bytes: vec![0, 1, 2, 255],
    };
    assert_eq!(perform(&wire, call).await, Reply::Done);
    wire.sent(
        "POST /app/control/gdGn7PzAYf4VrhnVag5x8D\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token\n\
         {\"raw\":[0,1,2,255]}",
    );
}

#[tokio::test]
async fn an_id_cannot_become_another_path() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", "{}");
    let call = CloudCall::Raw {
        did: did("a/../b?c#d e"),
        bytes: vec![1],
    };
    perform(&wire, call).await;
    let requests = wire.listener.requests();
    assert!(
        requests[0].starts_with("POST /app/control/a%2F..%2Fb%3Fc%23d%20e\n"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_schema_is_asked_for_with_the_application_id_alone() {
    let wire = Wire::up().await;
    wire.will_say(
        "200 OK",
        r#"{"name": "gokit", "entities": [{"attrs": [{"id": 0, "name": "on", "type": "status_writable",
            "data_type": "bool", "position": {"byte_offset": 0, "bit_offset": 0, "len": 1, "unit": "bit"}}]}]}"#,
    );
    let product_key = ProductKey::new("akdlfkad").unwrap();
    let reply = perform(&wire, CloudCall::Schema { product_key }).await;
    assert!(matches!(reply, Reply::Schema { .. }), "{reply:?}");
    wire.sent(
        "GET /app/datapoint?product_key=akdlfkad\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc",
    );
}

#[tokio::test]
async fn one_device_is_shown_without_its_passcode() {
    let wire = Wire::up().await;
    wire.will_say("200 OK", r#"{"did": "abc", "passcode": "SECRETCODE"}"#);
    let device = wire.api.device(HERE, &did("abc"), NOW).await.unwrap();
    assert_eq!(device.to_string(), r#"{"did":"abc"}"#);
    wire.sent(
        "GET /app/devices/abc\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-user-token: user-token",
    );
}

#[tokio::test]
async fn only_what_is_given_of_a_name_is_changed() {
    for (alias, remark, body) in [
        (Some("Pool"), None, r#"{"dev_alias":"Pool"}"#),
        (None, Some("cellar"), r#"{"remark":"cellar"}"#),
        (Some(""), Some(""), r#"{"dev_alias":"","remark":""}"#),
    ] {
        let wire = Wire::up().await;
        wire.will_say("200 OK", "");
        wire.api
            .rename(HERE, &did("abc"), alias, remark, NOW)
            .await
            .unwrap();
        wire.sent(&format!(
            "PUT /app/bindings/abc\n\
             content-type: application/json\n\
             x-gizwits-application-id: abc\n\
             x-gizwits-user-token: user-token\n\
             {body}"
        ));
    }
}

#[tokio::test]
async fn a_raw_log_is_asked_for_newest_first() {
    // The documented list, and the two wrappings that were seen.
    for answer in [
        r#"[{"type": "dev_online"}]"#,
        r#"{"objects": [{"type": "dev_online"}]}"#,
        r#"{"objects": {"hits": {"objects": [{"type": "dev_online"}]}}}"#,
    ] {
        let wire = Wire::up().await;
        wire.will_say("200 OK", answer);
        let what = RawLog {
            kind: "online",
            from: NOW - 3600,
            to: NOW,
            limit: 50,
        };
        let entries = wire
            .api
            .raw_log(HERE, &did("abc"), what, NOW)
            .await
            .unwrap();
        assert_eq!(entries[0]["type"], "dev_online", "{answer}");
        wire.sent(
            "GET /app/devices/abc/raw_data?type=online&start_time=1499996400&end_time=1500000000&limit=50&sort=desc\n\
             content-type: application/json\n\
             x-gizwits-application-id: abc\n\
             x-gizwits-user-token: user-token",
        );
    }
}
