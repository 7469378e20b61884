//! A server that knows no HTTP library: it keeps each request as it came over the wire, and says what
//! a test wrote down.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Headers that say how the request travels, not what it asks for.
const OF_THE_JOURNEY: [&str; 3] = ["host", "accept", "user-agent"];
/// Tells no more than the body does, where there is one.
const LENGTH: &str = "content-length";

pub(super) struct Listener {
    pub(super) url: String,
    script: Arc<Mutex<VecDeque<String>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<VecDeque<String>>>::default();
        let seen = Arc::<Mutex<Vec<String>>>::default();
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
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {}\r\nContent-Length: {length}\r\n\r\n{body}",
            head.replace('\n', "\r\n")
        );
        self.script.lock().unwrap().push_back(answer);
    }

    /// The requests since the last look, each as [`golden`] writes it.
    pub(super) fn requests(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.iter().map(|request| golden(request)).collect()
    }
}

/// Answers each request of a connection with the next of the script; without one, hangs up.
async fn converse(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<String>>>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read(&mut stream).await {
        seen.lock().unwrap().push(request);
        let answer = script.lock().unwrap().pop_front();
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => return,
        }
    }
}

/// Head and body of one request; `None` at the connection's end.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        request.push(byte[0]);
        if request.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(request).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// A request as the tests write it: its first line, its headers in order, its body on a line of its
/// own. Whatever is not of the journey is there, so nothing can go out unseen.
fn golden(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap().strip_suffix(" HTTP/1.1").unwrap();
    let mut headers: Vec<String> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !OF_THE_JOURNEY.contains(&name.as_str()))
        .filter(|(name, _)| body.is_empty() || name != LENGTH)
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let mut lines = vec![first.to_owned()];
    lines.extend(headers);
    if !body.is_empty() {
        let body: Value = serde_json::from_str(body).expect("the body is JSON");
        lines.push(body.to_string());
    }
    lines.join("\n")
}
