//! `BASE/bridge/health`: numbers, each minute.

use serde_json::{Map, Value, json};

use crate::bridge::account::Account;
use crate::bridge::effect::Effect;
use crate::bridge::input::Sample;
use crate::bridge::machine::Bridge;
use crate::bridge::publisher::{Publisher, render};
use crate::clock::Now;
use crate::ids::AccountName;

impl Bridge {
    /// `BASE/bridge/health`; what nobody can hear now is old by the time that somebody can.
    pub(in crate::bridge) fn publish_health(
        &mut self,
        now: Now,
        sample: Sample,
        out: &mut Vec<Effect>,
    ) {
        if !self.publisher.is_up() {
            return;
        }
        let payload = render(&self.health_body(now, sample));
        Publisher::event(self.topics.bridge("health"), payload, out);
    }

    pub(in crate::bridge) fn health_body(&self, now: Now, sample: Sample) -> Value {
        let left = |(name, account): (&AccountName, &Account)| {
            let left = account.gate.budget().left(now.mono);
            (name.to_string(), left.into())
        };
        let budget = |(name, account): (&AccountName, &Account)| {
            let budget = account.gate.budget();
            let body = json!({
                "limit": budget.limit(),
                "learnt": budget.size(),
                "left": budget.left(now.mono),
            });
            (name.to_string(), body)
        };
        let shared = self.shared.left(now.mono);
        json!({
            "uptime_s": (now.mono.saturating_sub(self.started.mono)).as_secs(),
            "memory_bytes": sample.memory_bytes,
            "devices": self.registry.len(),
            "calls": self.health.calls(now.mono),
            "remaining_budget": self.accounts.iter().map(left).collect::<Map<_, _>>(),
            "budget": self.accounts.iter().map(budget).collect::<Map<_, _>>(),
            "shared_budget": shared.map(|(limit, left)| json!({ "limit": limit, "left": left })),
            "push_connections": self.push.connections(),
            "push_reconnects": self.push.faults(),
            "mqtt_reconnects": sample.mqtt_reconnects,
            "queue_depth": self.accounts.values().map(Account::queue_depth).sum::<usize>(),
            "outbox_depth": sample.outbox_depth,
            "outbox_lost": {
                "results": sample.outbox_lost.results,
                "events": sample.outbox_lost.events,
                "states": sample.outbox_lost.states,
                "too_large": sample.outbox_lost.too_large,
            },
            "outbox_full": full(sample),
            "errors": self.health.errors(),
        })
    }
}

/// The kinds of messages of which no more fit into the outbox.
fn full(sample: Sample) -> Vec<&'static str> {
    let full = sample.outbox_full;
    let kinds = [
        (full.results, "results"),
        (full.events, "events"),
        (full.states, "states"),
    ];
    let met = kinds.into_iter().filter(|(is_full, _)| *is_full);
    met.map(|(_, kind)| kind).collect()
}
