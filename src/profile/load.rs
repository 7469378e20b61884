//! A profile from its text; each fault with its line.

use serde_json::{Value, json};

use crate::yaml::{self, Document, TextLimits, YamlError};

use super::catalog::NO_PROFILE;
use super::file::{EntityFile, ProfileFile};
use super::resolve;

/// Reads a profile and checks it.
///
/// # Errors
/// All faults that can be told at once, by line.
pub fn read(text: &str) -> Result<ProfileFile, Vec<YamlError>> {
    // Into a type a key that stands twice would be read without a word.
    let document = yaml::parse(text, TextLimits::SHARED).map_err(|fault| vec![fault])?;
    let profile: ProfileFile = match yaml::typed_by_path(text, &document) {
        Ok(profile) => profile,
        Err(fault) => {
            let faults = faults_of_shape(&document);
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
    let fault = |fault: resolve::Fault| YamlError {
        line: yaml::line_of(&document.lines, &fault.path),
        message: format!("{}: {}", fault.path, fault.message),
    };
    let mut faults: Vec<YamlError> = faults.into_iter().map(fault).collect();
    faults.sort_by_key(|fault| fault.line);
    Err(faults)
}

/// Reading a text stops at the first fault; each entity by itself tells of its own. Empty where the fault is
/// none of a part.
fn faults_of_shape(document: &Document) -> Vec<YamlError> {
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
    fn a_list_of_two_numbers_is_no_pair_of_limits() {
        use crate::profile::file::TestFile;
        for (written, is_list) in [
            ("[50, 40]", true),
            ("[50]", true),
            ("{ above: 50, below: 60 }", false),
        ] {
            let text = GOOD.replacen("on: false", &format!("on: {written}"), 1);
            let profile = read(&text).unwrap();
            let mode = profile.entities.0[0].1.mode.as_ref().unwrap();
            let test = &mode.0.read[0].when["on"];
            assert_eq!(
                matches!(test, TestFile::Many(_)),
                is_list,
                "{written}: {test:?}"
            );
        }
    }

    #[test]
    fn what_a_part_says_in_vain_is_told() {
        const MORE: &str =
            "  light: { platform: select, state: { attr: light, map: { A: a, B: b } } }\n";
        let good = format!("{GOOD}{MORE}");
        read(&good).unwrap();
        for (from, to, line, words) in [
            (
                "when: { on: false }",
                "when: { on: false, on: true }",
                11,
                "duplicate",
            ),
            (
                "heat: [{ on: true }",
                "heat: [{ on: true, on: false }",
                16,
                "duplicate",
            ),
            (
                "title: Heater",
                "title: Heater\ntitle: Oven",
                3,
                "duplicate",
            ),
            (
                "when: { on: false }",
                "when: { on: ~ }",
                11,
                "compares with nothing",
            ),
            (
                "when: { on: false }",
                "when: { on: [] }",
                11,
                "compares with nothing",
            ),
            (
                "when: { on: false }",
                "when: { on: {} }",
                11,
                "compares with nothing",
            ),
            (
                "when: { on: false }",
                "when: { on: [1, ~] }",
                11,
                "compares with nothing",
            ),
            (
                "heat: [{ on: true }",
                "heat: [{ on: ~ }",
                16,
                "write a word, a number",
            ),
            ("B: b }", "B: ~ }", 17, "write a word, a number"),
            (
                "B: b }",
                "B: b }, set: { light: a }",
                17,
                "for words write `write`",
            ),
            (
                "title: Heater",
                "title: &x Heater\nmanufacturer: *x",
                3,
                "alias",
            ),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let faults = read(&text).unwrap_err();
            let found = faults
                .iter()
                .any(|fault| fault.line == line && fault.message.contains(words));
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
