//! The folder: one process at a time, files that are whole or as they were before.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tracing::warn;

use super::error::{StoreError, io_error};
use super::private::{self, Standing};

/// More files than this in one folder of `state_dir` are left out: an account has thousands of devices
/// at most.
const MAX_FILES: usize = 100_000;
/// An install id has 12 characters.
const MAX_INSTALL_ID_BYTES: u64 = 1024;
const INSTALL_ID: &str = "install_id.json";

/// A folder that this process alone uses.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// Held until the end of the process; the system lets go of it even after a crash.
    _lock: File,
}

impl StateDir {
    /// Makes the folder where it is missing (only its owner may look in) and locks it.
    ///
    /// # Errors
    /// [`StoreError`]: another process has it, a stranger could replace its files, or the system
    /// refuses. A folder that can be read and not written is no error yet.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        private::make_folder(path).map_err(io_error(path, "made"))?;
        match private::standing(path).map_err(io_error(path, "looked at"))? {
            Standing::Private => {}
            Standing::Group => warn!(
                path = %path.display(),
                "the group of state_dir may write into it; run chmod g-w on it unless you want that"
            ),
            Standing::Open(reason) => {
                let path = path.into();
                return Err(StoreError::Unsafe { path, reason });
            }
        }
        let lock_path = path.join("lock");
        let lock = private::open_lock(&lock_path).map_err(io_error(&lock_path, "opened"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.into())),
            Err(TryLockError::Error(source)) => return Err(io_error(&lock_path, "locked")(source)),
        }
        Ok(Self {
            path: path.into(),
            _lock: lock,
        })
    }

    /// The text that tells this installation from all others; see [`new_install_id`].
    #[must_use]
    pub fn load_install_id(&self) -> Option<String> {
        self.read(INSTALL_ID, MAX_INSTALL_ID_BYTES)
    }

    /// Keeps the install id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn save_install_id(&self, id: &str) -> Result<(), StoreError> {
        self.write(INSTALL_ID, &serde_json::Value::from(id))
    }

    /// Reads a JSON file of at most `max_bytes`; `None` when there is none. One that cannot be read is
    /// put aside as `.bad`, so that a person can look at it and the bridge can go on.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str, max_bytes: u64) -> Option<T> {
        let path = self.path.join(name);
        let bytes = match private::read(&path, max_bytes) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return None,
            Err(err) => {
                warn!(path = %path.display(), %err, "a state file cannot be read; going on without it");
                return None;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(value) => Some(value),
            // The parser's message quotes no content but a position; the file may hold a token.
            Err(err) => {
                let (line, column) = (err.line(), err.column());
                warn!(path = %path.display(), line, column, "a state file is damaged; it is kept as .bad, going on without it");
                let mut aside = path.clone().into_os_string();
                aside.push(".bad");
                if let Err(err) = fs::rename(&path, aside) {
                    warn!(path = %path.display(), %err, "it cannot be renamed");
                }
                None
            }
        }
    }

    /// Reads every `*.json` of a folder, each of at most `max_bytes`.
    pub(super) fn read_all<T: DeserializeOwned>(&self, folder: &str, max_bytes: u64) -> Vec<T> {
        let Ok(entries) = fs::read_dir(self.path.join(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".json"))
            .take(MAX_FILES)
            .collect();
        names.sort();
        names
            .iter()
            .filter_map(|name| self.read(&format!("{folder}/{name}"), max_bytes))
            .collect()
    }

    /// Replaces a file in one step: after a crash at any moment it is the old one or the new one.
    /// Only its owner may read it.
    pub(super) fn write(&self, name: &str, value: &serde_json::Value) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        private::make_folder(folder).map_err(io_error(folder, "made"))?;
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let written = private::create(&new).and_then(|mut file| {
            file.write_all(value.to_string().as_bytes())?;
            file.sync_all()
        });
        written.map_err(io_error(&new, "written"))?;
        fs::rename(&new, &path).map_err(io_error(&path, "replaced"))?;
        sync_names(folder).map_err(io_error(folder, "written"))
    }

    /// Removes a file; one that is not there is fine.
    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                Err(io_error(&path, "removed")(err))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// A file name for an id: ids are letters and digits in practice, and whatever else one holds, it
/// names a file in this folder.
pub(super) fn file_name(id: &str) -> String {
    let plain = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if plain {
        format!("{id}.json")
    } else {
        format!("x-{}.json", crate::model::hex::encode(id.as_bytes()))
    }
}

/// A text that no other installation has: 12 letters and digits.
#[must_use]
pub fn new_install_id() -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(12)
        .collect()
}

/// A name lasts only when its folder is on disk, too.
#[cfg(unix)]
fn sync_names(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateDir::open(folder.path()).unwrap();
        assert!(matches!(
            StateDir::open(folder.path()),
            Err(StoreError::InUse(_))
        ));
        drop(first);
        assert!(StateDir::open(folder.path()).is_ok());
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        fs::write(folder.path().join("x.json"), "{\"a\":").unwrap();
        assert_eq!(dir.read::<Value>("x.json", 99), None);
        assert!(folder.path().join("x.json.bad").exists());
        assert!(!folder.path().join("x.json").exists());
    }

    #[test]
    fn a_crash_while_writing_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        dir.write("x.json", &json!({ "a": 1 })).unwrap();
        // What a crash half-way leaves behind.
        fs::write(folder.path().join("x.json.new"), "{\"a\": 2").unwrap();
        assert_eq!(dir.read("x.json", 99), Some(json!({ "a": 1 })));
        dir.write("x.json", &json!({ "a": 3 })).unwrap();
        assert_eq!(dir.read("x.json", 99), Some(json!({ "a": 3 })));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let dir = StateDir::open(&path).unwrap();
        dir.write("x.json", &json!(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("x.json"))), (0o700, 0o600));
    }

    #[test]
    fn the_install_id_stays() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        assert_eq!(dir.load_install_id(), None);
        let id = new_install_id();
        assert_eq!(id.len(), 12);
        dir.save_install_id(&id).unwrap();
        assert_eq!(dir.load_install_id(), Some(id));
    }

    #[test]
    fn a_file_beyond_its_bound_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        dir.write("x.json", &json!("0123456789")).unwrap();
        assert_eq!(dir.read("x.json", 12), Some(json!("0123456789")));
        assert_eq!(dir.read::<Value>("x.json", 11), None);
    }

    #[test]
    fn no_id_leaves_the_folder() {
        assert_eq!(file_name("abc123"), "abc123.json");
        assert_eq!(file_name("../a"), "x-2e2e2f61.json");
    }
}
