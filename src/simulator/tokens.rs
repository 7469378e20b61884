//! Tokens: who holds one, and until when.

use std::collections::BTreeMap;

use super::errors::ApiError;

/// Tokens of one kind.
#[derive(Debug)]
pub(super) struct Tokens {
    life_ms: i64,
    /// Holder and end of each.
    known: BTreeMap<String, (String, i64)>,
}

impl Tokens {
    pub(super) const fn new(life_ms: i64) -> Self {
        Self {
            life_ms,
            known: BTreeMap::new(),
        }
    }

    /// A new one, with its end in Unix seconds; older ones live on.
    pub(super) fn issue(
        &mut self,
        now_ms: i64,
        holder: &str,
        chance: &mut fastrand::Rng,
    ) -> (String, i64) {
        let token = text(chance, 32);
        let ends_ms = now_ms + self.life_ms;
        self.known
            .insert(token.clone(), (holder.to_owned(), ends_ms));
        (token, ends_ms / 1000)
    }

    /// # Errors
    /// 9004, 9006
    pub(super) fn holder(&self, now_ms: i64, token: Option<&str>) -> Result<&str, ApiError> {
        match token.and_then(|token| self.known.get(token)) {
            None => Err(ApiError::plain(9004)),
            Some((_, ends_ms)) if *ends_ms <= now_ms => Err(ApiError::plain(9006)),
            Some((holder, _)) => Ok(holder),
        }
    }

    pub(super) fn revoke(&mut self, token: &str) {
        self.known.remove(token);
    }

    pub(super) fn expire_all(&mut self, now_ms: i64) {
        for (_, ends_ms) in self.known.values_mut() {
            *ends_ms = now_ms;
        }
    }
}

/// Letters and digits that nobody guesses.
pub(super) fn text(chance: &mut fastrand::Rng, length: usize) -> String {
    std::iter::repeat_with(|| chance.alphanumeric())
        .take(length)
        .collect()
}
