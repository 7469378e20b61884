//! Who may ask what: a token where there is one, this machine alone where there is none, and never a
//! page of somebody else.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use crate::secret::Secret;

/// Paths that answer without the token: health checks have none.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It comes by way of a page, or a name, that is not ours.
    Foreign,
    /// It lacks the token.
    NoToken,
}

/// Looks at a request before anything else does.
pub(super) fn check(
    path: &str,
    headers: &HeaderMap,
    token: Option<&Secret<String>>,
) -> Result<(), Refusal> {
    if is_foreign(headers) {
        return Err(Refusal::Foreign);
    }
    match token {
        // A name that leads here by a stranger's DNS lets the stranger's page ask (DNS rebinding).
        None if !is_asked_at_loopback(headers) => Err(Refusal::Foreign),
        None => Ok(()),
        Some(_) if OPEN.contains(&path) => Ok(()),
        Some(token) if has_token(headers, token) => Ok(()),
        Some(_) => Err(Refusal::NoToken),
    }
}

/// May the one who asks be told names and reasons? Somebody on this machine, or with the token.
pub(super) fn is_trusted(ends: Ends, headers: &HeaderMap, token: Option<&Secret<String>>) -> bool {
    let is_here = ends.peer.ip().is_loopback() || ends.peer.ip() == ends.local.ip();
    // A proxy on this machine passes on what strangers ask, by a name of its own.
    (is_here && is_asked_at_loopback(headers))
        || token.is_some_and(|token| has_token(headers, token))
}

/// Compares in a time that tells nothing of the token.
fn has_token(headers: &HeaderMap, token: &Secret<String>) -> bool {
    let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let scheme = |given: &[u8]| given.get(..7).map(<[u8]>::to_ascii_lowercase);
    given
        .filter(|given| scheme(given).as_deref() == Some(b"bearer "))
        .and_then(|given| given.get(7..))
        .is_some_and(|given| token.matches(given))
}

/// A browser says from which page a request comes.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Uri>().ok());
    let page = origin.as_ref().and_then(Uri::authority);
    page.is_none() || page != authority(headers).as_ref()
}

/// Without a Host, which every browser sends, it is an old health checker.
fn is_asked_at_loopback(headers: &HeaderMap) -> bool {
    if !headers.contains_key(HOST) {
        return true;
    }
    let Some(authority) = authority(headers) else {
        return false;
    };
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn authority(headers: &HeaderMap) -> Option<Authority> {
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, text)| (name.parse().unwrap(), text.parse().unwrap()))
            .collect()
    }

    #[test]
    fn without_a_token_only_loopback_names_are_served() {
        for (host, want) in [
            ("localhost", Ok(())),
            ("LOCALHOST:8099", Ok(())),
            ("bridge.localhost.", Ok(())),
            ("127.0.0.1:8099", Ok(())),
            ("127.8.9.1", Ok(())),
            ("[::1]:8099", Ok(())),
            ("evil.example", Err(Refusal::Foreign)),
            ("localhost.evil.example", Err(Refusal::Foreign)),
            ("127.0.0.1.evil.example", Err(Refusal::Foreign)),
            ("192.168.1.2:8099", Err(Refusal::Foreign)),
            ("0.0.0.0", Err(Refusal::Foreign)),
            ("", Err(Refusal::Foreign)),
        ] {
            for path in ["/healthz", "/"] {
                assert_eq!(
                    check(path, &headers(&[("host", host)]), None),
                    want,
                    "{host}"
                );
            }
        }
        assert_eq!(check("/healthz", &HeaderMap::new(), None), Ok(()));
    }

    #[test]
    fn with_a_token_all_but_the_health_checks_need_it() {
        let token = Secret::new("right-token".to_owned());
        let refused = Err(Refusal::NoToken);
        for (path, given, want) in [
            ("/healthz", None, Ok(())),
            ("/readyz", None, Ok(())),
            ("/", None, refused),
            ("/healthz/", None, refused),
            ("/metrics", Some("Bearer right-token"), Ok(())),
            ("/metrics", Some("bearer right-token"), Ok(())),
            ("/metrics", Some("Bearer right-toke"), refused),
            ("/metrics", Some("Bearer right-token "), refused),
            ("/metrics", Some("Bearer "), refused),
            ("/metrics", Some("right-token"), refused),
            ("/metrics", Some("Basic right-token"), refused),
        ] {
            let mut all = headers(&[("host", "bridge.example")]);
            if let Some(given) = given {
                all.insert(AUTHORIZATION, given.parse().unwrap());
            }
            assert_eq!(check(path, &all, Some(&token)), want, "{path} {given:?}");
        }
    }

    #[test]
    fn a_foreign_page_is_refused_even_a_health_check() {
        for (origin, want) in [
            ("http://localhost:8099", Ok(())),
            ("http://localhost:8098", Err(Refusal::Foreign)),
            ("https://evil.example", Err(Refusal::Foreign)),
            ("null", Err(Refusal::Foreign)),
        ] {
            let all = headers(&[("host", "localhost:8099"), ("origin", origin)]);
            assert_eq!(check("/healthz", &all, None), want, "{origin}");
        }
    }

    #[test]
    fn only_this_machine_and_the_token_are_told_why() {
        let token = Secret::new("t".to_owned());
        let ends = |peer: &str, local: &str| Ends {
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
        };
        let local = headers(&[("host", "localhost")]);
        let proxied = headers(&[("host", "bridge.example")]);
        let known = headers(&[("host", "bridge.example"), ("authorization", "Bearer t")]);
        let (here, own, away) = (
            ends("127.0.0.1:5", "127.0.0.1:8099"),
            ends("10.0.0.2:5", "10.0.0.2:8099"),
            ends("10.0.0.3:5", "10.0.0.2:8099"),
        );
        for (ends, all, want) in [
            (here, &local, true),
            (own, &local, true),
            (here, &proxied, false),
            (away, &local, false),
            (away, &known, true),
        ] {
            assert_eq!(
                is_trusted(ends, all, Some(&token)),
                want,
                "{ends:?} {all:?}"
            );
        }
    }
}
