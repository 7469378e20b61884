//! The one loop: inputs in, effects out, one timer.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, interval, sleep_until};

use crate::bridge::effect::Effect;
use crate::bridge::input::Sample;
use crate::bridge::{Bridge, Input, Publication, Settings};
use crate::ids::AccountName;
use crate::mqtt::MqttHandle;

use super::clock::Clock;
use super::cloud::{Cloud, Way};
use super::memory;
use super::notify;
use super::scribe::{Desk, Entry};

/// A link to the broker: what goes out, what comes in, and the topic of its will.
#[derive(Debug)]
pub struct BrokerLink {
    /// Publishes.
    pub handle: MqttHandle,
    /// Brings messages.
    pub inputs: mpsc::Receiver<Input>,
    /// Says `offline` there when the link is given up.
    pub will_topic: String,
}

/// What the supervisor tells the engine.
#[derive(Debug)]
pub enum Order {
    /// End.
    Stop,
    /// Work by another configuration.
    Reload {
        /// For the core.
        settings: Box<Settings>,
        /// All accounts' ways.
        ways: BTreeMap<AccountName, Way>,
        /// `None`: the link stays.
        broker: Option<BrokerLink>,
    },
}

/// Everything the loop holds.
#[derive(Debug)]
pub struct Engine {
    /// Decides.
    pub bridge: Bridge,
    /// Tells the time.
    pub clock: Clock,
    /// Publishes.
    pub broker: BrokerLink,
    /// Makes calls.
    pub cloud: Cloud,
    /// Outcomes of calls.
    pub outcomes: mpsc::UnboundedReceiver<Input>,
    /// What push connections tell.
    pub pushed: mpsc::Receiver<Input>,
    /// Keeps files.
    pub desk: Desk,
    /// Why files cannot be kept; `None` while they can.
    pub state_dir: watch::Receiver<Option<String>>,
    /// From the supervisor.
    pub orders: mpsc::Receiver<Order>,
    /// Why the bridge is not ready, for the health checks.
    pub not_ready: watch::Sender<Option<String>>,
}

/// What a turn of the loop woke up for.
enum Woken {
    Input(Input),
    Order(Order),
    Watchdog,
    /// The task that keeps the link is no more, which only a panic does to it.
    NoLink,
}

impl Engine {
    /// Runs until it is told to stop, or cannot go on. Returns the link, over which what was published
    /// last still has to go out.
    pub async fn run(mut self) -> MqttHandle {
        let mut watchdog = notify::watchdog_interval().map(interval);
        // Sets it going, whether or not the broker ever answers.
        self.handle(Input::Tick);
        loop {
            let woken = self.wait(&mut watchdog).await;
            let input = match woken {
                Woken::Watchdog => {
                    notify::alive();
                    continue;
                }
                Woken::NoLink => {
                    tracing::error!("the link to the broker is kept no more");
                    return self.broker.handle;
                }
                Woken::Input(input) => input,
                Woken::Order(Order::Stop) => Input::Stop,
                Woken::Order(Order::Reload {
                    settings,
                    ways,
                    broker,
                }) => {
                    self.cloud.replace(ways);
                    if let Some(broker) = broker {
                        self.change_broker(broker);
                    }
                    Input::Reconfigure(settings)
                }
            };
            if self.handle(input) {
                return self.broker.handle;
            }
            self.tell_readiness();
        }
    }

    async fn wait(&mut self, watchdog: &mut Option<Interval>) -> Woken {
        let (deadline, reason) = self.bridge.next_deadline();
        tokio::select! {
            // In no fixed order, so that a flood of messages cannot starve the rest.
            Some(order) = self.orders.recv() => Woken::Order(order),
            Some(input) = self.outcomes.recv() => Woken::Input(input),
            Some(input) = self.pushed.recv() => Woken::Input(input),
            input = self.broker.inputs.recv() => input.map_or(Woken::NoLink, Woken::Input),
            () = sleep_until(self.clock.instant(deadline)) => {
                tracing::trace!(reason, "woken by a deadline");
                Woken::Input(Input::Tick)
            }
            Ok(()) = self.state_dir.changed() => {
                let trouble = self.state_dir.borrow_and_update().clone();
                Woken::Input(Input::StateDir { trouble })
            }
            _ = tick(watchdog) => Woken::Watchdog,
        }
    }

    /// True at the end.
    fn handle(&mut self, input: Input) -> bool {
        let effects = self.bridge.handle(self.clock.now(), input);
        for effect in effects {
            match effect {
                Effect::Publish(message) => self.broker.handle.publish(message),
                Effect::Subscribe { filters } => self.broker.handle.subscribe(filters),
                Effect::Call {
                    account,
                    region,
                    id,
                    call,
                } => self.cloud.call(account, region, id, call),
                Effect::Socket {
                    account,
                    region,
                    link,
                    order,
                } => self.cloud.socket(&account, region, link, order),
                Effect::SaveSchema {
                    product_key,
                    document,
                } => self.desk.keep(Entry::Schema(product_key, document)),
                Effect::SaveAnnounced { did, announced } => {
                    self.desk.keep(Entry::Announced(did, announced));
                }
                Effect::SaveBudget { account, learnt } => {
                    self.desk.keep(Entry::Budget(account, learnt));
                }
                Effect::TellDrained => self.broker.handle.tell_drained(),
                Effect::Sample => {
                    let sample = self.sample();
                    // A sample asks for no further one, so this goes one level deep.
                    if self.handle(Input::Sampled(sample)) {
                        return true;
                    }
                }
                Effect::Stopped => return true,
            }
        }
        false
    }

    fn sample(&self) -> Sample {
        let handle = &self.broker.handle;
        Sample {
            memory_bytes: memory::resident_bytes(),
            outbox_depth: handle.depth(),
            outbox_lost: handle.lost(),
            outbox_full: handle.full(),
            mqtt_reconnects: handle.reconnects(),
        }
    }

    /// The old link says goodbye, and the core learns that it starts anew.
    fn change_broker(&mut self, broker: BrokerLink) {
        let new = broker.handle.clone();
        let old = std::mem::replace(&mut self.broker, broker);
        old.handle.publish(Publication {
            topic: old.will_topic,
            payload: b"offline".to_vec(),
            retain: true,
            is_event: false,
            correlation: None,
        });
        tokio::spawn(async move {
            old.handle.shutdown(Duration::from_secs(3)).await;
            for message in old.handle.take_undelivered() {
                new.publish(message);
            }
        });
        let reason = "the configuration names another broker".into();
        self.handle(Input::MqttDown { reason });
    }

    fn tell_readiness(&self) {
        let reason = self.bridge.why_not_ready();
        self.not_ready.send_if_modified(|told| {
            let changed = *told != reason;
            if changed {
                notify::status(reason.as_deref().unwrap_or("ready"));
                *told = reason;
            }
            changed
        });
    }
}

/// Never, where systemd does not watch.
async fn tick(watchdog: &mut Option<Interval>) {
    match watchdog {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod fleet_tests;
