//! Topics that a broker takes a message on.

/// A topic has a two-byte length.
const MAX_TOPIC_BYTES: usize = 65_535;
/// Bytes of a topic that a stranger wants an answer on.
const MAX_RESPONSE_TOPIC_BYTES: usize = 1_024;

/// Whether a broker takes messages on this topic. Mosquitto ends the link over a control character or
/// a code point that is none, and would at each new try.
pub(super) fn can_carry(topic: &str) -> bool {
    let is_noncharacter = |c: char| {
        let code = u32::from(c);
        (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
    };
    let is_bad = |c: char| matches!(c, '+' | '#') || c.is_control() || is_noncharacter(c);
    !topic.is_empty() && topic.len() <= MAX_TOPIC_BYTES && !topic.contains(is_bad)
}

/// Whether an answer goes to the response topic that a message names. Below `$` are the broker's own.
pub(super) fn can_answer_on(topic: &str) -> bool {
    can_carry(topic) && topic.len() <= MAX_RESPONSE_TOPIC_BYTES && !topic.starts_with('$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_that_would_cost_the_link_are_not_published_on() {
        for topic in ["a", "a/b c/é温度", "$x"] {
            assert!(can_carry(topic), "{topic:?}");
        }
        for topic in [
            "",
            "a/+",
            "#",
            "a\0",
            "a\n",
            "a\u{85}",
            "a\u{fffe}",
            "\u{fdd0}",
        ] {
            assert!(!can_carry(topic), "{topic:?}");
            assert!(!can_answer_on(topic), "{topic:?}");
        }
        assert!(!can_carry(&"x".repeat(MAX_TOPIC_BYTES + 1)));
        assert!(!can_answer_on(&"x".repeat(MAX_RESPONSE_TOPIC_BYTES + 1)));
        assert!(!can_answer_on("$SYS/x") && can_answer_on("me/answers"));
    }
}
