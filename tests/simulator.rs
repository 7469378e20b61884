//! The simulated cloud over HTTP, where its edge has a part in what the client makes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use gizwits2mqtt::gizwits::{Access, Api, NewUser};
use gizwits2mqtt::ids::{Mac, ProductKey};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::model::binding::BindByMac;
use gizwits2mqtt::secret::Secret;
use gizwits2mqtt::simulator::{self, Reaction, Request, Scenario, Simulator};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const REGION: Region = Region::Custom;

async fn cloud() -> (Simulator, Api) {
    let listen = "127.0.0.1:0".parse().unwrap();
    let clock = Arc::new(|| NOW * 1000);
    let simulator = simulator::start(listen, Scenario::standard(), 1, clock)
        .await
        .unwrap();
    let api = Api::new(Access {
        app_id: "demo-app-id".into(),
        urls: BTreeMap::from([(REGION, format!("http://{}", simulator.addr()))]),
        login: None,
    })
    .unwrap();
    (simulator, api)
}

fn control(simulator: &Simulator, call: &str, body: &Value) -> Value {
    let (method, path) = call.split_once(' ').unwrap();
    let request = Request {
        method: method.into(),
        path: path.into(),
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    match simulator.with_world(|world| world.handle(NOW * 1000, &request)) {
        Reaction::Answer(answer) => serde_json::from_slice(&answer.body).unwrap(),
        nothing @ (Reaction::Hang | Reaction::Reset) => panic!("{nothing:?}"),
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.into())
}

fn newest_code(simulator: &Simulator, kind: &str) -> String {
    let messages = control(simulator, "GET /_sim/outbox", &Value::Null);
    let messages = messages.as_array().unwrap();
    let newest = messages.iter().rfind(|message| message["kind"] == kind);
    newest.unwrap()["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_phone_user_registers_by_way_of_the_picture() {
    let (simulator, api) = cloud().await;
    let token = api
        .app_token(REGION, &secret("demo-app-secret"), NOW)
        .await
        .unwrap();
    let captcha = api.captcha(REGION, &token, NOW).await.unwrap();
    let picture = api.captcha_picture(&captcha, NOW).await.unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    let read = newest_code(&simulator, "captcha");
    api.send_code(REGION, &token, &captcha.id, &read, "+4915112345678", NOW)
        .await
        .unwrap();
    let user = NewUser::Phone {
        phone: "+4915112345678".into(),
        password: secret("p"),
        code: Secret::new(newest_code(&simulator, "sms")),
    };
    api.create_user(REGION, &user, NOW).await.unwrap();
    api.log_in(REGION, "+4915112345678", &secret("p"), NOW)
        .await
        .unwrap();
    api.log_out(REGION, NOW).await.unwrap();
    assert!(api.session(REGION).is_none());
}

#[tokio::test]
async fn the_date_header_is_the_clouds_own_clock_and_signatures_go_by_it() {
    let (simulator, api) = cloud().await;
    control(
        &simulator,
        "POST /_sim/clock",
        &json!({ "advance_s": 86_400 }),
    );
    let user = NewUser::Anonymous {
        phone_id: secret("somebody"),
    };
    api.create_user(REGION, &user, NOW).await.unwrap();
    let spa = &Scenario::standard().devices[0];
    let device = BindByMac {
        product_key: ProductKey::new(spa.product_key.clone()).unwrap(),
        mac: Mac::new(spa.mac.clone()).unwrap(),
        product_secret: secret("demo-product-secret"),
        remark: String::new(),
        alias: "Tub".into(),
    };
    let did = api.bind_by_mac(REGION, &device, NOW).await.unwrap();
    assert_eq!(did.unwrap().as_str(), spa.did);
}
