//! What is wrong with TLS, in words that stay the same from one try to the next: the library's own
//! words for an expired certificate hold the current time, so each failure looked like another one.
//!
//! Below the edges, since both the broker and the cloud are reached over TLS.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;

/// The fault of TLS that an error was caused by, if any.
#[must_use]
pub fn find<'a>(err: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(err);
    while let Some(err) = cause {
        if let Some(fault) = err.downcast_ref() {
            return Some(fault);
        }
        // An I/O error hides what it wraps from `source`.
        let wrapped = err.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => err.source(),
        };
    }
    None
}

/// The fault in words, without the time at which it was found.
#[must_use]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only two faults hold the current time"
)]
pub fn words(fault: &rustls::Error) -> String {
    match fault {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after, ..
        }) => {
            format!("the certificate expired at {}", moment(*not_after))
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
            not_before,
            ..
        }) => format!(
            "the certificate is not valid before {}",
            moment(*not_before)
        ),
        other => other.to_string(),
    }
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "a far time".to_owned(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_expired_certificate_has_the_same_words_at_any_time() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let expired = |now| {
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                time: at(now),
                not_after: at(1_700_000_000),
            })
        };
        let wrapped = io::Error::other(io::Error::new(
            io::ErrorKind::InvalidData,
            expired(1_800_000_000),
        ));
        let found = words(find(&wrapped).unwrap());
        assert_eq!(found, "the certificate expired at 2023-11-14T22:13:20Z");
        assert_eq!(found, words(&expired(1_900_000_000)));
        assert!(find(&io::Error::other("x")).is_none());
    }
}
