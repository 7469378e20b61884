//! Labels as Home Assistant can show them, which is not always as the cloud spells them.

use std::collections::BTreeSet;

/// Longer ones are no state of Home Assistant.
const MAX_CHARS: usize = 255;
/// Of a longer one so much is shown; the rest is room to tell it from another.
const KEPT_CHARS: usize = 240;

/// A label of an enumeration, and how it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label<'a> {
    pub(super) spelt: &'a str,
    pub(super) shown: String,
}

impl Label<'_> {
    pub(super) fn is_plain(&self) -> bool {
        self.spelt == self.shown
    }
}

/// Those that can be shown, each once: blank ones cannot, and of equal ones the first counts. No two are
/// shown alike.
pub(super) fn labels(spelt: &[String]) -> Vec<Label<'_>> {
    let (mut known, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut labels = Vec::new();
    // A label that can stay as it is keeps its words from one that cannot.
    let is_plain = |label: &&String| shown(label) == **label;
    taken.extend(spelt.iter().filter(is_plain).cloned());
    for label in spelt {
        if label.trim().is_empty() || !known.insert(label.as_str()) {
            continue;
        }
        let mut word = shown(label);
        if word != *label {
            let base = word.clone();
            let mut other = 2;
            while !taken.insert(word.clone()) {
                word = format!("{base} ({other})");
                other += 1;
            }
        }
        labels.push(Label {
            spelt: label,
            shown: word,
        });
    }
    labels
}

/// Without blanks around it, which templates lose; not too long; and not what stands for no state at all.
fn shown(label: &str) -> String {
    let label = label.trim();
    let is_none = label.eq_ignore_ascii_case("none");
    if is_none || matches!(label, "unknown" | "unavailable") {
        return format!("({})", label.to_lowercase());
    }
    if label.chars().count() <= MAX_CHARS {
        return label.to_owned();
    }
    label.chars().take(KEPT_CHARS).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_can_be_shown_and_told_from_the_others() {
        let long = |end: &str| "x".repeat(300) + end;
        let cut = || "x".repeat(KEPT_CHARS) + "…";
        for (spelt, want) in [
            (vec!["a", "b", "a"], vec!["a", "b"]),
            (vec!["", " ", "a"], vec!["a"]),
            (vec![" a ", "a"], vec!["a (2)", "a"]),
            (vec!["None", "none"], vec!["(none)", "(none) (2)"]),
            (vec!["NONE", "(none)"], vec!["(none) (2)", "(none)"]),
            (
                vec!["unknown", "unavailable", "Unknown"],
                vec!["(unknown)", "(unavailable)", "Unknown"],
            ),
            (
                vec![&long("1"), &long("2")],
                vec![&cut(), &format!("{} (2)", cut())],
            ),
        ] {
            let spelt: Vec<String> = spelt.into_iter().map(str::to_owned).collect();
            let shown: Vec<String> = labels(&spelt).into_iter().map(|l| l.shown).collect();
            assert_eq!(shown, want, "{spelt:?}");
        }
    }
}
