//! A Home Assistant with its own broker and configuration, spoken to over its WebSocket as its user
//! interface does.

#![allow(dead_code, reason = "each test of this folder uses its own part of it")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::support::{DEADLINE, free_port, say};

/// Debian, Python and Home Assistant are installed once on a machine.
const SET_UP: Duration = Duration::from_secs(15 * 60);
/// One instance is set up at a time.
static SETTING_UP: Mutex<()> = Mutex::const_new(());

/// Every entity's state as Home Assistant has it: `state`, `attributes`, …
pub(crate) type States = BTreeMap<String, Value>;
type Waiting = Arc<std::sync::Mutex<BTreeMap<u64, oneshot::Sender<Value>>>>;
/// Who wants the events of which subscription; all others are of states.
type Listening = Arc<std::sync::Mutex<BTreeMap<u64, mpsc::UnboundedSender<Value>>>>;

/// See the module. Ends its processes when it is dropped.
pub(crate) struct HomeAssistant {
    tools: PathBuf,
    folder: tempfile::TempDir,
    /// The port of its broker.
    pub(crate) broker: u16,
    commands: mpsc::UnboundedSender<Message>,
    waiting: Waiting,
    listening: Listening,
    states: watch::Receiver<States>,
    next: AtomicU64,
}

/// What its configuration has beside what the tools give it.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// Integrations that are set up as they come.
    pub(crate) integrations: &'static [&'static str],
}

impl HomeAssistant {
    /// A fresh one; `None`, with a word about it, where there are no tools.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&More::default()).await
    }

    /// The same, with more in its configuration.
    pub(crate) async fn start_with(more: &More) -> Option<Self> {
        let tools = PathBuf::from(std::env::var_os("HA_TOOLS").unwrap_or_default());
        if !tools.join("start.sh").exists() {
            say("skipped: no Home Assistant to test with (HA_TOOLS)");
            return None;
        }
        let tools = tools.canonicalize().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (port, broker) = (free_port(), free_port());
        let run = |script: &str| {
            let mut command = Command::new(tools.join(script));
            command
                .env("HA_STATE", folder.path().join("state"))
                .env("HA_CONFIG", folder.path().join("config"))
                .env("HA_PORT", port.to_string())
                .env("MQTT_PORT", broker.to_string());
            command
        };
        {
            let _one = SETTING_UP.lock().await;
            succeed(run("setup.sh"), SET_UP).await;
        }
        let started = succeed(run("start.sh"), DEADLINE * 2).await;
        if !more.integrations.is_empty() {
            // It writes its configuration when it first starts, and keeps it.
            succeed(run("stop.sh"), DEADLINE).await;
            let path = folder.path().join("config/configuration.yaml");
            let mut text = std::fs::read_to_string(&path).unwrap();
            for integration in more.integrations {
                text += &format!("{integration}:\n");
            }
            std::fs::write(&path, text).unwrap();
            succeed(run("start.sh"), DEADLINE * 2).await;
        }
        let token = started
            .lines()
            .find_map(|line| line.strip_prefix("HA_TOKEN="));
        let token = token.map(str::to_owned);
        let token = token.unwrap_or_else(|| {
            let env = std::fs::read_to_string(folder.path().join("state/env")).unwrap();
            let token = env.lines().find_map(|line| line.strip_prefix("HA_TOKEN="));
            token.unwrap().to_owned()
        });
        let listening = Listening::default();
        let (commands, waiting, states) = connect(port, &token, Arc::clone(&listening)).await;
        let ha = Self {
            tools,
            folder,
            broker,
            commands,
            waiting,
            listening,
            states,
            next: AtomicU64::new(1),
        };
        let all = ha.ask(json!({ "type": "subscribe_entities" })).await;
        assert!(all.is_ok(), "{all:?}");
        Some(ha)
    }

    /// A command of its WebSocket; `Err` has its own words.
    pub(crate) async fn ask(&self, command: Value) -> Result<Value, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.ask_as(id, command).await
    }

    /// A command that events follow.
    pub(crate) async fn listen(
        &self,
        command: Value,
    ) -> Result<mpsc::UnboundedReceiver<Value>, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, events) = mpsc::unbounded_channel();
        self.listening.lock().unwrap().insert(id, tell);
        self.ask_as(id, command).await.map(|_| events)
    }

    async fn ask_as(&self, id: u64, mut command: Value) -> Result<Value, String> {
        command["id"] = id.into();
        let (tell, told) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, tell);
        let text = command.to_string();
        self.commands.send(Message::text(text)).unwrap();
        let answer = timeout(DEADLINE, told).await.expect("no answer").unwrap();
        if answer["success"] == true {
            Ok(answer["result"].clone())
        } else {
            Err(answer["error"]["message"].to_string())
        }
    }

    /// Calls a service on an entity, as a tap in the user interface does.
    pub(crate) async fn call(
        &self,
        service: &str,
        entity: &str,
        data: Value,
    ) -> Result<(), String> {
        let (domain, service) = service.split_once('.').unwrap();
        let command = json!({
            "type": "call_service", "domain": domain, "service": service,
            "target": { "entity_id": entity }, "service_data": data,
        });
        self.ask(command).await.map(drop)
    }

    /// The entity as it is now: `state` and `attributes`; null when there is none.
    pub(crate) fn state(&self, entity: &str) -> Value {
        self.states
            .borrow()
            .get(entity)
            .cloned()
            .unwrap_or_default()
    }

    /// All entities.
    pub(crate) fn states(&self) -> States {
        self.states.borrow().clone()
    }

    /// Tells whenever any state changes.
    pub(crate) fn changes(&self) -> watch::Receiver<States> {
        self.states.clone()
    }

    /// Waits until an entity is as wanted (null: there is none).
    ///
    /// # Errors
    /// How it is instead, in the end.
    pub(crate) async fn wait(
        &self,
        entity: &str,
        deadline: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Value> {
        let mut states = self.states.clone();
        let is_wanted = |states: &States| wanted(states.get(entity).unwrap_or(&Value::Null));
        match timeout(deadline, states.wait_for(is_wanted)).await {
            Ok(found) => Ok(found.unwrap().get(entity).cloned().unwrap_or_default()),
            Err(_) => Err(self.state(entity)),
        }
    }

    /// What its log has against MQTT entities and templates: nothing, when all is well.
    pub(crate) async fn complaints(&self) -> String {
        let mut command = self.script("ha.py");
        let output = command.args(["log", "--errors"]).output().await.unwrap();
        if output.status.success() {
            return String::new();
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A script of the tools that talks to this instance.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.tools.join(name));
        command.env("HA_STATE", self.folder.path().join("state"));
        command
    }
}

impl Drop for HomeAssistant {
    fn drop(&mut self) {
        let stopped = std::process::Command::new(self.tools.join("stop.sh"))
            .env("HA_STATE", self.folder.path().join("state"))
            .output();
        assert!(stopped.is_ok(), "{stopped:?}");
    }
}

/// What it printed.
async fn succeed(mut command: Command, deadline: Duration) -> String {
    let output = timeout(deadline, command.output()).await;
    let output = output.expect("it takes too long").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{errors}");
    text(&output.stdout)
}

async fn connect(
    port: u16,
    token: &str,
    listening: Listening,
) -> (
    mpsc::UnboundedSender<Message>,
    Waiting,
    watch::Receiver<States>,
) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let url = format!("ws://127.0.0.1:{port}/api/websocket");
    let config = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let (mut socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config))
        .await
        .unwrap();
    let login = json!({ "type": "auth", "access_token": token }).to_string();
    socket.send(Message::text(login)).await.unwrap();
    loop {
        let message = socket.next().await.unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        assert_ne!(message["type"], "auth_invalid");
        if message["type"] == "auth_ok" {
            break;
        }
    }
    let (commands, mut to_send) = mpsc::unbounded_channel::<Message>();
    let (tell, states) = watch::channel(States::new());
    let waiting = Waiting::default();
    let answered = Arc::clone(&waiting);
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                command = to_send.recv() => match command {
                    Some(command) => {
                        socket.send(command).await.unwrap();
                        continue;
                    }
                    None => return,
                },
                message = socket.next() => match message {
                    Some(Ok(message)) => message,
                    // It is restarted, or ended.
                    Some(Err(_)) | None => return,
                },
            };
            let Ok(message) = serde_json::from_str::<Value>(message.to_text().unwrap_or_default())
            else {
                continue;
            };
            let id = message["id"].as_u64().unwrap_or_default();
            if message["type"] == "result" {
                if let Some(tell) = answered.lock().unwrap().remove(&id) {
                    drop(tell.send(message));
                }
            } else if let Some(tell) = listening.lock().unwrap().get(&id) {
                drop(tell.send(message["event"].clone()));
            } else if message["type"] == "event" {
                tell.send_modify(|states| learn(states, &message["event"]));
            }
        }
    });
    (commands, waiting, states)
}

/// The compressed events of `subscribe_entities`: `a` added, `r` removed, `c` changed by `+` and `-`.
fn learn(states: &mut States, event: &Value) {
    let entries = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let set = |entity: &mut Value, change: &Map<String, Value>| {
        if let Some(state) = change.get("s") {
            entity["state"] = state.clone();
        }
        for (name, value) in change.get("a").map(entries).unwrap_or_default() {
            entity["attributes"][name] = value;
        }
    };
    for (id, state) in entries(&event["a"]) {
        let mut entity = json!({ "attributes": {} });
        set(&mut entity, state.as_object().unwrap());
        states.insert(id, entity);
    }
    for (id, change) in entries(&event["c"]) {
        let Some(entity) = states.get_mut(&id) else {
            continue;
        };
        if let Some(more) = change["+"].as_object() {
            set(entity, more);
        }
        for name in change["-"]["a"].as_array().into_iter().flatten() {
            let attributes = entity["attributes"].as_object_mut().unwrap();
            attributes.remove(name.as_str().unwrap());
        }
    }
    for id in event["r"].as_array().into_iter().flatten() {
        states.remove(id.as_str().unwrap());
    }
}
