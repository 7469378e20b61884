//! `BASE/bridge/info`: the bridge and its accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::bridge::account::Account;
use crate::bridge::account_state::AccountState;
use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::render;
use crate::ids::AccountName;

impl Bridge {
    /// Account states that changed: `bridge/info` and an event.
    pub(in crate::bridge) fn tell_states(&mut self, out: &mut Vec<Effect>) {
        let now: BTreeMap<AccountName, (AccountState, Option<Duration>)> = self
            .accounts
            .iter()
            .map(|(name, of)| (name.clone(), (of.state(), of.login_waits_until())))
            .collect();
        if now == self.told_states {
            return;
        }
        for (name, (state, retry_at)) in &now {
            let told = self.told_states.get(name);
            if told.is_some_and(|(told, _)| told == state) {
                continue;
            }
            let reason = self.accounts.get(name).and_then(Account::reason);
            let retry_at = retry_at.map(|at| self.started.unix_at(at));
            let details =
                json!({ "state": state.as_str(), "reason": reason, "retry_at": retry_at });
            self.publish_event("account_state", None, Some(name), details, out);
            if *state == AccountState::Throttled {
                self.publish_event("throttled", None, Some(name), Value::Null, out);
            }
        }
        self.told_states = now;
        self.publish_info(out);
    }

    /// `BASE/bridge/info`
    pub(in crate::bridge) fn publish_info(&mut self, out: &mut Vec<Effect>) {
        let account = |(name, account): (&AccountName, &Account)| {
            let state = account.state().as_str();
            let retry_at = account.login_waits_until();
            let retry_at = retry_at.map(|at| self.started.unix_at(at));
            let body = json!({ "state": state, "region": account.region().as_str(), "reason": account.reason(),
                "retry_at": retry_at });
            (name.to_string(), body)
        };
        let shard = self.settings.shard;
        let trouble = self.state_dir_trouble.as_ref();
        let state_dir = if trouble.is_none() { "ok" } else { "failing" };
        let info = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": self.started.unix,
            "accounts": self.accounts.iter().map(account).collect::<Map<_, _>>(),
            "push": self.push.info(self.settings.push, |at| self.started.unix_at(at)),
            "state_dir": { "state": state_dir, "reason": trouble },
            "devices": {
                "pages": self.inventory.pages,
                "attributes": self.inventory.with_attributes,
            },
            "mqtt": { "refused_subscriptions": self.refused_filters },
            "shard": { "index": shard.index, "count": shard.count },
        });
        self.publisher
            .retain(self.topics.bridge("info"), render(&info), out);
    }
}
