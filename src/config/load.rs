//! Finds the file, reads it, and answers with a whole configuration or with every fault.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bridge::Settings;
use crate::yaml;

use super::problem::{ConfigErrors, Problem};
use super::profiles::UserProfiles;
use super::reader::{Findings, Section, variable};
use super::settings::{Config, Realm};
use super::text::{self, MAX_FILE_BYTES};
use super::tree::{Kind, Node, Place};
use super::{accounts, env, exposure, sections};

const KEYS: [&str; 12] = [
    "accounts",
    "mqtt",
    "homeassistant",
    "polling",
    "push",
    "limits",
    "devices",
    "profiles_dir",
    "web",
    "state_dir",
    "shard",
    "log",
];

/// Looked for in the folder where the program is started.
const HERE: &str = "gizwits2mqtt.yaml";
/// Where a package installs it.
const FOR_ALL: &str = "/etc/gizwits2mqtt/config.yaml";

/// The file to read: the one that is asked for, `$GIZWITS2MQTT_CONFIG`, `./gizwits2mqtt.yaml`, or
/// `/etc/gizwits2mqtt/config.yaml`.
#[must_use]
pub fn find(explicit: Option<&Path>, variables: &BTreeMap<String, String>) -> PathBuf {
    if let Some(path) = explicit {
        return path.into();
    }
    if let Some(path) = variable(variables, "GIZWITS2MQTT_CONFIG") {
        return path.into();
    }
    let here = Path::new(HERE);
    if here.exists() {
        return here.into();
    }
    FOR_ALL.into()
}

/// Reads a configuration.
///
/// # Errors
/// [`ConfigErrors`] with everything that is wrong, each with its line and a hint.
pub fn load(file: &Path, variables: &BTreeMap<String, String>) -> Result<Config, ConfigErrors> {
    let text = read(file, variables).map_err(|message| refuse(file, None, message))?;
    let (root, mut out) = tree(file, &text, variables)?;
    let config = assemble(&root, variables, &mut out);
    if out.has_inline_secret {
        exposure::of_file(file, &mut out);
    }
    let warnings = std::mem::take(&mut out.warnings);
    finish(file, config, out).map(|config| Config { warnings, ..config })
}

/// What commands about users need of a configuration, which may lack everything else.
///
/// # Errors
/// [`ConfigErrors`] with what is wrong with the accounts, or with the file as a whole.
pub fn realms(
    file: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<(Vec<Realm>, PathBuf), ConfigErrors> {
    let (root, mut out) = tree(file, &text_if_any(file)?, variables)?;
    let root = Section::open(&root, "", &KEYS, &mut out);
    let realms = accounts::realms(&root, &mut out);
    let state_dir = state_dir(&root, variables, &mut out);
    finish(file, state_dir.map(|state_dir| (realms, state_dir)), out)
}

/// What commands about profiles need of a configuration, which may lack everything else.
///
/// # Errors
/// [`ConfigErrors`] with what is wrong with the file as a whole.
pub fn profiles(
    file: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<UserProfiles, ConfigErrors> {
    let (root, mut out) = tree(file, &text_if_any(file)?, variables)?;
    let root = Section::open(&root, "", &KEYS, &mut out);
    let dir = root.file("profiles_dir", &mut out);
    finish(file, Some(UserProfiles::read(dir)), out)
}

/// The cloud that an account with just these settings has: `app`, `app_id`, `region`, `api_url`.
///
/// # Errors
/// What is wrong with each, as [`Problem`]s without a line.
pub fn realm(settings: &BTreeMap<&str, &str>) -> Result<Realm, Vec<Problem>> {
    let members = settings.iter().map(|(key, text)| {
        let node = Node {
            place: Place::Nowhere,
            kind: Kind::Text((*text).to_owned()),
        };
        ((*key).to_owned(), node)
    });
    let node = Node {
        place: Place::Nowhere,
        kind: Kind::Map(members.collect()),
    };
    let mut out = Findings::default();
    let known: Vec<&str> = settings.keys().copied().collect();
    let section = Section::open(&node, "", &known, &mut out);
    match accounts::realm(&section, &mut out) {
        Some(realm) if out.problems.is_empty() => Ok(realm),
        _ => Err(out.problems),
    }
}

fn text_if_any(file: &Path) -> Result<String, ConfigErrors> {
    match text::read(file, MAX_FILE_BYTES) {
        Ok(text) => Ok(text),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(err) => Err(refuse(file, None, format!("it cannot be read: {err}"))),
    }
}

fn refuse(file: &Path, line: Option<usize>, message: String) -> ConfigErrors {
    ConfigErrors {
        file: file.into(),
        problems: vec![Problem {
            line,
            variable: None,
            path: String::new(),
            message,
        }],
    }
}

/// The text as a tree, with the environment laid over it.
fn tree(
    file: &Path,
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<(Node, Findings), ConfigErrors> {
    let document = yaml::parse(text, yaml::TextLimits::OWN).map_err(|err| {
        refuse(
            file,
            (err.line > 0).then_some(err.line),
            format!(
                "it is no YAML that can be used: {}; indent with blanks, not tabs, and put texts with signs such as @ : # * into quotes",
                err.message
            ),
        )
    })?;
    let mut root = Node::from_document(&document);
    let mut out = Findings {
        folders: folders(file, variables),
        ..Findings::default()
    };
    env::overlay(&mut root, variables, &KEYS, &mut out);
    Ok((root, out))
}

/// What was read, or everything that is wrong with it.
fn finish<T>(file: &Path, found: Option<T>, mut out: Findings) -> Result<T, ConfigErrors> {
    match found {
        Some(found) if out.problems.is_empty() => Ok(found),
        _ => {
            out.problems.sort_by_key(|problem| problem.line);
            Err(ConfigErrors {
                file: file.into(),
                problems: out.problems,
            })
        }
    }
}

/// A container may be configured by its environment alone: no file is fine when it says enough.
fn read(file: &Path, variables: &BTreeMap<String, String>) -> Result<String, String> {
    match text::read(file, MAX_FILE_BYTES) {
        Ok(text) => Ok(text),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
            let by_environment = variables
                .keys()
                .any(|name| name.starts_with("GIZWITS2MQTT__ACCOUNTS__"));
            if by_environment {
                return Ok(String::new());
            }
            let nor_here = if file == Path::new(FOR_ALL) {
                format!(", and no {HERE} in this folder")
            } else {
                String::new()
            };
            Err(format!(
                "there is no such file{nor_here}; name one with --config, or let \
                 `gizwits2mqtt setup` write one"
            ))
        }
        Err(err) => Err(format!("it cannot be read: {err}")),
    }
}

/// Relative files are credentials that systemd hands over, or stand beside the configuration.
fn folders(file: &Path, variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let credentials = variable(variables, "CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let beside = file.parent().map(Path::to_path_buf);
    credentials.into_iter().chain(beside).collect()
}

fn assemble(
    node: &Node,
    variables: &BTreeMap<String, String>,
    out: &mut Findings,
) -> Option<Config> {
    let root = Section::open(node, "", &KEYS, out);
    let (accounts, for_core) = accounts::read(&root, out);
    let (mqtt, base_topic) = sections::mqtt(&root, out);
    let homeassistant = sections::homeassistant(&root, out);
    let polling = sections::polling(&root, out);
    let push = sections::push(&root, out);
    let shard = sections::shard(&root, out);
    let limits = sections::limits(&root, shard, out);
    if shard.is_shared() && mqtt.client_id.is_some() {
        out.warnings.push(
            "mqtt.client_id: each instance needs an id of its own, since a broker ends the link \
             of the other one with the same id; leave it out, and each gets one"
                .into(),
        );
    }
    let settings = Settings {
        base_topic,
        homeassistant,
        accounts: for_core,
        push,
        poll_interval: polling.interval,
        poll_interval_with_push: polling.interval_with_push,
        bindings_interval: polling.bindings_interval,
        bindings_interval_with_push: polling.bindings_interval_with_push,
        requests_per_minute: limits.requests_per_minute,
        total_requests_per_minute: limits.total_requests_per_minute,
        profiles: Arc::default(),
        devices: sections::devices(&root, out),
        shard,
    };
    let profiles = UserProfiles::read(root.file("profiles_dir", out));
    let web = sections::web(&root, out);
    let log = sections::log(&root, out);
    let state_dir = state_dir(&root, variables, out)?;
    let mut config = Config {
        accounts,
        mqtt,
        settings,
        profiles: UserProfiles::default(),
        web,
        state_dir,
        log,
        warnings: Vec::new(),
    };
    config.take_profiles(profiles);
    Some(config)
}

/// systemd's folder, else the platform's folder for state.
fn state_dir(
    root: &Section<'_>,
    variables: &BTreeMap<String, String>,
    out: &mut Findings,
) -> Option<PathBuf> {
    if let Some(path) = root.text("state_dir", out) {
        return Some(path.into());
    }
    if let Some(paths) = variable(variables, "STATE_DIRECTORY") {
        return paths.split(':').next().map(PathBuf::from);
    }
    let home = |below: &str| variable(variables, "HOME").map(|home| Path::new(home).join(below));
    let folder = if cfg!(target_os = "macos") {
        home("Library/Application Support")
    } else if cfg!(windows) {
        variable(variables, "LOCALAPPDATA").map(PathBuf::from)
    } else {
        variable(variables, "XDG_STATE_HOME")
            .map(PathBuf::from)
            .or_else(|| home(".local/state"))
    };
    if folder.is_none() {
        root.fault(
            "state_dir",
            "no folder for tokens and schemas is known here; set state_dir",
            out,
        );
    }
    folder.map(|folder| folder.join("gizwits2mqtt"))
}
