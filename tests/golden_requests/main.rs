//! Each call of the client, as it goes over the wire: method, path, query, headers, body. The wanted
//! requests are written by hand from the vendor's document, signatures included, and are caught by a
//! bare socket, so no code of the project checks itself here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod devices;
mod listener;
#[path = "../support/raw_http.rs"]
#[expect(unreachable_pub, reason = "several tests use it")]
mod raw_http;
mod schedules;
mod service;
mod signed;
mod users;
mod verification;

use std::collections::BTreeMap;

use gizwits2mqtt::gizwits::{Access, Api, LoginAs, Session};
use gizwits2mqtt::model::Region;
use gizwits2mqtt::secret::Secret;

use listener::Listener;

/// The moment of the worked examples: Fri, 14 Jul 2017 02:40:00 GMT.
const NOW: i64 = 1_500_000_000;
const HERE: Region = Region::Custom;

/// A client whose cloud is a listener, and whose user is logged in.
struct Wire {
    listener: Listener,
    api: Api,
}

impl Wire {
    async fn up() -> Self {
        let wire = Self::without_token().await;
        let session = Session {
            uid: "uid-1".into(),
            token: secret("user-token"),
            expires_at: NOW + 1_000_000,
        };
        wire.api.restore(HERE, session);
        wire
    }

    async fn without_token() -> Self {
        let listener = Listener::start().await;
        let api = Api::new(Access {
            // The application id of the worked example.
            app_id: "abc".into(),
            urls: BTreeMap::from([(HERE, listener.url.clone())]),
            login: Some(LoginAs::User {
                username: "bob".into(),
                password: secret("123456"),
            }),
        });
        let api = api.unwrap();
        Self { listener, api }
    }

    fn will_say(&self, head: &str, body: &str) {
        self.listener.will_say(head, body);
    }

    /// One request went out since the last look: this one.
    #[track_caller]
    fn sent(&self, golden: &str) {
        assert_eq!(self.listener.requests().join("\n\n"), golden);
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}
