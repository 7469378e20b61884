//! The broker edge against brokers that refuse, keep silent, or close, told byte by byte.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use gizwits2mqtt::bridge::{Input, Publication};
use gizwits2mqtt::mqtt::{self, MqttConfig, MqttHandle, Protocol, Will};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

const CONNECT: u8 = 0x10;
const SUBSCRIBE: u8 = 0x82;
const PINGREQ: u8 = 0xc0;
const PINGRESP: [u8; 2] = [0xd0, 0];
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// A broker that the test holds in its hand.
struct OddBroker {
    listener: TcpListener,
}

/// One connection to it.
struct Client(TcpStream);

impl OddBroker {
    /// With a client of this protocol that connects to it.
    async fn start(protocol: Protocol) -> (Self, MqttHandle, Receiver<Input>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = MqttConfig {
            url: format!("mqtt://{}", listener.local_addr().unwrap()),
            username: None,
            password: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            client_id: "the-id-of-two".into(),
            protocol,
            will: Will {
                topic: "t/state".into(),
                payload: "offline".into(),
            },
        };
        let (handle, inputs) = mqtt::start(config).unwrap();
        (Self { listener }, handle, inputs)
    }

    /// The next connection, taken with this CONNACK.
    async fn accept(&self, connack: &[u8]) -> Client {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut client = Client(stream);
        let (kind, _) = client.packet().await.expect("no CONNECT");
        assert_eq!(kind, CONNECT);
        client.0.write_all(connack).await.unwrap();
        client
    }
}

impl Client {
    /// The next packet: its first byte, and what follows the length. `None` at the end.
    async fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let kind = self.0.read_u8().await.ok()?;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.0.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut rest = vec![0; length];
        self.0.read_exact(&mut rest).await.ok()?;
        Some((kind, rest))
    }

    /// The next packet of a kind; pings are answered meanwhile.
    async fn until(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let (kind, rest) = self.packet().await.expect("the client has gone");
            if kind == wanted {
                return rest;
            }
            if kind == PINGREQ {
                self.0.write_all(&PINGRESP).await.unwrap();
            }
        }
    }

    /// Answers pings for ever.
    async fn pong(mut self) {
        while let Some((kind, _)) = self.packet().await {
            if kind == PINGREQ && self.0.write_all(&PINGRESP).await.is_err() {
                return;
            }
        }
    }
}

fn message() -> Publication {
    Publication {
        topic: "t/result".into(),
        payload: b"x".to_vec(),
        retain: false,
        correlation: None,
        is_event: false,
    }
}

/// The next input, but for what packets the broker takes.
async fn next(inputs: &mut Receiver<Input>) -> Input {
    loop {
        let input = timeout(Duration::from_secs(3600), inputs.recv()).await;
        let input = input.expect("nothing came").unwrap();
        if !matches!(input, Input::BrokerLimit { .. }) {
            return input;
        }
    }
}

async fn down(inputs: &mut Receiver<Input>) -> String {
    loop {
        if let Input::MqttDown { reason } = next(inputs).await {
            return reason;
        }
    }
}

#[tokio::test]
async fn a_refused_filter_is_named_and_asked_for_again() {
    let (broker, handle, mut inputs) = OddBroker::start(Protocol::V311).await;
    let mut client = broker.accept(&CONNACK).await;
    assert_eq!(next(&mut inputs).await, Input::MqttUp);
    handle.subscribe(vec!["t/+/set".into(), "t/+/get".into()]);
    let asked = client.until(SUBSCRIBE).await;
    client
        .0
        .write_all(&[0x90, 4, asked[0], asked[1], 1, 0x80])
        .await
        .unwrap();
    let Input::SubscriptionsRefused(refused) = next(&mut inputs).await else {
        panic!("it is not told");
    };
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["t/+/get"]);
    tokio::time::pause();
    let asked = client.until(SUBSCRIBE).await;
    assert!(String::from_utf8_lossy(&asked).contains("t/+/get"));
    assert!(!String::from_utf8_lossy(&asked).contains("t/+/set"));
    client
        .0
        .write_all(&[0x90, 3, asked[0], asked[1], 1])
        .await
        .unwrap();
    assert_eq!(
        next(&mut inputs).await,
        Input::SubscriptionsRefused(std::collections::BTreeMap::new())
    );
}

#[tokio::test]
async fn a_broker_that_acknowledges_nothing_is_left() {
    let (broker, handle, mut inputs) = OddBroker::start(Protocol::V311).await;
    let client = broker.accept(&CONNACK).await;
    assert_eq!(next(&mut inputs).await, Input::MqttUp);
    handle.publish(message());
    tokio::time::pause();
    // It answers pings all the while, so the link itself seems well.
    tokio::spawn(client.pong());
    let reason = down(&mut inputs).await;
    assert!(reason.contains("acknowledges none (1 wait)"), "{reason}");
    assert_eq!(handle.depth(), 1, "the message waits for the next link");
}

#[tokio::test]
async fn a_broker_that_closes_each_connection_hints_at_the_client_id() {
    let (broker, _handle, mut inputs) = OddBroker::start(Protocol::V311).await;
    tokio::time::pause();
    for n in 1..=3 {
        drop(broker.accept(&CONNACK).await);
        let reason = down(&mut inputs).await;
        let is_guessed = reason.contains("mqtt.client_id (the-id-of-two)");
        assert_eq!(is_guessed, n == 3, "{n}: {reason}");
    }
}

#[tokio::test]
async fn a_message_larger_than_3_1_1_can_keep_away_says_what_to_clear() {
    let (broker, _handle, mut inputs) = OddBroker::start(Protocol::V311).await;
    let mut client = broker.accept(&CONNACK).await;
    // PUBLISH of 17 MiB.
    client
        .0
        .write_all(&[0x31, 0x80, 0x80, 0xc0, 0x08, 0, 7])
        .await
        .unwrap();
    client.0.write_all(b"t/x/set").await.unwrap();
    let reason = down(&mut inputs).await;
    assert!(
        reason.contains("clear it with an empty retained message"),
        "{reason}"
    );
    assert!(reason.contains("17825792 bytes"), "{reason}");
}

#[tokio::test]
async fn a_dead_link_is_noticed_though_the_broker_asked_for_a_ping_in_18_hours() {
    let (broker, handle, mut inputs) = OddBroker::start(Protocol::V5).await;
    // CONNACK with Server Keep Alive 65535.
    let _client = broker.accept(&[0x20, 6, 0, 0, 3, 0x13, 0xff, 0xff]).await;
    assert_eq!(next(&mut inputs).await, Input::MqttUp);
    tokio::time::pause();
    handle.publish(message());
    let begun = tokio::time::Instant::now();
    let reason = down(&mut inputs).await;
    assert!(reason.contains("acknowledges none"), "{reason}");
    assert!(
        begun.elapsed() < Duration::from_secs(120),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn commands_are_subscribed_with_their_retain_flag_and_births_without() {
    const QOS_1: u8 = 0x01;
    const RETAIN_AS_PUBLISHED: u8 = 0x08;
    let (broker, handle, mut inputs) = OddBroker::start(Protocol::V5).await;
    let mut client = broker.accept(&[0x20, 3, 0, 0, 0]).await;
    assert_eq!(next(&mut inputs).await, Input::MqttUp);
    handle.subscribe(vec!["t/+/set".into(), "homeassistant/status".into()]);
    let asked = client.until(SUBSCRIBE).await;
    let options = |filter: &str| {
        let at = asked
            .windows(filter.len())
            .position(|part| part == filter.as_bytes());
        asked[at.unwrap() + filter.len()]
    };
    assert_eq!(options("t/+/set"), QOS_1 | RETAIN_AS_PUBLISHED);
    assert_eq!(options("homeassistant/status"), QOS_1);
}
