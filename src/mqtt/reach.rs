//! Which address of the broker's name a link goes to. The protocol library tries them one after the
//! other within one time limit, so it never comes to the second where the first swallows everything.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::happy_eyeballs;

use super::link::{CONNECT_TIMEOUT_S, Target, Way};
use super::reason::Failure;

/// The host to hand to the library: the name, or, where its first address does not answer, the address
/// that does.
pub(super) async fn reach(target: &Target) -> Result<String, Failure> {
    if matches!(target.way, Way::Unix) {
        return Ok(target.host.clone());
    }
    let found = async {
        let addresses = happy_eyeballs::addresses(&target.host, target.port).await?;
        choose(&target.host, &addresses).await
    };
    match timeout(Duration::from_secs(CONNECT_TIMEOUT_S), found).await {
        Ok(Ok(host)) => Ok(host),
        Ok(Err(err)) => Err(Failure::from_io(&err, &target.shown)),
        Err(_) => Err(Failure::passing(format!(
            "{} does not answer",
            target.shown
        ))),
    }
}

/// A name of one address needs no look. Of several the first that answers is chosen; the name itself
/// is kept where that is the first of all, since TLS tells the broker a name, but no address.
async fn choose(host: &str, addresses: &[SocketAddr]) -> io::Result<String> {
    if addresses.len() <= 1 {
        return Ok(host.to_owned());
    }
    let answering = happy_eyeballs::connect(addresses).await?.peer_addr()?;
    Ok(if addresses.first() == Some(&answering) {
        host.to_owned()
    } else {
        answering.ip().to_string()
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::happy_eyeballs::testing::black_hole;

    #[tokio::test]
    async fn the_address_that_answers_stands_for_a_name_whose_first_does_not() {
        let (hole, _held) = black_hole().await;
        let good = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let good = (good.local_addr().unwrap(), good);
        for (addresses, host) in [
            (vec![hole], "broker"),
            (vec![hole, good.0], "127.0.0.2"),
            (vec![good.0, hole], "broker"),
        ] {
            let chosen = choose("broker", &addresses).await.unwrap();
            assert_eq!(chosen, host, "{addresses:?}");
        }
    }
}
