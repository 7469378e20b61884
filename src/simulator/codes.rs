//! Codes that prove something: of captchas, of text messages, in a mail's link.

use std::collections::BTreeMap;

use super::errors::ApiError;

/// How long each is good: minutes for what a person types at once, a day for a mail.
const CODE_LIFE_MS: i64 = 10 * 60 * 1000;
const LINK_LIFE_MS: i64 = 24 * 3600 * 1000;
/// Older captchas are forgotten.
const MAX_CAPTCHAS: usize = 100;

/// A picture's code, and what its noise is made of.
#[derive(Debug, Clone)]
pub(super) struct Captcha {
    pub(super) code: String,
    pub(super) noise: u64,
    made_ms: i64,
}

/// All that are in force.
#[derive(Debug, Default)]
pub(super) struct Codes {
    captchas: BTreeMap<String, Captcha>,
    /// By phone number: the code and when it was sent.
    sms: BTreeMap<String, (String, i64)>,
    /// By key: the uid and when it was sent.
    links: BTreeMap<String, (String, i64)>,
}

impl Codes {
    pub(super) fn add_captcha(&mut self, now_ms: i64, id: &str, code: &str, noise: u64) {
        if self.captchas.len() >= MAX_CAPTCHAS {
            let oldest = self.captchas.iter().min_by_key(|(_, known)| known.made_ms);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                self.captchas.remove(&oldest);
            }
        }
        let captcha = Captcha {
            code: code.to_owned(),
            noise,
            made_ms: now_ms,
        };
        self.captchas.insert(id.to_owned(), captcha);
    }

    pub(super) fn captcha(&self, id: &str) -> Option<&Captcha> {
        self.captchas.get(id)
    }

    /// One try each: whoever reads it wrongly needs another picture.
    ///
    /// # Errors
    /// 9009, 9010
    pub(super) fn solve(&mut self, now_ms: i64, id: &str, code: &str) -> Result<(), ApiError> {
        let captcha = self.captchas.remove(id).ok_or(ApiError::plain(9010))?;
        if captcha.code != code {
            return Err(ApiError::plain(9010));
        }
        fresh(now_ms, captcha.made_ms, CODE_LIFE_MS)
    }

    /// The newest message to a phone is the one that counts.
    pub(super) fn add_sms(&mut self, now_ms: i64, phone: &str, code: &str) {
        let entry = (code.to_owned(), now_ms);
        self.sms.insert(phone.to_owned(), entry);
    }

    /// Right once: then it is used up (newer documents).
    ///
    /// # Errors
    /// 9009, 9010
    pub(super) fn redeem(&mut self, now_ms: i64, phone: &str, code: &str) -> Result<(), ApiError> {
        match self.sms.get(phone) {
            Some((known, sent_ms)) if known == code => fresh(now_ms, *sent_ms, CODE_LIFE_MS)?,
            _ => return Err(ApiError::plain(9010)),
        }
        self.sms.remove(phone);
        Ok(())
    }

    pub(super) fn add_link(&mut self, now_ms: i64, key: &str, uid: &str) {
        self.links.insert(key.to_owned(), (uid.to_owned(), now_ms));
    }

    /// The uid whose link this is; it works once.
    ///
    /// # Errors
    /// 9009, 9010
    pub(super) fn follow(&mut self, now_ms: i64, key: &str) -> Result<String, ApiError> {
        let (uid, sent_ms) = self.links.remove(key).ok_or(ApiError::plain(9010))?;
        fresh(now_ms, sent_ms, LINK_LIFE_MS).map(|()| uid)
    }
}

fn fresh(now_ms: i64, made_ms: i64, life_ms: i64) -> Result<(), ApiError> {
    if now_ms - made_ms < life_ms {
        Ok(())
    } else {
        Err(ApiError::plain(9009))
    }
}
