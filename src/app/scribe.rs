//! Writes state files on a thread of its own: a slow disk must not hold up the engine.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use serde_json::Value;
use tracing::{error, info, warn};

use crate::bridge::effect::{Announced, Learnt};
use crate::ids::{AccountName, Did, ProductKey};
use crate::store::{StateDir, StoreError, StoredToken};

/// Files that wait to be written. A disk that is this far behind does not work, and the engine goes
/// on without it.
const MAX_WAITING: usize = 10_000;

/// One thing to keep.
#[derive(Debug)]
pub enum Entry {
    /// An account's token.
    Token(AccountName, StoredToken),
    /// A product's schema document.
    Schema(ProductKey, Arc<Value>),
    /// What was announced of a device; `None` forgets it.
    Announced(Did, Option<Announced>),
    /// What an account's limit of calls learnt.
    Budget(AccountName, Learnt),
    /// Nothing more comes.
    End,
}

/// The way to the thread.
#[derive(Debug)]
pub struct Scribe {
    entries: SyncSender<Entry>,
    thread: JoinHandle<()>,
}

impl Scribe {
    /// Starts the thread.
    #[must_use]
    pub fn start(dir: StateDir) -> Self {
        let (entries, waiting) = sync_channel(MAX_WAITING);
        let thread = std::thread::spawn(move || write_all(&dir, &waiting));
        Self { entries, thread }
    }

    /// A way to hand over entries.
    #[must_use]
    pub fn desk(&self) -> Desk {
        Desk(self.entries.clone())
    }

    /// Waits until everything that was handed over is written.
    pub fn finish(self) {
        if self.entries.send(Entry::End).is_err() || self.thread.join().is_err() {
            error!("the thread that writes state files panicked");
        }
    }
}

/// Takes entries; never waits.
#[derive(Debug, Clone)]
pub struct Desk(SyncSender<Entry>);

impl Desk {
    /// Hands over an entry.
    pub fn keep(&self, entry: Entry) {
        if self.0.try_send(entry).is_err() {
            warn!("state_dir is too slow; something is not kept there");
        }
    }
}

fn write_all(dir: &StateDir, entries: &Receiver<Entry>) {
    let mut works = true;
    for entry in entries {
        if matches!(entry, Entry::End) {
            return;
        }
        match write(dir, &entry) {
            Ok(()) if works => {}
            Ok(()) => {
                info!("state_dir can be written again");
                works = true;
            }
            Err(err) if works => {
                error!(%err, "state cannot be kept; after a restart the bridge must log in and ask again");
                works = false;
            }
            Err(_) => {}
        }
    }
}

fn write(dir: &StateDir, entry: &Entry) -> Result<(), StoreError> {
    match entry {
        Entry::Token(account, token) => dir.save_token(account, token),
        Entry::Schema(product_key, document) => dir.save_schema(product_key, document),
        Entry::Announced(did, announced) => dir.save_announced(did, announced.as_ref()),
        Entry::Budget(account, learnt) => dir.save_budget(account, learnt),
        Entry::End => Ok(()),
    }
}
