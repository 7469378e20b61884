//! A topic level from the name that a user gave a device.

use crate::ids::{Did, Mac};
use crate::model::level::breaks_topics;

/// Longer aliases are cut: a topic has at most 65,535 bytes, and a person reads it.
const MAX_CHARS: usize = 100;

/// The level for a device: a slug of its alias (lower case; blanks to `_`; `/ + # $` and control
/// characters dropped; other letters of any script kept), else its mac, else its did.
/// `bridge`, which is taken, counts as a clash: the caller adds the suffix.
#[must_use]
pub fn level(alias: &str, mac: Option<&Mac>, did: &Did) -> String {
    [Some(alias), mac.map(Mac::as_str)]
        .into_iter()
        .flatten()
        .map(slug)
        .find(|slug| !slug.is_empty())
        .unwrap_or_else(|| slug(did.as_str()))
}

/// `level` with `_` and the last four characters of the did, for the second of two equal ones.
#[must_use]
pub fn with_suffix(level: &str, did: &Did) -> String {
    let kept: Vec<char> = did.as_str().chars().filter(is_kept).collect();
    let from = kept.len().saturating_sub(4);
    format!("{level}_{}", kept.iter().skip(from).collect::<String>())
}

fn is_kept(c: &char) -> bool {
    !breaks_topics(*c) && !matches!(c, '/' | '+' | '#' | '$')
}

fn slug(text: &str) -> String {
    text.trim()
        .chars()
        .filter(is_kept)
        .map(|c| if c.is_whitespace() { '_' } else { c })
        .take(MAX_CHARS)
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_alias_becomes_a_level_and_without_one_the_mac_does() {
        let did = Did::new("AbCdEfGh12345678901234").unwrap();
        let mac = Mac::new("AABBCCDDEEFF").unwrap();
        for (alias, want) in [
            ("Pool", "pool"),
            (" Hot Tub ", "hot_tub"),
            ("a/b+c#d$e\u{7}\u{ffff}", "abcde"),
            ("Wohn\u{ad}zimmer Süd", "wohn\u{ad}zimmer_süd"),
            ("客厅 加热", "客厅_加热"),
            ("///", "aabbccddeeff"),
            ("", "aabbccddeeff"),
        ] {
            assert_eq!(level(alias, Some(&mac), &did), want, "{alias:?}");
        }
        assert_eq!(level("", None, &did), "abcdefgh12345678901234");
        assert_eq!(with_suffix("pool", &did), "pool_1234");
        assert_eq!(
            with_suffix("pool", &Did::new("ab/#+cd").unwrap()),
            "pool_abcd"
        );
    }

    proptest! {
        #[test]
        fn a_level_is_always_one_topic_level(alias: String) {
            let level = level(&alias, None, &Did::new("abcd").unwrap());
            prop_assert!(!level.is_empty());
            prop_assert!(!level.contains(['/', '+', '#', '$']));
            prop_assert!(!level.chars().any(|c| breaks_topics(c) || c.is_whitespace()));
        }
    }
}
