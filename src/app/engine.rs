//! The one loop: inputs to the core, effects to the edges, one timer.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::bridge::input::Sample;
use crate::bridge::{Bridge, Effect, Input};
use crate::mqtt::MqttHandle;

use super::clock::Clock;
use super::cloud::Cloud;
use super::scribe::{Scribe, Writing};
use super::{memory, notify};

/// What the engine needs of the world.
#[derive(Debug)]
pub struct Engine {
    /// The decisions.
    pub bridge: Bridge,
    /// The time.
    pub clock: Clock,
    /// The broker.
    pub mqtt: MqttHandle,
    /// The cloud.
    pub cloud: Cloud,
    /// The disk.
    pub scribe: Scribe,
    /// Why the bridge is not ready, for `/readyz`; `None` when it is.
    pub readiness: watch::Sender<Option<String>>,
}

/// Where inputs come from.
#[derive(Debug)]
pub struct Inputs {
    /// From the broker.
    pub mqtt: mpsc::Receiver<Input>,
    /// From the cloud.
    pub cloud: mpsc::Receiver<Input>,
}

/// Why the engine paused its loop.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// [`Input::Stop`] was settled: all that must be said is with the outbox.
    Stopped,
    /// The edge to the broker ended by itself.
    BrokerEdgeEnded,
}

impl Engine {
    /// Runs until the core says that it stopped. Inputs of `control` (settings, stop) go first.
    pub async fn run(&mut self, inputs: &mut Inputs, control: &mut mpsc::Receiver<Input>) -> Left {
        let watchdog = notify::watchdog_interval();
        let mut next_sign = watchdog.map(|interval| self.clock.now().mono + interval);
        if self.feed(Input::Tick) {
            return Left::Stopped;
        }
        loop {
            let (core, why) = self.bridge.next_deadline();
            let deadline = next_sign.map_or(core, |sign| sign.min(core));
            let input = tokio::select! {
                biased;
                Some(input) = control.recv() => input,
                input = inputs.mqtt.recv() => match input {
                    Some(input) => input,
                    None => return Left::BrokerEdgeEnded,
                },
                Some(input) = inputs.cloud.recv() => input,
                () = tokio::time::sleep_until(self.clock.instant(deadline)) => {
                    tracing::trace!(why, "deadline");
                    Input::Tick
                }
            };
            if self.feed(input) {
                return Left::Stopped;
            }
            next_sign = self.give_sign(next_sign, watchdog);
        }
    }

    /// Tells the core, carries out what it asks for. True when it has stopped.
    fn feed(&mut self, input: Input) -> bool {
        let now = self.clock.now();
        let effects = self.bridge.handle(now, input);
        let stopped = effects.contains(&Effect::Stopped);
        for effect in effects {
            self.carry_out(effect);
        }
        self.readiness.send_if_modified(|known| {
            let reason = self.bridge.why_not_ready();
            let changed = *known != reason;
            *known = reason;
            changed
        });
        stopped
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Publish(publication) => self.mqtt.publish(publication),
            Effect::Subscribe { filters } => self.mqtt.subscribe(filters),
            Effect::Call { account, region, id, call } => self.cloud.start(account, region, id, call),
            Effect::SaveSchema { product_key, document } => {
                self.scribe.write(Writing::Schema(product_key, document));
            }
            Effect::SaveAnnounced { did, announced } => {
                self.scribe.write(Writing::Announced(did, announced));
            }
            Effect::Sample => {
                let sample = self.sample();
                for effect in self.bridge.handle(self.clock.now(), Input::Sampled(sample)) {
                    self.carry_out(effect);
                }
            }
            Effect::Stopped => {}
        }
    }

    fn sample(&self) -> Sample {
        Sample {
            memory_bytes: memory::resident_bytes(),
            outbox_depth: self.mqtt.depth(),
            outbox_dropped: self.mqtt.dropped(),
            mqtt_reconnects: self.mqtt.reconnects(),
        }
    }

    fn give_sign(&self, due: Option<Duration>, interval: Option<Duration>) -> Option<Duration> {
        let now = self.clock.now().mono;
        if due.is_none_or(|due| now < due) {
            return due;
        }
        notify::alive();
        interval.map(|interval| now + interval)
    }
}
