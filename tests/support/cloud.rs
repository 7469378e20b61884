//! The simulated cloud as a process, and its controls.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::PROGRAM;

pub const SPA: &str = "DemoSpa0000000000000001";
pub const HEATER: &str = "DemoHeater000000000002";
/// Of every device of the standard scenario.
pub const PASSCODE: &str = "SIMULATEDX";
pub const PASSWORD: &str = "demo-password";

pub struct Cloud {
    child: Child,
    addr: SocketAddr,
    client: reqwest::Client,
}

impl Cloud {
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0", &[]).await
    }

    pub async fn with_devices(count: usize) -> Self {
        Self::listen("127.0.0.1:0", &["--devices", &count.to_string()]).await
    }

    pub async fn with_scenario(file: &std::path::Path) -> Self {
        let file = file.to_str().unwrap();
        Self::listen("127.0.0.1:0", &["--scenario", file]).await
    }

    async fn listen(addr: &str, more: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["simulate", "--listen", addr])
            .args(more)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("the simulator ended");
        let addr = line
            .strip_prefix("listening on http://")
            .expect("its first line")
            .parse()
            .unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::new();
        Self {
            child,
            addr,
            client,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Ends it and starts it anew at the same address: tokens and values are those of the scenario.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub async fn revive(&mut self) {
        *self = Self::listen(&self.addr.to_string(), &[]).await;
    }

    /// `POST /_sim/PATH`
    pub async fn post(&self, path: &str, body: Value) {
        let url = format!("{}/_sim/{path}", self.url());
        let answer = self.client.post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    pub async fn delete(&self, path: &str) {
        let url = format!("{}/_sim/{path}", self.url());
        assert_eq!(self.client.delete(url).send().await.unwrap().status(), 200);
    }

    pub async fn get(&self, path: &str) -> Value {
        let url = format!("{}/_sim/{path}", self.url());
        self.client
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Calls whose path begins so, oldest first.
    pub async fn calls(&self, path: &str) -> Vec<Value> {
        let all = self.get("requests").await;
        let all = all.as_array().unwrap().iter();
        all.filter(|call| call["path"].as_str().unwrap().starts_with(path))
            .cloned()
            .collect()
    }

    /// Bodies of the control calls that the cloud took.
    pub async fn controls(&self) -> Vec<Value> {
        let calls = self.calls("/app/control/").await;
        let taken = calls.into_iter().filter(|call| call["status"] == 200);
        taken.map(|call| call["body"].clone()).collect()
    }
}
