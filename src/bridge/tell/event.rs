//! `BASE/bridge/event`: what just happened.

use serde_json::{Map, Value};

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::{Publisher, render};
use crate::ids::{AccountName, Did};

impl Bridge {
    /// `BASE/bridge/event`
    pub(in crate::bridge) fn publish_event(
        &self,
        kind: &str,
        did: Option<&Did>,
        account: Option<&AccountName>,
        details: Value,
        out: &mut Vec<Effect>,
    ) {
        let mut body = Map::new();
        body.insert("type".into(), kind.into());
        body.extend(account.map(|account| ("account".to_owned(), account.as_str().into())));
        body.extend(did.map(|did| ("did".to_owned(), did.as_str().into())));
        if let Value::Object(details) = details {
            body.extend(details.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Publisher::event(
            self.topics.bridge("event"),
            render(&Value::Object(body)),
            out,
        );
    }
}
