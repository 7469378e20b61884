//! Templates between a topic and Home Assistant, which complains about a state outside the limits or
//! options that it was told: it gets "unknown" instead. An emptied topic is "unknown", too.

use serde_json::{Map, Value};

use super::labels::Label;

/// What most platforms read as "unknown".
pub(super) const UNKNOWN: &str = "None";
/// What a light reads so.
pub(super) const NOTHING: &str = "";

/// A number between these.
pub(super) fn within(min: Option<&Value>, max: Option<&Value>, otherwise: &str) -> String {
    let low = min.map(|min| format!("{min} <= ")).unwrap_or_default();
    let high = max.map(|max| format!(" <= {max}")).unwrap_or_default();
    let limits = format!("{low}value | float{high}");
    let is_limited = min.or(max).is_some();
    let limits = if is_limited {
        format!(" and {limits}")
    } else {
        String::new()
    };
    format!("{{{{ value if value | is_number{limits} else '{otherwise}' }}}}")
}

/// The same for a platform that takes only whole numbers.
pub(super) fn whole_within(min: Option<&Value>, max: Option<&Value>, otherwise: &str) -> String {
    within(min, max, otherwise).replacen("value if", "value | float | round | int if", 1)
}

/// A text that is no longer than a state may be.
pub(super) fn not_too_long(otherwise: &str) -> String {
    format!("{{{{ value if value | length <= 255 else '{otherwise}' }}}}")
}

/// A text other than the word for "unknown".
pub(super) fn known() -> String {
    format!("{{{{ value if value != '{UNKNOWN}' else '{NOTHING}' }}}}")
}

/// The shown word of a label.
pub(super) fn to_shown(labels: &[Label<'_>], otherwise: &str) -> String {
    let words = labels
        .iter()
        .map(|label| (label.spelt, label.shown.as_str()));
    format!("{{{{ {}.get(value, '{otherwise}') }}}}", table(words))
}

/// The label of a shown word; `None` where they are the same. An attribute's own topic takes JSON, too,
/// which keeps the blanks around a label that a template loses.
pub(super) fn to_spelt(labels: &[Label<'_>], as_json: bool) -> Option<String> {
    let mut other = labels.iter().filter(|label| !label.is_plain()).peekable();
    other.peek()?;
    let words = other.map(|label| (label.shown.as_str(), label.spelt));
    let filter = if as_json { " | to_json" } else { "" };
    let table = table(words);
    Some(format!("{{{{ {table}.get(value, value){filter} }}}}"))
}

/// JSON's escapes are also those of a template, and a table in it is spelt as an object.
fn table<'a>(words: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let words = words.map(|(word, other)| (word.to_owned(), other.into()));
    Value::Object(words.collect::<Map<_, _>>()).to_string()
}
