//! Writes state files on a thread of its own: a slow disk must not hold up the engine. What the disk
//! refuses waits, the newest of each kind, and is written later.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::bridge::effect::{Announced, Learnt};
use crate::ids::{AccountName, Did, ProductKey};
use crate::retry::{Retry, RetryPolicy};
use crate::store::{StateDir, StoreError, StoredToken};

/// Files that wait to be written, at most. There is one for each account, device and product, so that
/// only devices that come and go through a very long outage reach it.
const MAX_WAITING: usize = 100_000;

/// Between two tries while the disk refuses.
const TRIES: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    factor: 2.0,
    longest: Duration::from_secs(60),
};

/// One thing to keep.
#[derive(Debug)]
pub enum Entry {
    /// An account's token.
    Token(AccountName, StoredToken),
    /// What tells this installation from others.
    InstallId(String),
    /// What an account's limit of calls learnt.
    Budget(AccountName, Learnt),
    /// What was announced of a device; `None` forgets it.
    Announced(Did, Option<Announced>),
    /// A product's schema document.
    Schema(ProductKey, Arc<Value>),
}

/// What an entry is about: a newer entry replaces an older one. In the order in which they are
/// written: a token first, since logins are throttled sharply; last what the cloud tells again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Token(AccountName),
    InstallId,
    Budget(AccountName),
    Announced(Did),
    Schema(ProductKey),
}

impl Entry {
    fn key(&self) -> Key {
        match self {
            Self::Token(account, _) => Key::Token(account.clone()),
            Self::InstallId(_) => Key::InstallId,
            Self::Budget(account, _) => Key::Budget(account.clone()),
            Self::Announced(did, _) => Key::Announced(did.clone()),
            Self::Schema(product_key, _) => Key::Schema(product_key.clone()),
        }
    }

    fn write(&self, dir: &StateDir) -> Result<(), StoreError> {
        match self {
            Self::Token(account, token) => dir.save_token(account, token),
            Self::InstallId(id) => dir.save_install_id(id),
            Self::Budget(account, learnt) => dir.save_budget(account, learnt),
            Self::Announced(did, announced) => dir.save_announced(did, announced.as_ref()),
            Self::Schema(product_key, document) => dir.save_schema(product_key, document),
        }
    }
}

/// The thread, and the way to it.
#[derive(Debug)]
pub struct Scribe {
    shared: Arc<Shared>,
    trouble: watch::Receiver<Option<String>>,
    thread: JoinHandle<()>,
}

impl Scribe {
    /// Starts the thread. Where the folder could not be opened it is tried again, as what cannot be
    /// written is.
    #[must_use]
    pub fn start(path: PathBuf, opened: Result<StateDir, StoreError>) -> Self {
        Self::start_with(TRIES, path, opened)
    }

    fn start_with(tries: RetryPolicy, path: PathBuf, opened: Result<StateDir, StoreError>) -> Self {
        let shared = Arc::new(Shared::default());
        let (tell, trouble) = watch::channel(None);
        let mut writer = Writer {
            path,
            dir: None,
            shared: Arc::clone(&shared),
            retry: Retry::new(tries),
            tell,
        };
        match opened {
            Ok(dir) => writer.dir = Some(dir),
            // Told before anything else happens.
            Err(err) => writer.note(Err(err)),
        }
        let thread = std::thread::spawn(move || writer.run());
        Self {
            shared,
            trouble,
            thread,
        }
    }

    /// A way to hand over entries.
    #[must_use]
    pub fn desk(&self) -> Desk {
        Desk(Arc::clone(&self.shared))
    }

    /// Why nothing can be kept, and what to do; `None` while all is well.
    #[must_use]
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }

    /// Waits until everything that was handed over is written. What the disk refused is tried once more.
    pub fn finish(self) {
        self.shared.lock().is_ended = true;
        self.shared.changed.notify_one();
        if self.thread.join().is_err() {
            error!("the thread that writes state files panicked");
        }
    }
}

/// Takes entries; never waits for the disk.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Shared>);

impl Desk {
    /// Hands over an entry.
    pub fn keep(&self, entry: Entry) {
        let mut waiting = self.0.lock();
        waiting.entries.insert(entry.key(), entry);
        waiting.shorten();
        drop(waiting);
        self.0.changed.notify_one();
    }
}

#[derive(Debug, Default)]
struct Waiting {
    entries: BTreeMap<Key, Entry>,
    is_ended: bool,
}

impl Waiting {
    /// What matters least goes when there are too many.
    fn shorten(&mut self) {
        if self.entries.len() > MAX_WAITING {
            drop(self.entries.pop_last());
        }
    }
}

/// What the engine's side and the thread share.
#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next time to write: when there is something, or after `pause`. True at the end.
    fn wait(&self, pause: Option<Duration>) -> bool {
        let waiting = self.lock();
        let waiting = match pause {
            Some(pause) => {
                let waited = self
                    .changed
                    .wait_timeout_while(waiting, pause, |waiting| !waiting.is_ended);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self
                .changed
                .wait_while(waiting, |waiting| {
                    !waiting.is_ended && waiting.entries.is_empty()
                })
                .unwrap_or_else(PoisonError::into_inner),
        };
        waiting.is_ended
    }

    fn take_first(&self) -> Option<Entry> {
        self.lock().entries.pop_first().map(|(_, entry)| entry)
    }

    /// Entries wait again, except where a newer one does already.
    fn put_back(&self, refused: Vec<Entry>) {
        let mut waiting = self.lock();
        for entry in refused {
            waiting.entries.entry(entry.key()).or_insert(entry);
            waiting.shorten();
        }
    }
}

/// What runs on the thread.
struct Writer {
    path: PathBuf,
    /// `None` while the folder cannot be opened.
    dir: Option<StateDir>,
    shared: Arc<Shared>,
    retry: Retry,
    tell: watch::Sender<Option<String>>,
}

impl Writer {
    fn run(&mut self) {
        let mut pause = self.pause();
        loop {
            let is_ended = self.shared.wait(pause);
            let written = self.write_all();
            self.note(written);
            if is_ended {
                return;
            }
            pause = self.pause();
        }
    }

    /// Tries each entry once; answers with the first failure.
    fn write_all(&mut self) -> Result<(), StoreError> {
        let dir = match &mut self.dir {
            Some(dir) => dir,
            none => none.insert(StateDir::open(&self.path)?),
        };
        let mut refused = Vec::new();
        let mut failure = Ok(());
        // One by one, so that a token that comes meanwhile is next.
        while let Some(entry) = self.shared.take_first() {
            if let Err(err) = entry.write(dir) {
                failure = failure.and(Err(err));
                refused.push(entry);
            }
        }
        self.shared.put_back(refused);
        failure
    }

    /// Logs the begin and the end of a trouble, and tells the engine.
    fn note(&mut self, written: Result<(), StoreError>) {
        let was_well = self.tell.borrow().is_none();
        match written {
            Ok(()) if was_well => {}
            Ok(()) => {
                info!("state_dir can be written again, and what had to wait is written");
                self.tell.send_replace(None);
            }
            Err(err) => {
                if was_well {
                    warn!(%err, "state cannot be kept; the bridge runs without it and tries again. A restart meanwhile must log in and ask anew");
                }
                let reason = Some(err.to_string());
                self.tell.send_if_modified(|told| {
                    let is_news = *told != reason;
                    *told = reason;
                    is_news
                });
            }
        }
    }

    /// How long to wait for the next try; `None` while all is well.
    fn pause(&mut self) -> Option<Duration> {
        if self.tell.borrow().is_none() {
            self.retry.succeeded();
            return None;
        }
        Some(self.retry.failed(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Region;
    use crate::secret::Secret;

    const QUICK: RetryPolicy = RetryPolicy {
        first: Duration::from_millis(1),
        factor: 1.0,
        longest: Duration::from_millis(1),
    };
    const NEVER: RetryPolicy = RetryPolicy {
        first: Duration::from_secs(3600),
        factor: 1.0,
        longest: Duration::from_secs(3600),
    };

    fn token(text: &str) -> Entry {
        let token = StoredToken {
            region: Region::Eu,
            uid: "u".into(),
            token: Secret::new(text.into()),
            expires_at: 1,
            fingerprint: 1,
        };
        Entry::Token(AccountName::new("a").unwrap(), token)
    }

    fn announced(number: usize) -> Entry {
        let did = Did::new(format!("d{number}")).unwrap();
        Entry::Announced(did, Some(Announced::default()))
    }

    async fn until(scribe: &Scribe, is_so: impl FnMut(&Option<String>) -> bool) {
        let mut trouble = scribe.trouble();
        let told = trouble.wait_for(is_so);
        let told = tokio::time::timeout(Duration::from_secs(60), told).await;
        told.expect("it is not told").unwrap();
    }

    #[tokio::test]
    async fn what_the_disk_refused_is_written_when_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        // A file where a folder belongs is refused, also to root.
        let obstacle = path.join("announced");
        std::fs::write(&obstacle, "").unwrap();
        let scribe = Scribe::start_with(QUICK, path.clone(), StateDir::open(&path));
        scribe.desk().keep(announced(1));
        until(&scribe, Option::is_some).await;
        scribe.desk().keep(token("t1"));
        scribe.desk().keep(token("t2"));
        std::fs::remove_file(&obstacle).unwrap();
        until(&scribe, Option::is_none).await;
        scribe.finish();
        let dir = StateDir::open(&path).unwrap();
        assert_eq!(dir.load_announced().len(), 1);
        let tokens = dir.load_tokens();
        assert_eq!(tokens.values().next().unwrap().token.expose(), "t2");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_opened_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        std::fs::write(&path, "").unwrap();
        let scribe = Scribe::start_with(QUICK, path.clone(), StateDir::open(&path));
        scribe.desk().keep(token("t"));
        until(&scribe, |told| {
            told.as_ref().is_some_and(|why| why.contains("state"))
        })
        .await;
        std::fs::remove_file(&path).unwrap();
        until(&scribe, Option::is_none).await;
        scribe.finish();
        assert_eq!(StateDir::open(&path).unwrap().load_tokens().len(), 1);
    }

    #[tokio::test]
    async fn the_end_tries_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        let obstacle = path.join("announced");
        std::fs::write(&obstacle, "").unwrap();
        let scribe = Scribe::start_with(NEVER, path.clone(), StateDir::open(&path));
        scribe.desk().keep(announced(1));
        until(&scribe, Option::is_some).await;
        std::fs::remove_file(&obstacle).unwrap();
        scribe.finish();
        assert_eq!(StateDir::open(&path).unwrap().load_announced().len(), 1);
    }

    #[test]
    fn ten_thousand_devices_wait_at_once_and_tokens_go_first() {
        let shared = Arc::new(Shared::default());
        let desk = Desk(Arc::clone(&shared));
        for number in 0..10_000 {
            desk.keep(announced(number));
            desk.keep(announced(number));
        }
        desk.keep(token("t"));
        assert_eq!(shared.lock().entries.len(), 10_001);
        assert!(matches!(shared.take_first(), Some(Entry::Token(..))));
        for number in 0..MAX_WAITING + 1 {
            desk.keep(announced(number));
        }
        assert_eq!(shared.lock().entries.len(), MAX_WAITING);
    }

    #[test]
    fn what_waits_again_gives_way_to_what_is_newer() {
        let shared = Shared::default();
        shared
            .lock()
            .entries
            .insert(token("new").key(), token("new"));
        shared.put_back(vec![token("old")]);
        let Some(Entry::Token(_, kept)) = shared.take_first() else {
            panic!("a token waits");
        };
        assert_eq!(kept.token.expose(), "new");
    }
}
