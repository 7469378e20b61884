//! Patterns for attribute names: `*` stands for any characters, also none.

/// Does any of the patterns fit?
#[must_use]
pub fn matching(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, name))
}

fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    if rest.is_empty() {
        return true;
    }
    loop {
        if fits(rest, name) {
            return true;
        }
        let mut chars = name.chars();
        if chars.next().is_none() {
            return false;
        }
        name = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, want) in [
            ("power", "power", true),
            ("power", "power2", false),
            ("word*", "word7", true),
            ("word*", "word", true),
            ("word*", "sword", false),
            ("*_err*", "system_err1", true),
            ("p*_data*", "p1_data12", true),
            ("p*_data*", "pump_date", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, name), want, "{pattern} {name}");
        }
    }
}
