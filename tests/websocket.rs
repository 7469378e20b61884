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

    /// Nothing is told, however long one waits.
    async fn is_silent(&mut self) {
        let input = timeout(Duration::from_secs(120), self.inputs.recv()).await;
        assert!(input.is_err(), "told after the end: {input:?}");
    }

    /// More than a socket takes while nobody reads at its other end.
    fn order_too_much(&mut self, orders: usize) {
        let dids = (0..2000).map(|n| Did::new(format!("a-device-of-many-{n}")).unwrap());
        let dids: Vec<Did> = dids.collect();
        for _ in 0..orders {
            self.order(SocketOrder::Subscribe(dids.clone()));
        }
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

    /// The kinds of all messages until the end.
    async fn hears_out(mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Some(Ok(message)) = self.0.next().await {
            if let Message::Text(text) = message {
                let message: Value = serde_json::from_str(&text).unwrap();
                heard.push(message["cmd"].as_str().unwrap().to_owned());
            }
        }
        heard
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
    assert!(reason.contains("within 15 s"), "{reason}");
}

#[tokio::test]
async fn a_connection_that_is_closed_tells_nothing_more() {
    let mut stage = Stage::new().await;
    let mut cloud = stage.open().await;
    stage.order(SocketOrder::Close);
    while let Some(Ok(_)) = cloud.0.next().await {}
    assert!(stage.inputs.try_recv().is_err());
}

/// As loopback takes some megabytes before it refuses more.
const TOO_MUCH: usize = 400;

#[tokio::test]
async fn a_socket_that_takes_nothing_is_given_up() {
    let mut stage = Stage::new().await;
    let _cloud = stage.open().await;
    stage.order_too_much(TOO_MUCH);
    tokio::time::pause();
    let reason = stage.down().await;
    assert!(reason.contains("took nothing for 15 s"), "{reason}");
    stage.is_silent().await;
}

#[tokio::test]
async fn a_peer_that_pings_and_never_reads_is_given_up_before_it_fills_the_memory() {
    let mut stage = Stage::new().await;
    let Cloud(mut socket) = stage.open().await;
    tokio::time::pause();
    let ping = Message::Ping(vec![b'x'; 125].into());
    let pings = async {
        // Loopback holds fewer in both directions. More are only taken by a bridge that keeps an answer
        // to each in its memory.
        for _ in 0..400_000 {
            if socket.send(ping.clone()).await.is_err() {
                return std::future::pending().await;
            }
        }
        panic!("the bridge reads pings without end");
    };
    let reason = tokio::select! {
        reason = stage.down() => reason,
        () = pings => unreachable!(),
    };
    assert!(reason.contains("took nothing for 15 s"), "{reason}");
    stage.is_silent().await;
}

#[tokio::test]
async fn what_waits_when_a_stuck_connection_is_closed_is_never_sent() {
    let mut stage = Stage::new().await;
    let cloud = stage.open().await;
    stage.order_too_much(TOO_MUCH);
    let attrs = Attrs::from_iter([(AttrName::new("on").unwrap(), AttrValue::Bool(true))]);
    stage.order(SocketOrder::Write {
        did: did(),
        attrs,
        serial: 1,
    });
    // The task is in the middle of it.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    stage.order(SocketOrder::Close);
    let heard = timeout(Duration::from_secs(60), cloud.hears_out()).await;
    let heard = heard.expect("it is not closed");
    assert!(!heard.contains(&"c2s_write".to_owned()));
    tokio::time::pause();
    stage.is_silent().await;
}

#[tokio::test]
async fn more_orders_than_a_connection_takes_end_it_once() {
    let mut stage = Stage::new().await;
    let cloud = stage.open().await;
    for _ in 0..5000 {
        stage.order(SocketOrder::Ping);
    }
    assert!(stage.down().await.contains("too far behind"));
    assert!(cloud.hears_out().await.len() < 5000);
    stage.order(SocketOrder::Ping);
    tokio::time::pause();
    stage.is_silent().await;
}

#[tokio::test]
async fn a_connection_that_is_closed_while_it_opens_tells_nothing() {
    let mut stage = Stage::new().await;
    let addr = stage.listener.local_addr().unwrap();
    stage.open_at(addr, false);
    let (mut stream, _) = stage.listener.accept().await.unwrap();
    stage.order(SocketOrder::Close);
    let mut request = Vec::new();
    let ended = timeout(Duration::from_secs(60), stream.read_to_end(&mut request)).await;
    drop(ended.expect("it stays open"));
    tokio::time::pause();
    stage.is_silent().await;
}

#[tokio::test]
async fn a_flood_waits_at_the_clouds_end() {
    const FLOOD: usize = 3000;
    let mut stage = Stage::new().await;
    let Cloud(socket) = stage.open().await;
    let (mut says, _hears) = socket.split();
    let flood = tokio::spawn(async move {
        for _ in 0..FLOOD {
            says.send(Message::text(r#"{"cmd":"pong"}"#)).await.unwrap();
        }
        says
    });
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let waiting = stage.inputs.len();
    assert!((1..=256).contains(&waiting), "{waiting}");
    for _ in 0..FLOOD {
        assert_eq!(stage.event().await, SocketEvent::Pong);
    }
    drop(flood.await.unwrap());
}

#[tokio::test]
async fn without_a_token_a_login_is_refused_here() {
    let mut stage = Stage::new().await;
    let addr = stage.listener.local_addr().unwrap();
    let open = SocketOrder::Open(Endpoint {
        host: addr.ip().to_string(),
        port: addr.port(),
        tls: false,
    });
    // The user has a token, though not in this region.
    let region = Region::Eu;
    stage.sockets.order(Some(&stage.api), region, LINK, open);
    let (stream, _) = stage.listener.accept().await.unwrap();
    let _cloud = tokio_tungstenite::accept_async(stream).await.unwrap();
    assert_eq!(stage.event().await, SocketEvent::Opened);
    stage.order(SocketOrder::Login { heartbeat_s: 90 });
    let refused = SocketEvent::LoggedIn(Err("there is no token".into()));
    assert_eq!(stage.event().await, refused);
}

#[tokio::test]
async fn without_an_account_nothing_is_opened() {
    let mut stage = Stage::new().await;
    let endpoint = Endpoint {
        host: "127.0.0.1".into(),
        port: stage.listener.local_addr().unwrap().port(),
        tls: false,
    };
    let open = SocketOrder::Open(endpoint);
    stage.sockets.order(None, Region::Custom, LINK, open);
    assert!(stage.down().await.contains("not configured"));
}

#[tokio::test]
async fn pings_of_the_protocol_below_are_answered() {
    let mut stage = Stage::new().await;
    let Cloud(mut socket) = stage.open().await;
    socket
        .send(Message::Ping("are you there".into()))
        .await
        .unwrap();
    let answer = timeout(Duration::from_secs(60), socket.next()).await;
    let answer = answer.unwrap().unwrap().unwrap();
    assert_eq!(answer, Message::Pong("are you there".into()));
}

#[tokio::test]
async fn all_connections_end_with_the_bridge() {
    let mut stage = Stage::new().await;
    let cloud = stage.open().await;
    let Stage {
        sockets,
        mut inputs,
        ..
    } = stage;
    drop(sockets);
    assert_eq!(cloud.hears_out().await, Vec::<String>::new());
    // The last task that could tell something is gone, too.
    let rest = timeout(Duration::from_secs(60), inputs.recv()).await;
    assert!(rest.expect("a task lives on").is_none());
}
