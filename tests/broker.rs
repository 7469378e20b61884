//! The broker edge: TLS, passwords, restarts under load, large messages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gizwits2mqtt::bridge::{Input, Publication};
use gizwits2mqtt::mqtt::{self, MqttConfig, MqttHandle, Protocol, Will, probe};
use gizwits2mqtt::secret::Secret;
use support::broker::{Broker, mosquitto};
use support::watcher::Watcher;
use support::{DEADLINE, say};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

fn config(url: &str, protocol: Protocol) -> MqttConfig {
    MqttConfig {
        url: url.into(),
        username: None,
        password: None,
        ca_file: None,
        client_cert_file: None,
        client_key_file: None,
        client_id: format!("test-{}", fastrand::u64(..)),
        protocol,
        will: Will {
            topic: "t/state".into(),
            payload: "offline".into(),
        },
    }
}

fn message(topic: &str, payload: impl Into<Vec<u8>>, retain: bool) -> Publication {
    Publication {
        topic: topic.into(),
        payload: payload.into(),
        retain,
        is_event: !retain,
        correlation: None,
    }
}

async fn next(inputs: &mut Receiver<Input>) -> Input {
    loop {
        let input = timeout(DEADLINE, inputs.recv()).await;
        let input = input.expect("nothing came").unwrap();
        // Some brokers tell their limit, others do not.
        if !matches!(input, Input::BrokerLimit { .. }) {
            return input;
        }
    }
}

async fn up(config: MqttConfig) -> (MqttHandle, Receiver<Input>) {
    let (handle, mut inputs) = mqtt::start(config).unwrap();
    assert_eq!(next(&mut inputs).await, Input::MqttUp);
    (handle, inputs)
}

#[tokio::test]
async fn both_protocols_publish_subscribe_and_leave_a_will() {
    let broker = Broker::start().await;
    let watcher = Watcher::start(broker.port()).await;
    for (protocol, port) in [
        (Protocol::V5, broker.port()),
        (Protocol::V311, broker.port_v311()),
    ] {
        let (handle, mut inputs) = up(config(&format!("mqtt://127.0.0.1:{port}"), protocol)).await;
        handle.publish(message("t/state", "online", true));
        watcher.until("t/state", "online").await;
        handle.subscribe(vec!["t/in/+".into()]);
        // The broker handles one client's packets in order, so this echo comes after the subscription.
        handle.publish(message("t/in/ready", "x", false));
        watcher.until("t/in/ready", "x").await;
        watcher.publish("t/in/x", "hello").await;
        let mut payloads = Vec::new();
        while payloads.last() != Some(&b"hello".to_vec()) {
            if let Input::Message(message) = next(&mut inputs).await {
                payloads.push(message.payload);
            }
        }
        handle.shutdown(Duration::from_secs(5)).await;
        watcher.publish_retained("t/state", "").await;
        watcher.until("t/state", "").await;
        watcher.forget();
    }
}

#[tokio::test]
async fn what_was_accepted_survives_a_broker_that_restarts() {
    let mut broker = Broker::start().await;
    if !broker.can_restart() {
        say("skipped: the embedded broker cannot be restarted, so whether all survives that");
        return;
    }
    let (handle, mut inputs) = up(config(&broker.url(), Protocol::V5)).await;
    broker.kill().await;
    for n in 0..500 {
        handle.publish(message("t/result", n.to_string(), false));
    }
    loop {
        if matches!(next(&mut inputs).await, Input::MqttDown { .. }) {
            break;
        }
    }
    broker.revive().await;
    let watcher = Watcher::start(broker.port()).await;
    assert_eq!(next(&mut inputs).await, Input::MqttUp);
    handle.publish(message("t/result", "last", false));
    watcher.until("t/result", "last").await;
    assert_eq!(handle.reconnects(), 1);
    handle.shutdown(Duration::from_secs(5)).await;
    assert_eq!(handle.depth(), 0, "the broker has all of them");
}

#[tokio::test]
async fn a_link_that_follows_another_begins_when_that_one_has_said_goodbye() {
    let broker = Broker::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let config = config(&format!("mqtt://127.0.0.1:{}", broker.port()), Protocol::V5);
    let (old, _inputs) = up(config.clone()).await;
    let (new, mut inputs) = mqtt::start_after(&old, config).unwrap();
    old.publish(message("t/state", "online", true));
    watcher.until("t/state", "online").await;
    assert!(inputs.try_recv().is_err(), "the other link is not over");
    old.publish(message("t/state", "offline", true));
    old.shutdown(Duration::from_secs(5)).await;
    assert_eq!((old.depth(), next(&mut inputs).await), (0, Input::MqttUp));
    new.publish(message("t/state", "online again", true));
    watcher.until("t/state", "online again").await;
    let states = watcher.since(0).into_iter();
    let states: Vec<String> = states
        .filter(|seen| seen.topic == "t/state")
        .map(|seen| seen.text())
        .collect();
    assert_eq!(states, ["online", "offline", "online again"]);
}

#[tokio::test]
async fn a_goodbye_that_takes_too_long_gives_back_what_was_not_delivered() {
    for (protocol, connack) in [
        (Protocol::V5, &b"\x20\x03\x00\x00\x00"[..]),
        (Protocol::V311, b"\x20\x02\x00\x00"),
    ] {
        let (handle, _inputs) = up(config(&no_broker(connack).await, protocol)).await;
        let (result, emptied) = (message("t/result", "1", false), message("t/x", "", true));
        for message in [&result, &emptied, &message("t/state", "online", true)] {
            handle.publish(message.clone());
        }
        assert!(handle.take_undelivered().is_empty(), "the link has them");
        handle.shutdown(Duration::from_millis(20)).await;
        assert_eq!(handle.take_undelivered(), [result, emptied]);
    }
}

#[tokio::test]
async fn a_mebibyte_goes_out_and_comes_in() {
    let broker = Broker::start().await;
    if !broker.can_restart() {
        say("skipped: the embedded broker is not for a mebibyte");
        return;
    }
    let watcher = Watcher::start(broker.port()).await;
    for protocol in [Protocol::V5, Protocol::V311] {
        let (handle, mut inputs) = up(config(&broker.url(), protocol)).await;
        handle.subscribe(vec!["t/big".into()]);
        let body = vec![b'x'; 1024 * 1024];
        handle.publish(message("t/big", body.clone(), false));
        let Input::Message(echo) = next(&mut inputs).await else {
            panic!("another input");
        };
        assert_eq!(echo.payload.len(), body.len());
        watcher
            .message(0, |seen| seen.payload.len() == body.len())
            .await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let passwords = folder.path().join("passwords");
    let made = std::process::Command::new("mosquitto_passwd")
        .args(["-c", "-b"])
        .arg(&passwords)
        .args(["me", "right"])
        .status();
    // Mosquitto reads it as a user of its own when it was started by root.
    if made.is_err() {
        say("skipped: no mosquitto_passwd here for passwords");
        return;
    }
    open_to_all(folder.path());
    open_to_all(&passwords);
    let lines = format!(
        "allow_anonymous false\npassword_file {}",
        passwords.display()
    );
    let Some(broker) = mosquitto(&lines).await else {
        say("skipped: no mosquitto here for passwords");
        return;
    };
    for protocol in [Protocol::V5, Protocol::V311] {
        let mut config = config(&broker.url(), protocol);
        let reason = probe(&config).await.unwrap_err();
        assert!(reason.contains("mqtt.username"), "{reason}");
        config.username = Some("me".into());
        config.password = Some(Secret::new("wrong".into()));
        let reason = probe(&config).await.unwrap_err();
        assert!(
            reason.contains("mqtt.password") && !reason.contains("wrong"),
            "{reason}"
        );
        config.password = Some(Secret::new("right".into()));
        probe(&config).await.unwrap();
    }
}

/// A certificate authority, a server and a client, as files.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            open_to_all(&path);
        };
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        write("ca.pem", ca.self_signed(&ca_key).unwrap().pem());
        let issuer = Issuer::new(ca, ca_key);
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
            let mut params = CertificateParams::new(names).unwrap();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            write(
                &format!("{name}.pem"),
                params.signed_by(&key, &issuer).unwrap().pem(),
            );
            write(&format!("{name}.key"), key.serialize_pem());
        }
        open_to_all(folder.path());
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[cfg(unix)]
fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) {}

#[tokio::test]
async fn tls_with_an_authority_and_a_certificate_of_ones_own() {
    let certificates = Certificates::make();
    let file = |name: &str| certificates.path(name).display().to_string();
    let lines = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
        file("ca.pem"),
        file("server.pem"),
        file("server.key")
    );
    let Some(broker) = mosquitto(&lines).await else {
        say("skipped: no mosquitto here for TLS");
        return;
    };
    let url = format!("mqtts://localhost:{}", broker.port());
    for protocol in [Protocol::V5, Protocol::V311] {
        let mut config = config(&url, protocol);
        let reason = probe(&config).await.unwrap_err();
        assert!(
            reason.contains("mqtt.ca_file"),
            "an unknown authority: {reason}"
        );
        config.ca_file = Some(certificates.path("ca.pem"));
        let reason = probe(&config).await.unwrap_err();
        assert!(
            reason.contains("mqtt.client_cert_file"),
            "the broker wants a certificate: {reason}"
        );
        config.client_cert_file = Some(certificates.path("client.pem"));
        config.client_key_file = Some(certificates.path("client.key"));
        probe(&config).await.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_a_way_to_the_broker() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    // Mosquitto gives up root for a user of its own, who makes the socket.
    let sockets = folder.path().join("sockets");
    std::fs::create_dir(&sockets).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&sockets, everybody).unwrap();
    let socket = sockets.join("m.sock").display().to_string();
    let lines = format!("allow_anonymous true\nlistener 0 {socket}");
    let Some(_broker) = mosquitto(&lines).await else {
        say("skipped: no mosquitto here for a Unix socket");
        return;
    };
    for protocol in [Protocol::V5, Protocol::V311] {
        probe(&config(&format!("unix://{socket}"), protocol))
            .await
            .unwrap();
    }
}

/// A server that says this to whoever comes.
async fn no_broker(words: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(words).await.unwrap();
        // It hears whatever else comes.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    });
    url
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_said_as_such() {
    let port = support::free_port();
    let reason = probe(&config(&format!("mqtt://127.0.0.1:{port}"), Protocol::V5))
        .await
        .unwrap_err();
    assert!(reason.contains("is the broker running"), "{reason}");
    for protocol in [Protocol::V5, Protocol::V311] {
        let url = no_broker(b"\0\0\0\0").await;
        let reason = probe(&config(&url, protocol)).await.unwrap_err();
        assert!(reason.contains("is it an MQTT broker"), "{reason}");
    }
    let reason = probe(&config("unix:///nowhere/mosquitto.sock", Protocol::V311))
        .await
        .unwrap_err();
    assert!(reason.contains("no socket"), "{reason}");
}

#[tokio::test]
async fn certificate_files_that_are_none_are_said_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let mut config = config("mqtts://localhost", Protocol::V5);
    config.ca_file = Some(empty);
    let error = mqtt::start(config).unwrap_err().to_string();
    assert!(error.contains("no certificate in PEM form"), "{error}");
}

/// As `mosquitto_sub` does, which the demo tells its users to start.
#[cfg(feature = "embedded-broker")]
#[tokio::test]
async fn who_subscribes_late_gets_everything_retained_from_the_embedded_broker() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    const RETAINED: usize = 1_500;
    let broker = gizwits2mqtt::simulator::broker::start(0).unwrap();
    let mut options = MqttOptions::new("late", "127.0.0.1", broker.v311.port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = AsyncClient::new(options, 10);
    let said_by = client.clone();
    tokio::spawn(async move {
        for n in 0..RETAINED {
            let published = said_by.publish(format!("t/{n}"), QoS::AtLeastOnce, true, "x");
            published.await.unwrap();
        }
        said_by.subscribe("t/#", QoS::AtMostOnce).await.unwrap();
    });
    let mut topics = std::collections::BTreeSet::new();
    let heard = timeout(DEADLINE, async {
        while topics.len() < RETAINED {
            match events.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    topics.insert(publish.topic);
                }
                Ok(_) => {}
                // Its thread may not listen yet.
                Err(rumqttc::ConnectionError::Io(_)) => tokio::task::yield_now().await,
                Err(err) => panic!("{err}"),
            }
        }
    });
    let in_time = heard.await.is_ok();
    assert!(in_time, "{} of {RETAINED} arrived", topics.len());
}
