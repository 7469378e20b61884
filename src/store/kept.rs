//! What commands about users keep between runs: who logged in last, and application tokens.
//!
//! In a folder of its own below `state_dir`, so that a running bridge, which locks its own, is in
//! nobody's way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::Region;
use crate::secret::Secret;

use super::dir::StateDir;
use super::error::StoreError;
use super::private;

const FOLDER: &str = "cli";
const FILE: &str = "kept.json";
/// A user has less than 1 kB.
const MAX_BYTES: u64 = 1024 * 1024;

/// A user's session.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeptLogin {
    /// Where it is valid.
    pub region: Region,
    /// Who, for people.
    pub user: String,
    /// The user's id there.
    pub uid: String,
    /// The token.
    pub token: Secret<String>,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}

/// A token that proves an application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeptAppToken {
    /// Where it is valid.
    pub region: Region,
    /// The token.
    pub token: Secret<String>,
    /// When it ends, Unix seconds; `None` where the cloud did not say.
    pub expires_at: Option<i64>,
}

/// Everything, by cloud; see [`Keep::login`].
#[derive(Debug, Default, Deserialize)]
struct Kept {
    #[serde(default)]
    logins: BTreeMap<String, KeptLogin>,
    #[serde(default)]
    app_tokens: BTreeMap<String, KeptAppToken>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Keep {
    folder: PathBuf,
}

impl Keep {
    /// The place below a `state_dir`; nothing is made or locked until something is written.
    #[must_use]
    pub fn below(state_dir: &Path) -> Self {
        Self {
            folder: state_dir.join(FOLDER),
        }
    }

    /// Who logged in last at this cloud. `cloud` is any text that names it.
    #[must_use]
    pub fn login(&self, cloud: &str) -> Option<KeptLogin> {
        self.peek().logins.remove(cloud)
    }

    /// The application's token there.
    #[must_use]
    pub fn app_token(&self, cloud: &str) -> Option<KeptAppToken> {
        self.peek().app_tokens.remove(cloud)
    }

    /// Keeps (or with `None` forgets) who logged in.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_login(&self, cloud: &str, login: Option<KeptLogin>) -> Result<(), StoreError> {
        self.change(|kept| put(&mut kept.logins, cloud, login))
    }

    /// Keeps (or with `None` forgets) an application's token.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_app_token(
        &self,
        cloud: &str,
        token: Option<KeptAppToken>,
    ) -> Result<(), StoreError> {
        self.change(|kept| put(&mut kept.app_tokens, cloud, token))
    }

    fn peek(&self) -> Kept {
        private::read(&self.folder.join(FILE), MAX_BYTES)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) -> Result<(), StoreError> {
        let dir = StateDir::open(&self.folder)?;
        let mut kept: Kept = dir.read(FILE, MAX_BYTES).unwrap_or_default();
        change(&mut kept);
        dir.write(FILE, &kept.to_json())
    }
}

fn put<T>(map: &mut BTreeMap<String, T>, key: &str, value: Option<T>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}

impl Kept {
    fn to_json(&self) -> Value {
        let login = |login: &KeptLogin| {
            json!({
                "region": login.region,
                "user": login.user,
                "uid": login.uid,
                "token": login.token.expose(),
                "expires_at": login.expires_at,
            })
        };
        let app_token = |token: &KeptAppToken| {
            json!({
                "region": token.region,
                "token": token.token.expose(),
                "expires_at": token.expires_at,
            })
        };
        json!({ "logins": object(&self.logins, login), "app_tokens": object(&self.app_tokens, app_token) })
    }
}

fn object<T>(map: &BTreeMap<String, T>, body: impl Fn(&T) -> Value) -> Map<String, Value> {
    map.iter()
        .map(|(key, value)| (key.clone(), body(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        // A bridge that runs has this folder.
        let _bridge = StateDir::open(folder.path()).unwrap();
        let keep = Keep::below(folder.path());
        assert_eq!(keep.login("a"), None);
        let login = KeptLogin {
            region: Region::Eu,
            user: "me".into(),
            uid: "u".into(),
            token: Secret::new("t1".into()),
            expires_at: 13_894_002_020,
        };
        let token = KeptAppToken {
            region: Region::Eu,
            token: Secret::new("t2".into()),
            expires_at: None,
        };
        keep.keep_login("a", Some(login.clone())).unwrap();
        keep.keep_app_token("a", Some(token.clone())).unwrap();
        assert_eq!(keep.login("a"), Some(login));
        assert_eq!(keep.app_token("a"), Some(token));
        assert_eq!(keep.login("b"), None);
        keep.keep_login("a", None).unwrap();
        assert_eq!(keep.login("a"), None);
        assert!(keep.app_token("a").is_some());
    }
}
