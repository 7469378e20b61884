//! Where a running bridge answers health checks: a file that the command `health` finds without the
//! configuration, which may be broken or newer than what the bridge works by.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::{StoreError, io_error};
use super::private::{self, Standing};

/// Where the systemd unit has its runtime folder. Only root can make it, whoever owns it then.
const OF_THE_SERVICE: &str = "/run/gizwits2mqtt";
const MAX_BYTES: u64 = 4096;

/// The file of the bridge that runs with one configuration.
#[derive(Debug, Clone)]
pub struct AddressFile {
    /// Where it may be, the best place first.
    paths: Vec<PathBuf>,
}

impl AddressFile {
    /// `config` is the path of the configuration, which tells several bridges of one machine apart;
    /// `folders` are what the environment offers, the best first. The system's folder for temporary
    /// files is the last.
    #[must_use]
    pub fn of(config: &Path, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let name = format!("address-{:016x}.json", fingerprint(&whole(config)));
        let folders = folders.into_iter().chain([temporary()]);
        Self {
            paths: folders.map(|folder| folder.join(&name)).collect(),
        }
    }

    /// Leaves the address in the first folder that can be written.
    ///
    /// # Errors
    /// [`StoreError`] of the last folder.
    pub fn write(&self, address: SocketAddr) -> Result<(), StoreError> {
        let mut written = Ok(());
        for path in &self.paths {
            written = write(path, address);
            if written.is_ok() {
                break;
            }
        }
        written
    }

    /// Takes the address away. What cannot be removed leads nowhere, which whoever reads it notices.
    pub fn remove(&self) {
        for path in &self.paths {
            drop(fs::remove_file(path));
        }
    }

    /// All addresses that are found. One may have been left by a bridge that crashed.
    #[must_use]
    pub fn read(&self) -> Vec<SocketAddr> {
        let name = self.paths.iter().find_map(|path| path.file_name());
        let service = name.map(|name| Path::new(OF_THE_SERVICE).join(name));
        let service = service.iter().filter_map(|path| read(path));
        let own = self.paths.iter().filter(|path| is_own(path));
        own.filter_map(|path| read(path)).chain(service).collect()
    }
}

fn write(path: &Path, address: SocketAddr) -> Result<(), StoreError> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(path);
    private::make_folder(folder).map_err(io_error(folder, "made"))?;
    if let Standing::Open(reason) =
        private::standing(folder).map_err(io_error(folder, "looked at"))?
    {
        let path = folder.into();
        return Err(StoreError::Unsafe { path, reason });
    }
    let new = path.with_extension("new");
    let text = json!({ "address": address }).to_string();
    private::create(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&new, path))
        .map_err(io_error(path, "written"))
}

fn read(path: &Path) -> Option<SocketAddr> {
    let bytes = private::read(path, MAX_BYTES).ok()?;
    let body: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    body.get("address")?.as_str()?.parse().ok()
}

/// A stranger's folder may tell anything.
fn is_own(path: &Path) -> bool {
    let standing = path.parent().map(private::standing);
    matches!(standing, Some(Ok(Standing::Private | Standing::Group)))
}

/// The path from the root, whether or not the file is there.
fn whole(config: &Path) -> PathBuf {
    let config = std::path::absolute(config).unwrap_or_else(|_| config.into());
    let folder = config.parent().map(fs::canonicalize);
    match (folder, config.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => config,
    }
}

#[cfg(unix)]
fn temporary() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("gizwits2mqtt-{user}"))
}

#[cfg(not(unix))]
fn temporary() -> PathBuf {
    std::env::temp_dir().join("gizwits2mqtt")
}

/// FNV-1a, which is the same in each release of the program and of Rust.
fn fingerprint(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "127.0.0.1:8099";

    #[test]
    fn the_address_is_found_by_the_configuration_whatever_stands_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("run");
        let file = |config: &str| AddressFile::of(&folder.path().join(config), [place.clone()]);
        file("a.yaml").write(ADDRESS.parse().unwrap()).unwrap();
        let found = file("./a.yaml").read();
        assert_eq!(found, [ADDRESS.parse().unwrap()]);
        assert!(file("b.yaml").read().is_empty());
        file("a.yaml").remove();
        assert!(file("a.yaml").read().is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (bad, good) = (folder.path().join("file"), folder.path().join("good"));
        fs::write(&bad, "").unwrap();
        let file = AddressFile::of(Path::new("c.yaml"), [bad, good.clone()]);
        file.write(ADDRESS.parse().unwrap()).unwrap();
        assert_eq!(fs::read_dir(&good).unwrap().count(), 1);
        assert_eq!(file.read().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_strangers_may_write_tells_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = AddressFile::of(Path::new("c.yaml"), [folder.path().into()]);
        file.write(ADDRESS.parse().unwrap()).unwrap();
        let mode = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), mode).unwrap();
        assert!(file.read().is_empty());
    }
}
