//! Files that only the user of this process may touch: no link is followed, nothing that somebody
//! else left is written to, and nothing but a regular file of a bounded size is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// Makes a folder, and those above it, where they are missing; only the owner may look into them.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// What the owner and the mode of a folder mean for the files in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Only this user can change what is in it.
    Private,
    /// Its group can change it as well, which is how some systems make every folder.
    Group,
    /// A stranger can replace files in it. Says why, and what to do.
    Open(String),
}

/// Looks at the owner and the mode of a folder. A link to a folder is fine: it counts where it leads.
#[cfg(unix)]
pub(super) fn standing(path: &Path) -> io::Result<Standing> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let metadata = fs::metadata(path)?;
    let own = rustix::process::geteuid().as_raw();
    let mode = metadata.permissions().mode();
    Ok(judge(path, metadata.uid(), own, mode))
}

/// What root may do it may do anyway, so that a folder of root's is as good as one of our own.
#[cfg(unix)]
fn judge(path: &Path, owner: u32, own: u32, mode: u32) -> Standing {
    let shown = path.display();
    if owner != own && owner != 0 {
        Standing::Open(format!(
            "it belongs to user {owner}, who could replace its files, and gizwits2mqtt runs as user {own}; \
             run: chown -R {own} {shown}"
        ))
    } else if mode & 0o002 != 0 {
        Standing::Open(format!(
            "every user may write into it (mode {:o}) and could replace its files; run: chmod 700 {shown}",
            mode & 0o7777
        ))
    } else if mode & 0o020 != 0 {
        Standing::Group
    } else {
        Standing::Private
    }
}

/// Elsewhere the folders of a user are the user's own.
#[cfg(not(unix))]
pub(super) fn standing(path: &Path) -> io::Result<Standing> {
    fs::metadata(path).map(|_| Standing::Private)
}

/// A new, empty file of mode 0600. What stood there is removed, not written to, so that neither a
/// link nor the mode of an earlier file matters.
pub(super) fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    owner_only(&mut options);
    options.open(path)
}

/// The file that a lock is held on. It is made where it is missing. On a file system that refuses to
/// write, one that is there is opened for reading, which is enough to lock it.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    owner_only(&mut options);
    no_surprises(&mut options);
    options.open(path).and_then(regular).or_else(|refused| {
        let mut options = OpenOptions::new();
        options.read(true);
        no_surprises(&mut options);
        // What matters to the user is why it cannot be written.
        options.open(path).and_then(regular).map_err(|_| refused)
    })
}

/// All of a regular file that has at most `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    no_surprises(&mut options);
    let file = options.open(path).and_then(regular)?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max_bytes {
        let reason = format!("it has more than {max_bytes} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// A pipe or a device would hold up whoever reads it.
fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        "it is no regular file",
    ))
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn owner_only(_: &mut OpenOptions) {}

/// Follows no link, and waits for nobody at the other end of a pipe.
#[cfg(unix)]
fn no_surprises(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.cast_signed());
}

#[cfg(not(unix))]
fn no_surprises(_: &mut OpenOptions) {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use serde_json::{Value, json};

    use super::*;
    use crate::store::{StateDir, StoreError};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_somebody_left_is_replaced_and_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("victim"), "untouched").unwrap();
        symlink(path("victim"), path("a.json.new")).unwrap();
        fs::write(path("b.json.new"), "").unwrap();
        set_mode(&path("b.json.new"), 0o666);
        for name in ["a.json", "b.json"] {
            dir.write(name, &json!("secret")).unwrap();
            assert_eq!(dir.read(name, 99), Some(json!("secret")));
            assert_eq!(mode(&path(name)), 0o600);
        }
        assert_eq!(fs::read(path("victim")).unwrap(), b"untouched");
    }

    #[test]
    fn a_link_or_a_pipe_is_not_read_and_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let dir = StateDir::open(folder.path()).unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("elsewhere"), "1").unwrap();
        symlink(path("elsewhere"), path("link.json")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(path("pipe.json"))
            .status();
        assert!(pipe.unwrap().success());
        for name in ["link.json", "pipe.json"] {
            assert_eq!(dir.read::<Value>(name, 99), None, "{name}");
            dir.write(name, &json!(2)).unwrap();
            assert_eq!(dir.read(name, 99), Some(json!(2)), "{name}");
        }
        assert_eq!(fs::read(path("elsewhere")).unwrap(), b"1");
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        symlink(folder.path().join("x"), folder.path().join("lock")).unwrap();
        let refused = StateDir::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("a link stands"), "{refused}");
        assert!(!folder.path().join("x").exists());
    }

    #[test]
    fn a_folder_that_strangers_may_change_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for (mode, is_used) in [
            (0o700, true),
            (0o755, true),
            (0o775, true),
            (0o777, false),
            (0o1777, false),
        ] {
            fs::create_dir_all(&path).unwrap();
            set_mode(&path, mode);
            let opened = StateDir::open(&path);
            assert_eq!(opened.is_ok(), is_used, "{mode:o}");
            if let Err(err) = opened {
                let text = err.to_string();
                assert!(matches!(err, StoreError::Unsafe { .. }), "{text}");
                assert!(text.contains("chmod 700"), "{text}");
            }
        }
    }

    #[test]
    fn a_folder_counts_by_its_owner_and_its_mode() {
        for (owner, mode, want) in [
            (7, 0o700, None),
            (7, 0o755, None),
            (0, 0o755, None),
            (8, 0o700, Some("belongs to user 8, ")),
            (8, 0o700, Some("run: chown -R 7 /x")),
            (7, 0o777, Some("(mode 777)")),
            (0, 0o1777, Some("run: chmod 700 /x")),
        ] {
            match (judge(Path::new("/x"), owner, 7, mode), want) {
                (Standing::Private, None) => {}
                (Standing::Open(reason), Some(want)) => assert!(reason.contains(want), "{reason}"),
                (found, _) => panic!("{owner} {mode:o}: {found:?}"),
            }
        }
        // As Kubernetes gives a volume to a group.
        assert_eq!(judge(Path::new("/x"), 0, 7, 0o2775), Standing::Group);
    }
}
