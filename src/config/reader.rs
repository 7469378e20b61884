//! Takes values out of the tree and collects what is wrong with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::secret::Secret;

use super::exposure;
use super::problem::{Problem, nearest};
use super::text::{self, MAX_SECRET_BYTES};
use super::tree::{Kind, Node, Place};

/// What reading leaves behind beside the values.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// A secret stands in the file itself.
    pub(super) has_inline_secret: bool,
    /// Where relative files are looked for, in order.
    pub(super) folders: Vec<PathBuf>,
}

/// One mapping of the configuration.
pub(super) struct Section<'a> {
    node: &'a Node,
    path: String,
}

impl Findings {
    pub(super) fn fault(&mut self, place: &Place, path: &str, message: impl Into<String>) {
        let (line, variable) = match place {
            Place::Nowhere => (None, None),
            Place::Line(line) => (Some(*line), None),
            Place::Variable(variable) => (None, Some(variable.clone())),
        };
        self.problems.push(Problem {
            line,
            variable,
            path: path.to_owned(),
            message: message.into(),
        });
    }
}

impl<'a> Section<'a> {
    /// The mapping at a node; what is none is reported and read as empty. Keys that are not `known`
    /// are reported with the nearest one that is.
    pub(super) fn open(
        node: &'a Node,
        path: impl Into<String>,
        known: &[&str],
        out: &mut Findings,
    ) -> Self {
        let section = Self {
            node,
            path: path.into(),
        };
        match &node.kind {
            Kind::Map(members) => {
                for (key, member) in members
                    .iter()
                    .filter(|(key, _)| !known.contains(&key.as_str()))
                {
                    let hint = match nearest(key, known.iter().copied()) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => format!("known here: {}", known.join(", ")),
                    };
                    let path = section.path(key);
                    out.fault(&member.place, &path, format!("unknown key; {hint}"));
                }
            }
            Kind::Empty => {}
            Kind::Text(_) | Kind::List(_) => {
                out.fault(
                    &node.place,
                    &section.path,
                    "settings belong here, each as `key: value`",
                );
            }
        }
        section
    }

    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// A member that is there and not `null`.
    pub(super) fn member(&self, key: &str) -> Option<&'a Node> {
        match &self.node.kind {
            Kind::Map(members) => members.get(key).filter(|node| node.kind != Kind::Empty),
            Kind::Empty | Kind::Text(_) | Kind::List(_) => None,
        }
    }

    /// A member as a section of its own; an absent one is empty.
    pub(super) fn section(&self, key: &str, known: &[&str], out: &mut Findings) -> Self {
        static ABSENT: Node = Node {
            place: Place::Nowhere,
            kind: Kind::Empty,
        };
        Self::open(
            self.member(key).unwrap_or(&ABSENT),
            self.path(key),
            known,
            out,
        )
    }

    /// The members of a mapping whose keys are the user's own.
    pub(super) fn members(&self, key: &str, out: &mut Findings) -> Vec<(&'a str, &'a Node)> {
        match self.member(key).map(|node| (&node.kind, &node.place)) {
            None => Vec::new(),
            Some((Kind::Map(members), _)) => members
                .iter()
                .map(|(key, node)| (key.as_str(), node))
                .collect(),
            Some((_, place)) => {
                out.fault(
                    place,
                    &self.path(key),
                    "settings belong here, each as `key: value`",
                );
                Vec::new()
            }
        }
    }

    /// A list; a single value stands for a list of it.
    pub(super) fn list(&self, key: &str) -> Option<&'a [Node]> {
        let node = self.member(key)?;
        Some(match &node.kind {
            Kind::List(items) => items,
            Kind::Empty | Kind::Text(_) | Kind::Map(_) => std::slice::from_ref(node),
        })
    }

    /// Where a member stands, else where its section does.
    pub(super) fn place(&self, key: &str) -> &'a Place {
        self.member(key)
            .map_or(&self.node.place, |node| &node.place)
    }

    pub(super) fn fault(&self, key: &str, message: impl Into<String>, out: &mut Findings) {
        let path = if key.is_empty() {
            self.path.clone()
        } else {
            self.path(key)
        };
        out.fault(self.place(key), &path, message);
    }

    pub(super) fn text(&self, key: &str, out: &mut Findings) -> Option<String> {
        match &self.member(key)?.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Empty | Kind::List(_) | Kind::Map(_) => {
                self.fault(key, "a single value belongs here", out);
                None
            }
        }
    }

    /// A text that `read` understands.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &self,
        key: &str,
        out: &mut Findings,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key, out)?;
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(key, reason.to_string(), out);
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
        out: &mut Findings,
    ) -> Option<T> {
        self.parsed(key, out, |text| {
            let found = words
                .iter()
                .find(|(word, _)| word.eq_ignore_ascii_case(text));
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                match nearest(text, words.iter().copied()) {
                    Some(near) => format!("{text:?} is not known; did you mean {near:?}?"),
                    None => format!("{text:?} is not known; write one of {}", words.join(", ")),
                }
            })
        })
    }

    pub(super) fn flag(&self, key: &str, otherwise: bool, out: &mut Findings) -> bool {
        let words = [
            ("true", true),
            ("false", false),
            ("on", true),
            ("off", false),
            ("yes", true),
            ("no", false),
        ];
        self.word(key, &words, out).unwrap_or(otherwise)
    }

    pub(super) fn number(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
        otherwise: u32,
        out: &mut Findings,
    ) -> u32 {
        let read = |text: &str| match text.parse::<u32>() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => {
                let (low, high) = (range.start(), range.end());
                Err(format!(
                    "{text:?} is refused; write a whole number from {low} to {high}"
                ))
            }
        };
        self.parsed(key, out, read).unwrap_or(otherwise)
    }

    /// `60s`, `5m`, `1h 30m`; a bare number is seconds.
    pub(super) fn duration(
        &self,
        key: &str,
        range: (&str, &str),
        otherwise: &str,
        out: &mut Findings,
    ) -> Duration {
        let parse = |text: &str| -> Option<Duration> {
            if let Ok(seconds) = text.parse() {
                return Some(Duration::from_secs(seconds));
            }
            let duration: jiff::SignedDuration = text.parse().ok()?;
            duration.try_into().ok()
        };
        let (low, high) = range;
        let read = |text: &str| {
            let within = |duration: &Duration| {
                parse(low).is_some_and(|low| low <= *duration)
                    && parse(high).is_some_and(|high| *duration <= high)
            };
            parse(text).filter(within).ok_or_else(|| {
                format!("{text:?} is refused; write a duration from {low} to {high}, such as {otherwise}")
            })
        };
        let given = self.parsed(key, out, read);
        given.or_else(|| parse(otherwise)).unwrap_or_default()
    }

    pub(super) fn file(&self, key: &str, out: &mut Findings) -> Option<PathBuf> {
        let text = self.text(key, out)?;
        Some(resolve(Path::new(&text), &out.folders))
    }

    /// A secret, given here or in the file that its twin names.
    pub(super) fn secret(&self, key: &str, out: &mut Findings) -> Option<Secret<String>> {
        let twin = format!("{key}_file");
        let in_file = self.secret_file(&twin, out);
        let Some(text) = self.text(key, out) else {
            return in_file;
        };
        if self.member(&twin).is_some() {
            self.fault(
                key,
                format!("{key} and {twin} are both given; leave one out"),
                out,
            );
        }
        if matches!(self.place(key), Place::Line(_)) {
            out.has_inline_secret = true;
        }
        Some(Secret::new(text))
    }

    /// The secret in a file, without the line end that editors add.
    pub(super) fn secret_file(&self, key: &str, out: &mut Findings) -> Option<Secret<String>> {
        let path = self.file(key, out)?;
        match text::read(&path, MAX_SECRET_BYTES) {
            Ok(text) if !text.trim_end_matches(['\r', '\n']).is_empty() => {
                exposure::of_file(&path, out);
                Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            Ok(_) => {
                self.fault(key, format!("{} is empty", path.display()), out);
                None
            }
            Err(err) => {
                self.fault(
                    key,
                    format!("{} cannot be read: {err}", path.display()),
                    out,
                );
                None
            }
        }
    }
}

/// A relative path is looked for in each folder; where there is none, it is the last one's.
fn resolve(path: &Path, folders: &[PathBuf]) -> PathBuf {
    let mut candidates = folders.iter().map(|folder| folder.join(path));
    candidates
        .find(|candidate| candidate.exists())
        .or_else(|| folders.last().map(|folder| folder.join(path)))
        .unwrap_or_else(|| path.into())
}

/// The variables that configuration looks at beside its own.
pub(super) fn variable<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    variables
        .get(name)
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}
