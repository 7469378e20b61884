//! A profile from its text; each fault with its line.

use serde_json::{Value, json};

use crate::yaml::{self, YamlError};

use super::catalog::NO_PROFILE;
use super::file::{EntityFile, ProfileFile};
use super::resolve;

/// Reads a profile and checks it.
///
/// # Errors
/// All faults that can be told at once, by line.
pub fn read(text: &str) -> Result<ProfileFile, Vec<YamlError>> {
    let profile: ProfileFile = match yaml::typed_by_path(text) {
        Ok(profile) => profile,
        Err(fault) => {
            let faults = faults_of_shape(text);
            return Err(if faults.is_empty() {
                vec![fault]
            } else {
                faults
            });
        }
    };
    let mut faults = resolve::faults(&profile);
    faults.extend(fault_of_id(&profile.profile));
    if faults.is_empty() {
        return Ok(profile);
    }
    let lines = yaml::parse(text).map(|document| document.lines);
    let lines = lines.unwrap_or_default();
    let fault = |fault: resolve::Fault| YamlError {
        line: yaml::line_of(&lines, &fault.path),
        message: format!("{}: {}", fault.path, fault.message),
    };
    let mut faults: Vec<YamlError> = faults.into_iter().map(fault).collect();
    faults.sort_by_key(|fault| fault.line);
    Err(faults)
}

/// Reading a text stops at the first fault; each entity by itself tells of its own. Empty where the text is
/// no YAML, or the fault is none of a part.
fn faults_of_shape(text: &str) -> Vec<YamlError> {
    let Ok(document) = yaml::parse(text) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut frame = document.value.clone();
    if let Some(entities) = frame.get_mut("entities").filter(|value| value.is_object()) {
        *entities = json!({});
    }
    faults.extend(document.typed_part::<ProfileFile>("", &frame).err());
    let entities = document.value.get("entities").and_then(Value::as_object);
    for (key, entity) in entities.into_iter().flatten() {
        let path = yaml::join("entities", key);
        faults.extend(document.typed_part::<EntityFile>(&path, entity).err());
    }
    faults.sort_by_key(|fault| fault.line);
    faults
}

fn fault_of_id(id: &str) -> Option<resolve::Fault> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let message = if id == NO_PROFILE {
        format!("{id:?} stands for no profile; give it another id")
    } else if id.is_empty() || !id.chars().all(plain) {
        format!("{id:?} is no id: small letters, digits and -, such as my-heater")
    } else {
        return None;
    };
    Some(resolve::Fault {
        path: "profile".into(),
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
profile: heater
title: Heater
match: { product_names: [Heater] }
entities:
  heater:
    platform: climate
    main: true
    target_temperature: { attr: target, min: 5, max: 30, unit: °C }
    mode:
      read:
        - when: { on: false }
          is: \"off\"
        - is: heat
      write:
        \"off\": { on: false }
        heat: [{ on: true }, { target: 21 }]
";

    #[test]
    fn a_fault_names_its_line_and_what_to_write() {
        read(GOOD).unwrap();
        for (from, to, line, words) in [
            ("title: Heater\n", "", 1, "missing field `title`"),
            ("profile: heater", "profile: My heater", 1, "is no id"),
            ("profile: heater", "profile: none", 1, "no profile"),
            (
                "platform: climate",
                "platform: climat",
                6,
                "unknown variant",
            ),
            ("main: true", "mian: true", 7, "unknown field `mian`"),
            ("min: 5", "min: 50", 8, "is not below max"),
            ("min: 5", "min: low", 8, "expected f64"),
            ("mode:\n", "moods:\n", 9, "unknown field `moods`"),
            ("  heater:", "  He ater:", 5, "small letters"),
            (
                "    mode:\n",
                "    speed: on\n    mode:\n",
                9,
                "a climate has only",
            ),
            ("is: heat", "is: [heat]", 13, "write a word"),
            ("platform: climate", "platform: number", 5, "needs `state`"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let faults = read(&text).unwrap_err();
            let found = faults
                .iter()
                .any(|f| f.line == line && f.message.contains(words));
            assert!(found, "{to}: {faults:?}");
        }
    }

    #[test]
    fn each_entity_tells_of_its_own_fault() {
        let more =
            "  lock: { platform: swich, state: lock }\n  pump: { platform: switch, stat: pump }\n";
        let text = GOOD.replace("title: Heater\n", "") + more;
        let faults = read(&text).unwrap_err();
        let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [1, 16, 17], "{faults:?}");
        assert!(
            faults[2]
                .message
                .starts_with("entities.pump.stat: unknown field"),
            "{faults:?}"
        );
        assert_eq!(read("a: [").unwrap_err().len(), 1);
    }
}
