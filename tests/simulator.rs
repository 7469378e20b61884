//! The simulated cloud over HTTP and WebSocket, where its edge has a part in what the client makes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gizwits2mqtt::gizwits::{Access, Api, NewUser};
use gizwits2mqtt::ids::{Mac, ProductKey};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::model::binding::BindByMac;
use gizwits2mqtt::secret::Secret;
use gizwits2mqtt::simulator::{self, Reaction, Request, Scenario, Simulator};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

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

/// Listens at an M2M host, as the bindings name it.
struct Ear(WebSocketStream<TcpStream>);

impl Ear {
    async fn at(row: &Value) -> Self {
        let host = row["host"].as_str().unwrap();
        let port = row["ws_port"].as_u64().unwrap().try_into().unwrap();
        let stream = TcpStream::connect((host, port)).await.unwrap();
        let url = format!("ws://{host}:{port}/ws/app/v1");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Self(socket)
    }

    async fn logged_in(row: &Value, session: &Value) -> Self {
        let mut ear = Self::at(row).await;
        let data = json!({ "appid": "demo-app-id", "uid": session["uid"], "token": session["token"],
            "p0_type": "attrs_v4", "heartbeat_interval": 60 });
        ear.say(&json!({ "cmd": "login_req", "data": data })).await;
        assert_eq!(ear.hear().await["data"], json!({ "success": true }));
        ear
    }

    async fn say(&mut self, message: &Value) {
        let message = Message::text(message.to_string());
        self.0.send(message).await.unwrap();
    }

    /// The next message; null at the end.
    async fn hear(&mut self) -> Value {
        let next = timeout(Duration::from_secs(60), self.0.next()).await;
        match next.expect("nothing is said") {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            Some(Ok(Message::Close(_))) | None => Value::Null,
            other => panic!("{other:?}"),
        }
    }
}

/// The session of the demo user, and the bindings as they are told to one who calls.
async fn bindings(simulator: &Simulator) -> (Value, Vec<Value>) {
    let url = |path: &str| format!("http://{}/app/{path}", simulator.addr());
    // Another test of this process may have done so.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::new();
    let login = json!({ "username": "demo@example.com", "password": "demo-password" });
    let call = client.post(url("login")).json(&login);
    let session = answer(call).await;
    let token = session["token"].as_str().unwrap();
    let call = client.get(url("bindings?limit=100"));
    let bound = answer(call.header("X-Gizwits-User-token", token)).await;
    let rows = bound["devices"].as_array().unwrap().clone();
    (session, rows)
}

async fn answer(call: reqwest::RequestBuilder) -> Value {
    let call = call.header("X-Gizwits-Application-Id", "demo-app-id");
    call.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn each_device_is_heard_and_told_at_the_host_that_its_binding_names() {
    let (simulator, _) = cloud().await;
    let (session, rows) = bindings(&simulator).await;
    let row = |did: &str| rows.iter().find(|row| row["did"] == did).unwrap();
    let (spa, wave) = (
        row("DemoSpa0000000000000001"),
        row("DemoWave00000000000004"),
    );
    assert_eq!(spa["ws_port"], simulator.addr().port());
    assert_ne!(spa["ws_port"], wave["ws_port"]);
    for (row, attr, value) in [(spa, "temp_set", 30), (wave, "Flow", 50)] {
        let mut ear = Ear::logged_in(row, &session).await;
        ear.say(&json!({ "cmd": "ping" })).await;
        assert_eq!(ear.hear().await, json!({ "cmd": "pong" }));
        let did = &row["did"];
        let data = json!({ "did": did, "attrs": { attr: value } });
        ear.say(&json!({ "cmd": "c2s_write", "req_sn": 7, "data": data }))
            .await;
        let heard = [ear.hear().await, ear.hear().await];
        let ack = json!({ "cmd": "s2c_ack", "res_sn": 7, "did": did });
        assert!(heard.contains(&ack), "{heard:?}");
        let is_report = |message: &Value| message["data"]["attrs"][attr] == value;
        assert!(heard.iter().any(is_report), "{heard:?}");
        control(&simulator, "POST /_sim/push", &json!({ "action": "drop" }));
        assert_eq!(ear.hear().await, Value::Null);
    }
    let writes = control(&simulator, "GET /_sim/push/writes", &Value::Null);
    assert_eq!(writes.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn time_alone_ends_a_connection_that_is_silent() {
    let now_ms = Arc::new(AtomicI64::new(NOW * 1000));
    let clock = Arc::clone(&now_ms);
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let listen = "127.0.0.1:0".parse().unwrap();
    let simulator = simulator::start(listen, Scenario::standard(), 1, clock)
        .await
        .unwrap();
    let (session, rows) = bindings(&simulator).await;
    let mut ear = Ear::logged_in(&rows[0], &session).await;
    now_ms.fetch_add(59_990, Ordering::Relaxed);
    // Wakes its timer, which then waits for the rest.
    simulator.with_world(|_| ());
    tokio::task::yield_now().await;
    now_ms.fetch_add(10, Ordering::Relaxed);
    assert_eq!(ear.hear().await["data"]["error_code"], 1011);
    assert_eq!(ear.hear().await, Value::Null);
}

#[tokio::test]
async fn a_connection_that_takes_nothing_is_cut_off() {
    let (simulator, _) = cloud().await;
    let (session, rows) = bindings(&simulator).await;
    let ear = Ear::logged_in(&rows[0], &session).await;
    let did = rows[0]["did"].as_str().unwrap();
    let sockets = || {
        let state = control(&simulator, "GET /_sim/push", &Value::Null);
        state["sockets"].as_array().unwrap().len()
    };
    assert_eq!(sockets(), 1);
    // No await: nothing of this is carried away.
    for _ in 0..10_001 {
        control(
            &simulator,
            &format!("POST /_sim/devices/{did}/attrs"),
            &json!({ "temp_now": 30 }),
        );
    }
    assert_eq!(sockets(), 0);
    drop(ear);
}
