//! Asks the health checks of a running bridge: what a container's HEALTHCHECK calls, since the image
//! has no shell and no curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for each step; a health check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(3);
/// An answer has at most this many bytes; what comes beyond is not read.
const MAX_ANSWER_BYTES: u64 = 4096;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `/healthz`: does the process work?
    Alive,
    /// `/readyz`: is the broker connected, and an account ok?
    Ready,
}

/// Why a bridge is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody answers.
    #[error("nothing answers at {address}: {source}; is the bridge running with web.listen set?")]
    Silent {
        /// Who was asked.
        address: SocketAddr,
        /// What went wrong.
        source: std::io::Error,
    },
    /// It answers, but not well.
    #[error("the bridge at {address} answers: {answer}")]
    Unhealthy {
        /// Who was asked.
        address: SocketAddr,
        /// What it says, else the first line of the answer.
        answer: String,
    },
}

/// Asks at the address of `web.listen`.
///
/// # Errors
/// [`ProbeError`] says whether nothing or the wrong thing was answered.
pub fn probe(listen: SocketAddr, question: Question) -> Result<(), ProbeError> {
    let address = reachable(listen);
    let silent = |source| ProbeError::Silent { address, source };
    let path = match question {
        Question::Alive => "/healthz",
        Question::Ready => "/readyz",
    };
    let answer = ask(address, path).map_err(silent)?;
    if answer.starts_with("HTTP/1.1 200") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim());
    let line = body
        .filter(|body| !body.is_empty())
        .unwrap_or(&answer)
        .lines()
        .next();
    Err(ProbeError::Unhealthy {
        address,
        answer: line.unwrap_or_default().to_owned(),
    })
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// "Every address" is no address to call.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::web::serve;

    async fn asked(address: SocketAddr, question: Question) -> Result<(), ProbeError> {
        let probed = tokio::task::spawn_blocking(move || probe(address, question));
        probed.await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_serving_bridge_is_healthy_and_a_silent_port_is_not() {
        let (sender, receiver) = watch::channel(None);
        let listen = "127.0.0.1:0".parse().unwrap();
        let address = serve(listen, None, receiver).await.unwrap();
        asked(address.address, Question::Ready).await.unwrap();
        sender.send_replace(Some("the broker is not connected".into()));
        asked(address.address, Question::Alive).await.unwrap();
        let refused = asked(address.address, Question::Ready).await.unwrap_err();
        let text = refused.to_string();
        assert!(
            text.ends_with("answers: the broker is not connected"),
            "{text}"
        );
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let silent = asked(free, Question::Ready).await;
        assert!(matches!(silent, Err(ProbeError::Silent { .. })));
    }

    #[test]
    fn a_wildcard_address_is_asked_on_loopback() {
        let listen: SocketAddr = "0.0.0.0:8099".parse().unwrap();
        assert_eq!(reachable(listen).to_string(), "127.0.0.1:8099");
    }
}
