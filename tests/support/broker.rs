//! A broker to test against: Mosquitto in Docker, else a `mosquitto` on PATH, else the embedded one.
//! `GIZWITS2MQTT_TEST_BROKER` (`docker`, `mosquitto`, `embedded`) insists on one.

use std::process::Stdio;

use testcontainers::core::{IntoContainerPort as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{free_port, say};

#[expect(clippy::large_enum_variant, reason = "a test has one")]
pub enum Broker {
    Docker {
        container: ContainerAsync<GenericImage>,
        port: u16,
    },
    Process {
        child: Option<Child>,
        port: u16,
        folder: tempfile::TempDir,
    },
    Embedded {
        v311: u16,
        v5: u16,
    },
}

impl Broker {
    /// Starts one and says which.
    pub async fn start() -> Self {
        let wanted = std::env::var("GIZWITS2MQTT_TEST_BROKER").unwrap_or_default();
        if matches!(wanted.as_str(), "" | "docker") {
            match docker().await {
                Ok(broker) => return said("Mosquitto in Docker", broker),
                Err(err) => {
                    assert_ne!(wanted, "docker", "Docker was insisted on: {err}");
                    say(&format!("no broker in Docker: {err}"));
                }
            }
        }
        if matches!(wanted.as_str(), "" | "mosquitto") {
            match mosquitto("").await {
                Some(broker) => return said("the mosquitto on PATH", broker),
                None => assert_ne!(wanted, "mosquitto", "mosquitto was insisted on"),
            }
        }
        embedded()
    }

    pub fn url(&self) -> String {
        match self {
            Self::Docker { port, .. } | Self::Process { port, .. } => {
                format!("mqtt://127.0.0.1:{port}")
            }
            Self::Embedded { v5, .. } => format!("mqtt://127.0.0.1:{v5}"),
        }
    }

    pub fn port(&self) -> u16 {
        match self {
            Self::Docker { port, .. } | Self::Process { port, .. } => *port,
            Self::Embedded { v5, .. } => *v5,
        }
    }

    /// The port for 3.1.1.
    pub fn port_v311(&self) -> u16 {
        match self {
            Self::Docker { .. } | Self::Process { .. } => self.port(),
            Self::Embedded { v311, .. } => *v311,
        }
    }

    /// The embedded one lives as long as the process.
    pub fn can_restart(&self) -> bool {
        !matches!(self, Self::Embedded { .. })
    }

    /// Ends it without a word, as a crash does.
    pub async fn kill(&mut self) {
        match self {
            Self::Docker { container, .. } => container.stop_with_timeout(Some(0)).await.unwrap(),
            Self::Process { child, .. } => child.take().unwrap().kill().await.unwrap(),
            Self::Embedded { .. } => panic!("the embedded broker cannot be killed"),
        }
    }

    /// The same one again, with nothing retained.
    pub async fn revive(&mut self) {
        match self {
            Self::Docker { container, .. } => container.start().await.unwrap(),
            Self::Process { child, folder, .. } => {
                *child = Some(spawn(folder.path()).await.unwrap())
            }
            Self::Embedded { .. } => panic!("the embedded broker cannot be revived"),
        }
    }
}

fn said(which: &str, broker: Broker) -> Broker {
    say(&format!("broker: {which}"));
    broker
}

async fn docker() -> Result<Broker, String> {
    let port = free_port();
    let image = GenericImage::new("eclipse-mosquitto", "2")
        .with_exposed_port(1883.tcp())
        .with_wait_for(WaitFor::message_on_stderr("running"))
        .with_mapped_port(port, 1883.tcp())
        .with_cmd(["mosquitto", "-c", "/mosquitto-no-auth.conf"]);
    let container = image.start().await.map_err(|err| err.to_string())?;
    Ok(Broker::Docker { container, port })
}

/// A `mosquitto` with these lines in its configuration beside the listener; without any it is
/// open to all. `None` where there is no such program.
pub async fn mosquitto(lines: &str) -> Option<Broker> {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let lines = if lines.is_empty() {
        "allow_anonymous true"
    } else {
        lines
    };
    let config = format!("listener {port} 127.0.0.1\npersistence false\n{lines}\n");
    std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
    let child = Some(spawn(folder.path()).await?);
    Some(Broker::Process {
        child,
        port,
        folder,
    })
}

async fn spawn(folder: &std::path::Path) -> Option<Child> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let mut child = Command::new("mosquitto")
        .env("PATH", &path)
        .arg("-v")
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("running") {
            // Read on, or a full pipe would stop it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(child);
        }
        eprintln!("mosquitto: {line}");
    }
    panic!("mosquitto did not start");
}

#[cfg(feature = "embedded-broker")]
fn embedded() -> Broker {
    let broker = gizwits2mqtt::simulator::broker::start(0).unwrap();
    let (v311, v5) = (broker.v311.port(), broker.v5.port());
    said("the embedded one", Broker::Embedded { v311, v5 })
}

#[cfg(not(feature = "embedded-broker"))]
fn embedded() -> Broker {
    panic!("no broker: start Docker, install mosquitto, or build with the feature embedded-broker");
}
