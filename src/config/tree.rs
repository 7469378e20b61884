//! The document as a tree of texts, each with the place that says it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::yaml::{Document, join};

/// A part of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing, or `null`.
    Empty,
    Text(String),
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

/// Where a part stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Place {
    #[default]
    Nowhere,
    Line(usize),
    Variable(String),
}

impl Node {
    pub(super) fn from_document(document: &Document) -> Self {
        Self::at(document, "", &document.value)
    }

    fn at(document: &Document, path: &str, value: &Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Empty,
            Value::Array(items) => Kind::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| Self::at(document, &join(path, &at.to_string()), item))
                    .collect(),
            ),
            Value::Object(members) => Kind::Map(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::at(document, &join(path, key), value)))
                    .collect(),
            ),
            // As written, not as YAML understood it: 0123 is a password. What an alias stands for has
            // no text of its own.
            Value::String(text) => Kind::Text(text.clone()),
            Value::Bool(_) | Value::Number(_) => {
                let text = document.texts.get(path);
                Kind::Text(text.cloned().unwrap_or_else(|| value.to_string()))
            }
        };
        let place = document.lines.get(path);
        Self {
            place: place.map_or(Place::Nowhere, |line| Place::Line(*line)),
            kind,
        }
    }
}
