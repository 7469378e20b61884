//! The accounts' connections to the cloud: carries a call out and brings its outcome home.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::bridge::{CloudCall, Input, Reply};
use crate::gizwits::{Api, Session};
use crate::ids::{AccountName, CallId};
use crate::model::Region;

use super::clock::Clock;
use super::scribe::{Scribe, Writing};

/// Outcomes that may wait for the engine. The gates let out a handful of calls for each account, so
/// this is never reached.
const OUTCOMES: usize = 256;

/// All accounts.
#[derive(Debug)]
pub struct Cloud {
    clock: Clock,
    apis: BTreeMap<AccountName, (Api, u64)>,
    scribe: Scribe,
    outcomes: mpsc::Sender<Input>,
}

impl Cloud {
    /// Also gives the receiver that outcomes come home by.
    #[must_use]
    pub fn new(clock: Clock, scribe: Scribe) -> (Self, mpsc::Receiver<Input>) {
        let (outcomes, receiver) = mpsc::channel(OUTCOMES);
        (Self { clock, apis: BTreeMap::new(), scribe, outcomes }, receiver)
    }

    /// Puts an account's connection in place, instead of an earlier one. `fingerprint` tells for
    /// whom a token is kept.
    pub fn set(&mut self, account: AccountName, api: Api, fingerprint: u64) {
        self.apis.insert(account, (api, fingerprint));
    }

    /// For whom the account's tokens are, when it is here.
    #[must_use]
    pub fn fingerprint(&self, account: &AccountName) -> Option<u64> {
        self.apis.get(account).map(|(_, fingerprint)| *fingerprint)
    }

    /// Keeps only these accounts.
    pub fn retain(&mut self, keep: impl Fn(&AccountName) -> bool) {
        self.apis.retain(|account, _| keep(account));
    }

    /// Starts a call; its outcome comes home as [`Input::CallDone`].
    pub fn start(&self, account: AccountName, region: Region, id: CallId, call: CloudCall) {
        let Some((api, fingerprint)) = self.apis.get(&account).cloned() else {
            tracing::debug!(%account, %id, "a call for an account that is gone");
            return;
        };
        let (clock, scribe, outcomes) = (self.clock, self.scribe.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let started = clock.now();
            let kind = call.kind();
            let outcome = api.perform(region, call, started.unix).await;
            let elapsed_ms = (clock.now().mono - started.mono).as_millis();
            tracing::debug!(%account, %id, call = kind, elapsed_ms, ok = outcome.is_ok(), "call done");
            if let Ok(Reply::LoggedIn { .. }) = &outcome
                && let Some(session) = api.session(region)
            {
                scribe.write(keep(account.clone(), region, session, fingerprint));
            }
            if outcomes.send(Input::CallDone { account, id, outcome }).await.is_err() {
                tracing::debug!(%id, "the engine ended before the call did");
            }
        });
    }
}

fn keep(account: AccountName, region: Region, session: Session, fingerprint: u64) -> Writing {
    Writing::Token {
        account,
        token: crate::store::StoredToken {
            region,
            uid: session.uid,
            token: session.token,
            expires_at: session.expires_at,
            fingerprint,
        },
    }
}
