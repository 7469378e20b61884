//! Why `state_dir` cannot be used, and what to do about it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why the folder, or a file in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error(
        "{0} is in use by another gizwits2mqtt; stop that one, or give this one a state_dir of its own"
    )]
    InUse(PathBuf),
    /// Somebody else could replace its files.
    #[error("{path} is not used: {reason}")]
    Unsafe {
        /// The folder.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The system refused.
    #[error("{path} cannot be {action}: {source}; {}", hint(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

/// Names the file and what was tried with it.
pub(super) fn io_error<'a>(
    path: &'a Path,
    action: &'static str,
) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io {
        path: path.into(),
        action,
        source,
    }
}

/// What to do, by the system's reason.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the system has more reasons than there are hints"
)]
fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room there; what is not kept is written then"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "mount it for writing, or let state_dir name a folder on a file system that can be written \
             (a card or disk that fails is often mounted read-only by the system)"
        }
        ErrorKind::PermissionDenied => "the user that runs gizwits2mqtt must own state_dir",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "state_dir and the folders in it must be folders"
        }
        ErrorKind::InvalidInput => "remove what stands there",
        _ if is_link(source) => "a link stands where a file belongs; remove it",
        _ => "look at the disk of state_dir",
    }
}

#[cfg(unix)]
fn is_link(source: &io::Error) -> bool {
    source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn each_reason_has_its_own_hint() {
        use rustix::io::Errno;
        for (errno, want) in [
            (Errno::NOSPC, "make room"),
            (Errno::DQUOT, "make room"),
            (Errno::ROFS, "mount it for writing"),
            (Errno::ACCESS, "must own state_dir"),
            (Errno::PERM, "must own state_dir"),
            (Errno::LOOP, "a link stands"),
            (Errno::NOTDIR, "must be folders"),
            (Errno::IO, "look at the disk"),
        ] {
            let source = io::Error::from_raw_os_error(errno.raw_os_error());
            let text = io_error(Path::new("/x"), "written")(source).to_string();
            assert!(text.contains(want), "{text}");
        }
    }
}
