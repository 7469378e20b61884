//! A stranger's words: which of their characters a terminal, a log and a page can show as they are.

/// False for what commands a terminal, breaks a line, or turns the direction of the text that follows,
/// so that a line would show something else than it says.
#[must_use]
pub fn is_printable(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !(c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_are_shown_and_commands_are_not() {
        for c in ['a', ' ', 'é', '客', 'ش', '🛁', '\u{200d}'] {
            assert!(is_printable(c), "{c:?}");
        }
        for c in [
            '\0', '\n', '\u{1b}', '\u{9b}', '\u{200f}', '\u{202e}', '\u{2067}', '\u{2028}',
        ] {
            assert!(!is_printable(c), "{c:?}");
        }
    }
}
