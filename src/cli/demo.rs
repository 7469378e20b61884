//! `demo`: a simulated cloud, a broker and the bridge in one process, and a window on them.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::Level;

use crate::app::clock::Clock;
use crate::app::signals::{Signal, Signals};
use crate::app::supervisor::Running;
use crate::bridge::{Input, Publication};
use crate::config::{self, Config, Log};
use crate::mqtt::{self, MqttConfig, MqttError, MqttHandle, Protocol, Will};
use crate::simulator::{self, Request, Scenario, Simulator};

use super::args::DemoArgs;
use super::logging;
use super::output::{Output, table};
use super::simulate::clock_ms;
use super::trouble::Trouble;
use super::view::{Typed, View};

/// How long devices take to report what they were told; real ones take seconds.
const REPORT_DELAY_S: f64 = 0.8;
/// The first values of all devices are there by then.
const SETTLED: Duration = Duration::from_secs(5);
/// For the window to reach the broker before the bridge does.
const WINDOW_OPENS: Duration = Duration::from_secs(5);
/// For the window to leave the broker.
const GOODBYE: Duration = Duration::from_secs(1);
/// The port that tools try first.
const USUAL_PORT: u16 = 1883;

const HELP: &str = "\
Type a command and press Enter:
  DEVICE ATTRIBUTE VALUE     set it, as Home Assistant would:  hot_tub temp_set 36
  offline DEVICE             the device loses its Wi-Fi, which shows when you set something;
                             online DEVICE brings it back
  throttle SECONDS           the cloud refuses calls for a while
  expire                     the cloud forgets all tokens
  quit";

pub(super) async fn demo(args: DemoArgs, verbosity: i16, output: &Output) -> Result<(), Trouble> {
    // The window shows what happens, and the log would say it twice; but not that there is no broker.
    let level = match args.broker {
        Some(_) => Level::WARN,
        None => Level::ERROR,
    };
    let log = Log {
        level,
        ..logging::QUIET
    };
    logging::start(log, verbosity);
    let failed = |err: &dyn std::fmt::Display| Trouble::failed(err.to_string());
    let mut signals = Signals::listen().map_err(|err| failed(&err))?;
    // On a broker of the user's own the demo must not speak for a bridge that runs there.
    let base = if args.broker.is_some() {
        "gizwits2mqtt_demo"
    } else {
        "gizwits2mqtt"
    };
    let (broker_url, protocol) = broker(args.broker)?;
    let clock = Clock::start();
    let simulator = simulated_cloud(clock).await?;
    let cloud_url = format!("http://{}", simulator.addr());
    let folder = private_folder().map_err(|err| failed(&err))?;
    let config = configuration(&broker_url, protocol, base, &cloud_url, folder.path())?;
    let (window, messages) = open_window(&broker_url, protocol, base)
        .await
        .map_err(|err| failed(&err))?;
    let running = Running::start(config, clock, None)
        .await
        .map_err(|err| failed(&err))?;
    let mut demo = Demo {
        output: output.clone(),
        clock,
        simulator,
        base,
        view: View::new(base),
        window,
        settled: false,
        is_heard: true,
    };
    demo.introduce(&broker_url, &cloud_url);
    let end = demo.watch(args.duration, messages, &mut signals).await;
    let concluded = demo.conclude();
    demo.window.shutdown(GOODBYE).await;
    running.stop().await;
    if let Err(err) = folder.close() {
        tracing::debug!(%err, "the demo's state is left behind");
    }
    end.and(concluded)
}

/// A folder that nobody could have made before: a name by chance, for this user alone.
fn private_folder() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("gizwits2mqtt-demo-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

async fn simulated_cloud(clock: Clock) -> Result<Simulator, Trouble> {
    let scenario = Scenario {
        report_delay_s: REPORT_DELAY_S,
        ..Scenario::standard()
    };
    let clock_ms = clock_ms(clock);
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let simulator =
        simulator::start(listen, scenario, fastrand::u64(..), Arc::clone(&clock_ms)).await;
    let simulator = simulator.map_err(|err| Trouble::failed(err.to_string()))?;
    Ok(simulator.living(clock_ms))
}

#[cfg(feature = "embedded-broker")]
fn broker(url: Option<String>) -> Result<(String, Protocol), Trouble> {
    if let Some(url) = url {
        return Ok((url, Protocol::V5));
    }
    let broker =
        simulator::broker::start(USUAL_PORT).map_err(|err| Trouble::failed(err.to_string()))?;
    Ok((format!("mqtt://{}", broker.v311), Protocol::V311))
}

#[cfg(not(feature = "embedded-broker"))]
fn broker(url: Option<String>) -> Result<(String, Protocol), Trouble> {
    let url = url.ok_or_else(|| {
        Trouble::usage(format!(
            "this build has no broker of its own; add --broker mqtt://localhost:{USUAL_PORT}"
        ))
    })?;
    Ok((url, Protocol::V5))
}

/// As a user would write it, but by variables: there is no file.
fn configuration(
    broker: &str,
    protocol: Protocol,
    base: &str,
    cloud: &str,
    state_dir: &Path,
) -> Result<Config, Trouble> {
    let protocol = match protocol {
        Protocol::V5 => "5",
        Protocol::V311 => "3.1.1",
    };
    let state_dir = state_dir.display().to_string();
    let variables = [
        ("ACCOUNTS__0__NAME", "demo"),
        ("ACCOUNTS__0__APP_ID", "demo-app-id"),
        ("ACCOUNTS__0__API_URL", cloud),
        ("ACCOUNTS__0__USERNAME", "demo@example.com"),
        ("ACCOUNTS__0__PASSWORD", "demo-password"),
        ("MQTT__URL", broker),
        ("MQTT__PROTOCOL", protocol),
        ("MQTT__BASE_TOPIC", base),
        ("POLLING__INTERVAL", "10s"),
        ("LIMITS__REQUESTS_PER_MINUTE", "120"),
        ("STATE_DIR", &state_dir),
    ];
    let variables: BTreeMap<String, String> = variables
        .into_iter()
        .map(|(name, text)| (format!("GIZWITS2MQTT__{name}"), text.to_owned()))
        .collect();
    Ok(config::load(
        Path::new("the demo's configuration"),
        &variables,
    )?)
}

/// Looks before the bridge publishes: to one who comes later the embedded broker passes no more than
/// 100 retained messages (`simulator::broker`). A broker that is away holds nothing up for long.
async fn open_window(
    broker: &str,
    protocol: Protocol,
    base: &str,
) -> Result<(MqttHandle, mpsc::Receiver<Input>), MqttError> {
    let (window, mut messages) = mqtt::start(window_config(broker, protocol))?;
    if let Ok(Some(Input::MqttUp)) = timeout(WINDOW_OPENS, messages.recv()).await {
        window.subscribe(vec![everything_below(base)]);
    }
    Ok((window, messages))
}

fn everything_below(base: &str) -> String {
    format!("{base}/#")
}

fn window_config(broker: &str, protocol: Protocol) -> MqttConfig {
    let id = format!("gizwits2mqtt-demo-window-{}", std::process::id());
    MqttConfig {
        url: broker.to_owned(),
        username: None,
        password: None,
        ca_file: None,
        client_cert_file: None,
        client_key_file: None,
        will: Will {
            topic: format!("{id}/state"),
            payload: "closed".into(),
        },
        client_id: id,
        protocol,
    }
}

struct Demo {
    output: Output,
    base: &'static str,
    clock: Clock,
    simulator: Simulator,
    view: View,
    window: MqttHandle,
    /// The table was shown.
    settled: bool,
    /// False once what it says cannot be written: nobody watches any more.
    is_heard: bool,
}

impl Demo {
    fn say(&mut self, line: &str) {
        if !self.output.is_json() && self.output.line(line).is_err() {
            self.is_heard = false;
        }
    }

    fn introduce(&mut self, broker: &str, cloud: &str) {
        let base = self.base;
        self.say(&format!(
            "A simulated Gizwits cloud:   {cloud}\n\
             A broker:                    {broker}\n\
             The bridge connects the two. Home Assistant with MQTT at that broker shows the devices by itself.\n\n\
             Look from another terminal:  mosquitto_sub -v -L '{broker}/{base}/#'\n\
             Command from there:          mosquitto_pub -L {broker}/{base}/hot_tub/set/temp_set -m 36\n"
        ));
    }

    async fn watch(
        &mut self,
        duration: Option<u64>,
        mut messages: mpsc::Receiver<Input>,
        signals: &mut Signals,
    ) -> Result<(), Trouble> {
        let forever = Duration::from_secs(365 * 24 * 3600);
        let end = tokio::time::sleep(duration.map_or(forever, Duration::from_secs));
        let settled = tokio::time::sleep(SETTLED);
        tokio::pin!(end, settled);
        let mut typed = Some(BufReader::new(tokio::io::stdin()).lines());
        while self.is_heard {
            tokio::select! {
                () = &mut end => return Ok(()),
                () = &mut settled, if !self.settled => self.show_table(),
                Some(input) = messages.recv() => self.on_input(input),
                line = next_line(&mut typed) => match self.on_line(&line) {
                    Typed::Quit => return Ok(()),
                    typed @ (Typed::Set { .. } | Typed::Cloud { .. } | Typed::Help | Typed::Nothing) => self.act(typed),
                },
                signal = signals.next() => match signal {
                    Signal::Reload => {}
                    Signal::Terminate => return Ok(()),
                    Signal::Interrupt => return Err(Trouble::interrupted()),
                },
            }
        }
        Ok(())
    }

    fn show_table(&mut self) {
        self.settled = true;
        self.say("");
        let devices = table(&["device", "state", "values"], self.view.devices());
        self.say(&devices);
        self.say("");
        if std::io::stdin().is_terminal() {
            self.say(HELP);
            self.say("");
        }
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::MqttUp => self.window.subscribe(vec![everything_below(self.base)]),
            Input::Message(message) => {
                self.view.learn(&message.topic, &message.payload);
                if let Some(line) = self.view.line(&message.topic, &message.payload) {
                    let seconds = self.clock.now().mono.as_secs_f64();
                    self.say(&format!("{seconds:7.1} s  {line}"));
                }
            }
            Input::MqttDown { .. }
            | Input::BrokerLimit { .. }
            | Input::Drained { .. }
            | Input::SubscriptionsRefused(_)
            | Input::CallDone { .. }
            | Input::Socket { .. }
            | Input::Sampled(_)
            | Input::StateDir { .. }
            | Input::Tick
            | Input::Reconfigure(_)
            | Input::Stop => {}
        }
    }

    fn on_line(&mut self, line: &str) -> Typed {
        self.view.typed(line).unwrap_or_else(|err| {
            self.say(&err);
            Typed::Nothing
        })
    }

    fn act(&mut self, typed: Typed) {
        match typed {
            Typed::Set { topic, value } => self.window.publish(Publication {
                topic,
                payload: value.into_bytes(),
                retain: false,
                is_event: false,
                correlation: None,
            }),
            Typed::Cloud { path, body } => {
                let request = Request {
                    method: "POST".into(),
                    path: format!("/_sim/{path}"),
                    body: body.to_string().into_bytes(),
                    ..Request::default()
                };
                let now_ms = clock_ms(self.clock)();
                self.simulator
                    .with_world(|world| world.handle(now_ms, &request));
            }
            Typed::Help => self.say(HELP),
            Typed::Quit | Typed::Nothing => {}
        }
    }

    fn conclude(&self) -> Result<(), Trouble> {
        let devices = self.view.devices();
        let calls = self.simulator.with_world(|world| world.requests().len());
        let document = json!({
            "devices": devices.iter().map(|row| row.first().cloned()).collect::<Vec<_>>(),
            "messages": self.view.messages,
            "cloud_calls": calls,
        });
        let online = devices
            .iter()
            .filter(|row| row.get(1).is_some_and(|state| state == "online"))
            .count();
        let messages = self.view.messages;
        let lines = format!(
            "\n{} devices, {online} online; {messages} messages on the broker from {calls} calls to the cloud",
            devices.len()
        );
        self.output.result(&document, &lines)
    }
}

/// The next line that a person types; never, once the input has ended.
async fn next_line(lines: &mut Option<Lines<BufReader<Stdin>>>) -> String {
    if let Some(typed) = lines {
        match typed.next_line().await {
            Ok(Some(line)) => return line,
            Ok(None) | Err(_) => *lines = None,
        }
    }
    std::future::pending().await
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_demos_folder_is_new_and_for_its_user_alone() {
        let (one, other) = (private_folder().unwrap(), private_folder().unwrap());
        assert_ne!(one.path(), other.path());
        let name = one
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let number = name.strip_prefix("gizwits2mqtt-demo-").unwrap();
        assert_ne!(number, std::process::id().to_string(), "it can be guessed");
        let mode = std::fs::metadata(one.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
