//! All sections but `accounts`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::bridge::settings::{DeviceSettings, HomeAssistant, Shard};
use crate::homeassistant::topic::is_reserved;
use crate::ids::Did;

use super::exposure;
use super::reader::{Findings, Section};
use super::settings::{Log, LogFormat, Mqtt, Web};

/// More instances than this share nothing sensible.
const MAX_SHARDS: u32 = 1_000;

pub(super) fn mqtt(root: &Section<'_>, out: &mut Findings) -> (Mqtt, String) {
    let known = [
        "url",
        "username",
        "password",
        "password_file",
        "ca_file",
        "client_cert_file",
        "client_key_file",
        "client_id",
        "base_topic",
        "protocol",
    ];
    let section = root.section("mqtt", &known, out);
    let url = section.parsed("url", out, |url| check_broker(url).map(|()| url.to_owned()));
    let mqtt = Mqtt {
        url: url.unwrap_or_else(|| "mqtt://localhost:1883".into()),
        username: section
            .text("username", out)
            .filter(|name| !name.is_empty()),
        password: section.secret("password", out),
        ca_file: section.file("ca_file", out),
        client_cert_file: section.file("client_cert_file", out),
        client_key_file: section.file("client_key_file", out),
        client_id: section.parsed("client_id", out, check_client_id),
        is_v5: section
            .word(
                "protocol",
                &[("5", true), ("5.0", true), ("3.1.1", false)],
                out,
            )
            .unwrap_or(true),
    };
    if mqtt.password.is_some() {
        exposure::of_network("mqtt.url", &mqtt.url, "mqtts", out);
    }
    let given = |key: &str| section.member(key).is_some();
    if mqtt.username.is_none() && (given("password") || given("password_file")) {
        section.fault(
            "password",
            "the user name is missing; set mqtt.username",
            out,
        );
    }
    if mqtt.username.is_some() && !given("password") && !given("password_file") {
        section.fault(
            "username",
            "the password is missing; set mqtt.password, or mqtt.password_file; \"\" where the broker wants none",
            out,
        );
    }
    if given("client_cert_file") != given("client_key_file") {
        let key = if given("client_cert_file") {
            "client_cert_file"
        } else {
            "client_key_file"
        };
        section.fault(
            key,
            "certificate and key belong together; set client_cert_file and client_key_file",
            out,
        );
    }
    if !mqtt.url.starts_with("mqtts:") {
        for key in ["ca_file", "client_cert_file"]
            .into_iter()
            .filter(|key| given(key))
        {
            section.fault(
                key,
                "certificates need TLS; write mqtt.url as mqtts://…",
                out,
            );
        }
    }
    for key in ["ca_file", "client_cert_file", "client_key_file"] {
        if let Some(path) = section.file(key, out)
            && let Err(err) = std::fs::File::open(&path)
        {
            section.fault(
                key,
                format!("{} cannot be read: {err}", path.display()),
                out,
            );
        }
    }
    let base = section.parsed("base_topic", out, check_topic);
    (mqtt, base.unwrap_or_else(|| "gizwits2mqtt".into()))
}

fn check_broker(url: &str) -> Result<(), String> {
    // USER:PASSWORD@HOST may stand in it, readable as an address or not.
    let shown = if url.contains('@') {
        "what stands here".to_owned()
    } else {
        format!("{url:?}")
    };
    let hint = "write mqtt://HOST, mqtts://HOST or unix:///PATH";
    let Ok(parsed) = url::Url::parse(url) else {
        return Err(format!("{shown} is no address; {hint}"));
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("user name and password do not belong into the address; set mqtt.username and mqtt.password".into());
    }
    let has_host = parsed.host_str().is_some_and(|host| !host.is_empty());
    match parsed.scheme() {
        "mqtt" | "mqtts" if has_host => Ok(()),
        "unix" if cfg!(unix) && parsed.path().len() > 1 => Ok(()),
        _ => Err(format!("{shown} is no address of a broker; {hint}")),
    }
}

fn check_client_id(text: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or("a client id has 1 to 64 characters")
}

/// A topic to publish below: no wildcard, no slash at either end.
fn check_topic(text: &str) -> Result<String, String> {
    let is_bad = text.is_empty()
        || text.contains(['+', '#'])
        || text.chars().any(char::is_control)
        || text.starts_with(['/', '$'])
        || text.ends_with('/');
    if is_bad {
        return Err(format!(
            "{text:?} is refused: a topic here has no +, no #, no slash at either end, and does not begin with $"
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn homeassistant(root: &Section<'_>, out: &mut Findings) -> Option<HomeAssistant> {
    let known = ["enabled", "discovery_prefix", "status_topic"];
    let section = root.section("homeassistant", &known, out);
    let discovery_prefix = section.parsed("discovery_prefix", out, check_topic);
    let status_topic = section.parsed("status_topic", out, check_topic);
    section.flag("enabled", true, out).then(|| HomeAssistant {
        discovery_prefix: discovery_prefix.unwrap_or_else(|| "homeassistant".into()),
        status_topic: status_topic.unwrap_or_else(|| "homeassistant/status".into()),
    })
}

/// The `polling` section.
pub(super) struct Polling {
    pub(super) interval: Duration,
    pub(super) interval_with_push: Duration,
    pub(super) bindings_interval: Duration,
    pub(super) bindings_interval_with_push: Duration,
}

pub(super) fn polling(root: &Section<'_>, out: &mut Findings) -> Polling {
    let known = [
        "interval",
        "interval_with_push",
        "bindings_interval",
        "bindings_interval_with_push",
    ];
    let section = root.section("polling", &known, out);
    let (polls, listings) = (("10s", "24h"), ("1m", "24h"));
    Polling {
        interval: section.duration("interval", polls, "60s", out),
        interval_with_push: section.duration("interval_with_push", polls, "30m", out),
        bindings_interval: section.duration("bindings_interval", listings, "10m", out),
        bindings_interval_with_push: section.duration(
            "bindings_interval_with_push",
            listings,
            "1h",
            out,
        ),
    }
}

/// `push.enabled`
pub(super) fn push(root: &Section<'_>, out: &mut Findings) -> bool {
    let section = root.section("push", &["enabled"], out);
    section.flag("enabled", true, out)
}

/// The `limits` section, as this instance's share.
pub(super) struct Limits {
    pub(super) requests_per_minute: u32,
    pub(super) total_requests_per_minute: Option<u32>,
}

pub(super) fn limits(root: &Section<'_>, shard: Shard, out: &mut Findings) -> Limits {
    let known = ["requests_per_minute", "total_requests_per_minute"];
    let section = root.section("limits", &known, out);
    // All instances speak for the same accounts, and the cloud counts them together.
    let share = |all: u32| (all / shard.count).max(1);
    let all = section.number("requests_per_minute", 6..=600, 30, out);
    let total = section.member("total_requests_per_minute").is_some();
    Limits {
        requests_per_minute: share(all),
        total_requests_per_minute: total
            .then(|| section.number("total_requests_per_minute", 6..=6000, 60, out))
            .map(share),
    }
}

pub(super) fn devices(root: &Section<'_>, out: &mut Findings) -> BTreeMap<Did, DeviceSettings> {
    let (mut devices, mut topics) = (BTreeMap::new(), BTreeSet::new());
    for (key, node) in root.members("devices", out) {
        let path = format!("devices.{key}");
        let section = Section::open(node, &path, &["name", "topic", "profile"], out);
        let name = section.parsed("name", out, |name| match name.trim() {
            "" => Err("a name is not empty"),
            name => Ok(name.to_owned()),
        });
        let topic = section.parsed("topic", out, |topic| check_level(topic, &topics));
        topics.extend(topic.clone());
        let profile = section.parsed("profile", out, |id| Ok::<_, String>(id.to_owned()));
        match Did::new(key) {
            Ok(did) => {
                devices.insert(
                    did,
                    DeviceSettings {
                        name,
                        topic,
                        profile,
                    },
                );
            }
            Err(err) => out.fault(&node.place, &path, err.to_string()),
        }
    }
    devices
}

fn check_level(topic: &str, taken: &BTreeSet<String>) -> Result<String, String> {
    if taken.contains(topic) {
        return Err(format!("{topic:?} is another device's topic already"));
    }
    if topic.contains('/') || is_reserved(topic) {
        return Err(format!(
            "{topic:?} is refused: a device's topic is one level, and not \"bridge\" or \"bridge-1\""
        ));
    }
    check_topic(topic)
}

pub(super) fn web(root: &Section<'_>, out: &mut Findings) -> Option<Web> {
    root.member("web")?;
    let section = root.section("web", &["listen", "token_file"], out);
    let token = section.secret_file("token_file", out);
    let listen: SocketAddr = match section.member("listen") {
        Some(_) => section.parsed("listen", out, |text| {
            text.parse().map_err(|_| {
                format!("{text:?} is refused; write ADDRESS:PORT such as 127.0.0.1:8099")
            })
        })?,
        None => SocketAddr::from(([127, 0, 0, 1], 8099)),
    };
    if !listen.ip().is_loopback() && section.member("token_file").is_none() {
        section.fault(
            "listen",
            "beyond this machine a token is needed; set web.token_file, or listen at 127.0.0.1",
            out,
        );
    }
    Some(Web { listen, token })
}

pub(super) fn shard(root: &Section<'_>, out: &mut Findings) -> Shard {
    let section = root.section("shard", &["index", "count"], out);
    let count = section.number("count", 1..=MAX_SHARDS, 1, out);
    let index = section.number("index", 0..=MAX_SHARDS, 0, out);
    if index >= count {
        section.fault(
            "index",
            format!("indices go from 0 to {}, since count is {count}", count - 1),
            out,
        );
    }
    Shard { index, count }
}

pub(super) fn log(root: &Section<'_>, out: &mut Findings) -> Log {
    use tracing::Level;
    let section = root.section("log", &["level", "format"], out);
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    Log {
        level: section.word("level", &levels, out).unwrap_or(Level::INFO),
        format: section
            .word("format", &formats, out)
            .unwrap_or(LogFormat::Text),
    }
}
