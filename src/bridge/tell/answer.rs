//! `BASE/bridge/response/VERB`: how a request ended.

use serde_json::{Map, Value};
use tracing::warn;

use crate::bridge::answer::Answer;
use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::{MAX_PAYLOAD_BYTES, Publisher, render};
use crate::bridge::requests::{Asker, Unserved};

impl Bridge {
    pub(in crate::bridge) fn publish_answer(
        &self,
        asker: Asker,
        answer: Answer,
        out: &mut Vec<Effect>,
    ) {
        let mut payload = body(&asker, answer);
        if payload.len() > MAX_PAYLOAD_BYTES {
            let bytes = payload.len();
            let reason =
                format!("the answer has {bytes} bytes, more than brokers take; ask for less");
            payload = body(&asker, Answer::failed(reason));
        }
        let topic = self.topics.response(&asker.verb);
        Publisher::answer(topic, payload, asker.reply.as_ref(), out);
    }

    /// Requests that the cloud had no part in.
    pub(in crate::bridge) fn publish_unserved(
        &self,
        unserved: Vec<Unserved>,
        out: &mut Vec<Effect>,
    ) {
        for Unserved { asker, reason } in unserved {
            self.publish_answer(asker, Answer::failed(reason), out);
        }
    }
}

fn body(asker: &Asker, answer: Answer) -> Vec<u8> {
    let mut body = Map::new();
    match answer {
        Answer::Done(data) => {
            body.insert("status".into(), "ok".into());
            body.insert("data".into(), data);
        }
        Answer::Failed { reason, code, data } => {
            warn!(verb = asker.verb, reason, code, "a request failed");
            body.insert("status".into(), "error".into());
            body.insert("error".into(), reason.into());
            body.extend(code.map(|code| ("code".to_owned(), code.into())));
            if !data.is_null() {
                body.insert("data".into(), data);
            }
        }
    }
    let transaction = asker.transaction.clone();
    body.extend(transaction.map(|transaction| ("transaction".to_owned(), transaction)));
    render(&Value::Object(body))
}
