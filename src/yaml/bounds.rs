//! How large and how deep a YAML text may be, found out in one pass before anything is built of it.
//!
//! `serde_yaml` has no such bounds: nested brackets cost it the square of their number, and each alias
//! copies what it stands for.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span};

use super::{YamlError, unmarked};

/// Maps and lists inside one another.
const MAX_LEVELS: usize = 64;
/// Bytes that each value counts beside its text.
const VALUE_BYTES: usize = 16;
/// Bytes of all paths, which stand beside their lines while faults are looked for.
const MAX_PATH_BYTES: usize = 16 * 1024 * 1024;

/// What a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Bytes of the text, and of its values with each alias replaced by what it stands for.
    size: usize,
    /// Whether a part may stand for another one (`&x`, `*x`).
    has_aliases: bool,
}

impl TextLimits {
    /// A file that the user wrote for this program.
    pub const OWN: Self = Self {
        size: 1024 * 1024,
        has_aliases: true,
    };
    /// A file that people hand on, such as a profile.
    pub const SHARED: Self = Self {
        size: 1024 * 1024,
        has_aliases: false,
    };
    /// A scenario of the simulator, which may have thousands of devices.
    pub const SCENARIO: Self = Self {
        size: 16 * 1024 * 1024,
        has_aliases: true,
    };

    /// Goes through the text once, and stops where it is too large.
    ///
    /// # Errors
    /// [`YamlError`] with the line where it is too large or too deep, or is no YAML.
    pub(super) fn check(self, text: &str) -> Result<(), YamlError> {
        self.pass(text, |_, _| Ok(()))
    }

    /// The same, handing each event on as long as all fits.
    ///
    /// # Errors
    /// [`YamlError`], as [`Self::check`], and what the receiver answers.
    pub(super) fn pass(
        self,
        text: &str,
        mut receive: impl FnMut(Event<'_>, Span) -> Result<(), YamlError>,
    ) -> Result<(), YamlError> {
        let text = unmarked(text);
        if text.len() > self.size {
            return Err(YamlError {
                line: 0,
                message: format!("it is longer than {} bytes", self.size),
            });
        }
        let mut meter = Meter {
            limits: self,
            ..Meter::default()
        };
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|err| YamlError {
                line: err.marker().line(),
                message: err.info().to_owned(),
            })?;
            meter.step(&event).map_err(|message| YamlError {
                line: span.start.line(),
                message,
            })?;
            receive(event, span)?;
        }
        Ok(())
    }
}

impl Default for TextLimits {
    fn default() -> Self {
        Self::SHARED
    }
}

/// Counts what a text would become.
#[derive(Default)]
struct Meter {
    limits: TextLimits,
    size: usize,
    path_bytes: usize,
    open: Vec<Level>,
    /// The size of each part that an alias can stand for.
    anchors: BTreeMap<usize, usize>,
}

/// A map or list that is not at its end yet.
struct Level {
    anchor: usize,
    size_before: usize,
    is_map: bool,
    /// The path of what stands directly in it, in bytes; with the key that was read last.
    path: usize,
    key: Option<usize>,
}

impl Meter {
    fn step(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                let before = self.size;
                self.value(text.len())?;
                self.anchor(*anchor, before);
            }
            Event::MappingStart(anchor, _) => self.begin(*anchor, true)?,
            Event::SequenceStart(anchor, _) => self.begin(*anchor, false)?,
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(level) = self.open.pop() {
                    self.anchor(level.anchor, level.size_before);
                }
            }
            Event::Alias(anchor) => {
                if !self.limits.has_aliases {
                    return Err(
                        "an alias (*…) has no place here; write out what it stands for".into(),
                    );
                }
                // One inside the part that it stands for is refused where values are made.
                let size = self.anchors.get(anchor).copied().unwrap_or_default();
                self.value(size)?;
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, is_map: bool) -> Result<(), String> {
        if self.open.len() >= MAX_LEVELS {
            return Err(format!(
                "maps and lists stand more than {MAX_LEVELS} deep in one another"
            ));
        }
        let size_before = self.size;
        let path = self.value(0)?;
        self.open.push(Level {
            anchor,
            size_before,
            is_map,
            path,
            key: None,
        });
        Ok(())
    }

    /// Counts a value, or a key, of so many bytes. Answers with the length of its path.
    fn value(&mut self, bytes: usize) -> Result<usize, String> {
        self.size = self.size.saturating_add(bytes + VALUE_BYTES);
        let path = self.open.last_mut().map_or(0, |level| {
            match (level.is_map, level.key.take()) {
                (true, None) => {
                    level.key = Some(bytes);
                    level.path + bytes
                }
                (true, Some(key)) => level.path + key + 1,
                // An index, with its dot.
                (false, _) => level.path + 8,
            }
        });
        self.path_bytes = self.path_bytes.saturating_add(path);
        if self.size > self.limits.size || self.path_bytes > MAX_PATH_BYTES {
            return Err(format!(
                "it holds too much: at most {} bytes, of which each value costs {VALUE_BYTES} beside its text",
                self.limits.size
            ));
        }
        Ok(path)
    }

    /// A part has ended that began at this size. 0 is no anchor.
    fn anchor(&mut self, anchor: usize, size_before: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, self.size - size_before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line and the message of what is too large.
    fn refused(limits: TextLimits, text: &str) -> (usize, String) {
        let short: String = text.chars().take(30).collect();
        let err = limits.check(text).expect_err(&short);
        (err.line, err.message)
    }

    #[test]
    fn nesting_ends_at_64_levels_however_it_is_written() {
        for open in ["[", "{a: ", "- ", "[[],", "? "] {
            let text = format!("a: 1\nx:\n  {}", open.repeat(100_000));
            assert!(text.len() > 100_000 && text.len() <= TextLimits::OWN.size);
            for limits in [TextLimits::OWN, TextLimits::SHARED] {
                let (line, message) = refused(limits, &text);
                // The scanner stops by itself where it has to look ahead for the end of a bracket.
                let is_told =
                    message.contains("more than 64 deep") || message.contains("recursion limit");
                assert!(is_told, "{open}: {message}");
                assert_eq!(line, 3, "{open}");
            }
        }
        let text = format!("x: {}{}", "[".repeat(60), "]".repeat(60));
        assert_eq!(TextLimits::OWN.check(&text), Ok(()));
        let long = "[".repeat(1024 * 1024 + 1);
        assert!(refused(TextLimits::OWN, &long).1.contains("longer than"));
    }

    #[test]
    fn aliases_count_as_what_they_stand_for_and_have_no_place_in_a_profile() {
        let aliases = |count: usize| {
            let long = "A".repeat(10_000);
            format!("x: &x \"{long}\"\ny: [{}]\n", "*x, ".repeat(count))
        };
        assert!(
            refused(TextLimits::OWN, &aliases(190_000))
                .1
                .contains("holds too much")
        );
        assert_eq!(TextLimits::OWN.check(&aliases(50)), Ok(()));
        let (line, message) = refused(TextLimits::SHARED, &aliases(1));
        assert!(line == 2 && message.contains("alias"), "{message}");
        // The billion laughs: each line ten of the line before.
        let mut laughs = "a0: &a0 [ha]\n".to_owned();
        for n in 1..10 {
            let ten = format!("*a{}, ", n - 1).repeat(10);
            laughs += &format!("a{n}: &a{n} [{ten}]\n");
        }
        assert!(
            refused(TextLimits::OWN, &laughs)
                .1
                .contains("holds too much")
        );
    }

    #[test]
    fn wide_texts_and_long_keys_are_refused_by_what_they_would_take() {
        let wide = format!("[{}]", "0,".repeat(500_000));
        let below_a_long_key = format!("? {}\n: [{}]\n", "k".repeat(100_000), "0,".repeat(50_000));
        let maps = "- {}\n".repeat(200_000);
        for text in [wide, below_a_long_key, maps] {
            assert!(refused(TextLimits::OWN, &text).1.contains("holds too much"));
        }
    }
}
