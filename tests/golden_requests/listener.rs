//! A server that keeps each request as it came over the wire, and says what a test wrote down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::raw_http::RawMessage;

/// Headers that say how the request travels, not what it asks for.
const OF_THE_JOURNEY: [&str; 3] = ["host", "accept", "user-agent"];
/// Tells no more than the body does, where there is one.
const LENGTH: &str = "content-length";

pub(super) struct Listener {
    pub(super) url: String,
    script: Arc<Mutex<VecDeque<RawMessage>>>,
    seen: Arc<Mutex<Vec<RawMessage>>>,
}

impl Listener {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<VecDeque<RawMessage>>>::default();
        let seen = Arc::<Mutex<Vec<RawMessage>>>::default();
        let (say, keep) = (Arc::clone(&script), Arc::clone(&seen));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, Arc::clone(&say), Arc::clone(&keep)));
            }
        });
        Self { url, script, seen }
    }

    /// The next answer: a status line and headers, then a body.
    pub(super) fn will_say(&self, head: &str, body: &str) {
        let (head, length) = (head.replace('\n', "\r\n"), body.len());
        let answer = RawMessage {
            head: format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n"),
            body: body.into(),
        };
        self.script.lock().unwrap().push_back(answer);
    }

    /// The requests since the last look, each as [`golden`] writes it.
    pub(super) fn requests(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.iter().map(golden).collect()
    }
}

/// Answers each request of a connection with the next of the script; without one, hangs up.
async fn converse(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<RawMessage>>>,
    seen: Arc<Mutex<Vec<RawMessage>>>,
) {
    while let Some(request) = RawMessage::read(&mut stream).await {
        seen.lock().unwrap().push(request);
        let answer = script.lock().unwrap().pop_front();
        match answer {
            Some(answer) => answer.write(&mut stream).await.unwrap(),
            None => return,
        }
    }
}

/// A request as the tests write it: its first line, its headers in order, its body on a line of its
/// own. Whatever is not of the journey is there, so nothing can go out unseen.
fn golden(request: &RawMessage) -> String {
    let first = request.head.lines().next().unwrap();
    let mut headers: Vec<String> = request
        .headers()
        .filter(|(name, _)| !OF_THE_JOURNEY.contains(&name.as_str()))
        .filter(|(name, _)| request.body.is_empty() || name != LENGTH)
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let mut lines = vec![first.strip_suffix(" HTTP/1.1").unwrap().to_owned()];
    lines.extend(headers);
    if !request.body.is_empty() {
        let body: Value = serde_json::from_slice(&request.body).expect("the body is JSON");
        lines.push(body.to_string());
    }
    lines.join("\n")
}
