//! Chinese terms of these products in English, so that most people can read labels.
//!
//! A label is translated only as a whole: half of it would mislead. Whoever meets another term adds a line.

mod terms;

use super::name::sentence;
use terms::{TERMS, WHOLE};

/// Longer labels are explanations.
const MAX_LABEL_CHARS: usize = 20;

/// The label in English, in sentence case; `None` when a part of it is not known, or nothing of it is Chinese.
#[must_use]
pub fn translate(label: &str) -> Option<String> {
    let label = unnumbered(label.trim());
    if label.is_ascii() || label.chars().count() > MAX_LABEL_CHARS {
        return None;
    }
    if let Some((_, english)) = WHOLE.iter().find(|(chinese, _)| *chinese == label) {
        return Some(sentence(english));
    }
    let words = words(label)?;
    Some(sentence(&words.join(" ")))
}

/// `0.手动模式` → `手动模式`.
fn unnumbered(label: &str) -> &str {
    let rest = label.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = rest.trim_start_matches(['.', ':', '：', '、', '．', ' ', '-']);
    let is_number = rest.len() < label.len() && behind.len() < rest.len();
    if is_number && !behind.is_empty() {
        behind
    } else {
        label
    }
}

/// The label's terms, with what is Latin or a number as it is.
fn words(label: &str) -> Option<Vec<&str>> {
    let label = label.trim_start_matches(|c: char| c.is_whitespace() || "_-/()（）·".contains(c));
    if label.is_empty() {
        return Some(Vec::new());
    }
    let then = |first, rest: &str| {
        let behind = label.get(label.len() - rest.len()..)?;
        let mut all = vec![first];
        all.extend(words(behind)?);
        Some(all)
    };
    let behind_latin = label.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    let (latin, _) = label.split_at(label.len() - behind_latin.len());
    if !latin.is_empty() {
        return then(latin, behind_latin);
    }
    let mut fitting: Vec<_> = TERMS
        .iter()
        .filter_map(|(chinese, english)| Some((*english, label.strip_prefix(chinese)?)))
        .collect();
    fitting.sort_by_key(|(_, rest)| rest.len());
    fitting
        .into_iter()
        .find_map(|(english, rest)| then(english, rest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_label_is_translated_as_a_whole_or_not_at_all() {
        for (label, want) in [
            ("开关", Some("Power")),
            ("定时开关2", Some("Timer switch 2")),
            ("喂食时间", Some("Feeding time")),
            ("电机过流", Some("Motor overcurrent")),
            ("0.手动模式", Some("Manual mode")),
            ("1、自动", Some("Automatic")),
            ("UV光", Some("UV light")),
            ("风扇_自动模式", Some("Fan automatic mode")),
            ("摄氏", Some("°C")),
            ("温度(A)", Some("Temperature A")),
            ("原生溪流造景", None),
            ("温度麒麟", None),
            ("Auto", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(translate(label).as_deref(), want, "{label}");
        }
    }

    #[test]
    fn no_term_stands_twice() {
        for table in [WHOLE, TERMS] {
            let known: BTreeSet<_> = table.iter().map(|(chinese, _)| chinese).collect();
            assert_eq!(known.len(), table.len());
        }
    }
}
