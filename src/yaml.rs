//! YAML to values, with the line of everything. The only user of the crates `serde_yaml` (values)
//! and `saphyr-parser` (lines), see decision 0006.

mod bounds;

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, ScalarStyle, Span};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use bounds::TextLimits;

/// A text that is not the wanted YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct YamlError {
    /// From 1; 0 when the parser does not tell.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A document and where its parts stand. A path is keys and indices joined by dots, as in
/// `accounts.0.name`; the root's is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// All of it.
    pub value: Value,
    /// The line of each path, from 1.
    pub lines: BTreeMap<String, usize>,
    /// Each scalar as it was written, without quotes: a password of digits is no number.
    pub texts: BTreeMap<String, String>,
}

/// Reads a text into a type.
///
/// # Errors
/// [`YamlError`] with the first fault.
pub fn typed<T: DeserializeOwned>(text: &str, limits: TextLimits) -> Result<T, YamlError> {
    limits.check(text)?;
    serde_yaml::from_str(unmarked(text)).map_err(|err| error(&err))
}

/// Reads a text whose document is known into a type, keeping the order of its maps. Names the line of what
/// is wrong and not of what it is in.
///
/// # Errors
/// [`YamlError`] with the first fault.
pub fn typed_by_path<T: DeserializeOwned>(text: &str, of: &Document) -> Result<T, YamlError> {
    let deserializer = serde_yaml::Deserializer::from_str(unmarked(text));
    serde_path_to_error::deserialize(deserializer).map_err(|err| {
        let path = err.path().to_string();
        let inner = error(err.inner());
        // The parser's own line, where it knows a better one than that of the map.
        let line = line_of(&of.lines, &dotted(&path));
        YamlError {
            line: line.max(inner.line),
            message: inner.message,
        }
    })
}

/// Without the byte order mark that Windows' editors put in front.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

impl Document {
    /// The part of it at a path as a type.
    ///
    /// # Errors
    /// [`YamlError`] with the first fault, by its path and line.
    pub fn typed_part<T: DeserializeOwned>(
        &self,
        path: &str,
        value: &Value,
    ) -> Result<T, YamlError> {
        serde_path_to_error::deserialize(value).map_err(|err| {
            let below = dotted(&err.path().to_string());
            let path = match below.as_str() {
                "." => path.to_owned(),
                below => join(path, below),
            };
            let said = err.inner();
            YamlError {
                line: line_of(&self.lines, &path),
                message: if path.is_empty() {
                    said.to_string()
                } else {
                    format!("{path}: {said}")
                },
            }
        })
    }
}

/// `entities.spa.read[1].is` as `entities.spa.read.1.is`.
fn dotted(path: &str) -> String {
    path.replace('[', ".").replace(']', "")
}

/// The line of a path, or of the nearest part of it that stands in the text.
#[must_use]
pub fn line_of(lines: &BTreeMap<String, usize>, path: &str) -> usize {
    let mut path = path;
    loop {
        if let Some(line) = lines.get(path) {
            return *line;
        }
        let Some((outer, _)) = path.rsplit_once('.') else {
            return lines.get("").copied().unwrap_or(0);
        };
        path = outer;
    }
}

/// Reads a text with its lines. An empty text is `null`.
///
/// # Errors
/// [`YamlError`] with the first fault; a key that stands twice is one.
pub fn parse(text: &str, limits: TextLimits) -> Result<Document, YamlError> {
    let mut walk = Walk::default();
    limits.pass(text, |event, span| walk.step(event, span))?;
    let value: serde_yaml::Value =
        serde_yaml::from_str(unmarked(text)).map_err(|err| error(&err))?;
    let value = serde_json::to_value(value).map_err(|err| YamlError {
        line: 0,
        message: format!("what has no place in JSON has none here: {err}"),
    })?;
    let Walk { lines, texts, .. } = walk;
    Ok(Document {
        value,
        lines,
        texts,
    })
}

fn error(err: &serde_yaml::Error) -> YamlError {
    YamlError {
        line: err.location().map_or(0, |at| at.line()),
        message: err.to_string(),
    }
}

/// Follows the parser's events and knows the path of each.
#[derive(Default)]
struct Walk {
    levels: Vec<Level>,
    lines: BTreeMap<String, usize>,
    texts: BTreeMap<String, String>,
}

enum Level {
    Map {
        path: String,
        key: Option<String>,
        keys: BTreeSet<String>,
    },
    List {
        path: String,
        next: usize,
    },
}

impl Walk {
    fn step(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let line = span.start.line();
        match event {
            Event::MappingStart(..) => {
                let path = self.begin(line);
                self.levels.push(Level::Map {
                    path,
                    key: None,
                    keys: BTreeSet::new(),
                });
            }
            Event::SequenceStart(..) => {
                let path = self.begin(line);
                self.levels.push(Level::List { path, next: 0 });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.levels.pop();
            }
            Event::Scalar(text, style, ..) => return self.scalar(&text, style, line),
            Event::Alias(_) => {
                self.begin(line);
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, line: usize) -> Result<(), YamlError> {
        if let Some(Level::Map { path, key, keys }) = self.levels.last_mut()
            && key.is_none()
        {
            if !keys.insert(text.to_owned()) {
                let message = format!("duplicate key {text:?}: it stands in this map already");
                return Err(YamlError { line, message });
            }
            self.lines.insert(join(path, text), line);
            *key = Some(text.to_owned());
            return Ok(());
        }
        let path = self.begin(line);
        let is_null = matches!(style, ScalarStyle::Plain) && matches!(text, "" | "~" | "null");
        if !is_null {
            self.texts.insert(path, text.to_owned());
        }
        Ok(())
    }

    /// The path of the value that begins here. The line of a member is its key's.
    fn begin(&mut self, line: usize) -> String {
        let path = match self.levels.last_mut() {
            None => String::new(),
            Some(Level::Map { path, key, .. }) => join(path, &key.take().unwrap_or_default()),
            Some(Level::List { path, next }) => {
                *next += 1;
                join(path, &(*next - 1).to_string())
            }
        };
        self.lines.entry(path.clone()).or_insert(line);
        path
    }
}

/// The path of a member.
#[must_use]
pub fn join(path: &str, member: &str) -> String {
    if path.is_empty() {
        member.to_owned()
    } else {
        format!("{path}.{member}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\naccounts:\n  - name: home\n    password: 0123\nmqtt: {url: 'x', port: 5}\nempty:\n";

    #[test]
    fn every_path_has_its_line() {
        let document = parse(TEXT, TextLimits::OWN).unwrap();
        for (path, line) in [
            ("accounts", 2),
            ("accounts.0", 3),
            ("accounts.0.name", 3),
            ("accounts.0.password", 4),
            ("mqtt.url", 5),
            ("mqtt.port", 5),
            ("empty", 6),
        ] {
            assert_eq!(document.lines.get(path), Some(&line), "{path}");
        }
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let document = parse(TEXT, TextLimits::OWN).unwrap();
        assert_eq!(document.texts["accounts.0.password"], "0123");
        assert_eq!(document.texts["mqtt.url"], "x");
        assert!(!document.texts.contains_key("empty"));
        assert_eq!(document.value["mqtt"]["port"], 5);
    }

    #[test]
    fn faults_name_their_line() {
        assert_eq!(
            parse("a: 1\nb: [1, 2\n", TextLimits::OWN).unwrap_err().line,
            3
        );
        let twice = parse("a: 1\na: 2\n", TextLimits::OWN).unwrap_err();
        assert!(
            twice.line == 2 && twice.message.contains("duplicate"),
            "{twice}"
        );
        assert_eq!(parse("", TextLimits::OWN).unwrap().value, Value::Null);
    }
}
