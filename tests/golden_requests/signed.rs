//! Binding by mac: the signature, and the cloud's clock that it is made with.

use gizwits2mqtt::bridge::{CloudCall, Reply};
use gizwits2mqtt::ids::{Did, Mac, ProductKey};
use gizwits2mqtt::model::binding::BindByMac;

use super::{HERE, NOW, Wire, secret};

const TIMESTAMP_INVALID: &str = r#"{"error_message": "X-Gizwits-Timestamp invalid!", "error_code": 9043, "detail_message": null}"#;

fn call() -> CloudCall {
    CloudCall::BindByMac(Box::new(BindByMac {
        product_key: ProductKey::new("xxx").unwrap(),
        mac: Mac::new("1122334455667788").unwrap(),
        product_secret: secret("secret"),
        remark: "cellar".into(),
        alias: "Pool".into(),
    }))
}

fn golden(timestamp: &str, signature: &str) -> String {
    format!(
        "POST /app/bind_mac\n\
         content-type: application/json\n\
         x-gizwits-application-id: abc\n\
         x-gizwits-signature: {signature}\n\
         x-gizwits-timestamp: {timestamp}\n\
         x-gizwits-user-token: user-token\n\
         {{\"dev_alias\":\"Pool\",\"mac\":\"1122334455667788\",\"product_key\":\"xxx\",\"remark\":\"cellar\"}}"
    )
}

/// md5("secret1500000000")
fn of_now() -> String {
    golden("1500000000", "f11d866d217542a56146d3ae04786141")
}

/// md5("secret1500010800"): three hours later.
fn of_three_hours_later() -> String {
    golden("1500010800", "f4e01326fcc648c30fbd689ac7ebac96")
}

#[tokio::test]
async fn it_is_signed_with_the_md5_of_product_secret_and_time() {
    // Nothing by the document, the binding in newer ones.
    for (answer, did) in [("", None), (r#"{"did": "abc"}"#, Some("abc"))] {
        let wire = Wire::up().await;
        wire.will_say("201 Created", answer);
        let reply = wire.api.perform(HERE, call(), NOW).await;
        let did = did.map(|did| Did::new(did).unwrap());
        assert_eq!(reply, Ok(Reply::BoundByMac { did }));
        wire.sent(&of_now());
    }
}

#[tokio::test]
async fn the_clock_of_any_answer_dates_the_next_signature() {
    for (date, golden) in [
        ("Fri, 14 Jul 2017 05:40:00 GMT", of_three_hours_later()),
        // md5("secret1499985600"): four hours earlier.
        (
            "Thu, 13 Jul 2017 22:40:00 GMT",
            golden("1499985600", "6a5bea97be21c047c5262bb3318aeaf1"),
        ),
        ("Fri, 14 Jul 2017 02:40:00 GMT", of_now()),
        ("yesterday", of_now()),
    ] {
        let wire = Wire::up().await;
        wire.will_say(&format!("200 OK\nDate: {date}"), r#"{"devices": []}"#);
        let bindings = CloudCall::Bindings { skip: 0, limit: 20 };
        wire.api.perform(HERE, bindings, NOW).await.unwrap();
        wire.listener.requests();
        wire.will_say("201 Created", "");
        wire.api.perform(HERE, call(), NOW).await.unwrap();
        wire.sent(&golden);
    }
}

#[tokio::test]
async fn a_refusal_for_the_time_teaches_the_time_and_is_signed_anew_once() {
    let wire = Wire::up().await;
    let head = "400 Bad Request\nDate: Fri, 14 Jul 2017 05:40:00 GMT";
    wire.will_say(head, TIMESTAMP_INVALID);
    wire.will_say("201 Created", "");
    let reply = wire.api.perform(HERE, call(), NOW).await;
    assert_eq!(reply, Ok(Reply::BoundByMac { did: None }));
    wire.sent(&format!("{}\n\n{}", of_now(), of_three_hours_later()));

    // Where the time was right by its own clock, or that clock is not told, the same would be refused.
    for date in ["Date: Fri, 14 Jul 2017 05:40:02 GMT", "X-Nothing: told"] {
        wire.will_say(&format!("400 Bad Request\n{date}"), TIMESTAMP_INVALID);
        let error = wire.api.perform(HERE, call(), NOW).await.unwrap_err();
        assert_eq!(error.code, Some(9043));
        assert_eq!(wire.listener.requests().len(), 1, "{date}");
    }
}
