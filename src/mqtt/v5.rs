//! MQTT 5 through rumqttc.

use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, Filter, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error as Malformed, QoS};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use tokio::sync::mpsc;

use crate::bridge::Publication;
use crate::bridge::input::{Message, ReplyTo};

use super::link::{
    CONNECT_TIMEOUT_S, KEEP_ALIVE, LinkEvent, MAX_INFLIGHT, MAX_PACKET_BYTES, REQUESTS, Source,
    Target, pump, tell_end,
};
use super::options::MqttConfig;
use super::reach::reach;
use super::reason::Failure;
use super::topic::can_answer_on;
use super::transport::{network, transport};

/// See [`super::link::Link`].
#[derive(Debug)]
pub(super) struct Sender(AsyncClient);

pub(super) fn open(
    config: &MqttConfig,
    target: Target,
    events: mpsc::Sender<LinkEvent>,
) -> (Sender, impl Future<Output = ()> + use<>) {
    let (client, mut event_loop) = AsyncClient::new(options(config, &target), REQUESTS);
    let config = config.clone();
    let run = async move {
        match reach(&target).await {
            Ok(host) => {
                event_loop.options = options(
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
    let properties = ConnectProperties {
        max_packet_size: Some(MAX_PACKET_BYTES),
        ..ConnectProperties::new()
    };
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_start(true)
        .set_outgoing_inflight_upper_limit(MAX_INFLIGHT)
        .set_connection_timeout(CONNECT_TIMEOUT_S)
        .set_network_options(network())
        .set_connect_properties(properties)
        .set_last_will(LastWill::new(
            &config.will.topic,
            config.will.payload.as_str(),
            QoS::AtLeastOnce,
            true,
            None,
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
        let event = self.event_loop.poll().await;
        // A broker that wants no pings would get them without end.
        if self.event_loop.options.keep_alive().is_zero() {
            self.event_loop.options.set_keep_alive(KEEP_ALIVE);
        }
        match event {
            Ok(event) => translate(event),
            Err(err) => Some(LinkEvent::Down(failure(&err, &self.address))),
        }
    }

    /// The broker may have asked for another one than ours.
    fn keep_alive(&self) -> Duration {
        self.event_loop.options.keep_alive()
    }
}

fn translate(event: Event) -> Option<LinkEvent> {
    match event {
        Event::Outgoing(Outgoing::Publish(packet_id)) => Some(LinkEvent::Written(packet_id)),
        Event::Incoming(Packet::ConnAck(ack)) => Some(LinkEvent::Up {
            max_packet: ack
                .properties
                .and_then(|properties| properties.max_packet_size),
        }),
        Event::Incoming(Packet::PubAck(ack)) => {
            let taken = matches!(
                ack.reason,
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers
            );
            Some(LinkEvent::Acked {
                packet_id: ack.pkid,
                refused: (!taken).then(|| format!("{:?}", ack.reason)),
            })
        }
        Event::Incoming(Packet::Publish(publish)) => message(publish).map(LinkEvent::Message),
        Event::Outgoing(Outgoing::Subscribe(packet_id)) => Some(LinkEvent::Subscribing(packet_id)),
        Event::Incoming(Packet::SubAck(ack)) => Some(LinkEvent::Subscribed {
            packet_id: ack.pkid,
            reasons: ack.return_codes.iter().map(refusal).collect(),
        }),
        Event::Incoming(_) | Event::Outgoing(_) => None,
    }
}

/// A topic that is not UTF-8 breaks the protocol and cannot be one of ours. Where nobody could publish, an
/// answer is not wanted.
fn message(publish: Publish) -> Option<Message> {
    let reply = publish.properties.and_then(|properties| {
        Some(ReplyTo {
            topic: properties
                .response_topic
                .filter(|topic| can_answer_on(topic))?,
            correlation: properties.correlation_data.map(|data| data.to_vec()),
        })
    });
    Some(Message {
        topic: String::from_utf8(publish.topic.to_vec()).ok()?,
        payload: publish.payload.to_vec(),
        retained: publish.retain,
        reply,
    })
}

fn refusal(code: &SubscribeReasonCode) -> Option<String> {
    (!matches!(code, SubscribeReasonCode::Success(_))).then(|| format!("{code:?}"))
}

/// Commands come below wildcards: one that was published with the retain flag is to arrive with it, also
/// while the bridge listens, since the broker hands it out again with each connection (decision 0033). A
/// topic that is watched by its full name, such as Home Assistant's birth, counts when it is live,
/// whatever its flag.
fn keeps_the_retain_flag(filter: &str) -> bool {
    filter.contains(['+', '#'])
}

fn failure(err: &ConnectionError, address: &str) -> Failure {
    match err {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
            Failure::refused_connect(&format!("{code:?}"))
        }
        ConnectionError::Io(err)
        | ConnectionError::MqttState(
            StateError::Io(err) | StateError::Deserialization(Malformed::Io(err)),
        ) => Failure::from_io(err, address),
        ConnectionError::Tls(rumqttc::TlsError::Io(err)) => Failure::from_io(err, address),
        ConnectionError::Timeout(_) => Failure::passing(format!("{address} does not answer")),
        ConnectionError::MqttState(StateError::AwaitPingResp) => {
            Failure::passing("the broker does not answer any more")
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => Failure::closed(),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            disconnected(&format!("{reason_code:?}"))
        }
        ConnectionError::MqttState(StateError::Deserialization(fault)) => {
            Failure::not_understood(fault, address)
        }
        ConnectionError::MqttState(other) => Failure::passing(format!("MQTT error: {other}")),
        ConnectionError::Tls(other) => Failure::passing(format!("TLS error: {other}")),
        ConnectionError::NotConnAck(_) => {
            Failure::passing(format!("what listens at {address} does not speak MQTT 5"))
        }
        ConnectionError::RequestsDone => Failure::passing("the link was closed"),
    }
}

fn disconnected(code: &str) -> Failure {
    match code {
        "SessionTakenOver" => Failure::refusal(
            "another client connected with the same mqtt.client_id; give each its own",
        ),
        "ServerShuttingDown" => Failure::passing("the broker is shutting down"),
        other => Failure::passing(format!("the broker ended the connection ({other})")),
    }
}

impl Sender {
    pub(super) fn publish(&self, message: Publication) -> bool {
        let Publication {
            topic,
            payload,
            retain,
            correlation,
            is_event: _,
        } = message;
        let sent = match correlation {
            None => self.0.try_publish(topic, QoS::AtLeastOnce, retain, payload),
            Some(correlation) => {
                let properties = PublishProperties {
                    correlation_data: Some(correlation.into()),
                    ..PublishProperties::default()
                };
                let qos = QoS::AtLeastOnce;
                self.0
                    .try_publish_with_properties(topic, qos, retain, payload, properties)
            }
        };
        sent.is_ok()
    }

    pub(super) fn subscribe(&self, filters: Vec<String>) -> bool {
        let filters = filters.into_iter().map(|filter| Filter {
            preserve_retain: keeps_the_retain_flag(&filter),
            ..Filter::new(filter, QoS::AtLeastOnce)
        });
        self.0.try_subscribe_many(filters).is_ok()
    }

    pub(super) fn disconnect(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_keep_the_retain_flag() {
        for (filter, keeps) in [
            ("gizwits2mqtt/+/set", true),
            ("gizwits2mqtt/bridge/request/#", true),
            ("homeassistant/status", false),
        ] {
            assert_eq!(keeps_the_retain_flag(filter), keeps, "{filter}");
        }
    }
}
