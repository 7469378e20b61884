//! Asks the health check of a running bridge: what a container's HEALTHCHECK calls, since the image
//! has no shell and no curl.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for each step; a health check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(3);

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
    #[error("{address} answers {answer:?}")]
    Unhealthy {
        /// Who was asked.
        address: SocketAddr,
        /// Its first line.
        answer: String,
    },
}

/// Asks `/healthz` at the address of `web.listen`.
///
/// # Errors
/// [`ProbeError`] says whether nothing or the wrong thing was answered.
pub fn probe(listen: SocketAddr) -> Result<(), ProbeError> {
    let address = reachable(listen);
    let silent = |source| ProbeError::Silent { address, source };
    let answer = ask(address).map_err(silent)?;
    let first = answer.lines().next().unwrap_or_default();
    if first.starts_with("HTTP/1.1 200") {
        return Ok(());
    }
    Err(ProbeError::Unhealthy {
        address,
        answer: first.to_owned(),
    })
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_serving_bridge_is_healthy_and_a_silent_port_is_not() {
        let (_sender, receiver) = watch::channel(None);
        let server = serve("127.0.0.1:0".parse().unwrap(), receiver)
            .await
            .unwrap();
        let address = server.address;
        tokio::task::spawn_blocking(move || probe(address))
            .await
            .unwrap()
            .unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert!(matches!(probe(free), Err(ProbeError::Silent { .. })));
    }

    #[test]
    fn a_wildcard_address_is_asked_on_loopback() {
        let listen: SocketAddr = "0.0.0.0:8099".parse().unwrap();
        assert_eq!(reachable(listen).to_string(), "127.0.0.1:8099");
    }
}
