//! An entity's name, readable for most people: the schema's label in Latin letters, else the
//! attribute's own name in words.

use crate::model::{Datapoint, ProductSchema};

/// Longer labels are explanations.
const MAX_LABEL_CHARS: usize = 40;

/// The name beside the device's, in sentence case.
#[must_use]
pub fn entity_name(schema: &ProductSchema, datapoint: &Datapoint) -> String {
    let label = datapoint.display_name.trim();
    let taken = |other: &&Datapoint| {
        other.name != datapoint.name && other.display_name.trim().eq_ignore_ascii_case(label)
    };
    if is_readable(label) && schema.datapoints().iter().find(taken).is_none() {
        return sentence(label);
    }
    let name = sentence(datapoint.name.as_str());
    // A name of nothing but marks has no words.
    if name.is_empty() {
        datapoint.name.to_string()
    } else {
        name
    }
}

fn is_readable(label: &str) -> bool {
    label.chars().any(char::is_alphabetic)
        && label.chars().count() <= MAX_LABEL_CHARS
        && label
            .chars()
            .all(|c| c.is_ascii() || matches!(c, '\u{a0}'..='\u{24f}'))
}

/// `temp_set_unit` → `Temp set unit`; `SwitchON` → `Switch ON`; `Fault_OverTemp` → `Fault over temp`.
fn sentence(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for part in text.split(|c: char| c == '_' || c == '-' || c.is_whitespace()) {
        let mut word = String::new();
        let mut before_lower = false;
        for c in part.chars() {
            // One small letter before a capital is a symbol: pH, mV.
            if c.is_uppercase() && before_lower && word.chars().count() > 1 {
                words.push(std::mem::take(&mut word));
            }
            before_lower = c.is_lowercase();
            word.push(c);
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    let words = words.iter().enumerate().map(|(at, word)| {
        let initials = !word.chars().any(char::is_lowercase);
        let symbol = word.chars().any(char::is_uppercase)
            && word.chars().next().is_some_and(char::is_lowercase);
        match at {
            _ if initials || symbol => word.clone(),
            0 => capital(word),
            _ => word.to_lowercase(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words_in_sentence_case() {
        for (text, want) in [
            ("temp_set_unit", "Temp set unit"),
            ("SwitchON", "Switch ON"),
            ("Fault_OverTemp", "Fault over temp"),
            ("LED_R", "LED R"),
            ("E01", "E01"),
            ("pH_OUT", "pH OUT"),
            ("power", "Power"),
            ("Set motor speed", "Set motor speed"),
            ("__", ""),
            ("温度", "温度"),
        ] {
            assert_eq!(sentence(text), want, "{text}");
        }
    }
}
