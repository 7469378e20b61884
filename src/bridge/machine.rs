//! `Bridge`: told what happened, answers with what to do. This file dispatches and nothing more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use crate::clock::Now;
use crate::homeassistant::discovery::Components;
use crate::homeassistant::topic::Topics;
use crate::ids::{AccountName, CallId, Did, ProductKey};
use crate::model::{ProductSchema, Region};

use super::account::{Account, Offer};
use super::account_state::AccountState;
use super::announcer::Announcer;
use super::calls::{Job, Priority};
use super::effect::{Announced, CloudCall, Effect, Learnt};
use super::estate::Estate;
use super::health::Health;
use super::input::{Input, Sample};
use super::log_fold::LogFold;
use super::looks::Looks;
use super::own_state::OwnState;
use super::pending::PendingSets;
use super::plans::Plans;
use super::products::Products;
use super::publisher::Publisher;
use super::push::PushLinks;
use super::registry::Registry;
use super::republish::Republish;
use super::requests::Requests;
use super::settings::Settings;
use super::shared_budget::SharedBudget;
use super::tell::inventory::Inventory;

/// Discovery goes out again within this time after Home Assistant's birth, spread so that a fleet of
/// bridges does not speak at once.
const BIRTH_SPREAD: Duration = Duration::from_secs(10);
/// How often it is looked whether a device has been silent for too long.
const STALE_CHECK: Duration = Duration::from_secs(5);
/// Between two messages on `bridge/health`.
const HEALTH_EVERY: Duration = Duration::from_secs(60);
/// `bridge/devices` collects changes for this long.
const INVENTORY_SETTLE: Duration = Duration::from_secs(1);

/// What an earlier run left behind.
#[derive(Debug, Default)]
pub struct Restored {
    /// Product schemas from the cache.
    pub schemas: BTreeMap<ProductKey, Arc<ProductSchema>>,
    /// Tokens that the edge holds: region, and when each ends (Unix seconds).
    pub tokens: BTreeMap<AccountName, (Region, i64)>,
    /// What was announced.
    pub announced: BTreeMap<Did, Announced>,
    /// What each account's limit of calls learnt.
    pub budgets: BTreeMap<AccountName, Learnt>,
}

/// The bridge. Total: no input makes it panic, an unknown [`CallId`] is counted and dropped.
#[derive(Debug)]
pub struct Bridge {
    pub(super) settings: Settings,
    pub(super) topics: Topics,
    pub(super) accounts: BTreeMap<AccountName, Account>,
    pub(super) shared: SharedBudget,
    pub(super) told_states: BTreeMap<AccountName, (AccountState, Option<Duration>)>,
    pub(super) registry: Registry,
    pub(super) estate: Estate,
    pub(super) products: Products,
    pub(super) plans: Plans,
    pub(super) pending: PendingSets,
    pub(super) looks: Looks,
    pub(super) requests: Requests,
    pub(super) push: PushLinks,
    pub(super) publisher: Publisher,
    /// What the broker refuses to subscribe to, with its reason: nothing that is published there arrives.
    pub(super) refused_filters: BTreeMap<String, String>,
    pub(super) failures: LogFold,
    pub(super) health: Health,
    pub(super) own_state: OwnState,
    pub(super) last_sample: Sample,
    pub(super) chance: fastrand::Rng,
    pub(super) started: Now,
    pub(super) republish: Republish,
    pub(super) announcer: Announcer,
    pub(super) bridge_announcing: super::announcer::Announcing,
    /// What was announced of the bridge itself, sensors of accounts that are gone included.
    pub(super) bridge_components: Components,
    pub(super) inventory_due: Option<Duration>,
    pub(super) inventory: Inventory,
    stale_check: Duration,
    health_due: Duration,
    next_call: u64,
    pub(super) stopping: bool,
    /// Why files cannot be kept.
    pub(super) state_dir_trouble: Option<String>,
}

impl Bridge {
    /// Starts with nothing under way; the first [`Input::Tick`] sets it going. `seed` decides all
    /// chance (jitter), so that a run can be repeated.
    #[must_use]
    pub fn new(settings: Settings, restored: Restored, seed: u64, now: Now) -> Self {
        let tokens = restored.tokens;
        let mut shared = SharedBudget::new(settings.total_requests_per_minute);
        let account = |(name, account): (&AccountName, &super::settings::Account)| {
            let token = tokens.get(name).copied();
            let mut account = Account::new(name.clone(), account, &settings, token, now);
            if let Some(learnt) = restored.budgets.get(name) {
                account.restore(learnt, now);
                shared.restore(account.gate.budget().bucket());
            }
            (name.clone(), account)
        };
        let accounts = settings.accounts.iter().map(account).collect();
        Self {
            topics: settings.topics(),
            accounts,
            shared,
            told_states: BTreeMap::new(),
            registry: Registry::new(restored.announced),
            estate: Estate::default(),
            products: Products::new(restored.schemas),
            plans: Plans::default(),
            pending: PendingSets::default(),
            looks: Looks::default(),
            requests: Requests::default(),
            push: PushLinks::default(),
            publisher: Publisher::default(),
            refused_filters: BTreeMap::new(),
            failures: LogFold::default(),
            health: Health::default(),
            own_state: OwnState::default(),
            last_sample: Sample::default(),
            chance: fastrand::Rng::with_seed(seed),
            started: now,
            republish: Republish::default(),
            announcer: Announcer::default(),
            bridge_announcing: super::announcer::Announcing::new(now.mono),
            bridge_components: Components::new(),
            inventory_due: None,
            inventory: Inventory::default(),
            stale_check: now.mono + STALE_CHECK,
            health_due: now.mono,
            next_call: 0,
            stopping: false,
            state_dir_trouble: None,
            settings,
        }
    }

    /// Takes one input and answers with what to do, in order.
    #[must_use]
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        if let Some(left_out) = self.failures.roll(now.mono) {
            warn!(left_out, "more commands failed in the last minute");
        }
        match input {
            Input::MqttUp => self.mqtt_up(now, &mut out),
            Input::MqttDown { .. } => {
                self.publisher.down();
                self.refused_filters.clear();
            }
            Input::SubscriptionsRefused(refused) => {
                self.refused_filters = refused;
                self.publish_info(&mut out);
            }
            Input::Message(message) => self.on_message(now, message, &mut out),
            Input::CallDone {
                account,
                id,
                outcome,
            } => {
                self.on_call_done(now, &account, id, outcome, &mut out);
            }
            Input::Socket { link, event } => self.on_socket(now, link, event, &mut out),
            Input::Sampled(sample) => {
                self.last_sample = sample;
                self.publish_health(now, sample, &mut out);
            }
            Input::StateDir { trouble } => {
                self.state_dir_trouble = trouble;
                self.publish_info(&mut out);
            }
            Input::Drained { lost } => self.drained(now, lost, &mut out),
            Input::BrokerLimit { max_packet_bytes } => {
                self.publisher.limit(max_packet_bytes);
                self.inventory_changed(now);
            }
            Input::Tick => {}
            Input::Reconfigure(settings) => self.reconfigure(now, *settings, &mut out),
            Input::Stop => self.stop(now, &mut out),
        }
        if !self.stopping {
            self.tick(now, &mut out);
            self.dispatch(now, &mut out);
            self.tell_states(&mut out);
        }
        out
    }

    /// When to call [`Self::handle`] with a [`Input::Tick`] at the latest, and what for.
    #[must_use]
    pub fn next_deadline(&self) -> (Duration, &'static str) {
        let accounts = self.accounts.values().filter_map(Account::next_deadline);
        let announcing = self.announcer.next().filter(|_| self.republish.has_room());
        let own = [
            (Some(self.stale_check), "stale check"),
            (Some(self.health_due), "health"),
            (self.inventory_due, "inventory"),
            (self.products.next_deadline(), "schema"),
            (self.own_state.next_deadline(), "own state"),
            (self.pending.next_deadline(), "confirm"),
            (self.looks.next_deadline(), "look again"),
            (self.requests.next_deadline(), "request"),
            (self.push.next_deadline(|name| self.has_token(name)), "push"),
            (self.shared.next_deadline(), "shared limit"),
            (announcing.filter(|_| self.can_announce()), "announce"),
            (
                self.bridge_announcing.due().filter(|_| self.can_announce()),
                "announce",
            ),
        ];
        let own = own.into_iter().filter_map(|(at, why)| Some((at?, why)));
        accounts
            .chain(own)
            .min()
            .unwrap_or((self.stale_check, "stale check"))
    }

    /// For `/readyz`: `None` while the broker is connected and an account is `ok`.
    #[must_use]
    pub fn why_not_ready(&self) -> Option<String> {
        if !self.publisher.is_up() {
            return Some("the broker is not connected".into());
        }
        let base = &self.settings.base_topic;
        let mut refused = self.refused_filters.iter();
        if let Some((filter, reason)) =
            refused.find(|(filter, _)| filter.starts_with(base.as_str()))
        {
            return Some(format!(
                "the broker refuses the subscription to {filter} ({reason}), so commands do not arrive"
            ));
        }
        let mut states = self.accounts.values().map(Account::state);
        if states.any(|state| state == AccountState::Ok) {
            return None;
        }
        let of = |(name, account): (&AccountName, &Account)| {
            let state = account.state().as_str();
            let reason = account.reason().map(|reason| format!(": {reason}"));
            let next = account.login_waits_until();
            let next = next.and_then(|at| Timestamp::from_second(self.started.unix_at(at)).ok());
            let next = next.map(|at| format!("; the next login is at {at}"));
            let (reason, next) = (reason.unwrap_or_default(), next.unwrap_or_default());
            format!("{name} is {state}{reason}{next}")
        };
        let states: Vec<String> = self.accounts.iter().map(of).collect();
        Some(format!("no account is ok: {}", states.join(", ")))
    }

    /// Can an account's connections log in?
    pub(super) fn has_token(&self, name: &AccountName) -> bool {
        self.accounts.get(name).is_some_and(Account::has_token)
    }

    pub(super) fn can_announce(&self) -> bool {
        self.publisher.is_up() && self.settings.homeassistant.is_some()
    }

    fn mqtt_up(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.publisher.up();
        out.push(Effect::Subscribe {
            filters: self.topics.filters(),
        });
        self.look_at_estate(out);
        self.release_orphans(now, out);
        self.republish.has_drained();
        self.offer_all(now, Duration::ZERO, out);
    }

    /// Home Assistant is there (again): everything once more, spread over a few seconds.
    pub(super) fn born(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.publisher.forget_all();
        self.offer_all(now, BIRTH_SPREAD, out);
    }

    /// The broker has nearly all that it was given. With `lost` some retained topics were dropped before.
    fn drained(&mut self, now: Now, lost: bool, out: &mut Vec<Effect>) {
        self.republish.has_drained();
        if lost && self.publisher.is_up() {
            self.publisher.forget_all();
            self.offer_all(now, Duration::ZERO, out);
        }
    }

    fn tick(&mut self, now: Now, out: &mut Vec<Effect>) {
        for account in self.accounts.values_mut() {
            account.tick(now.mono);
        }
        self.look_at_devices(now, out);
        self.follow_push(now, out);
        self.expire_commands(now, out);
        self.expire_requests(now, out);
        self.follow_schedules(now, out);
        self.ask_for_late_schemas(now);
        self.mend_own_state(now, out);
        if now.mono >= self.stale_check {
            self.stale_check = now.mono + STALE_CHECK;
            self.publish_availability(now, out);
        }
        self.offer_next(now, out);
        self.announce_due(now, out);
        if self.inventory_due.is_some_and(|at| now.mono >= at) {
            self.inventory_due = None;
            self.publish_inventory(now, out);
        }
        if now.mono >= self.health_due {
            self.health_due = now.mono + HEALTH_EVERY;
            out.push(Effect::Sample);
        }
    }

    /// Lets out what the gates admit, whoever's turn it is.
    fn dispatch(&mut self, now: Now, out: &mut Vec<Effect>) {
        while let Some((name, offer)) = self.next_turn(now) {
            let account = self.accounts.get_mut(&name);
            let Some(waiting) = account.and_then(|account| account.take(offer)) else {
                return;
            };
            let id = CallId(self.next_call);
            let Some(call) = self.call_for(now, &name, id, &waiting.job) else {
                continue;
            };
            let Some(account) = self.accounts.get_mut(&name) else {
                return;
            };
            self.next_call += 1;
            self.health.called(call.kind(), now.mono);
            self.shared.sent(now.mono, &name);
            account.sent(now.mono, id, waiting);
            let region = account.region();
            out.push(Effect::Call {
                account: name,
                region,
                id,
                call,
            });
        }
    }

    /// What a job of an account sends now; `None` when there is nothing to send any more.
    fn call_for(
        &mut self,
        now: Now,
        account: &AccountName,
        id: CallId,
        job: &Job,
    ) -> Option<CloudCall> {
        Some(match job {
            Job::Login => CloudCall::Login,
            Job::Command(did) => {
                // A call that came back may wait here though the device is another account's by now.
                let entry = self.registry.get(did.as_str());
                entry.filter(|entry| entry.account == *account)?;
                return self.pending.take(did, id, now.mono);
            }
            Job::Bindings { skip } => CloudCall::Bindings {
                skip: *skip,
                limit: super::listing::PAGE,
            },
            Job::Schema(product_key) => CloudCall::Schema {
                product_key: product_key.clone(),
            },
            Job::Latest(did) => CloudCall::Latest { did: did.clone() },
            Job::Request { id, .. } => return self.requests.take(*id),
            Job::Schedules { skip } => CloudCall::Schedules {
                skip: *skip,
                limit: super::listing::PAGE,
            },
            Job::ScheduleLog(id) => CloudCall::ScheduleLog(id.clone()),
        })
    }

    fn next_turn(&mut self, now: Now) -> Option<(AccountName, Offer)> {
        let offer = |(name, account): (&AccountName, &mut Account)| {
            account.offer(now).map(|offer| (name.clone(), offer))
        };
        let offers = self.accounts.iter_mut().filter_map(offer).collect();
        self.shared.choose(now.mono, &offers)
    }

    /// Queues a job with the account that has the device.
    pub(super) fn ask(&mut self, did: &Did, job: Job, priority: Priority) {
        let account = self
            .registry
            .get(did.as_str())
            .map(|entry| entry.account.clone());
        if let Some(account) = account.and_then(|name| self.accounts.get_mut(&name)) {
            account.push(job, priority);
        }
    }

    /// The inventory on `bridge/devices` is not right any more.
    pub(super) fn inventory_changed(&mut self, now: Now) {
        self.inventory_due
            .get_or_insert(now.mono + INVENTORY_SETTLE);
    }

    fn reconfigure(&mut self, now: Now, settings: Settings, out: &mut Vec<Effect>) {
        info!("settings reloaded");
        let before = std::mem::replace(&mut self.settings, settings);
        if before.topics() != self.settings.topics() {
            warn!(
                "another base topic or discovery prefix: retained messages of the old one stay until they are cleared"
            );
            self.topics = self.settings.topics();
            self.publisher.forget_all();
            self.bridge_components.clear();
            out.push(Effect::Subscribe {
                filters: self.topics.filters(),
            });
            self.look_at_estate(out);
        }
        self.accounts
            .retain(|name, _| self.settings.accounts.contains_key(name));
        self.shared.reconfigure(&self.settings);
        let mut anew = Vec::new();
        for (name, account) in &self.settings.accounts {
            let known = before.accounts.get(name);
            let same_user = known.is_some_and(|known| {
                known.user == account.user && known.regions == account.regions
            });
            match self
                .accounts
                .get_mut(name)
                .filter(|known| same_user && known.refusal().is_none())
            {
                Some(known) => {
                    known.reconfigure(&self.settings, now.mono);
                    known.list_at(now.mono);
                }
                None => {
                    let mut new = Account::new(name.clone(), account, &self.settings, None, now);
                    if let Some(known) = self.accounts.get(name) {
                        new.remember(known, now.mono);
                    }
                    self.accounts.insert(name.clone(), new);
                    self.push.renew(name.clone());
                    anew.push(name.clone());
                }
            }
        }
        // Outcomes of the old accounts' calls will not be known any more.
        let reason = "the account's configuration changed meanwhile";
        for name in &anew {
            self.abandon_commands(name, reason, out);
        }
        let is_kept = self.settings.accounts.clone();
        let is_lost = |name: &AccountName| anew.contains(name) || !is_kept.contains_key(name);
        self.abandon_requests(reason, is_lost, out);
        self.disown_devices(now, &before, out);
        self.push.look_again();
        self.release_orphans(now, out);
        self.ask_for_schemas();
        if before.profiles != self.settings.profiles || before.devices != self.settings.devices {
            self.plans.clear();
            self.replan_all(|_| true);
        }
        self.keep_polling(now);
        self.rename_devices(now, out);
        self.offer_all(now, Duration::ZERO, out);
    }

    /// Accounts that were made anew learn which devices they poll.
    fn keep_polling(&mut self, now: Now) {
        for (did, entry) in self.registry.iter() {
            if let Some(account) = self.accounts.get_mut(&entry.account) {
                account.polls.add(did.clone(), now.mono);
            }
        }
    }

    fn stop(&mut self, now: Now, out: &mut Vec<Effect>) {
        self.stopping = true;
        let reason = "the bridge is stopping";
        for verdict in self.pending.abandon(None, reason) {
            self.publish_result(verdict, out);
        }
        self.abandon_requests(reason, |_| true, out);
        for (name, account) in &self.accounts {
            let learnt = account.learnt(now);
            if learnt.tells_something() {
                out.push(save_budget(name, learnt));
            }
        }
        self.publisher
            .retain(self.topics.bridge("state"), b"offline".to_vec(), out);
        out.push(Effect::Stopped);
    }
}

pub(super) fn save_budget(name: &AccountName, learnt: Learnt) -> Effect {
    Effect::SaveBudget {
        account: name.clone(),
        learnt,
    }
}
