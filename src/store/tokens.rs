//! User tokens, so that a restart does not log in again: logins are throttled sharply.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::ids::AccountName;
use crate::model::Region;
use crate::secret::Secret;

use super::dir::StateDir;
use super::error::StoreError;
use super::private;

const FILE: &str = "tokens.json";
/// An account has less than 1 kB.
const MAX_BYTES: u64 = 1024 * 1024;

/// One account's session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredToken {
    /// Where it is valid.
    pub region: Region,
    /// The user's id there.
    pub uid: String,
    /// The token.
    pub token: Secret<String>,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
    /// Of the credentials that it came from: other credentials make it void.
    pub fingerprint: u64,
}

/// All tokens in a folder that another process may be using.
#[must_use]
pub fn peek(state_dir: &std::path::Path) -> BTreeMap<AccountName, StoredToken> {
    private::read(&state_dir.join(FILE), MAX_BYTES)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

impl StateDir {
    /// All tokens.
    #[must_use]
    pub fn load_tokens(&self) -> BTreeMap<AccountName, StoredToken> {
        self.read(FILE, MAX_BYTES).unwrap_or_default()
    }

    /// Keeps an account's token.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn save_token(&self, account: &AccountName, token: &StoredToken) -> Result<(), StoreError> {
        let mut tokens = self.load_tokens();
        tokens.insert(account.clone(), token.clone());
        let to_json = |(account, token): (&AccountName, &StoredToken)| {
            let body = json!({
                "region": token.region,
                "uid": token.uid,
                "token": token.token.expose(),
                "expires_at": token.expires_at,
                "fingerprint": token.fingerprint,
            });
            (account.to_string(), body)
        };
        self.write(FILE, &Value::Object(tokens.iter().map(to_json).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        assert!(dir.load_tokens().is_empty());
        let token = |text: &str| StoredToken {
            region: Region::Eu,
            uid: "u".into(),
            token: Secret::new(text.into()),
            expires_at: 13_894_002_020,
            fingerprint: u64::MAX,
        };
        let name = |text: &str| AccountName::new(text).unwrap();
        dir.save_token(&name("a"), &token("t1")).unwrap();
        dir.save_token(&name("b"), &token("t2")).unwrap();
        dir.save_token(&name("a"), &token("t3")).unwrap();
        let loaded = dir.load_tokens();
        assert_eq!(loaded.get(&name("a")), Some(&token("t3")));
        assert_eq!(loaded.get(&name("b")), Some(&token("t2")));
    }
}
