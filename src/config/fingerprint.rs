//! A number that tells one user of one cloud from another, the same in every run and release.

use md5::{Digest as _, Md5};

use super::settings::{Account, Credentials};

impl Account {
    /// The fingerprint of who the user is and where. It leaves the password out: a changed password
    /// leaves tokens valid, and nothing on disk should help to guess one.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut digest = Md5::new();
        // The length in front of each part keeps "ab" + "c" and "a" + "bc" apart.
        let mut add = |part: &str| {
            digest.update(part.len().to_string());
            digest.update(":");
            digest.update(part);
        };
        add(&self.app_id);
        for (region, url) in &self.urls {
            add(region.as_str());
            add(url);
        }
        match &self.credentials {
            Credentials::User { username, .. } => {
                add("user");
                add(username);
            }
            Credentials::Anonymous { phone_id } => {
                add("anonymous");
                add(phone_id.expose());
            }
        }
        let bytes: [u8; 16] = digest.finalize().into();
        let [first, ..] = bytes.as_chunks::<8>().0 else {
            return 0;
        };
        u64::from_be_bytes(*first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ids::AccountName;
    use crate::model::Region;
    use crate::secret::Secret;

    fn account(app_id: &str, url: &str, credentials: Credentials) -> Account {
        Account {
            name: AccountName::new("home").unwrap(),
            app_id: app_id.into(),
            app_secret: None,
            urls: BTreeMap::from([(Region::Eu, url.to_owned())]),
            credentials,
        }
    }

    fn user(username: &str, password: &str) -> Credentials {
        Credentials::User {
            username: username.into(),
            password: Secret::new(password.into()),
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_release() {
        let known = account("app", "https://a", user("me@example.com", "one"));
        // The first eight bytes of `printf 3:app2:eu9:https://a4:user14:me@example.com | md5sum`.
        assert_eq!(known.fingerprint(), 6_803_188_258_341_989_590);
    }

    #[test]
    fn only_the_user_the_application_and_the_address_make_another_one() {
        let known = account("app", "https://a", user("me", "one")).fingerprint();
        let same = account("app", "https://a", user("me", "two"));
        assert_eq!(same.fingerprint(), known, "the password is left out");
        let phone = Credentials::Anonymous {
            phone_id: Secret::new("me".into()),
        };
        for other in [
            account("app", "https://a", user("you", "one")),
            account("app2", "https://a", user("me", "one")),
            account("app", "https://b", user("me", "one")),
            account("app", "https://a", phone),
        ] {
            assert_ne!(other.fingerprint(), known, "{other:?}");
        }
    }
}
