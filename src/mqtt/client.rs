//! Keeps a link up: connects, feeds it from the outbox, connects again when it breaks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use crate::bridge::{Input, Publication};
use crate::retry::{Retry, RetryPolicy};

use super::link::{Link, LinkEvent, Target};
use super::options::{MqttConfig, MqttError};
use super::outbox::Outbox;
use super::reason::Failure;

const RECONNECT: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    factor: 2.0,
    longest: Duration::from_secs(60),
};
/// A link that held this long is a good one: the next failure starts with a short wait again.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// States go out in portions: Mosquitto queues 1000 messages for a slow subscriber and drops the rest.
const PORTION: usize = 100;
const PORTION_EVERY: Duration = Duration::from_millis(50);
/// For a broker to close a connection that was ended in order.
const GOODBYE: Duration = Duration::from_secs(1);
/// Messages that the engine has not looked at; beyond it the link waits.
const INBOUND: usize = 1_000;
/// A topic has a two-byte length.
const MAX_TOPIC_BYTES: usize = 65_535;

/// The way to publish. Clones share one link.
#[derive(Debug, Clone)]
pub struct MqttHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There may be something to send.
    wake: Notify,
    /// Set once: the end has begun.
    ending: watch::Sender<bool>,
    /// Set by the task when it is over.
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    outbox: Outbox,
    subscriptions: Vec<Vec<String>>,
    is_up: bool,
    /// How often a link came up.
    links: u64,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MqttHandle {
    /// Publishes, or keeps for later; never waits.
    pub fn publish(&self, message: Publication) {
        let Publication { topic, .. } = &message;
        if topic.is_empty() || topic.len() > MAX_TOPIC_BYTES || topic.contains(['+', '#', '\0']) {
            warn!(
                topic,
                "a message is dropped: nobody can publish on this topic"
            );
            return;
        }
        self.0.state().outbox.push(message);
        self.0.wake.notify_one();
    }

    /// Results, events and emptied topics that a link which is down never delivered, for another link.
    #[must_use]
    pub fn take_undelivered(&self) -> Vec<Publication> {
        let mut state = self.0.state();
        if state.is_up {
            return Vec::new();
        }
        state.outbox.take_all()
    }

    /// Subscribes on the current link; forgotten when it breaks.
    pub fn subscribe(&self, filters: Vec<String>) {
        self.0.state().subscriptions.push(filters);
        self.0.wake.notify_one();
    }

    /// Messages that the broker does not have yet.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.state().outbox.depth()
    }

    /// Messages that the outbox's bounds cost.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.state().outbox.dropped()
    }

    /// How often the link came up again.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.0.state().links.saturating_sub(1)
    }

    /// Delivers what waits, as far as the deadline allows and the broker is there, and disconnects.
    pub async fn shutdown(&self, deadline: Duration) {
        self.0.ending.send_replace(true);
        let mut ended = self.0.ended.subscribe();
        let over = ended.wait_for(|ended| *ended);
        if timeout(deadline, over).await.is_err() {
            let left = self.depth();
            warn!(
                left,
                "the broker was too slow; messages are left undelivered"
            );
        }
    }
}

/// Starts the task that keeps the link. Inputs arrive on the receiver: `MqttUp`, `MqttDown` and
/// messages.
///
/// # Errors
/// [`MqttError`] when the address or a certificate file cannot be used. That the broker is away is no
/// error.
pub fn start(config: MqttConfig) -> Result<(MqttHandle, mpsc::Receiver<Input>), MqttError> {
    let target = Target::new(&config)?;
    let (inputs, receiver) = mpsc::channel(INBOUND);
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        wake: Notify::new(),
        ending: watch::Sender::new(false),
        ended: watch::Sender::new(false),
    });
    let handle = MqttHandle(Arc::clone(&shared));
    let keeper = Keeper {
        config,
        target,
        shared,
        inputs,
        said: None,
    };
    tokio::spawn(keeper.run());
    Ok((handle, receiver))
}

/// Connects once and disconnects, for `check --online`.
///
/// # Errors
/// For people: why it cannot be.
pub async fn probe(config: &MqttConfig) -> Result<String, String> {
    let target = Target::new(config).map_err(|err| err.to_string())?;
    let (link, mut events, task) = Link::open(config, &target);
    let answer = match events.recv().await {
        Some(LinkEvent::Up { .. }) => Ok(target.shown),
        Some(LinkEvent::Down(failure)) => Err(failure.reason),
        _ => Err("the broker answered out of turn".into()),
    };
    link.disconnect();
    // Only after a word of goodbye does the broker keep the will to itself.
    let closed = timeout(GOODBYE, async { while events.recv().await.is_some() {} });
    if closed.await.is_err() {
        debug!("the broker did not close the connection in time");
    }
    task.abort();
    answer
}

/// How a link ended.
enum End {
    Broken(Failure),
    Wanted,
}

struct Keeper {
    config: MqttConfig,
    target: Target,
    shared: Arc<Shared>,
    inputs: mpsc::Sender<Input>,
    /// The failure that was last told: the same one again is no news.
    said: Option<String>,
}

impl Keeper {
    async fn run(mut self) {
        let mut retry = Retry::new(RECONNECT);
        let mut ending = self.shared.ending.subscribe();
        loop {
            match self.one_link(&mut retry, &mut ending).await {
                End::Wanted => break,
                End::Broken(failure) => {
                    self.broken(&failure).await;
                    let mut wait = retry.failed(fastrand::f64());
                    if failure.is_refusal {
                        wait = wait.max(RECONNECT.longest);
                    }
                    debug!(wait_ms = wait.as_millis(), "connecting again after a pause");
                    tokio::select! {
                        () = sleep(wait) => {}
                        _ = ending.wait_for(|ending| *ending) => break,
                    }
                }
            }
        }
        self.shared.ended.send_replace(true);
    }

    async fn broken(&mut self, failure: &Failure) {
        let was_up = {
            let mut state = self.shared.state();
            state.outbox.down();
            state.subscriptions.clear();
            std::mem::take(&mut state.is_up)
        };
        if self.said.as_ref() != Some(&failure.reason) {
            warn!(
                broker = self.target.shown,
                reason = failure.reason,
                "no link to the broker; trying again"
            );
            self.said = Some(failure.reason.clone());
        }
        if was_up {
            let reason = failure.reason.clone();
            self.tell(Input::MqttDown { reason }).await;
        }
    }

    /// The engine that does not listen any more is ending.
    async fn tell(&self, input: Input) {
        if self.inputs.send(input).await.is_err() {
            debug!("nobody listens to the link any more");
        }
    }

    async fn one_link(&mut self, retry: &mut Retry, ending: &mut watch::Receiver<bool>) -> End {
        // Certificates may have been renewed since the last link.
        match Target::new(&self.config) {
            Ok(target) => self.target = target,
            Err(err) => warn!(%err, "going on with what was read before"),
        }
        let (link, mut events, task) = Link::open(&self.config, &self.target);
        let mut feeder = Feeder::new(link);
        let mut portions = interval(PORTION_EVERY);
        portions.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stable = sleep(STABLE_AFTER);
        tokio::pin!(stable);
        let end = loop {
            let (has_backlog, is_idle) = {
                let state = self.shared.state();
                (
                    state.outbox.has_states(),
                    state.outbox.depth() == 0 || !state.is_up,
                )
            };
            if *ending.borrow() && is_idle {
                break End::Wanted;
            }
            tokio::select! {
                event = events.recv() => match event {
                    Some(LinkEvent::Down(failure)) => break End::Broken(failure),
                    Some(event) => self.on_event(event).await,
                    None => break End::Broken(Failure::passing("the link's task ended")),
                },
                () = self.shared.wake.notified() => {}
                _ = portions.tick(), if has_backlog => feeder.portion = PORTION,
                () = &mut stable, if retry.failures() > 0 => retry.succeeded(),
                _ = ending.changed() => {}
            }
            feeder.feed(&mut self.shared.state());
        };
        if matches!(end, End::Wanted) {
            feeder.link.disconnect();
            // The task ends when the broker closes; it does not hold up the end for long.
            let closed = timeout(GOODBYE, async { while events.recv().await.is_some() {} });
            if closed.await.is_err() {
                debug!("the broker did not close the connection in time");
            }
        }
        task.abort();
        end
    }

    async fn on_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { max_packet } => {
                {
                    let mut state = self.shared.state();
                    state
                        .outbox
                        .up(max_packet.and_then(|max| usize::try_from(max).ok()));
                    state.is_up = true;
                    state.links += 1;
                }
                info!(broker = self.target.shown, "connected to the broker");
                self.said = None;
                self.tell(Input::MqttUp).await;
            }
            LinkEvent::Written(packet_id) => self.shared.state().outbox.written(packet_id),
            LinkEvent::Acked { packet_id, refused } => {
                let topic = self.shared.state().outbox.acked(packet_id);
                if let Some(reason) = refused {
                    warn!(
                        topic,
                        reason,
                        "the broker threw a message away; check its access rules for this user"
                    );
                }
            }
            LinkEvent::SubscriptionRefused(reason) => {
                warn!(
                    reason,
                    "the broker refused a subscription, so commands will not arrive; check its access rules for this user"
                );
            }
            LinkEvent::Message(message) => self.tell(Input::Message(message)).await,
            LinkEvent::Down(_) => {}
        }
    }
}

/// Moves messages from the outbox to one link.
struct Feeder {
    link: Link,
    /// States that may still go out in this portion.
    portion: usize,
}

impl Feeder {
    const fn new(link: Link) -> Self {
        Self {
            link,
            portion: PORTION,
        }
    }

    fn feed(&mut self, state: &mut State) {
        if !state.is_up {
            return;
        }
        for filters in state.subscriptions.drain(..) {
            if !self.link.subscribe(&filters) {
                warn!("a subscription could not be sent");
            }
        }
        while let Some(message) = state.outbox.next(self.portion > 0) {
            if message.retain {
                self.portion -= 1;
            }
            if !self.link.publish(message) {
                debug!("the link is closing");
                return;
            }
        }
    }
}
