//! What must be true when all is well again.

use std::collections::BTreeSet;

use gizwits2mqtt::simulator::{Reaction, Request};
use serde_json::Value;

use super::real_devices::TANK;
use super::universe::{SPA, Universe};

impl Universe {
    pub(crate) fn retained_json(&self, topic: &str) -> Value {
        let payload = self.retained.get(topic);
        payload.map_or(Value::Null, |payload| {
            serde_json::from_slice(payload).unwrap()
        })
    }

    /// What the broker keeps is what the cloud knows.
    pub(crate) fn check_truth(&mut self) {
        let now_ms = self.unix_ms();
        for (did, level) in [
            (SPA, "hot_tub"),
            ("DemoMeter0000000000005", "pool_meter"),
            ("DemoWave00000000000004", "reef"),
            (TANK, "tank"),
        ] {
            if !self.laws.knows(did) {
                continue;
            }
            let request = Request {
                method: "GET".into(),
                path: format!("/_sim/devices/{did}"),
                ..Request::default()
            };
            let Reaction::Answer(answer) = self.cloud.handle(now_ms, &request) else {
                panic!("no answer");
            };
            let truth: Value = serde_json::from_slice(&answer.body).unwrap();
            let state = self.retained_json(&format!("g/{level}"));
            self.check(state["_meta"]["online"] == true, "the state says offline");
            for (name, value) in truth["attrs"].as_object().unwrap() {
                let shown = self.retained.get(&format!("g/{level}/{name}"));
                let shown = shown.map(|payload| String::from_utf8_lossy(payload).into_owned());
                let want = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.check(
                    shown.as_deref() == Some(&want) && state[name] == *value,
                    &format!("{level}/{name} is {shown:?} and {state}, not {want}"),
                );
            }
            let availability = self.retained.get(&format!("g/{level}/availability"));
            self.check(
                availability.map(Vec::as_slice) == Some(b"online"),
                &format!("{level} is not online"),
            );
        }
        for process in self.processes().filter(|process| process.is_wanted) {
            let state = self.retained.get(&process.bridge_topic("state"));
            self.check(
                state.map(Vec::as_slice) == Some(b"online"),
                "the bridge is not online",
            );
            let info = self.retained_json(&process.bridge_topic("info"));
            for account in process.settings.accounts.keys() {
                let state = &info["accounts"][account.as_str()]["state"];
                self.check(*state == "ok", &format!("{account} is {state}"));
            }
        }
        self.check_inventory();
    }

    /// Each device is listed and announced, and what is listed is what its own topics say.
    fn check_inventory(&mut self) {
        let wanted = self.processes().filter(|process| process.is_wanted);
        let listed: Vec<Value> = wanted
            .flat_map(|process| {
                let listed = self.retained_json(&process.bridge_topic("devices"));
                listed.as_array().unwrap().clone()
            })
            .collect();
        let bound = self.bound_in_cloud();
        let dids: BTreeSet<&str> = listed
            .iter()
            .filter_map(|row| row["did"].as_str())
            .collect();
        let bound: BTreeSet<&str> = bound.iter().map(String::as_str).collect();
        self.check(
            dids == bound,
            &format!("{dids:?} are listed, {bound:?} bound"),
        );
        self.check(listed.len() == dids.len(), "a device is listed twice");
        for row in &listed {
            let (did, level) = (row["did"].as_str().unwrap(), row["topic"].as_str().unwrap());
            let config = format!("homeassistant/device/gizwits2mqtt_{did}/config");
            let config = self.retained_json(&config);
            let availability = &config["availability"][1]["topic"];
            self.check(
                *availability == format!("g/{level}/availability"),
                &format!("{did} is not announced"),
            );
            let online = self.retained[&format!("g/{level}/availability")] == b"online";
            self.check(row["online"] == online, &format!("{did} is listed wrongly"));
        }
    }

    /// Each caller has one result, and what was called done was sent.
    pub(crate) fn check_commands(&self) {
        for transaction in 1..=self.commands {
            let may_be_lost = self.laws.may_be_lost(transaction);
            let results = self.results.get(&transaction);
            let results = results.map(Vec::as_slice).unwrap_or_default();
            if results.len() != 1 && !(results.is_empty() && may_be_lost) {
                let what = format!("command {transaction} has {} results", results.len());
                self.fail("lost command", what);
            }
            let replies = self.replies.get(&transaction).copied().unwrap_or_default();
            let wanted = u32::from(transaction.is_multiple_of(2));
            if replies != wanted && !(replies == 0 && may_be_lost) {
                let what = format!("command {transaction} has {replies} replies");
                self.fail("lost command", what);
            }
            for result in results.iter().filter(|result| result["status"] == "ok") {
                let attrs = result["attrs"].as_object().unwrap();
                if !self.laws.was_sent(transaction, attrs) {
                    self.fail("lost command", format!("{result} was never sent"));
                }
                // Each command sets a higher one than those before it.
                let timer = attrs.get("heat_timer_min").and_then(Value::as_u64);
                self.check(
                    timer.is_none_or(|timer| timer >= transaction),
                    &format!("{result} is older than its command"),
                );
            }
        }
    }
}
