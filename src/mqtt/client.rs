//! Keeps a link up: connects, feeds it from the outbox, connects again when it breaks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};

use crate::bridge::input::{Full, Lost};
use crate::bridge::{Input, Publication};
use crate::retry::{Retry, RetryPolicy};

use super::link::{Link, LinkEvent, Target};
use super::options::{MqttConfig, MqttError};
use super::outbox::Outbox;
use super::reason::Failure;
use super::subscriptions::Subscriptions;
use super::topic::can_carry;

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
/// For the task to see that it is to end at once.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Messages that the engine has not looked at; beyond it the link waits.
const INBOUND: usize = 1_000;
/// Trees of topics for which it is told that the broker throws messages away.
const MAX_TREES: usize = 16;
/// A broker that leaves everything unacknowledged for this long takes nothing any more. That also notices a
/// link that is half open, however long a keep alive the broker asked for: each minute a message leaves.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(60);
/// The pauses between tries to subscribe to what the broker refused.
const RESUBSCRIBE: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(10),
    factor: 2.0,
    longest: Duration::from_secs(600),
};
/// Links in a row that the broker closed soon and without a reason, before a cause is guessed.
const SHORT_LINKS: u32 = 3;

/// The way to publish. Clones share one link.
#[derive(Debug, Clone)]
pub struct MqttHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There may be something to send.
    wake: Notify,
    wish: watch::Sender<Wish>,
    /// Set by the task when it is over.
    ended: watch::Sender<bool>,
}

/// What the link is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Stay,
    /// End when everything is delivered, with a word of goodbye.
    Leave,
    /// End at once and without a word, so that the broker sends the will.
    LeaveNow,
}

#[derive(Debug, Default)]
struct State {
    outbox: Outbox,
    subscriptions: Subscriptions,
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
        if !can_carry(topic) {
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
        self.0.state().subscriptions.want(filters);
        self.0.wake.notify_one();
    }

    /// Messages that the broker does not have yet.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.state().outbox.depth()
    }

    /// Answers with [`Input::Drained`] when nearly all states are with the broker, be it at once.
    pub fn tell_drained(&self) {
        self.0.state().outbox.tell_drained();
        self.0.wake.notify_one();
    }

    /// Messages that never reach the broker, by why.
    #[must_use]
    pub fn lost(&self) -> Lost {
        self.0.state().outbox.lost()
    }

    /// Bounds of the outbox that are met now.
    #[must_use]
    pub fn full(&self) -> Full {
        self.0.state().outbox.full()
    }

    /// How often the link came up again.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.0.state().links.saturating_sub(1)
    }

    /// Delivers what waits, as far as the deadline allows and the broker is there, and disconnects.
    pub async fn shutdown(&self, deadline: Duration) {
        self.0.wish.send_replace(Wish::Leave);
        if timeout(deadline, self.ended()).await.is_ok() {
            return;
        }
        let left = self.depth();
        warn!(
            left,
            "the broker was too slow; messages are left undelivered"
        );
        self.0.wish.send_replace(Wish::LeaveNow);
        if timeout(AT_ONCE, self.ended()).await.is_err() {
            debug!("the link's task does not end");
        }
    }

    /// Waits until the link has ended for good.
    fn ended(&self) -> impl Future<Output = ()> + use<> {
        let mut ended = self.0.ended.subscribe();
        async move {
            // The sender is shared with the task, which drops it only after its word.
            drop(ended.wait_for(|ended| *ended).await);
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
    start_when(config, std::future::ready(()))
}

/// The same, but it connects only when another link has ended: two links of one client at a time would
/// throw each other out, and the last word of the one could come after the first of the other.
///
/// # Errors
/// [`MqttError`], as [`start`].
pub fn start_after(
    before: &MqttHandle,
    config: MqttConfig,
) -> Result<(MqttHandle, mpsc::Receiver<Input>), MqttError> {
    start_when(config, before.ended())
}

fn start_when(
    config: MqttConfig,
    begin: impl Future<Output = ()> + Send + 'static,
) -> Result<(MqttHandle, mpsc::Receiver<Input>), MqttError> {
    let target = Target::new(&config)?;
    let (inputs, receiver) = mpsc::channel(INBOUND);
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        wake: Notify::new(),
        wish: watch::Sender::new(Wish::Stay),
        ended: watch::Sender::new(false),
    });
    let handle = MqttHandle(Arc::clone(&shared));
    let keeper = Keeper {
        config,
        target,
        shared,
        inputs,
        said: None,
        is_stable: false,
        short_links: 0,
        thrown: BTreeSet::new(),
    };
    tokio::spawn(keeper.run(begin));
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
    Wanted(Wish),
}

struct Keeper {
    config: MqttConfig,
    target: Target,
    shared: Arc<Shared>,
    inputs: mpsc::Sender<Input>,
    /// The failure that was last told: the same one again is no news.
    said: Option<String>,
    /// The link held for long enough to be a good one.
    is_stable: bool,
    /// Links in a row that ended soon after they came up, without a reason.
    short_links: u32,
    /// Where the broker threw messages away on this link, and why: each is told once.
    thrown: BTreeSet<(String, String)>,
}

impl Keeper {
    async fn run(mut self, begin: impl Future<Output = ()>) {
        let mut wish = self.shared.wish.subscribe();
        let begins = tokio::select! {
            () = begin => true,
            _ = wish.wait_for(|wish| *wish != Wish::Stay) => false,
        };
        if begins {
            self.keep(&mut wish).await;
        }
        self.down();
        self.shared.ended.send_replace(true);
    }

    async fn keep(&mut self, wish: &mut watch::Receiver<Wish>) {
        let mut retry = Retry::new(RECONNECT);
        loop {
            match self.one_link(&mut retry, wish).await {
                End::Wanted(_) => return,
                End::Broken(failure) => {
                    let failure = self.guessed(failure);
                    self.broken(&failure).await;
                    let mut wait = retry.failed(fastrand::f64());
                    if failure.is_refusal {
                        wait = wait.max(RECONNECT.longest);
                    }
                    debug!(wait_ms = wait.as_millis(), "connecting again after a pause");
                    tokio::select! {
                        () = sleep(wait) => {}
                        _ = wish.wait_for(|wish| *wish != Wish::Stay) => return,
                    }
                }
            }
        }
    }

    /// True when there was a link.
    fn down(&self) -> bool {
        let mut state = self.shared.state();
        state.outbox.down();
        state.subscriptions.down();
        std::mem::take(&mut state.is_up)
    }

    /// A broker without a word for it throws out the older of two clients with one id, and both come again
    /// for ever.
    fn guessed(&mut self, failure: Failure) -> Failure {
        let was_up = self.shared.state().is_up;
        if self.is_stable || !was_up || !failure.is_silent {
            self.short_links = 0;
            return failure;
        }
        self.short_links += 1;
        if self.short_links < SHORT_LINKS {
            return failure;
        }
        Failure::closes_each(&self.config.client_id)
    }

    async fn broken(&mut self, failure: &Failure) {
        let was_up = self.down();
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

    /// The core offers more when there is room for it.
    async fn tell_drained(&self) {
        let drained = self.shared.state().outbox.take_drained();
        if let Some(lost) = drained {
            self.tell(Input::Drained { lost }).await;
        }
    }

    async fn one_link(&mut self, retry: &mut Retry, wish: &mut watch::Receiver<Wish>) -> End {
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
        let unacknowledged = sleep(ACKNOWLEDGE_WITHIN);
        let resubscribe = sleep(RESUBSCRIBE.first);
        tokio::pin!(stable, unacknowledged, resubscribe);
        let mut resubscribing = Retry::new(RESUBSCRIBE);
        let mut was_owed = false;
        self.is_stable = false;
        let end = loop {
            let (has_backlog, is_idle, owed, is_refused) = {
                let state = self.shared.state();
                (
                    state.outbox.has_states(),
                    state.outbox.depth() == 0 || !state.is_up,
                    state.outbox.unacknowledged(),
                    !state.subscriptions.refused().is_empty(),
                )
            };
            if owed > 0 && !was_owed {
                unacknowledged.set(sleep(ACKNOWLEDGE_WITHIN));
            }
            was_owed = owed > 0;
            let wanted = *wish.borrow_and_update();
            if wanted == Wish::LeaveNow || wanted == Wish::Leave && is_idle {
                break End::Wanted(wanted);
            }
            tokio::select! {
                event = events.recv() => match event {
                    Some(LinkEvent::Down(failure)) => break End::Broken(failure),
                    Some(event) => {
                        // What is owed is reckoned anew from here.
                        was_owed &= !matches!(event, LinkEvent::Acked { .. });
                        self.on_event(event).await;
                    }
                    None => break End::Broken(Failure::passing("the link's task ended")),
                },
                () = self.shared.wake.notified() => {}
                _ = portions.tick(), if has_backlog => feeder.portion = PORTION,
                () = &mut stable, if !self.is_stable => {
                    self.is_stable = true;
                    retry.succeeded();
                    self.said = None;
                }
                () = &mut unacknowledged, if owed > 0 => break End::Broken(Failure::silent_acks(owed)),
                () = &mut resubscribe, if is_refused => {
                    self.shared.state().subscriptions.try_again();
                    resubscribe.set(sleep(resubscribing.failed(fastrand::f64())));
                }
                _ = wish.changed() => {}
            }
            feeder.feed(&mut self.shared.state());
            self.tell_drained().await;
        };
        if matches!(end, End::Wanted(Wish::Leave)) {
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
                let max_packet = max_packet.and_then(|max| usize::try_from(max).ok());
                {
                    let mut state = self.shared.state();
                    state.outbox.up(max_packet);
                    state.is_up = true;
                    state.links += 1;
                }
                info!(broker = self.target.shown, "connected to the broker");
                self.thrown.clear();
                if let Some(max_packet_bytes) = max_packet {
                    self.tell(Input::BrokerLimit { max_packet_bytes }).await;
                }
                self.tell(Input::MqttUp).await;
            }
            LinkEvent::Written(packet_id) => self.shared.state().outbox.written(packet_id),
            LinkEvent::Acked { packet_id, refused } => {
                let topic = self.shared.state().outbox.acked(packet_id);
                if let (Some(topic), Some(reason)) = (topic, refused) {
                    self.thrown_away(&topic, reason);
                }
            }
            LinkEvent::Subscribing(packet_id) => {
                self.shared.state().subscriptions.written(packet_id);
            }
            LinkEvent::Subscribed { packet_id, reasons } => {
                self.subscribed(packet_id, reasons).await;
            }
            LinkEvent::Message(message) => self.tell(Input::Message(message)).await,
            LinkEvent::Down(_) => {}
        }
    }

    /// Tells what the broker refuses, and when it does so no more.
    async fn subscribed(&self, packet_id: u16, reasons: Vec<Option<String>>) {
        let refused = {
            let mut state = self.shared.state();
            if !state.subscriptions.answered(packet_id, reasons) {
                return;
            }
            state.subscriptions.refused().clone()
        };
        for (filter, reason) in &refused {
            warn!(
                filter,
                reason,
                "the broker refuses a subscription, so what is published there does not arrive; \
                 check its access rules for this user; trying again"
            );
        }
        if refused.is_empty() {
            info!("the broker grants all subscriptions now");
        }
        self.tell(Input::SubscriptionsRefused(refused)).await;
    }

    /// Access rules that are wrong are so for all topics of a tree, and for each of its messages.
    fn thrown_away(&mut self, topic: &str, reason: String) {
        let tree = topic.split('/').next().unwrap_or_default().to_owned();
        if self.thrown.len() < MAX_TREES && self.thrown.insert((tree, reason.clone())) {
            warn!(
                topic,
                reason, "the broker throws messages away; check its access rules for this user"
            );
        } else {
            debug!(topic, reason, "the broker threw a message away");
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
        while let Some(filters) = state.subscriptions.next() {
            if !self.link.subscribe(filters) {
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
