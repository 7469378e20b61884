//! The two MD5 signatures of the Open API (documented).

use md5::{Digest as _, Md5};

use crate::model::hex;
use crate::secret::Secret;

/// `X-Gizwits-Application-Auth` of a request for an application token: the application id directly
/// followed by its secret.
#[must_use]
pub fn application_auth(app_id: &str, app_secret: &Secret<String>) -> String {
    md5_hex(&[app_id, app_secret.expose()])
}

/// `X-Gizwits-Signature` of a binding by mac: the product secret directly followed by the text of
/// `X-Gizwits-Timestamp`, Unix seconds that may differ from the cloud's by 300.
#[must_use]
pub fn product_signature(product_secret: &Secret<String>, timestamp: i64) -> String {
    md5_hex(&[product_secret.expose(), &timestamp.to_string()])
}

fn md5_hex(parts: &[&str]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    hex::encode(&digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_worked_examples() {
        let secret = |text: &str| Secret::new(text.to_owned());
        assert_eq!(
            application_auth("abc", &secret("def")),
            "e80b5017098950fc58aad83c8c14978e"
        );
        assert_eq!(
            product_signature(&secret("secret"), 1_500_000_000),
            "f11d866d217542a56146d3ae04786141"
        );
    }
}
