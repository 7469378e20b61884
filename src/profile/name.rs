//! An entity's name, readable for most people: the schema's label in Latin letters, else the
//! attribute's own name in words.

use crate::model::{Datapoint, ProductSchema};

/// Longer labels are explanations.
const MAX_LABEL_CHARS: usize = 40;

/// The name beside the device's, in sentence case.
#[must_use]
pub fn entity_name(schema: &ProductSchema, datapoint: &Datapoint) -> String {
    let label = datapoint.display_name.trim();
    let taken = |other: &Datapoint| {
        other.name != datapoint.name
            && (reads_alike(&other.display_name, label) || reads_alike(other.name.as_str(), label))
    };
    if is_readable(label) && !schema.datapoints().iter().any(taken) {
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

/// The same letters and digits, whatever stands between them.
fn reads_alike(one: &str, other: &str) -> bool {
    let letters = |c: &char| c.is_alphanumeric();
    let one = one.chars().filter(letters).flat_map(char::to_lowercase);
    one.eq(other.chars().filter(letters).flat_map(char::to_lowercase))
}

fn is_readable(label: &str) -> bool {
    label.chars().any(char::is_alphabetic)
        && label.chars().count() <= MAX_LABEL_CHARS
        && label
            .chars()
            .all(|c| c.is_ascii() || matches!(c, '\u{a0}'..='\u{24f}'))
}

/// `temp_set_unit` → `Temp set unit`; `SwitchON` → `Switch ON`; `Fault_OverTemp` → `Fault over temp`.
#[must_use]
pub fn sentence(text: &str) -> String {
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
    use serde_json::json;

    use super::*;
    use crate::ids::ProductKey;

    #[test]
    fn a_label_that_another_attribute_also_bears_names_nobody() {
        let attrs = [
            ("wave_power", "Power"),
            ("power", "电源"),
            ("led_1", "LED"),
            ("led_2", "led"),
            ("heat", "Heat power"),
        ]
        .map(|(name, label)| json!({ "name": name, "display_name": label, "data_type": "bool" }));
        let document = json!({ "entities": [{ "attrs": attrs }] });
        let (schema, _) = ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document).unwrap();
        let names: Vec<String> = schema
            .datapoints()
            .iter()
            .map(|d| entity_name(&schema, d))
            .collect();
        assert_eq!(
            names,
            ["Wave power", "Power", "Led 1", "Led 2", "Heat power"]
        );
    }

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
