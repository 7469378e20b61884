//! A profile from its text; each fault with its line.

use crate::yaml::{self, YamlError};

use super::file::ProfileFile;
use super::resolve;

/// Reads a profile and checks it.
///
/// # Errors
/// All faults that can be told at once, by line.
pub fn read(text: &str) -> Result<ProfileFile, Vec<YamlError>> {
    let profile: ProfileFile = yaml::typed_by_path(text).map_err(|fault| vec![fault])?;
    let faults = resolve::faults(&profile);
    if faults.is_empty() {
        return Ok(profile);
    }
    let lines = yaml::parse(text).map(|document| document.lines);
    let lines = lines.unwrap_or_default();
    let fault = |fault: resolve::Fault| YamlError {
        line: yaml::line_of(&lines, &fault.path),
        message: format!("{}: {}", fault.path, fault.message),
    };
    Err(faults.into_iter().map(fault).collect())
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
}
