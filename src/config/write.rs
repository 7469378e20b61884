//! Writes a first configuration. It holds secrets, so that only its owner may read it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::model::Region;
use crate::secret::Secret;

use super::settings::Credentials;

/// What a first configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// A preset's name.
    pub app: Option<String>,
    /// Where no preset is the app.
    pub app_id: String,
    /// Where the user lives.
    pub region: Region,
    /// The address of a custom region.
    pub api_url: Option<String>,
    /// Who logs in.
    pub credentials: Credentials,
    /// The broker.
    pub mqtt_url: String,
    /// The broker's user with the password.
    pub mqtt_user: Option<(String, Secret<String>)>,
}

impl Draft {
    /// As YAML.
    #[must_use]
    pub fn render(&self) -> Secret<String> {
        let mut text = String::from(
            "# Written by `gizwits2mqtt setup`. `gizwits2mqtt check` tells what is wrong with it; all other\n\
             # settings are in config/gizwits2mqtt.yaml.\n\
             accounts:\n  - name: home\n",
        );
        let mut line = |key: &str, value: &str| setting(&mut text, "    ", key, value);
        match &self.app {
            Some(app) => line("app", app),
            None => line("app_id", &self.app_id),
        }
        match &self.api_url {
            Some(url) => line("api_url", url),
            None => line("region", self.region.as_str()),
        }
        match &self.credentials {
            Credentials::User { username, password } => {
                line("username", username);
                line("password", password.expose());
            }
            Credentials::Anonymous { phone_id } => line("phone_id", phone_id.expose()),
        }
        text.push_str("mqtt:\n");
        setting(&mut text, "  ", "url", &self.mqtt_url);
        if let Some((username, password)) = &self.mqtt_user {
            setting(&mut text, "  ", "username", username);
            setting(&mut text, "  ", "password", password.expose());
        }
        Secret::new(text)
    }

    /// Writes it. A file that is there is kept beside it under another name, which is returned;
    /// without `replace` it is an error.
    ///
    /// # Errors
    /// The system's.
    pub fn save(&self, file: &Path, replace: bool) -> io::Result<Option<PathBuf>> {
        let text = self.render();
        let text = text.expose().as_bytes();
        if !replace {
            write_new(file, text)?;
            sync_names(file)?;
            return Ok(None);
        }
        let beside = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let (new, old) = (beside(".new"), beside(".bak"));
        // A copy, so that there is a configuration at each moment. It holds the old password.
        write_anew(&old, &fs::read(file)?)?;
        write_anew(&new, text)?;
        fs::rename(&new, file)?;
        sync_names(file)?;
        Ok(Some(old))
    }
}

/// As [`write_new`], in place of what is there.
fn write_anew(file: &Path, text: &[u8]) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        Ok(()) | Err(_) => write_new(file, text),
    }
}

/// A name lasts only when its folder is on disk, too.
#[cfg(unix)]
fn sync_names(file: &Path) -> io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file.
#[cfg(not(unix))]
fn sync_names(_: &Path) -> io::Result<()> {
    Ok(())
}

fn write_new(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text)?;
    file.sync_all()
}

/// `key: "value"`; JSON's texts are YAML's.
fn setting(text: &mut String, indent: &str, key: &str, value: &str) {
    let value = serde_json::Value::from(value);
    text.push_str(&format!("{indent}{key}: {value}\n"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn draft() -> Draft {
        Draft {
            app: None,
            app_id: "demo-app-id".into(),
            region: Region::Custom,
            api_url: Some("http://127.0.0.1:1".into()),
            credentials: Credentials::User {
                username: "me: # \"x\"".into(),
                password: Secret::new("0123 \\ 'ö'".into()),
            },
            mqtt_url: "mqtt://localhost:1883".into(),
            mqtt_user: Some(("u".into(), Secret::new("yes".into()))),
        }
    }

    #[test]
    fn what_is_written_is_read_as_it_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        assert_eq!(draft().save(&file, false).unwrap(), None);
        let variables = BTreeMap::from([("HOME".to_owned(), "/nowhere".to_owned())]);
        let config = crate::config::load(&file, &variables).unwrap();
        assert_eq!(config.warnings, Vec::<String>::new());
        assert_eq!(config.accounts[0].credentials, draft().credentials);
        assert_eq!(config.accounts[0].app_id, "demo-app-id");
        let mqtt = config.mqtt;
        assert_eq!(
            (mqtt.username, mqtt.password),
            (Some("u".into()), Some(Secret::new("yes".into())))
        );
        let by_preset = Draft {
            app: Some("heatzy".into()),
            region: Region::Eu,
            api_url: None,
            mqtt_user: None,
            ..draft()
        };
        by_preset.save(&file, true).unwrap();
        assert!(crate::config::load(&file, &variables).is_ok());
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_on_wish_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        fs::write(&file, "mine").unwrap();
        let refused = draft().save(&file, false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        let old = draft().save(&file, true).unwrap().unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"mine");
        #[cfg(unix)]
        for file in [file, old] {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.yaml");
        fs::write(&file, "mine").unwrap();
        // A folder in the way is refused, also to root.
        fs::create_dir(folder.path().join("c.yaml.new")).unwrap();
        draft().save(&file, true).unwrap_err();
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }
}
