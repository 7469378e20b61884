//! The program as users and scripts call it.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::PROGRAM;
use super::cloud::Cloud;

#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The one document of `--json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|err| panic!("{err}: {self:?}"))
    }

    pub fn both(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

pub async fn run(folder: &Path, args: &[&str]) -> Said {
    run_with(folder, args, "").await
}

/// On a system without certificates to trust.
pub async fn run_without_roots(folder: &Path, args: &[&str]) -> Said {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .env("SSL_CERT_FILE", "/nowhere/bundle.pem")
        .env("SSL_CERT_DIR", "/nowhere");
    at_home(command.as_std_mut(), folder);
    ended(command, "").await
}

/// With this on standard input.
pub async fn run_with(folder: &Path, args: &[&str], input: &str) -> Said {
    let mut command = Command::new(PROGRAM);
    command.args(args);
    at_home(command.as_std_mut(), folder);
    ended(command, input).await
}

/// With nobody at a terminal, wherever the tests run.
pub async fn run_alone(folder: &Path, args: &[&str]) -> Said {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(PROGRAM).args(args);
    at_home(command.as_std_mut(), folder);
    ended(command, "").await
}

async fn ended(mut command: Command, input: &str) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that reads nothing may be gone by then.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// In a folder of its own, in a zone whose clocks change.
pub fn at_home(command: &mut std::process::Command, folder: &Path) {
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("TZ", "Europe/Berlin")
        .env_remove("RUST_LOG")
        .env_remove("XDG_STATE_HOME")
        .env_remove("STATE_DIRECTORY")
        .env_remove("GIZWITS2MQTT_CONFIG");
}

/// A folder with a configuration for this cloud.
pub fn folder(cloud: &Cloud) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = super::bridge::config(cloud, "mqtt://127.0.0.1:1");
    std::fs::write(folder.path().join("gizwits2mqtt.yaml"), config.to_string()).unwrap();
    folder
}
