//! Carries out the core's calls, each on a task, and brings the outcomes home.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::task::JoinError;
use tracing::error;

use crate::bridge::{CallError, CallOutcome, CloudCall, ErrorClass, Input, Reply, SocketOrder};
use crate::gizwits::{Api, Sockets};
use crate::ids::{AccountName, CallId, LinkId};
use crate::model::Region;
use crate::store::StoredToken;

use super::clock::Clock;
use super::scribe::{Desk, Entry};

/// An account's way to the cloud, and what identifies its user there.
#[derive(Debug, Clone)]
pub struct Way {
    /// Makes the calls.
    pub api: Api,
    /// Of the credentials; see [`StoredToken`].
    pub fingerprint: u64,
}

/// All accounts' ways.
#[derive(Debug)]
pub struct Cloud {
    ways: BTreeMap<AccountName, Way>,
    clock: Clock,
    desk: Desk,
    outcomes: mpsc::UnboundedSender<Input>,
    sockets: Sockets,
}

/// What comes home from a [`Cloud`].
#[derive(Debug)]
pub struct Homecoming {
    /// Outcomes of calls. It needs no bound of its own: the core never has more calls under way than its
    /// gates admit.
    pub outcomes: mpsc::UnboundedReceiver<Input>,
    /// What push connections tell.
    pub pushed: mpsc::Receiver<Input>,
}

impl Cloud {
    /// Nothing is connected yet.
    #[must_use]
    pub fn new(ways: BTreeMap<AccountName, Way>, clock: Clock, desk: Desk) -> (Self, Homecoming) {
        let (outcomes, receiver) = mpsc::unbounded_channel();
        let (sockets, pushed) = Sockets::new();
        let cloud = Self {
            ways,
            clock,
            desk,
            outcomes,
            sockets,
        };
        let homecoming = Homecoming {
            outcomes: receiver,
            pushed,
        };
        (cloud, homecoming)
    }

    /// The accounts are others now. Calls under way end as they began.
    pub fn replace(&mut self, ways: BTreeMap<AccountName, Way>) {
        self.ways = ways;
    }

    /// Something for a push connection; what comes of it comes home, too.
    pub fn socket(
        &mut self,
        account: &AccountName,
        region: Region,
        link: LinkId,
        order: SocketOrder,
    ) {
        let way = self.ways.get(account).map(|way| &way.api);
        self.sockets.order(way, region, link, order);
    }

    /// Makes a call; its outcome comes home whatever happens.
    pub fn call(&self, account: AccountName, region: Region, id: CallId, call: CloudCall) {
        let way = self.ways.get(&account).cloned();
        let (clock, desk, outcomes) = (self.clock, self.desk.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let began = clock.now();
            let kind = call.kind();
            let outcome = match way {
                Some(way) => {
                    let performed = perform(way, account.clone(), region, call, began.unix, desk);
                    // On a task of its own: one that panics must not leave the core waiting for ever.
                    tokio::spawn(performed)
                        .await
                        .unwrap_or_else(|err| Err(broken(&err)))
                }
                None => Err(gone()),
            };
            let elapsed_ms = (clock.now().mono - began.mono).as_millis();
            match &outcome {
                Ok(_) => tracing::debug!(%account, call = kind, %id, elapsed_ms, "call done"),
                Err(err) => {
                    tracing::debug!(%account, call = kind, %id, elapsed_ms, code = err.code, %err, "call failed");
                }
            }
            // The engine that does not listen any more has ended.
            drop(outcomes.send(Input::CallDone {
                account,
                id,
                outcome,
            }));
        });
    }
}

async fn perform(
    way: Way,
    account: AccountName,
    region: Region,
    call: CloudCall,
    unix_now: i64,
    desk: Desk,
) -> CallOutcome {
    let outcome = way.api.perform(region, call, unix_now).await;
    // The token goes to the disk from here: the core holds none.
    if let (Ok(Reply::LoggedIn { .. }), Some(session)) = (&outcome, way.api.session(region)) {
        let token = StoredToken {
            region,
            uid: session.uid,
            token: session.token,
            expires_at: session.expires_at,
            fingerprint: way.fingerprint,
        };
        desk.keep(Entry::Token(account, token));
    }
    outcome
}

/// What had been sent by then is unknown.
fn broken(err: &JoinError) -> CallError {
    error!(%err, "a call panicked; this is a bug, please report it");
    CallError {
        class: ErrorClass::Transient,
        code: None,
        retry_after: None,
        message: "the call failed for a fault of the bridge itself; see its log".into(),
    }
}

fn gone() -> CallError {
    CallError {
        class: ErrorClass::Unsent,
        code: None,
        retry_after: None,
        message: "the account is not configured any more".into(),
    }
}
