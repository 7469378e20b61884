//! Trouble for a while, on a real broker: sockets dropped and frozen, throttling, lost tokens, failing
//! calls, restarts of the cloud and of the bridge, with commands all along. Then nothing may be lost, and
//! what is shown is what is.
//!
//! `ENDURANCE_S=600 cargo test --test endurance -- --nocapture` makes it ten minutes; `SEED=n` repeats
//! the choices of a run (not its timing).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::bridge::{Bridge, config};
use support::broker::Broker;
use support::cloud::{Cloud, SPA};
use support::say;
use support::watcher::Watcher;
use tokio::time::{Instant, sleep};

/// Long enough for each kind of trouble to come about.
const SHORT: Duration = Duration::from_secs(60);
/// The longest that an ended trouble may be felt: the pause after 9041 doubles, a command has 5 minutes.
const SETTLE: Duration = Duration::from_secs(420);

struct Stage {
    cloud: Cloud,
    bridge: Bridge,
    config: Value,
    watcher: Watcher,
    chance: fastrand::Rng,
    /// Of the spa's `heat_timer_min`: each command sets one that no other sets.
    commands: u64,
    /// What the cloud took, of clouds that are no more.
    taken: Vec<u64>,
}

#[tokio::test]
async fn nothing_is_lost_and_the_truth_is_shown_after_all_kinds_of_trouble() {
    let length = std::env::var("ENDURANCE_S").ok();
    let length = length.map_or(SHORT, |text| Duration::from_secs(text.parse().unwrap()));
    let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
    let broker = Broker::start().await;
    let cloud = Cloud::start().await;
    let watcher = Watcher::start(broker.port()).await;
    let mut config = config(&cloud, &broker.url());
    config["push"] = json!({ "enabled": true });
    config["polling"] = json!({ "interval": "10s", "interval_with_push": "30s" });
    config["limits"] = json!({ "requests_per_minute": 120 });
    let bridge = Bridge::start(&config);
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
    let mut stage = Stage {
        cloud,
        bridge,
        config,
        watcher,
        chance: fastrand::Rng::with_seed(seed),
        commands: 0,
        taken: Vec::new(),
    };
    let end = Instant::now() + length;
    let mut troubles = BTreeMap::new();
    while Instant::now() < end {
        *troubles.entry(stage.trouble().await).or_insert(0) += 1;
        for _ in 0..stage.chance.u32(0..3) {
            stage.command().await;
        }
        stage.device_changes().await;
        sleep(Duration::from_millis(stage.chance.u64(100..4_000))).await;
    }
    stage.calm().await;
    let confirmed = stage.check_commands().await;
    stage.check_truth().await;
    say(&format!(
        "endured {} s: {troubles:?}; {} commands, {confirmed} of them confirmed",
        length.as_secs(),
        stage.commands
    ));
}

impl Stage {
    /// One piece of trouble; its name is for the report.
    async fn trouble(&mut self) -> &'static str {
        let push = |action: &str| json!({ "action": action });
        match self.chance.u32(0..13) {
            0 | 1 => {
                self.cloud.post("push", push("drop")).await;
                "drop"
            }
            2 | 3 => {
                let pong = self.chance.bool();
                let freeze = json!({ "action": "freeze", "pong": pong });
                self.cloud.post("push", freeze).await;
                "freeze"
            }
            4 => {
                self.cloud.post("push", push("resume")).await;
                "resume"
            }
            5 => {
                self.cloud.post("push", push("lose_session")).await;
                "lose_session"
            }
            6 | 7 => {
                let seconds = self.chance.u32(2..20);
                self.cloud
                    .post("throttle", json!({ "seconds": seconds }))
                    .await;
                "throttle"
            }
            8 => {
                self.cloud.post("tokens/expire", Value::Null).await;
                "tokens"
            }
            9 | 10 => {
                let kinds = ["http_502", "html", "reset", "slow"];
                let kind = kinds[self.chance.usize(..kinds.len())];
                let (count, effect) = (self.chance.u32(1..4), self.chance.bool());
                let fault = json!({ "path": "/app/", "kind": kind, "count": count,
                    "effect": effect, "seconds": 2 });
                self.cloud.post("faults", fault).await;
                "fault"
            }
            11 => {
                self.restart_bridge().await;
                "bridge restart"
            }
            _ => {
                self.restart_cloud().await;
                "cloud restart"
            }
        }
    }

    async fn command(&mut self) {
        self.commands += 1;
        let payload = json!({ "heat_timer_min": self.commands, "transaction": self.commands });
        self.watcher
            .publish("gizwits2mqtt/hot_tub/set", payload.to_string())
            .await;
    }

    async fn device_changes(&mut self) {
        let temp_now = self.chance.u32(20..40);
        let path = format!("devices/{SPA}/attrs");
        self.cloud
            .post(&path, json!({ "temp_now": temp_now }))
            .await;
    }

    /// A bridge that is not there hears no command, so none is given until it is back.
    async fn restart_bridge(&mut self) {
        let config = self.config.clone();
        self.bridge.restart(&config).await;
        let mark = self.watcher.mark();
        let online = |seen: &support::watcher::Seen| {
            seen.topic == "gizwits2mqtt/bridge/state" && seen.payload == b"online"
        };
        self.watcher.message(mark, online).await;
    }

    /// The new cloud knows nothing of the old one's tokens, values and sockets.
    async fn restart_cloud(&mut self) {
        self.results(self.commands).await;
        self.taken.extend(taken(&self.cloud).await);
        self.cloud.kill().await;
        self.command().await;
        sleep(Duration::from_millis(self.chance.u64(500..8_000))).await;
        self.cloud.revive().await;
    }

    async fn calm(&mut self) {
        self.cloud.post("push", json!({ "action": "resume" })).await;
        self.cloud.post("throttle", json!({ "seconds": 0 })).await;
        self.cloud.delete("faults").await;
        let all = tokio::time::timeout(SETTLE, self.results(self.commands));
        all.await.expect("results are missing");
    }

    /// The results so far by transaction, once there are as many as asked for.
    async fn results(&self, count: u64) -> BTreeMap<u64, Vec<Value>> {
        let is_result = |seen: &support::watcher::Seen| seen.topic == "gizwits2mqtt/hot_tub/result";
        let end = Instant::now() + SETTLE;
        loop {
            let mut results: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
            for seen in self.watcher.since(0).iter().filter(|seen| is_result(seen)) {
                let result = seen.json();
                let transaction = result["transaction"].as_u64().unwrap();
                results.entry(transaction).or_default().push(result);
            }
            let there = u64::try_from(results.len()).unwrap();
            if there >= count {
                return results;
            }
            assert!(Instant::now() < end, "{there} results for {count} commands");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Exactly one result each, and what is called confirmed was done. How many were.
    async fn check_commands(&mut self) -> usize {
        self.taken.extend(taken(&self.cloud).await);
        let results = self.results(self.commands).await;
        let mut confirmed = 0;
        for transaction in 1..=self.commands {
            let of = results.get(&transaction).map_or(&[][..], Vec::as_slice);
            assert_eq!(of.len(), 1, "command {transaction}: {of:?}");
            if of[0]["confirmed"] == true {
                confirmed += 1;
                let value = of[0]["attrs"]["heat_timer_min"].as_u64().unwrap();
                assert!(
                    self.taken.contains(&value),
                    "{value} was never sent: {of:?}"
                );
            }
        }
        for value in 1..=self.commands {
            let times = self.taken.iter().filter(|taken| **taken == value).count();
            // Once more where no report showed it.
            assert!(times <= 2, "{value} was sent {times} times");
        }
        confirmed
    }

    async fn check_truth(&self) {
        let path = format!("devices/{SPA}");
        let truth = self.cloud.get(&path).await;
        for (name, value) in truth["attrs"].as_object().unwrap() {
            let want = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let topic = format!("gizwits2mqtt/hot_tub/{name}");
            self.watcher.until(&topic, &want).await;
        }
        self.watcher
            .until("gizwits2mqtt/hot_tub/availability", "online")
            .await;
    }
}

/// Values of `heat_timer_min` that the cloud took, by HTTP or over a socket. A call whose answer failed
/// may have had its effect.
async fn taken(cloud: &Cloud) -> Vec<u64> {
    let of = |body: &Value| body["attrs"]["heat_timer_min"].as_u64();
    let calls = cloud.calls("/app/control/").await;
    let is_taken = |call: &&Value| matches!(call["status"].as_u64(), None | Some(200 | 502));
    let calls = calls.iter().filter(is_taken);
    let mut values: Vec<u64> = calls.filter_map(|call| of(&call["body"])).collect();
    let writes = cloud.get("push/writes").await;
    values.extend(writes.as_array().unwrap().iter().filter_map(of));
    values
}
