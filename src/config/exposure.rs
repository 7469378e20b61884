//! Who else can read what is secret: other users of this machine, or whoever listens on the network.

use std::path::Path;

use url::{Host, Url};

use super::reader::Findings;

/// A file with a secret that others may read. One that a service manager or a container runtime hands
/// over has the mode that they gave it, in a folder that keeps others out.
pub(super) fn of_file(file: &Path, out: &mut Findings) {
    let is_handed_over = ["/run/secrets", "/run/credentials"]
        .iter()
        .any(|folder| file.starts_with(folder));
    if !is_handed_over && others_may_read(file) {
        out.warnings.push(format!(
            "{} holds secrets and others may read it; run: chmod 600 {0}",
            file.display()
        ));
    }
}

/// A password that goes over a network in clear. `secure` is the scheme to use instead.
pub(super) fn of_network(path: &str, url: &str, secure: &str, out: &mut Findings) {
    let Ok(parsed) = Url::parse(url) else { return };
    let is_clear = matches!(parsed.scheme(), "http" | "mqtt");
    if is_clear && parsed.host().is_some_and(|host| !is_loopback(&host)) {
        out.warnings.push(format!(
            "{path}: the password goes to {} in clear, for everybody on the way to read; use {secure}:// where \
             it is offered",
            parsed.host_str().unwrap_or_default()
        ));
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        // Of mqtt:// the crate takes every host for a name.
        Host::Domain(name) => {
            let address = name.trim_start_matches('[').trim_end_matches(']');
            *name == "localhost"
                || address
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Reading by the group counts where the file is ours: somebody else's file, root's for example, is
/// often given to a service by its group.
#[cfg(unix)]
fn others_may_read(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    std::fs::metadata(file).is_ok_and(|metadata| {
        let unwanted = if metadata.uid() == own { 0o044 } else { 0o004 };
        metadata.mode() & unwanted != 0
    })
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_clear_is_warned_of_beyond_this_machine() {
        for (url, is_warned) in [
            ("mqtt://localhost:1883", false),
            ("mqtt://127.0.0.1", false),
            ("mqtt://[::1]:1883", false),
            ("mqtts://broker.example", false),
            ("unix:///run/mosquitto.sock", false),
            ("https://api.example", false),
            ("http://127.0.0.1:8080", false),
            ("mqtt://broker.example", true),
            ("mqtt://192.168.1.2:1883", true),
            ("http://api.example/app", true),
        ] {
            let mut out = Findings::default();
            of_network("x", url, "mqtts", &mut out);
            assert_eq!(!out.warnings.is_empty(), is_warned, "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "x").unwrap();
        for (mode, is_warned) in [
            (0o600, false),
            (0o400, false),
            (0o640, true),
            (0o604, true),
            (0o666, true),
        ] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&file, mode.clone()).unwrap();
            let mut out = Findings::default();
            of_file(&file, &mut out);
            assert_eq!(!out.warnings.is_empty(), is_warned, "{mode:?}");
        }
    }
}
