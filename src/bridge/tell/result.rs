//! `BASE/DEV/result`: how a command ended.

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::bridge::effect::Effect;
use crate::bridge::machine::Bridge;
use crate::bridge::pending::{Ending, Verdict};
use crate::bridge::publisher::{Publisher, render};

impl Bridge {
    /// `BASE/DEV/result`
    pub(in crate::bridge) fn publish_result(&mut self, verdict: Verdict, out: &mut Vec<Effect>) {
        let entry = self.registry.get(verdict.did.as_str());
        if let Some(level) = entry.map(|entry| entry.level.clone()) {
            self.publish_result_on(&level, verdict, out);
        }
    }

    /// The same, for a device that may be gone already.
    pub(in crate::bridge) fn publish_result_on(
        &mut self,
        level: &str,
        verdict: Verdict,
        out: &mut Vec<Effect>,
    ) {
        if let Ending::Failed { reason, code } = &verdict.ending {
            let did = &verdict.did;
            if self.failures.may_log() {
                warn!(%did, reason, "a command failed");
            }
            self.health.note("command_failed".into());
            let details = json!({ "error": reason, "code": code });
            self.publish_event("command_failed", Some(did), None, details, out);
        }
        self.answer_command(level, verdict, out);
    }

    /// The result alone, without an event or a warning for one that failed.
    pub(in crate::bridge) fn answer_command(
        &self,
        level: &str,
        verdict: Verdict,
        out: &mut Vec<Effect>,
    ) {
        let Verdict { caller, ending, .. } = verdict;
        let mut body = Map::new();
        let (status, confirmed) = match &ending {
            Ending::Taken { confirmed } => ("ok", *confirmed),
            Ending::Failed { .. } => ("error", false),
        };
        body.insert("status".into(), status.into());
        body.insert("attrs".into(), Value::Object(caller.attrs.to_json()));
        body.insert("confirmed".into(), confirmed.into());
        if let Ending::Failed { reason, code } = ending {
            body.insert("error".into(), reason.into());
            body.extend(code.map(|code| ("code".to_owned(), code.into())));
        }
        body.extend(
            caller
                .transaction
                .map(|transaction| ("transaction".to_owned(), transaction)),
        );
        let topic = self.topics.below_device(level, "result");
        Publisher::answer(
            topic,
            render(&Value::Object(body)),
            caller.reply.as_ref(),
            out,
        );
    }
}
