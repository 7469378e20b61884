//! The edge to push, against a WebSocket server that the test holds in its hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gizwits2mqtt::bridge::{Input, SocketEvent, SocketOrder};
use gizwits2mqtt::gizwits::{Access, Api, Session, Sockets};
use gizwits2mqtt::ids::{AttrName, Did, LinkId};
use gizwits2mqtt::model::{AttrValue, Attrs, Endpoint, Region};
use gizwits2mqtt::secret::Secret;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const TOKEN: &str = "the-token-of-a-user";
const LINK: LinkId = LinkId(7);

/// The edge under test, and the cloud's side.
struct Stage {
    sockets: Sockets,
    inputs: mpsc::Receiver<Input>,
    api: Api,
    listener: TcpListener,
}

impl Stage {
    async fn new() -> Self {
        let api = Api::new(Access {
            app_id: "app".into(),
            urls: BTreeMap::from([(Region::Custom, "http://127.0.0.1:1".into())]),
            login: None,
        })
        .unwrap();
        let session = Session {
            uid: "uid".into(),
            token: Secret::new(TOKEN.into()),
            expires_at: i64::MAX,
        };
        api.restore(Region::Custom, session);
        let (sockets, inputs) = Sockets::new();
        Self {
            sockets,
            inputs,
            api,
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn order(&mut self, order: SocketOrder) {
        self.sockets
            .order(Some(&self.api), Region::Custom, LINK, order);
    }

    fn open_at(&mut self, addr: SocketAddr, tls: bool) {
        self.order(SocketOrder::Open(Endpoint {
            host: if tls {
                "localhost".into()
            } else {
                addr.ip().to_string()
            },
            port: addr.port(),
            tls,
        }));
    }

    /// Opened, with the cloud's end of it.
    async fn open(&mut self) -> Cloud {
        let addr = self.listener.local_addr().unwrap();
        self.open_at(addr, false);
        let (stream, _) = self.listener.accept().await.unwrap();
        let cloud = Cloud(tokio_tungstenite::accept_async(stream).await.unwrap());
        assert_eq!(self.event().await, SocketEvent::Opened);
        cloud
    }

    async fn event(&mut self) -> SocketEvent {
        let input = timeout(Duration::from_secs(60), self.inputs.recv()).await;
        let input = input.expect("nothing is told").unwrap();
        let Input::Socket { link, event } = input else {
            panic!("{input:?}");
        };
        assert_eq!(link, LINK);
        event
    }

    async fn down(&mut self) -> String {
        let event = self.event().await;
        let SocketEvent::Down { reason } = event else {
            panic!("{event:?}");
        };
        assert!(!reason.contains(TOKEN), "{reason}");
        reason
    }
}

struct Cloud(WebSocketStream<TcpStream>);

impl Cloud {
    async fn hears(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn says(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }
}

fn did() -> Did {
    Did::new("d1").unwrap()
}

#[tokio::test]
async fn orders_become_messages_and_messages_are_told() {
    let mut stage = Stage::new().await;
    let mut cloud = stage.open().await;
    stage.order(SocketOrder::Login { heartbeat_s: 90 });
    let login = cloud.hears().await;
    assert_eq!(login["cmd"], "login_req");
    assert_eq!(login["data"]["token"], TOKEN);
    cloud
        .says(json!({ "cmd": "login_res", "data": { "success": true } }))
        .await;
    assert_eq!(stage.event().await, SocketEvent::LoggedIn(Ok(())));
    let name = AttrName::new("on").unwrap();
    let attrs = Attrs::from_iter([(name, AttrValue::Bool(true))]);
    for (order, cmd) in [
        (SocketOrder::Subscribe(vec![did()]), "subscribe_req"),
        (SocketOrder::Read(did()), "c2s_read"),
        (
            SocketOrder::Write {
                did: did(),
                attrs,
                serial: 3,
            },
            "c2s_write",
        ),
        (SocketOrder::Ping, "ping"),
    ] {
        stage.order(order);
        assert_eq!(cloud.hears().await["cmd"], cmd);
    }
    let noti =
        json!({ "cmd": "s2c_noti", "req_sn": 5, "data": { "did": "d1", "attrs": { "on": true } } });
    cloud.says(noti).await;
    let attrs = json!({ "on": true }).as_object().unwrap().clone();
    let report = SocketEvent::Report {
        did: did(),
        attrs,
        answers: None,
    };
    assert_eq!(stage.event().await, report);
    assert_eq!(
        cloud.hears().await,
        json!({ "cmd": "c2s_ack", "res_sn": 5, "did": "d1" })
    );
}

#[tokio::test]
async fn what_cannot_be_read_costs_only_itself() {
    let mut stage = Stage::new().await;
    let mut cloud = stage.open().await;
    for nonsense in ["", "{", "[]", r#"{"cmd":"s2c_noti"}"#] {
        cloud.0.send(Message::text(nonsense)).await.unwrap();
    }
    cloud
        .0
        .send(Message::binary(vec![0xff; 100]))
        .await
        .unwrap();
    cloud.says(json!({ "cmd": "pong" })).await;
    assert_eq!(stage.event().await, SocketEvent::Pong);
}

#[tokio::test]
async fn its_end_is_told_once_with_a_reason() {
    type End = fn(Cloud) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;
    let ends: [(&str, End); 3] = [
        ("the cloud closed it", |mut cloud| {
            Box::pin(async move { cloud.0.close(None).await.unwrap() })
        }),
        ("", |cloud| Box::pin(async move { drop(cloud) })),
        ("", |mut cloud| {
            Box::pin(async move {
                let large = "x".repeat(2 * 1024 * 1024);
                drop(cloud.0.send(Message::text(large)).await);
            })
        }),
    ];
    for (want, end) in ends {
        let mut stage = Stage::new().await;
        let cloud = stage.open().await;
        let ending = tokio::task::LocalSet::new();
        ending.spawn_local(end(cloud));
        let reason = ending.run_until(stage.down()).await;
        assert!(reason.contains(want) && !reason.is_empty(), "{reason:?}");
        stage.order(SocketOrder::Ping);
        tokio::task::yield_now().await;
        assert!(stage.inputs.try_recv().is_err(), "told twice");
    }
}

#[tokio::test]
async fn nobody_there_or_no_websocket_is_told() {
    let mut stage = Stage::new().await;
    let addr = stage.listener.local_addr().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    stage.open_at(nobody, false);
    assert!(stage.down().await.contains("refused"));
    stage.open_at(addr, false);
    let (mut stream, _) = stage.listener.accept().await.unwrap();
    let mut request = [0; 1024];
    let length = stream.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    assert!(request.starts_with("GET /ws/app/v1 HTTP/1.1"), "{request}");
    use tokio::io::AsyncWriteExt as _;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    assert!(stage.down().await.contains("no WebSocket"));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let mut stage = Stage::new().await;
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let addr = stage.listener.local_addr().unwrap();
    stage.open_at(addr, true);
    let (stream, _) = stage.listener.accept().await.unwrap();
    drop(acceptor.accept(stream).await);
    let reason = stage.down().await;
    assert!(
        reason.contains("TLS failed") && reason.contains("certificate"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_the_handshake_is_given_up() {
    let mut stage = Stage::new().await;
    let addr = stage.listener.local_addr().unwrap();
    stage.open_at(addr, false);
    let (_stream, _) = stage.listener.accept().await.unwrap();
    let reason = stage.down().await;
    assert!(reason.contains("within 20 s"), "{reason}");
}

#[tokio::test]
async fn a_connection_that_is_closed_tells_nothing_more() {
    let mut stage = Stage::new().await;
    let mut cloud = stage.open().await;
    stage.order(SocketOrder::Close);
    while let Some(Ok(_)) = cloud.0.next().await {}
    assert!(stage.inputs.try_recv().is_err());
}
