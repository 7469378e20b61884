//! What `demo` shows: each message on the broker as a line, if a person would want to see it. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

/// Remembers what topics carried, to show what changed.
#[derive(Debug, Default)]
pub(super) struct View {
    base: String,
    known: BTreeMap<String, String>,
    /// Messages seen.
    pub(super) messages: u64,
}

/// A command line of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// Publish a bare value on `BASE/DEV/set/ATTR`.
    Set {
        topic: String,
        value: String,
    },
    /// A control of the simulated cloud: path below `/_sim/` and body.
    Cloud {
        path: String,
        body: Value,
    },
    Help,
    Quit,
    Nothing,
}

impl View {
    pub(super) fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..Self::default()
        }
    }

    /// The line for a message; `None` when it is no news.
    pub(super) fn line(&mut self, topic: &str, payload: &[u8]) -> Option<String> {
        self.messages += 1;
        let below = topic
            .strip_prefix(&self.base)?
            .strip_prefix('/')?
            .to_owned();
        let text = String::from_utf8_lossy(payload).into_owned();
        if let Some(word) = below.strip_prefix("bridge/") {
            return bridge_line(word, &text);
        }
        match below.split_once('/')? {
            (device, "result") => Some(result_line(device, &text)),
            (_, command) if command == "get" || command == "raw" || command == "set" => None,
            (_, command) if command.starts_with("set/") => None,
            // The attributes say it already, by the names that a command is typed with.
            (_, entity) if entity.starts_with("entity/") => None,
            (device, attr) => {
                let before = self.known.insert(below.clone(), text.clone());
                let before = before.filter(|before| *before != text)?;
                Some(format!("{device:<22} {attr:<18} {before} → {text}"))
            }
        }
    }

    /// Topics of devices with the first values of each, for a table.
    pub(super) fn devices(&self) -> Vec<Vec<String>> {
        let mut devices: BTreeMap<&str, (String, Vec<String>)> = BTreeMap::new();
        for (below, text) in &self.known {
            let Some((device, attr)) = below.split_once('/') else {
                continue;
            };
            let (state, values) = devices.entry(device).or_default();
            if attr == "availability" {
                state.clone_from(text);
            } else if attr != "_did" && values.len() < 4 {
                values.push(format!("{attr}={text}"));
            }
        }
        devices
            .into_iter()
            .map(|(device, (state, values))| vec![device.to_owned(), state, values.join("  ")])
            .collect()
    }

    /// Reads what a person typed.
    pub(super) fn typed(&self, line: &str) -> Result<Typed, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let did_of = |device: &str| {
            let text = self.known.get(&format!("{device}/_did"));
            text.cloned()
                .ok_or_else(|| format!("there is no device {device:?}"))
        };
        Ok(match words.as_slice() {
            [] => Typed::Nothing,
            ["help" | "?"] => Typed::Help,
            ["quit" | "exit"] => Typed::Quit,
            ["expire"] => cloud("tokens/expire", Value::Null),
            ["throttle", seconds] => {
                let seconds: u32 = seconds.parse().map_err(|_| "write throttle SECONDS")?;
                cloud("throttle", serde_json::json!({ "seconds": seconds }))
            }
            [word @ ("offline" | "online"), device] => {
                let body = serde_json::json!({ "online": *word == "online" });
                cloud(&format!("devices/{}/online", did_of(device)?), body)
            }
            [device, attr, value @ ..] if !value.is_empty() => {
                did_of(device)?;
                Typed::Set {
                    topic: format!("{}/{device}/set/{attr}", self.base),
                    value: value.join(" "),
                }
            }
            _ => return Err("write DEVICE ATTRIBUTE VALUE, or help".into()),
        })
    }

    /// Learns which did a topic level has, from a device's state.
    pub(super) fn learn(&mut self, topic: &str, payload: &[u8]) {
        let level = topic
            .strip_prefix(&self.base)
            .and_then(|below| below.strip_prefix('/'));
        let state: Option<Value> = serde_json::from_slice(payload).ok();
        let did = state
            .as_ref()
            .and_then(|state| state.pointer("/_meta/did")?.as_str());
        if let (Some(level), Some(did)) = (level.filter(|level| !level.contains('/')), did) {
            self.known.insert(format!("{level}/_did"), did.to_owned());
        }
    }
}

fn cloud(path: &str, body: Value) -> Typed {
    Typed::Cloud {
        path: path.to_owned(),
        body,
    }
}

fn bridge_line(word: &str, text: &str) -> Option<String> {
    match word {
        "event" => {
            let event: Value = serde_json::from_str(text).ok()?;
            let kind = event.get("type")?.as_str()?;
            // The device's own topics say it already.
            let is_twice = matches!(kind, "command_failed" | "device_online" | "device_offline");
            if is_twice && event.get("did").is_some() {
                return None;
            }
            let what = ["name", "did", "account", "state", "error"]
                .iter()
                .filter_map(|key| event.get(key)?.as_str())
                .collect::<Vec<_>>();
            Some(format!("{:<22} {kind}: {}", "bridge", what.join(", ")))
        }
        "state" => Some(format!("{:<22} {text}", "bridge")),
        _ => None,
    }
}

fn result_line(device: &str, text: &str) -> String {
    let result: Value = serde_json::from_str(text).unwrap_or_default();
    let attrs = match result.get("attrs").and_then(Value::as_object) {
        Some(attrs) if !attrs.is_empty() => format!("{} ", Value::Object(attrs.clone())),
        Some(_) | None => String::new(),
    };
    let outcome = match (
        result.get("error").and_then(Value::as_str),
        result.get("confirmed"),
    ) {
        (Some(error), _) => format!("failed: {error}"),
        (None, Some(Value::Bool(true))) => "done, and the device says so".to_owned(),
        (None, _) => "taken by the cloud, not confirmed by the device".to_owned(),
    };
    format!("{device:<22} command {attrs}{outcome}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_shown() {
        let mut view = View::new("g");
        assert_eq!(
            view.line("g/pool/temp", b"20"),
            None,
            "the first value is in the table"
        );
        assert_eq!(view.line("g/pool/temp", b"20"), None);
        let line = view.line("g/pool/temp", b"21").unwrap();
        assert!(line.contains("20 → 21"), "{line}");
        for state in ["heat", "off"] {
            assert_eq!(
                view.line("g/pool/entity/heater/mode", state.as_bytes()),
                None
            );
        }
        let rows = [["pool", "", "temp=21"]];
        assert_eq!(view.devices(), rows, "nor are entities in the table");
        let line = view.line(
            "g/pool/result",
            br#"{"status":"ok","attrs":{"a":1},"confirmed":true}"#,
        );
        assert!(line.unwrap().contains("the device says so"));
        let refused = br#"{"status":"error","attrs":{},"confirmed":false,"error":"a: no"}"#;
        let line = view.line("g/pool/result", refused).unwrap();
        assert!(line.ends_with(" command failed: a: no"), "{line}");
    }

    #[test]
    fn a_typed_line_becomes_a_command() {
        let mut view = View::new("g");
        view.learn("g/pool", br#"{"_meta":{"did":"d1"}}"#);
        assert_eq!(
            view.typed("pool temp 21"),
            Ok(Typed::Set {
                topic: "g/pool/set/temp".into(),
                value: "21".into()
            })
        );
        assert!(
            matches!(view.typed("offline pool"), Ok(Typed::Cloud { path, .. }) if path == "devices/d1/online")
        );
        assert!(view.typed("cellar temp 21").is_err());
        assert!(view.typed("pool").is_err());
    }
}
