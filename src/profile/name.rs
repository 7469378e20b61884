//! An entity's name, readable for most people: the schema's label where it is Latin or the glossary knows it,
//! else the attribute's own name in words, and the label as it is where that has none.

use crate::model::{Datapoint, ProductSchema};

use super::glossary;
use super::hints::words::split;

/// Longer labels are explanations.
const MAX_LABEL_CHARS: usize = 40;
/// A word that a person can read has as many letters.
const LEAST_LETTERS: usize = 3;
/// Initials are shorter.
const LEAST_SHOUT: usize = 4;
/// Names that number attributes and name nothing.
const NUMBERED: [&str; 9] = [
    "attr", "data", "param", "value", "field", "key", "dpid", "func", "prop",
];
/// Units that stand in brackets behind a label.
const UNITS: [&str; 24] = [
    "W", "kW", "kWh", "Wh", "V", "mV", "A", "mA", "Hz", "%", "℃", "°C", "℉", "°F", "K", "ppm",
    "bar", "kPa", "min", "s", "h", "分钟", "秒", "小时",
];
/// The name beside the device's, in sentence case.
#[must_use]
pub fn entity_name(schema: &ProductSchema, datapoint: &Datapoint) -> String {
    let label = datapoint.display_name.trim();
    let name = datapoint.name.as_str();
    let readable = readable(label).filter(|readable| {
        let taken = |other: &Datapoint| {
            other.name != datapoint.name
                && (reads_alike(other.name.as_str(), readable)
                    || reads_alike(&other.display_name, label)
                    || self::readable(&other.display_name)
                        .is_some_and(|o| reads_alike(&o, readable)))
        };
        !schema.datapoints().iter().any(taken)
    });
    if let Some(readable) = readable {
        return readable;
    }
    let words = sentence(name);
    let is_short = !label.is_empty() && label.chars().count() <= MAX_LABEL_CHARS;
    if !has_words(name) && is_short && !is_latin(label) {
        label.to_owned()
    } else if words.is_empty() {
        // A name of nothing but marks has no words.
        name.to_owned()
    } else {
        words
    }
}

/// The same letters and digits, whatever stands between them.
pub(super) fn reads_alike(one: &str, other: &str) -> bool {
    let letters = |c: &char| c.is_alphanumeric();
    let one = one.chars().filter(letters).flat_map(char::to_lowercase);
    one.eq(other.chars().filter(letters).flat_map(char::to_lowercase))
}

fn readable(label: &str) -> Option<String> {
    let label = without_unit(label.trim());
    let is_short = label.chars().count() <= MAX_LABEL_CHARS;
    if is_short && is_latin(label) && label.chars().any(char::is_alphabetic) {
        return Some(sentence(label));
    }
    glossary::translate(label)
}

/// `功率(W)` → `功率`: the value shows its unit.
fn without_unit(label: &str) -> &str {
    let inner = label.strip_suffix([')', '）']).unwrap_or(label);
    match inner.rsplit_once(['(', '（']) {
        Some((before, unit)) if UNITS.contains(&unit.trim()) && !before.trim().is_empty() => {
            before.trim()
        }
        Some(_) | None => label,
    }
}

fn is_latin(label: &str) -> bool {
    label
        .chars()
        .all(|c| c.is_ascii() || matches!(c, '\u{a0}'..='\u{24f}' | '℃' | '℉'))
}

/// `temp_set` has some, `E01`, `VMx000`, `wdsz` and `attr1` have none.
fn has_words(name: &str) -> bool {
    split(name).iter().any(|word| {
        let word = word.to_lowercase();
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        word.chars().count() >= LEAST_LETTERS
            && word.chars().all(char::is_alphabetic)
            && word.contains(['a', 'e', 'i', 'o', 'u', 'y'])
            && !NUMBERED.contains(&word)
    })
}

/// `temp_set_unit` → `Temp set unit`; `SwitchON` → `Switch ON`; `Fault_OverTemp` → `Fault over temp`.
#[must_use]
pub fn sentence(text: &str) -> String {
    // All in capitals is a way to write, not a row of initials, when there are long words.
    let shouts = !text.chars().any(char::is_lowercase);
    let words = split(text);
    let is_long =
        |word: &String| word.chars().filter(char::is_ascii_uppercase).count() >= LEAST_SHOUT;
    let shouts = shouts && words.iter().any(is_long);
    let words = words.iter().enumerate().map(|(at, word)| {
        let initials = !shouts && !word.chars().any(char::is_lowercase);
        let symbol = word.chars().any(char::is_uppercase)
            && word.chars().next().is_some_and(char::is_lowercase);
        match at {
            _ if initials || symbol => word.clone(),
            0 if shouts => capital(&word.to_lowercase()),
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
    use crate::profile::hints::testing::schema;

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
        let schema = schema(&json!(attrs));
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
    fn the_most_readable_of_label_and_name_is_shown() {
        for (name, label, want) in [
            ("Motor_Speed", "Set motor speed", "Set motor speed"),
            ("E01", "漏电", "漏电"),
            ("E02", "温度过高", "Overheated"),
            ("E03", "", "E03"),
            ("VMx000", "", "VMx000"),
            ("attr1", "水质", "水质"),
            ("wdsz", "麒麟", "麒麟"),
            ("volor_violet", "紫色", "Violet"),
            ("p", "功率(W)", "Power"),
            ("p", "Room temperature (°C)", "Room temperature"),
            ("p", "Output (left)", "Output (left)"),
            ("Preset_mode", "原生溪流造景", "Preset mode"),
            ("__", "", "__"),
        ] {
            let schema =
                schema(&json!([{ "name": name, "display_name": label, "data_type": "bool" }]));
            assert_eq!(
                entity_name(&schema, &schema.datapoints()[0]),
                want,
                "{name} {label}"
            );
        }
    }

    #[test]
    fn names_become_words_in_sentence_case() {
        for (text, want) in [
            ("temp_set_unit", "Temp set unit"),
            ("SwitchON", "Switch ON"),
            ("Fault_OverTemp", "Fault over temp"),
            ("LED_R", "LED R"),
            ("E01", "E01"),
            ("SET_TEMP", "Set temp"),
            ("VMx000", "VMx000"),
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
