//! Reads a JSON object member by member and collects every fault, so that one answer names them all.
//!
//! A fault never repeats what a secret's place held, and little of what any other did.

use serde_json::{Map, Value};

use crate::ids::InvalidId;
use crate::secret::Secret;

use super::likeness::nearest;

/// Faults that one answer names: 64 KiB of nonsense must not make an answer of a megabyte.
const MAX_FAULTS: usize = 20;
/// More of a refused text than this is not repeated, in characters.
const MAX_SHOWN: usize = 40;

/// What is wrong with a body.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<String>,
    more: usize,
}

impl Faults {
    pub(super) fn add(&mut self, fault: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    fn count(&self) -> usize {
        self.faults.len() + self.more
    }

    /// What was read, unless anything was wrong.
    pub(super) fn settle<T>(mut self, read: Option<T>) -> Result<T, String> {
        if self.more > 0 {
            self.faults.push(format!("and {} more faults", self.more));
        }
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults.join("; ")),
        }
    }
}

/// One object, at a path such as `devices[0].`, empty for the body itself.
#[derive(Debug)]
pub(super) struct Body {
    path: String,
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Body {
    pub(super) fn new(path: String, members: Map<String, Value>) -> Self {
        Self {
            path,
            members,
            known: Vec::new(),
        }
    }

    pub(super) fn path(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// A member of any kind; `null` is as good as none.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.members.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    /// A text that may be absent.
    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => {
                faults.add(format!("{}: write a text", self.path(key)));
                None
            }
        }
    }

    /// A text that means something, and may be absent.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key, faults)?;
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err(fault) => {
                faults.add(format!("{}: {fault}", self.path(key)));
                None
            }
        }
    }

    /// A text that means something and may not be absent.
    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.is_there(key) {
            faults.add(format!("{} is missing", self.path(key)));
        }
        self.read(key, faults, read)
    }

    /// What nobody may see again.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
    ) -> Option<Secret<String>> {
        let known = faults.count();
        let text = self.text(key, faults);
        if faults.count() == known && text.as_ref().is_none_or(String::is_empty) {
            faults.add(format!("{} is missing", self.path(key)));
        }
        text.map(Secret::new)
    }

    /// A list of objects below `key`.
    pub(super) fn rows(
        &mut self,
        key: &'static str,
        most: usize,
        faults: &mut Faults,
    ) -> Option<Vec<Self>> {
        let path = self.path(key);
        let Some(Value::Array(items)) = self.take(key) else {
            faults.add(format!("{path}: write a list"));
            return None;
        };
        if items.is_empty() || items.len() > most {
            let count = items.len();
            faults.add(format!("{path}: a request names 1 to {most}, not {count}"));
            return None;
        }
        let mut rows = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::Object(members) => {
                    rows.push(Self::new(format!("{path}[{at}]."), members));
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => faults.add(format!("{path}[{at}]: write an object")),
            }
        }
        Some(rows)
    }

    /// Members that nobody asked for are faults: a misspelt one would do nothing, unseen.
    pub(super) fn close(self, faults: &mut Faults) {
        for name in self.members.keys() {
            let known = self.known.iter().copied();
            let hint = match nearest(known, name) {
                Some(known) => format!("; did you mean {known:?}?"),
                None => String::new(),
            };
            let name = shown(name);
            faults.add(format!("{}{name:?} is not known{hint}", self.path));
        }
    }

    fn is_there(&self, key: &str) -> bool {
        self.members.get(key).is_some_and(|value| !value.is_null())
    }
}

/// As much of a text as an answer repeats.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

pub(super) fn id<T>(id: Result<T, InvalidId>) -> Result<T, String> {
    id.map_err(|err| err.to_string())
}
