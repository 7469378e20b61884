//! The words of a datapoint, taken apart: so `temp` is found in `curTemp`, but not in `attempt`.

use crate::model::Datapoint;

/// Name, label and explanation of a datapoint, in lower case.
#[derive(Debug, Clone)]
pub struct Words {
    name: String,
    label: String,
    desc: String,
    of_name: Vec<String>,
    of_label: Vec<String>,
}

impl Words {
    /// The words of a datapoint.
    #[must_use]
    pub fn of(datapoint: &Datapoint) -> Self {
        let name = datapoint.name.as_str();
        Self {
            name: name.to_lowercase(),
            label: datapoint.display_name.trim().to_lowercase(),
            desc: datapoint.desc.to_lowercase(),
            of_name: tokens(name),
            of_label: tokens(&datapoint.display_name),
        }
    }

    /// Does the name or the label hold one of these?
    ///
    /// Latin patterns are whole words, apart from digits behind them: `temp` fits `cur_temp2`; `temp*` also
    /// `temperature`, `*temp` also `roomtemp`, `on_off` two words in a row, `current$` the last word alone.
    /// All others may stand anywhere in the label or the name.
    #[must_use]
    pub fn any(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|pattern| self.has(pattern))
    }

    /// Is the whole name or the whole label one of these?
    #[must_use]
    pub fn is(&self, whole: &[&str]) -> bool {
        whole.contains(&self.name.as_str()) || whole.contains(&self.label.as_str())
    }

    /// Is this unit told? As a word of name or label, or in the explanation behind a number or 单位 ("unit").
    #[must_use]
    pub fn tell(&self, spellings: &[&str]) -> bool {
        let told = |spelling: &&str| {
            let plain = spelling.trim_end_matches(['$', '*']);
            self.has(spelling) || explains(&self.desc, plain)
        };
        spellings.iter().any(told)
    }

    fn has(&self, pattern: &str) -> bool {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_*$".contains(c);
        if pattern.chars().all(is_word) {
            follows(&self.of_name, pattern) || follows(&self.of_label, pattern)
        } else {
            self.label.contains(pattern) || self.name.contains(pattern)
        }
    }

    /// The label's or else the name's text behind 0 or 1 that explains a value: `0:℃ 1:℉`.
    #[must_use]
    pub fn value_of(&self, words: &[&str]) -> Option<char> {
        [&self.label, &self.desc].into_iter().find_map(|text| {
            let at = words.iter().find_map(|word| text.find(word))?;
            let before = text.get(..at)?;
            let separates = |c: char| !c.is_alphanumeric() || "为是表示代".contains(c);
            let digit = before.trim_end_matches(separates).chars().next_back()?;
            matches!(digit, '0' | '1').then_some(digit)
        })
    }
}

/// Words as their case, marks and blanks part them: `Fault_OverTemp` → `Fault`, `Over`, `Temp`.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c == '_' || c == '-' || c.is_whitespace());
    let words = parts.flat_map(|part| {
        let chars: Vec<char> = part.chars().collect();
        let mut words = vec![String::new()];
        for (at, c) in chars.iter().enumerate() {
            let before = chars.get(..at).unwrap_or_default();
            let behind = chars.get(at + 1..).unwrap_or_default();
            if begins_word(before, *c, behind) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(*c);
            }
        }
        words
    });
    words.filter(|word| !word.is_empty()).collect()
}

/// `SwitchON`, `Timer1ON`, `LEDPower`; but one small letter before a capital is a symbol (`pH`, `kWh`),
/// and one behind capitals is a name's (`VMx000`).
fn begins_word(before: &[char], c: char, behind: &[char]) -> bool {
    if !c.is_uppercase() {
        return false;
    }
    let is_cased = |c: &&char| c.is_lowercase() || c.is_uppercase();
    let run = before.iter().rev().take_while(is_cased).count();
    let small = |at: usize| behind.get(at).is_some_and(|c| c.is_lowercase());
    match before.last() {
        Some(last) if last.is_lowercase() => run > 1,
        Some(last) if last.is_ascii_digit() => before.iter().any(|c| c.is_alphabetic()),
        Some(last) if last.is_uppercase() => run > 1 && small(0) && small(1),
        Some(_) | None => false,
    }
}

fn tokens(text: &str) -> Vec<String> {
    let words = split(text).into_iter();
    let parts = words.flat_map(|word| {
        let parts = word.split(|c: char| !c.is_ascii_alphanumeric());
        parts.map(str::to_lowercase).collect::<Vec<_>>()
    });
    parts.filter(|part| !part.is_empty()).collect()
}

fn follows(tokens: &[String], pattern: &str) -> bool {
    if let Some(last) = pattern.strip_suffix('$') {
        return tokens.last().is_some_and(|token| fits(token, last));
    }
    let patterns: Vec<&str> = pattern.split('_').collect();
    let mut rows = tokens.windows(patterns.len());
    rows.any(|row| row.iter().zip(&patterns).all(|(token, p)| fits(token, p)))
}

fn fits(token: &str, pattern: &str) -> bool {
    let bare = token.trim_end_matches(|c: char| c.is_ascii_digit());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => bare.ends_with(end),
        (None, Some(start)) => token.starts_with(start),
        (None, None) => token == pattern || bare == pattern,
    }
}

/// `单位秒`, `单位：秒`, `1~60分钟`, `0-100%`; but `单位0.1℃` tells of tenths of it.
fn explains(desc: &str, unit: &str) -> bool {
    desc.match_indices(unit).any(|(at, _)| {
        let before = desc.get(..at).unwrap_or_default();
        let behind = desc.get(at + unit.len()..).unwrap_or_default();
        let is_whole = !behind.starts_with(|c: char| c.is_ascii_alphanumeric());
        let before = before.trim_end_matches([':', '：', '为', '是', ' ', '(', '（']);
        let bare = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_number = bare.len() < before.len() && !bare.ends_with('.');
        is_whole && (before.ends_with("单位") || is_number)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::hints::testing::datapoint;

    #[test]
    fn words_are_parted_by_marks_and_case() {
        for (text, want) in [
            ("Fault_OverTemp", "Fault Over Temp"),
            ("Timer1ON", "Timer1 ON"),
            ("CHN1SWTime", "CHN1 SW Time"),
            ("pH_OUT", "pH OUT"),
            ("kWh", "kWh"),
            ("VMCx005", "VMCx005"),
            ("LEDPower", "LED Power"),
            ("功率(kW)", "功率(kW)"),
            ("set temp", "set temp"),
            ("__", ""),
            ("温度A", "温度A"),
        ] {
            assert_eq!(split(text).join(" "), want, "{text}");
        }
    }

    #[test]
    fn a_pattern_finds_words_and_no_parts_of_words() {
        for (name, label, pattern, want) in [
            ("cur_temp2", "", "temp", true),
            ("attempt", "", "temp", false),
            ("temperature", "", "temp*", true),
            ("roomtemp", "", "*temp", true),
            ("OnOff", "", "on_off", true),
            ("off_on", "", "on_off", false),
            ("motor_current", "", "current$", true),
            ("current_mode", "", "current$", false),
            ("x", "Ambient temperature", "temp*", true),
            ("x", "当前温度", "温度", true),
            ("x", "电压(V)", "v", true),
            ("x", "风量m³/h", "m³/h", true),
        ] {
            let point = datapoint(&json!({ "name": name, "display_name": label }));
            let found = Words::of(&point).any(&[pattern]);
            assert_eq!(found, want, "{name} {label} {pattern}");
        }
    }

    #[test]
    fn an_explanation_tells_a_unit_behind_a_number_or_the_word_for_it() {
        for (desc, unit, want) in [
            ("补给校准量所需时间,单位秒", "秒", true),
            ("范围为1~60分钟", "分钟", true),
            ("每分钟转速", "分钟", false),
            ("范围0~100%", "%", true),
            ("单位：min", "min", true),
            ("单位0.1℃", "℃", false),
            ("from 1 to 5 minor ticks", "min", false),
        ] {
            assert_eq!(explains(desc, unit), want, "{desc}");
        }
    }
}
