//! What each account's limit of calls learnt, so that a restart is no way around the cloud's.

use std::collections::BTreeMap;

use serde_json::json;

use crate::bridge::effect::Learnt;
use crate::ids::AccountName;

use super::dir::StateDir;
use super::error::StoreError;

const FILE: &str = "budgets.json";
/// An account has some 10 kB at most.
const MAX_BYTES: u64 = 1024 * 1024;

impl StateDir {
    /// All of it.
    #[must_use]
    pub fn load_budgets(&self) -> BTreeMap<AccountName, Learnt> {
        self.read(FILE, MAX_BYTES).unwrap_or_default()
    }

    /// Keeps what one account's limit learnt.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn save_budget(&self, account: &AccountName, learnt: &Learnt) -> Result<(), StoreError> {
        let mut budgets = self.load_budgets();
        budgets.insert(account.clone(), learnt.clone());
        self.write(FILE, &json!(budgets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Region;

    #[test]
    fn what_was_learnt_comes_back_account_by_account() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        assert!(dir.load_budgets().is_empty());
        let name = |text: &str| AccountName::new(text).unwrap();
        let learnt = |per_minute| Learnt {
            per_minute,
            since: 1_800_000_000,
            back_at: vec![1_800_000_060],
            logins: BTreeMap::from([(Region::Eu, vec![1_800_000_600])]),
        };
        dir.save_budget(&name("a"), &learnt(Some(7))).unwrap();
        dir.save_budget(&name("b"), &learnt(None)).unwrap();
        dir.save_budget(&name("a"), &learnt(Some(10))).unwrap();
        let all = BTreeMap::from([(name("a"), learnt(Some(10))), (name("b"), learnt(None))]);
        assert_eq!(dir.load_budgets(), all);
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(dir.load_budgets().is_empty());
        assert!(folder.path().join("budgets.json.bad").exists());
    }
}
