//! The bridge against a floor: the least program with the same crates and no logic, which does the
//! same job in the same run on the same machine. Prints figures and ratios; asserts nothing, since
//! machines are noisy.
//!
//! `cargo bench` measures all of it in about 5 minutes. It needs a broker as the tests do.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::{Value, json};
use support::bridge::{Bridge, config};
use support::broker::Broker;
use support::cloud::{Cloud, PASSWORD, SPA};
use support::watcher::Watcher;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Commands for each of the two; the limit of calls allows no faster pace.
const COMMANDS: usize = 240;
const PACE: Duration = Duration::from_millis(250);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let is_floor = |arg: &String| arg == "floor" || arg == "push-floor";
    if let Some(at) = args.iter().position(is_floor) {
        // One thread, as the bridge has: a hand-over between threads would make the floor slow.
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (cloud, port) = (args[at + 1].clone(), args[at + 2].parse().unwrap());
        runtime.block_on(async {
            if args[at] == "floor" {
                floor(cloud, port).await;
            } else {
                push_floor(cloud, port).await;
            }
        });
        return;
    }
    let all = async {
        latency().await;
        push_latency().await;
        for devices in [10, 1000] {
            size_and_start(devices).await;
        }
    };
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(all);
}

/// The floor: each message on `floor/set` becomes a control call, and that is all.
async fn floor(cloud: String, port: u16) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::new();
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let mut options = MqttOptions::new("floor", "127.0.0.1", port);
    options.set_network_options(network);
    let (client, mut events) = AsyncClient::new(options, 10);
    client
        .subscribe("floor/set", QoS::AtLeastOnce)
        .await
        .unwrap();
    loop {
        if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
            let attrs: Value = serde_json::from_slice(&publish.payload).unwrap();
            let call = http
                .post(format!("{cloud}/app/control/floor"))
                .header("x-gizwits-application-id", "demo-app-id")
                .json(&json!({ "attrs": attrs }));
            tokio::spawn(async move { call.send().await.unwrap().bytes().await.unwrap() });
        }
    }
}

/// The same for push: the hot tub's water temperature goes to `floor/temp_now`, and that is all.
async fn push_floor(cloud: String, port: u16) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let login = json!({ "username": "demo@example.com", "password": PASSWORD });
    let answer = reqwest::Client::new()
        .post(format!("{cloud}/app/login"))
        .header("x-gizwits-application-id", "demo-app-id")
        .json(&login);
    let session: Value = answer.send().await.unwrap().json().await.unwrap();
    let host = cloud.trim_start_matches("http://");
    let stream = TcpStream::connect(host).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let url = format!("ws://{host}/ws/app/v1");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let data = json!({ "appid": "demo-app-id", "uid": session["uid"], "token": session["token"],
        "p0_type": "attrs_v4", "heartbeat_interval": 180 });
    let login = json!({ "cmd": "login_req", "data": data }).to_string();
    socket.send(Message::text(login)).await.unwrap();
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let mut options = MqttOptions::new("push-floor", "127.0.0.1", port);
    options.set_network_options(network);
    let (client, mut events) = AsyncClient::new(options, 10);
    loop {
        tokio::select! {
            event = events.poll() => drop(event.unwrap()),
            message = socket.next() => {
                let Message::Text(text) = message.unwrap().unwrap() else { continue };
                let noti: Value = serde_json::from_str(&text).unwrap();
                if noti["data"]["did"] == SPA {
                    let value = noti["data"]["attrs"]["temp_now"].to_string();
                    client
                        .publish("floor/temp_now", QoS::AtLeastOnce, true, value)
                        .await
                        .unwrap();
                }
            }
        }
    }
}

/// From a change at the device to a subscriber; bridge and floor hear the same push.
async fn push_latency() {
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let floor = start_floor("push-floor", &cloud.url(), broker.port());
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["push"] = json!({ "enabled": true });
    let bridge = Bridge::start(&config);
    let is_up = |info: &Value| info["push"]["state"] == "ok";
    watcher.until_json("gizwits2mqtt/bridge/info", is_up).await;
    let (mut own, mut least) = (Vec::new(), Vec::new());
    let mut ticks = tokio::time::interval(PACE);
    for at in 0..COMMANDS {
        ticks.tick().await;
        let temp_now = (20 + at % 20).to_string();
        let path = format!("devices/{SPA}/attrs");
        let began = Instant::now();
        let change = cloud.post(&path, json!({ "temp_now": 20 + at % 20 }));
        let seen = |topic: &'static str| {
            let (watcher, temp_now) = (&watcher, temp_now.as_str());
            async move {
                watcher.until(topic, temp_now).await;
                began.elapsed()
            }
        };
        let ((), of_bridge, of_floor) = tokio::join!(
            change,
            seen("gizwits2mqtt/hot_tub/temp_now"),
            seen("floor/temp_now")
        );
        own.push(of_bridge);
        least.push(of_floor);
    }
    drop((floor, bridge));
    println!("\nfrom a change at a device to a subscriber, {COMMANDS} changes, both at once");
    table(&mut own, &mut least);
}

/// Passes bytes on to the cloud and tells when a control call comes by.
async fn tap(cloud: SocketAddr) -> (SocketAddr, mpsc::UnboundedReceiver<Instant>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            near.set_nodelay(true).unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(cloud).await.unwrap();
                far.set_nodelay(true).unwrap();
                let (mut ask, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
                loop {
                    tokio::select! {
                        read = near.read(&mut ask) => {
                            let Ok(length @ 1..) = read else { return };
                            if ask.starts_with(b"POST /app/control/") {
                                tell.send(Instant::now()).unwrap();
                            }
                            far.write_all(&ask[..length]).await.unwrap();
                        }
                        read = far.read(&mut answer) => {
                            let Ok(length @ 1..) = read else { return };
                            near.write_all(&answer[..length]).await.unwrap();
                        }
                    }
                }
            });
        }
    });
    (addr, told)
}

async fn latency() {
    let broker = Broker::start().await;
    let cloud = Cloud::with_devices(20).await;
    let (addr, mut arrivals) =
        tap(cloud.url().trim_start_matches("http://").parse().unwrap()).await;
    let url = format!("http://{addr}");
    let floor = start_floor("floor", &url, broker.port());
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["accounts"][0]["api_url"] = json!(url);
    config["polling"]["interval"] = json!("24h");
    let bridge = Bridge::start(&config);
    // Spas, one in eight devices; each has an attribute to set.
    let spas: Vec<String> = [0, 8, 16]
        .iter()
        .map(|at| format!("gizwits2mqtt/hot_tub_{at}"))
        .collect();
    for spa in &spas {
        watcher.until(&format!("{spa}/temp_set"), "38").await;
    }
    let (mut own, mut least) = (Vec::new(), Vec::new());
    let mut ticks = tokio::time::interval(PACE);
    for at in 0..COMMANDS {
        let value = 20 + at % 20;
        for (topic, payload, times) in [
            (
                format!("{}/set", spas[at % spas.len()]),
                json!({ "temp_set": value }),
                &mut own,
            ),
            (
                "floor/set".to_owned(),
                json!({ "temp_set": value }),
                &mut least,
            ),
        ] {
            ticks.tick().await;
            let began = Instant::now();
            watcher.publish(&topic, payload.to_string()).await;
            let arrived = arrivals.recv().await.unwrap();
            times.push(arrived.duration_since(began));
        }
    }
    drop((floor, bridge));
    println!(
        "\nfrom a set on MQTT to the control call at the cloud, {COMMANDS} commands each, in turn"
    );
    table(&mut own, &mut least);
}

fn table(own: &mut [Duration], least: &mut [Duration]) {
    println!("          floor      bridge     ratio");
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
        let (own, least) = (percentile(own, share), percentile(least, share));
        println!(
            "  {name}  {:7.3} ms {:7.3} ms   {:6.2}",
            millis(least),
            millis(own),
            millis(own) / millis(least)
        );
    }
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (share * (times.len() - 1) as f64).round() as usize;
    times[at]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Resident memory of a process, in kB.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

async fn size_and_start(devices: usize) {
    let broker = Broker::start().await;
    let cloud = Cloud::with_devices(devices).await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["polling"]["interval"] = json!("24h");
    let began = Instant::now();
    let bridge = Bridge::start(&config);
    watcher.until("gizwits2mqtt/bridge/state", "online").await;
    let online = began.elapsed();
    // The limit of 600 calls a minute, a fifth of it kept for commands, sets the pace of the first round.
    let announced = || {
        let seen = watcher.since(0);
        let topics: std::collections::BTreeSet<&str> = seen
            .iter()
            .filter(|seen| {
                seen.topic
                    .starts_with("homeassistant/device/gizwits2mqtt_simulated")
            })
            .map(|seen| seen.topic.as_str())
            .collect();
        topics.len()
    };
    while announced() < devices {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let everything = began.elapsed();
    // Each discovery message goes out once more 10 s later; then it is quiet.
    tokio::time::sleep(Duration::from_secs(15)).await;
    println!(
        "\n{devices} devices: online after {:.0} ms, everything published after {:.1} s, resident {} kB",
        millis(online),
        everything.as_secs_f64(),
        resident(bridge.id())
    );
}

fn start_floor(which: &str, url: &str, port: u16) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([which, url, &port.to_string()])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
