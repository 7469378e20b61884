//! The folder: one process at a time, files that are whole or as they were before.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tracing::warn;

/// A folder that this process alone uses.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// Held until the end of the process; the system lets go of it even after a crash.
    _lock: File,
}

/// Why the folder cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "{0} is in use by another gizwits2mqtt; stop that one, or give this one a state_dir of its own"
    )]
    InUse(PathBuf),
    /// The system refused.
    #[error(
        "{path} cannot be {action}: {source}; the user that runs gizwits2mqtt must own state_dir"
    )]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl StateDir {
    /// Makes the folder where it is missing (only its owner may look in) and locks it.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        make_private(path)?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io_error(&lock_path, "opened"))?;
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

    /// A text that stays the same for this folder and is no other folder's: 12 letters and digits.
    ///
    /// # Errors
    /// [`StoreError`] when it can be neither read nor written.
    pub fn install_id(&self) -> Result<String, StoreError> {
        if let Some(id) = self.read::<String>("install_id.json") {
            return Ok(id);
        }
        let id: String = std::iter::repeat_with(fastrand::alphanumeric)
            .take(12)
            .collect();
        self.write("install_id.json", &serde_json::Value::from(id.as_str()))?;
        Ok(id)
    }

    /// Reads a JSON file; `None` when there is none. One that cannot be read is put aside as
    /// `.bad`, so that a person can look at it and the bridge can go on.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.path.join(name);
        let bytes = match fs::read(&path) {
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

    /// Reads every `*.json` of a folder.
    pub(super) fn read_all<T: DeserializeOwned>(&self, folder: &str) -> Vec<T> {
        let Ok(entries) = fs::read_dir(self.path.join(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".json"))
            .collect();
        names.sort();
        names
            .iter()
            .filter_map(|name| self.read(&format!("{folder}/{name}")))
            .collect()
    }

    /// Replaces a file in one step: after a crash at any moment it is the old one or the new one.
    /// Only its owner may read it.
    pub(super) fn write(&self, name: &str, value: &serde_json::Value) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let folder = path.parent().unwrap_or(&self.path);
        make_private(folder)?;
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let written = open_private(&new).and_then(|mut file| {
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

fn io_error<'a>(path: &'a Path, action: &'static str) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io {
        path: path.into(),
        action,
        source,
    }
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

fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io_error(path, "made"))
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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
        assert_eq!(dir.read::<Value>("x.json"), None);
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
        assert_eq!(dir.read("x.json"), Some(json!({ "a": 1 })));
        dir.write("x.json", &json!({ "a": 3 })).unwrap();
        assert_eq!(dir.read("x.json"), Some(json!({ "a": 3 })));
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
        let id = dir.install_id().unwrap();
        assert_eq!((id.len(), dir.install_id().unwrap()), (12, id.clone()));
    }

    #[test]
    fn no_id_leaves_the_folder() {
        assert_eq!(file_name("abc123"), "abc123.json");
        assert_eq!(file_name("../a"), "x-2e2e2f61.json");
    }
}
