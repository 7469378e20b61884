//! HTTP messages as bytes, without a library that could be wrong in the same way as the one under test.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request or an answer.
#[derive(Debug, Clone)]
pub struct RawMessage {
    /// From the first line to the empty one.
    pub head: String,
    pub body: Vec<u8>,
}

impl RawMessage {
    /// Without the head's first line, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (String, &str)> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
    }

    /// The next message of a connection; `None` at its end.
    pub async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        let mut message = Self {
            head: String::from_utf8(head).expect("a head is ASCII"),
            body: Vec::new(),
        };
        let length = message
            .headers()
            .find(|(name, _)| name == "content-length")
            .map_or(0, |(_, length)| length.parse().expect("a length"));
        message.body = vec![0; length];
        stream.read_exact(&mut message.body).await.ok()?;
        Some(message)
    }

    /// In one piece: a peer waits a while before it confirms half a message.
    pub async fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let whole = [self.head.as_bytes(), &self.body].concat();
        stream.write_all(&whole).await
    }
}
