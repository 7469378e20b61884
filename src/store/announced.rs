//! What Home Assistant and the broker were told of each device, so that it can be taken back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use crate::bridge::effect::Announced;
use crate::ids::Did;

use super::dir::{StateDir, file_name};
use super::error::StoreError;

const FOLDER: &str = "announced";
/// What was announced of a device with a hundred entities has some 20 kB.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Kept {
    did: Did,
    announced: Announced,
}

impl StateDir {
    /// All of it.
    #[must_use]
    pub fn load_announced(&self) -> BTreeMap<Did, Announced> {
        let kept: Vec<Kept> = self.read_all(FOLDER, MAX_BYTES);
        kept.into_iter()
            .map(|kept| (kept.did, kept.announced))
            .collect()
    }

    /// Remembers, or with `None` forgets, one device.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn save_announced(
        &self,
        did: &Did,
        announced: Option<&Announced>,
    ) -> Result<(), StoreError> {
        let name = format!("{FOLDER}/{}", file_name(did.as_str()));
        match announced {
            Some(announced) => self.write(&name, &json!({ "did": did, "announced": announced })),
            None => self.remove(&name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_announced_is_remembered_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        let did = Did::new("d1").unwrap();
        let announced = Announced {
            level: "pool".into(),
            ..Announced::default()
        };
        dir.save_announced(&did, Some(&announced)).unwrap();
        assert_eq!(
            dir.load_announced(),
            BTreeMap::from([(did.clone(), announced)])
        );
        dir.save_announced(&did, None).unwrap();
        dir.save_announced(&did, None).unwrap();
        assert!(dir.load_announced().is_empty());
    }
}
