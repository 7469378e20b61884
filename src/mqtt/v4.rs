//! MQTT 3.1.1 through rumqttc.

use std::time::Duration;

use rumqttc::mqttbytes::Error as Malformed;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS,
    StateError, SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::mpsc;

use crate::bridge::Publication;
use crate::bridge::input::Message;

use super::link::{KEEP_ALIVE, LinkEvent, MAX_INFLIGHT, REQUESTS, Source, Target, pump, tell_end};
use super::options::MqttConfig;
use super::reach::reach;
use super::reason::Failure;
use super::transport::{network, transport};

/// Both ways. Nothing tells a 3.1.1 broker to keep large messages to itself, and one that is too large
/// costs the link, so this is generous.
const MAX_PACKET_BYTES: u32 = 16 * 1024 * 1024;

/// See [`super::link::Link`].
#[derive(Debug)]
pub(super) struct Sender(AsyncClient);

pub(super) fn open(
    config: &MqttConfig,
    target: Target,
    events: mpsc::Sender<LinkEvent>,
) -> (Sender, impl Future<Output = ()> + use<>) {
    let (client, mut event_loop) = AsyncClient::new(options(config, &target), REQUESTS);
    event_loop.set_network_options(network());
    let config = config.clone();
    let run = async move {
        match reach(&target).await {
            Ok(host) => {
                event_loop.mqtt_options = options(
                    &config,
                    &Target {
                        host,
                        ..target.clone()
                    },
                )
            }
            Err(failure) => return tell_end(&events, failure).await,
        }
        let address = target.shown;
        pump(
            Events {
                event_loop,
                address,
            },
            events,
        )
        .await;
    };
    (Sender(client), run)
}

fn options(config: &MqttConfig, target: &Target) -> MqttOptions {
    let mut options = MqttOptions::new(&config.client_id, &target.host, target.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_inflight(MAX_INFLIGHT)
        .set_max_packet_size(MAX_PACKET_BYTES as usize, MAX_PACKET_BYTES as usize)
        .set_last_will(LastWill::new(
            &config.will.topic,
            config.will.payload.as_str(),
            QoS::AtLeastOnce,
            true,
        ));
    if let (Some(username), Some(password)) = (&config.username, &config.password) {
        options.set_credentials(username, password.expose());
    }
    options.set_transport(transport(&target.way));
    options
}

struct Events {
    event_loop: EventLoop,
    address: String,
}

impl Source for Events {
    async fn next(&mut self) -> Option<LinkEvent> {
        match self.event_loop.poll().await {
            Ok(event) => translate(event),
            Err(err) => Some(LinkEvent::Down(failure(&err, &self.address))),
        }
    }

    fn keep_alive(&self) -> Duration {
        KEEP_ALIVE
    }
}

fn translate(event: Event) -> Option<LinkEvent> {
    match event {
        Event::Outgoing(Outgoing::Publish(packet_id)) => Some(LinkEvent::Written(packet_id)),
        Event::Incoming(Packet::ConnAck(_)) => Some(LinkEvent::Up {
            max_packet: Some(MAX_PACKET_BYTES),
        }),
        Event::Incoming(Packet::PubAck(ack)) => Some(LinkEvent::Acked {
            packet_id: ack.pkid,
            refused: None,
        }),
        Event::Incoming(Packet::Publish(publish)) => Some(LinkEvent::Message(Message {
            topic: publish.topic,
            payload: publish.payload.to_vec(),
            retained: publish.retain,
            reply: None,
        })),
        Event::Outgoing(Outgoing::Subscribe(packet_id)) => Some(LinkEvent::Subscribing(packet_id)),
        Event::Incoming(Packet::SubAck(ack)) => Some(LinkEvent::Subscribed {
            packet_id: ack.pkid,
            reasons: ack.return_codes.iter().map(refusal).collect(),
        }),
        Event::Incoming(_) | Event::Outgoing(_) => None,
    }
}

fn refusal(code: &SubscribeReasonCode) -> Option<String> {
    match code {
        SubscribeReasonCode::Success(_) => None,
        SubscribeReasonCode::Failure => Some("refused".into()),
    }
}

fn failure(err: &ConnectionError, address: &str) -> Failure {
    match err {
        ConnectionError::ConnectionRefused(code) => Failure::refused_connect(&format!("{code:?}")),
        ConnectionError::Io(err)
        | ConnectionError::MqttState(
            StateError::Io(err) | StateError::Deserialization(Malformed::Io(err)),
        ) => Failure::from_io(err, address),
        ConnectionError::Tls(rumqttc::TlsError::Io(err)) => Failure::from_io(err, address),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            Failure::passing(format!("{address} does not answer"))
        }
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Failure::passing("the broker does not answer any more")
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => Failure::closed(),
        ConnectionError::MqttState(StateError::Deserialization(
            Malformed::PayloadSizeLimitExceeded(bytes),
        )) => Failure::too_large(*bytes, MAX_PACKET_BYTES),
        ConnectionError::MqttState(StateError::Deserialization(fault)) => {
            Failure::not_understood(fault, address)
        }
        ConnectionError::MqttState(other) => Failure::passing(format!("MQTT error: {other}")),
        ConnectionError::Tls(other) => Failure::passing(format!("TLS error: {other}")),
        ConnectionError::NotConnAck(_) => {
            Failure::passing(format!("what listens at {address} does not speak MQTT"))
        }
        ConnectionError::RequestsDone => Failure::passing("the link was closed"),
    }
}

impl Sender {
    pub(super) fn publish(&self, message: Publication) -> bool {
        let Publication {
            topic,
            payload,
            retain,
            ..
        } = message;
        let sent = self.0.try_publish(topic, QoS::AtLeastOnce, retain, payload);
        sent.is_ok()
    }

    pub(super) fn subscribe(&self, filters: Vec<String>) -> bool {
        let filters = filters
            .into_iter()
            .map(|filter| SubscribeFilter::new(filter, QoS::AtLeastOnce));
        self.0.try_subscribe_many(filters).is_ok()
    }

    pub(super) fn disconnect(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }
}
