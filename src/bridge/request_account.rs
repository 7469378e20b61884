//! Which account a request is for.

use std::collections::BTreeSet;

use crate::homeassistant::request::Wish;
use crate::ids::{AccountName, Did};

use super::account::Account;
use super::machine::Bridge;

impl Bridge {
    /// The accounts that a wish's devices and schedules belong to, as far as they are known.
    pub(super) fn owners(&self, wish: &Wish) -> BTreeSet<AccountName> {
        let of = |did: &Did| Some(self.registry.get(did.as_str())?.account.clone());
        match wish {
            Wish::Bind(devices) => devices.iter().filter_map(|row| of(&row.did)).collect(),
            Wish::Unbind(dids) => dids.iter().filter_map(of).collect(),
            Wish::ListSchedules { did, .. } => did.iter().filter_map(of).collect(),
            Wish::AddSchedule(plan) => {
                let tasks = plan.tasks.iter();
                tasks.filter_map(|task| of(&task.did)).collect()
            }
            Wish::RemoveSchedule(id) | Wish::ScheduleLog(id) => {
                let theirs = |(_, account): &(_, &Account)| account.schedules.has(id);
                let accounts = self.accounts.iter().filter(theirs);
                accounts.map(|(name, _)| name.clone()).collect()
            }
            Wish::Refresh | Wish::Health | Wish::Discovery | Wish::BindByMac(_) => BTreeSet::new(),
        }
    }

    /// The one that the sender named, else the owner, else the only one there is.
    pub(super) fn choose_account(
        &self,
        named: Option<AccountName>,
        owners: &BTreeSet<AccountName>,
    ) -> Result<AccountName, String> {
        let list = |names: Vec<&str>| names.join(", ");
        let mut owner = owners.iter();
        let mut all = self.accounts.keys();
        let name = match (named, owner.next(), owner.next()) {
            (Some(name), ..) => name,
            (None, Some(owner), None) => owner.clone(),
            (None, Some(_), Some(_)) => {
                let names = list(owners.iter().map(AccountName::as_str).collect());
                return Err(format!(
                    "these belong to several accounts ({names}); make a request for each"
                ));
            }
            (None, None, _) => match (all.next(), all.next()) {
                (Some(only), None) => only.clone(),
                _ => {
                    let names = list(self.accounts.keys().map(AccountName::as_str).collect());
                    return Err(format!("name an `account`: {names}"));
                }
            },
        };
        match self.accounts.get(&name).and_then(Account::refusal) {
            Some(refusal) => Err(format!("the cloud refuses the account: {refusal}")),
            None => Ok(name),
        }
    }
}
