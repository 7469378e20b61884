//! An MQTT client that remembers everything, and waits for what a test wants to see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::DEADLINE;

#[derive(Debug, Clone)]
pub struct Seen {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retained: bool,
    pub correlation: Option<Vec<u8>>,
}

impl Seen {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or(Value::Null)
    }
}

#[derive(Debug, Default)]
struct Memory {
    all: Vec<Seen>,
    newest: BTreeMap<String, Vec<u8>>,
}

pub struct Watcher {
    client: AsyncClient,
    memory: Arc<Mutex<Memory>>,
    news: watch::Receiver<u64>,
}

impl Watcher {
    /// Connects and subscribes to everything.
    pub async fn start(port: u16) -> Self {
        let mut options =
            MqttOptions::new(format!("watcher-{}", fastrand::u64(..)), "127.0.0.1", port);
        options.set_keep_alive(std::time::Duration::from_secs(5));
        // A command must not wait for the acknowledgement of what was received before it.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let mut properties = rumqttc::v5::mqttbytes::v5::ConnectProperties::new();
        properties.max_packet_size = Some(8 * 1024 * 1024);
        options.set_connect_properties(properties);
        let (client, mut events) = AsyncClient::new(options, 1000);
        let memory = Arc::new(Mutex::new(Memory::default()));
        let (tell, mut news) = watch::channel(0_u64);
        let (remember, again) = (Arc::clone(&memory), client.clone());
        tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        again.try_subscribe("#", QoS::AtLeastOnce).unwrap();
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let seen = Seen {
                            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                            payload: publish.payload.to_vec(),
                            retained: publish.retain,
                            correlation: publish
                                .properties
                                .and_then(|properties| properties.correlation_data)
                                .map(|data| data.to_vec()),
                        };
                        let mut memory = remember.lock().unwrap();
                        memory
                            .newest
                            .insert(seen.topic.clone(), seen.payload.clone());
                        memory.all.push(seen);
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => {}
                    Ok(_) => continue,
                    // The broker is away: try again, but not in a spin.
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
                tell.send_modify(|count| *count += 1);
            }
        });
        timeout(DEADLINE, news.changed())
            .await
            .expect("no broker")
            .unwrap();
        Self {
            client,
            memory,
            news,
        }
    }

    pub async fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(topic, payload, false).await;
    }

    pub async fn publish_retained(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.send(topic, payload, true).await;
    }

    async fn send(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, payload.into())
            .await
            .unwrap();
    }

    /// An MQTT 5 request with a response topic.
    pub async fn request(&self, topic: &str, payload: &str, response: &str, correlation: &[u8]) {
        let properties = PublishProperties {
            response_topic: Some(response.into()),
            correlation_data: Some(correlation.to_vec().into()),
            ..PublishProperties::default()
        };
        let payload = payload.as_bytes().to_vec();
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)
            .await
            .unwrap();
    }

    /// How many messages there were so far: a mark to look from.
    pub fn mark(&self) -> usize {
        self.memory.lock().unwrap().all.len()
    }

    /// Everything since a mark.
    pub fn since(&self, mark: usize) -> Vec<Seen> {
        self.memory.lock().unwrap().all[mark..].to_vec()
    }

    /// The newest payload of a topic as text.
    pub fn newest(&self, topic: &str) -> Option<String> {
        let memory = self.memory.lock().unwrap();
        memory
            .newest
            .get(topic)
            .map(|payload| String::from_utf8_lossy(payload).into_owned())
    }

    /// Forgets the newest payloads, so that waiting means waiting for a new one.
    pub fn forget(&self) {
        self.memory.lock().unwrap().newest.clear();
    }

    /// Waits until a topic's newest payload is this text.
    pub async fn until(&self, topic: &str, want: &str) {
        let look = || self.newest(topic).filter(|text| text == want);
        self.wait(look, || {
            format!("{topic} = {want:?}, not {:?}", self.newest(topic))
        })
        .await;
    }

    /// Waits until a topic's newest payload is JSON that suits.
    pub async fn until_json(&self, topic: &str, suits: impl Fn(&Value) -> bool) -> Value {
        let look = || {
            let json: Value = serde_json::from_str(&self.newest(topic)?).ok()?;
            suits(&json).then_some(json)
        };
        self.wait(look, || {
            format!("a JSON on {topic}, not {:?}", self.newest(topic))
        })
        .await
    }

    /// Waits until the account is in this state; what the bridge then tells of itself.
    pub async fn until_account(&self, state: &str) -> Value {
        let is = |info: &Value| info["accounts"]["home"]["state"] == state;
        self.until_json("gizwits2mqtt/bridge/info", is).await
    }

    /// Waits for a message since a mark.
    pub async fn message(&self, mark: usize, suits: impl Fn(&Seen) -> bool) -> Seen {
        self.messages(mark, 1, suits).await.remove(0)
    }

    /// Waits for this many messages since a mark, or more.
    pub async fn messages(
        &self,
        mark: usize,
        count: usize,
        suits: impl Fn(&Seen) -> bool,
    ) -> Vec<Seen> {
        let look = || {
            let found: Vec<Seen> = self.since(mark).into_iter().filter(&suits).collect();
            (found.len() >= count).then_some(found)
        };
        self.wait(look, || {
            let topics: Vec<String> = self
                .since(mark)
                .into_iter()
                .map(|seen| seen.topic)
                .collect();
            format!("{count} messages; there were {topics:?}")
        })
        .await
    }

    /// Publishes a command and waits for its result.
    pub async fn command(&self, device: &str, below: &str, payload: impl Into<Vec<u8>>) -> Value {
        let mark = self.mark();
        self.publish(&format!("gizwits2mqtt/{device}/{below}"), payload)
            .await;
        let topic = format!("gizwits2mqtt/{device}/result");
        self.message(mark, |seen| seen.topic == topic).await.json()
    }

    async fn wait<T>(&self, look: impl Fn() -> Option<T>, what: impl Fn() -> String) -> T {
        let mut news = self.news.clone();
        let found = timeout(DEADLINE, async {
            loop {
                news.mark_unchanged();
                if let Some(found) = look() {
                    return found;
                }
                news.changed().await.unwrap();
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {}", what()),
        }
    }
}
