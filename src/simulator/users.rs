//! Users: what is known of each, and which names are taken.

use serde_json::{Value, json};

use super::scenario;

/// A user. Which of its names are set says how it came and what it became.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    /// Stays, whatever else changes.
    pub(super) uid: String,
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) password: Option<String>,
    /// Whoever knows it is this anonymous user.
    pub(super) phone_id: Option<String>,
    /// The provider, and the user's id there.
    pub(super) third_party: Option<(String, String)>,
    pub(super) lang: Option<String>,
}

impl User {
    /// As a scenario has it: the form of the name says what it is.
    pub(super) fn of(user: scenario::User) -> Self {
        let uid = format!("uid-{}", user.name);
        let name = Some(user.name);
        let mut known = Self {
            uid,
            password: user.password,
            ..Self::default()
        };
        match name {
            name if known.password.is_none() => known.phone_id = name,
            Some(name) if name.contains('@') => known.email = Some(name),
            Some(name) if is_phone(&name) => known.phone = Some(name),
            name => known.username = name,
        }
        known
    }

    pub(super) const fn is_anonymous(&self) -> bool {
        self.username.is_none()
            && self.email.is_none()
            && self.phone.is_none()
            && self.third_party.is_none()
    }

    fn is_called(&self, name: &str) -> bool {
        [&self.username, &self.email, &self.phone]
            .into_iter()
            .any(|known| known.as_deref() == Some(name))
    }

    /// As `GET /app/users` shows it (newer documents): what is not set is null.
    pub(super) fn profile(&self) -> Value {
        json!({
            "uid": self.uid,
            "username": self.username,
            "email": self.email,
            "phone": self.phone,
            "name": null,
            "gender": "N",
            "birthday": null,
            "address": null,
            "lang": self.lang,
            "remark": null,
            "is_anonymous": self.is_anonymous(),
        })
    }
}

/// Digits, with `+` before a country's code.
pub(super) fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Everybody.
#[derive(Debug, Default)]
pub(super) struct Users(pub(super) Vec<User>);

impl Users {
    pub(super) fn find(&mut self, is_it: impl Fn(&User) -> bool) -> Option<&mut User> {
        self.0.iter_mut().find(|user| is_it(user))
    }

    /// By user name, e-mail or phone number: one login field takes all three (documented).
    pub(super) fn called(&mut self, name: &str) -> Option<&mut User> {
        self.find(|user| user.is_called(name))
    }

    pub(super) fn by_uid(&mut self, uid: &str) -> Option<&mut User> {
        self.find(|user| user.uid == uid)
    }

    /// By the name in a scenario.
    pub(super) fn uid_of(&self, name: &str) -> Option<&str> {
        let is_it = |user: &&User| user.is_called(name) || user.phone_id.as_deref() == Some(name);
        self.0.iter().find(is_it).map(|user| user.uid.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_names_users_in_any_of_four_ways() {
        let user = |name: &str, password: Option<&str>| {
            User::of(scenario::User {
                name: name.into(),
                password: password.map(str::to_owned),
            })
        };
        assert_eq!(user("a@b", Some("p")).email.as_deref(), Some("a@b"));
        assert_eq!(
            user("+4912345", Some("p")).phone.as_deref(),
            Some("+4912345")
        );
        assert_eq!(user("bob", Some("p")).username.as_deref(), Some("bob"));
        let nobody = user("some-phone", None);
        assert_eq!(nobody.phone_id.as_deref(), Some("some-phone"));
        assert!(nobody.is_anonymous());
    }
}
