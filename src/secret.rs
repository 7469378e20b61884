//! A value that must not be seen: no `Display`, no `Serialize`, a `Debug` that hides it.

use serde::{Deserialize, Deserializer};
use subtle::ConstantTimeEq as _;

/// Holds a password, token or passcode. [`Secret::expose`] is the one way out, easy to search for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the edge that sends it; never for a log, a message or a file that
    /// others can read.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl Secret<String> {
    /// Is it this? The time that the answer takes tells at most the length.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    /// Enough of a token to tell it from another one, and too little to use it: nothing of a short one.
    #[must_use]
    pub fn tail(&self) -> String {
        const SHOWN: usize = 4;
        const LONG: usize = 16;
        let count = self.0.chars().count();
        let shown = if count < LONG { 0 } else { SHOWN };
        let tail: String = self.0.chars().skip(count - shown).collect();
        format!("…{tail}")
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_value() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "[hidden] Some([hidden])"
        );
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn only_the_whole_value_matches() {
        let secret = Secret::new("hunter2".to_owned());
        for (given, want) in [
            ("hunter2", true),
            ("hunter", false),
            ("hunter22", false),
            ("", false),
        ] {
            assert_eq!(secret.matches(given.as_bytes()), want, "{given}");
        }
    }

    #[test]
    fn the_tail_tells_tokens_apart_and_no_password() {
        let token = Secret::new("0123456789abcdef".to_owned());
        assert_eq!(token.tail(), "…cdef");
        assert_eq!(Secret::new("hunter2".to_owned()).tail(), "…");
    }
}
