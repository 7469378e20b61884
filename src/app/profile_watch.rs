//! Waits for the folder of the user's profiles to change.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tracing::error;

use crate::config::UserProfiles;
use crate::config::profiles::Look;

/// A person who edits a profile waits about two of these for its entities; a look costs a call of the system for
/// each file.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// What the folder holds once it is no longer what was read. Two looks in a row must agree: a file that is being
/// written is not read half. Without a folder it never returns.
pub(super) async fn changed(read: &UserProfiles) -> UserProfiles {
    let Some(dir) = read.dir() else {
        return std::future::pending().await;
    };
    let mut before = None;
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let folder = dir.to_path_buf();
        // Off the engine's thread: a folder may lie on a disk that is slow or far away.
        let look = spawn_blocking(move || Look::at(&folder).unwrap_or_default()).await;
        let look = look.unwrap_or_default();
        if before.as_ref() != Some(&look) || !read.differ_from(&look) {
            before = Some(look);
            continue;
        }
        let folder = dir.to_path_buf();
        match spawn_blocking(move || UserProfiles::read(Some(folder))).await {
            Ok(profiles) => return profiles,
            Err(err) => {
                error!(%err, "reading profiles_dir panicked; this is a bug, please report it")
            }
        }
    }
}
