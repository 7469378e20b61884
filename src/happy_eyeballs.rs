//! Connects to a name that has several addresses: each gets a quarter of a second before the next one is
//! tried beside it, and the first that answers wins (RFC 8305). So an address that swallows everything,
//! such as a broken IPv6, costs a moment and not the connection.
//!
//! Below the edges, since more than one of them connects to a host by name. HTTP does the same inside
//! its library.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The head start of each address (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of a name that are tried; who has more has enough good ones among them.
const MAX_ADDRESSES: usize = 16;

/// The addresses of a host, in the order in which they are to be tried.
///
/// # Errors
/// When the name has none, or nobody answers for it.
pub async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses = alternating(lookup_host((host, port)).await?.collect());
    if addresses.is_empty() {
        let message = format!("{host} has no address");
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, message));
    }
    Ok(addresses)
}

/// Connects to the first address that answers. Waits as long as the system does: the caller sets a
/// limit for all of them.
///
/// # Errors
/// What the last of them failed with.
pub async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter().copied();
    // Dropped, it ends the attempts that lost.
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "there is no address to connect to",
    );
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(TcpStream::connect(address));
        } else if attempts.is_empty() {
            return Err(last);
        }
        tokio::select! {
            biased;
            Some(attempt) = attempts.join_next() => match attempt.map_err(io::Error::other) {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(err)) | Err(err) => last = err,
            },
            () = sleep(HEAD_START), if waiting.len() > 0 => {}
        }
    }
}

/// One family after the other, beginning with the system's first choice (RFC 8305, section 4).
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_first_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut of_first, mut of_other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == is_first_v4);
    of_first.reverse();
    of_other.reverse();
    let mut order = Vec::new();
    while order.len() < MAX_ADDRESSES {
        let before = order.len();
        order.extend(of_first.pop());
        order.extend(of_other.pop());
        if order.len() == before {
            break;
        }
    }
    order
}

#[cfg(test)]
pub(crate) mod testing {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::timeout;

    use super::*;

    /// An address whose queue is full, so that no further connection is answered; it lasts as long as
    /// what comes with it.
    pub(crate) async fn black_hole() -> (SocketAddr, (TcpListener, Vec<TcpStream>)) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        let moment = Duration::from_millis(300);
        while let Ok(stream) = timeout(moment, TcpStream::connect(address)).await {
            held.push(stream.unwrap());
            assert!(held.len() < 100, "the queue never fills");
        }
        (address, (listener, held))
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::testing::black_hole;
    use super::*;

    #[tokio::test]
    async fn an_address_that_swallows_everything_does_not_keep_the_next_from_answering() {
        let (hole, _held) = black_hole().await;
        let good = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let good_address = good.local_addr().unwrap();
        for addresses in [vec![hole, good_address], vec![hole, hole, good_address]] {
            let connected = timeout(Duration::from_secs(30), connect(&addresses)).await;
            let stream = connected.expect("it waits for the black hole").unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good_address);
        }
    }

    #[tokio::test]
    async fn a_refusal_leads_to_the_next_address_and_the_last_one_is_told() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = gone.local_addr().unwrap();
        drop(gone);
        let good = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let stream = connect(&[refusing, good.local_addr().unwrap()])
            .await
            .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
        let err = connect(&[refusing, refusing]).await.unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(&[]).await.is_err());
    }

    #[test]
    fn families_take_turns() {
        let all = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        assert_eq!(
            alternating(all(&[
                "[::1]:1",
                "[::2]:1",
                "[::3]:1",
                "127.0.0.1:1",
                "127.0.0.2:1"
            ])),
            all(&[
                "[::1]:1",
                "127.0.0.1:1",
                "[::2]:1",
                "127.0.0.2:1",
                "[::3]:1"
            ])
        );
        let many = vec!["127.0.0.1:1".parse().unwrap(); 100];
        assert_eq!(alternating(many).len(), MAX_ADDRESSES);
    }
}
