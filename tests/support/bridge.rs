//! The bridge as a process.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::cloud::{Cloud, PASSWORD};
use super::{DEADLINE, PROGRAM};

pub struct Bridge {
    child: Child,
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// The configuration that tests begin with. Without push, so that what they are about is polled and sent
/// over HTTP; `tests/push.rs` is about the other way.
pub fn config(cloud: &Cloud, broker_url: &str) -> Value {
    json!({
        "accounts": [{
            "name": "home",
            "app_id": "demo-app-id",
            "api_url": cloud.url(),
            "username": "demo@example.com",
            "password": PASSWORD,
        }],
        "mqtt": { "url": broker_url },
        "push": { "enabled": false },
        "polling": { "interval": "10s" },
        "limits": { "requests_per_minute": 600 },
        "state_dir": "state",
    })
}

impl Bridge {
    pub fn start(config: &Value) -> Self {
        Self::start_with(config, &[])
    }

    /// With these variables in its environment.
    pub fn start_with(config: &Value, variables: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()))
            .collect();
        let mut bridge = Self {
            child: spawn(&folder, config, &variables),
            folder,
            variables,
        };
        bridge.write(config);
        bridge
    }

    /// Changes the configuration file.
    pub fn write(&mut self, config: &Value) {
        write(&self.folder, config);
    }

    pub fn write_text(&mut self, text: &str) {
        std::fs::write(self.folder.path().join("c.yaml"), text).unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal by its name.
    pub async fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
    }

    pub async fn wait(&mut self) -> ExitStatus {
        timeout(DEADLINE, self.child.wait())
            .await
            .expect("it does not end")
            .unwrap()
    }

    /// Ends it in order and starts it again with what it kept.
    pub async fn restart(&mut self, config: &Value) {
        self.signal("TERM").await;
        assert_eq!(self.wait().await.code(), Some(0));
        self.child = spawn(&self.folder, config, &self.variables);
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Where its configuration and its state are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn state_file(&self, name: &str) -> PathBuf {
        self.folder.path().join("state").join(name)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

fn write(folder: &tempfile::TempDir, config: &Value) {
    // JSON is YAML.
    std::fs::write(folder.path().join("c.yaml"), config.to_string()).unwrap();
}

fn spawn(
    folder: &tempfile::TempDir,
    config: &Value,
    variables: &[(&'static str, String)],
) -> Child {
    write(folder, config);
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .unwrap();
    Command::new(PROGRAM)
        .args(["run", "-v", "-c", "c.yaml"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .env_remove("RUST_LOG")
        .envs(variables.iter().map(|(name, text)| (name, text)))
        .stderr(log)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the bridge's log\n{}---", self.log());
        }
    }
}
