//! Writes to the state directory on a thread of its own, in order, so that a slow disk never holds
//! up the engine.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;
use tracing::error;

use crate::bridge::effect::Announced;
use crate::ids::{AccountName, Did, ProductKey};
use crate::store::{StateDir, StoreError, StoredToken};

/// One thing to keep.
#[derive(Debug)]
pub enum Writing {
    /// An account's token.
    Token {
        /// Whose.
        account: AccountName,
        /// With all that is needed to use it again.
        token: StoredToken,
    },
    /// A product's schema document.
    Schema(ProductKey, Arc<Value>),
    /// What was announced of a device; `None` forgets it.
    Announced(Did, Option<Announced>),
}

/// Hands writings to the thread.
#[derive(Debug, Clone)]
pub struct Scribe {
    writings: mpsc::Sender<Writing>,
}

impl Scribe {
    /// Starts the thread. It ends, with everything written, when the last [`Scribe`] is dropped.
    #[must_use]
    pub fn start(store: Arc<StateDir>) -> (Self, JoinHandle<()>) {
        let (writings, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            for writing in receiver {
                if let Err(err) = carry_out(&store, &writing) {
                    error!(%err, "state cannot be kept: after a restart it is fetched again");
                }
            }
        });
        (Self { writings }, thread)
    }

    /// Keeps something, soon.
    pub fn write(&self, writing: Writing) {
        if self.writings.send(writing).is_err() {
            error!("the thread that keeps state has ended: nothing is kept any more");
        }
    }
}

fn carry_out(store: &StateDir, writing: &Writing) -> Result<(), StoreError> {
    match writing {
        Writing::Token { account, token } => store.save_token(account, token),
        Writing::Schema(product_key, document) => store.save_schema(product_key, document),
        Writing::Announced(did, announced) => store.save_announced(did, announced.as_ref()),
    }
}
