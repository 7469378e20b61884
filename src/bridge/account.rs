//! One cloud account: its session, its gate, what waits and what is under way.

mod admission;
mod listing_pace;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tracing::{error, info, warn};

use crate::clock::Now;
use crate::ids::{AccountName, CallId, Did};
use crate::model::{Device, Region};

use super::account_state::AccountState;
use super::calls::{CallQueue, Job, Priority, Waiting};
use super::gate::CallGate;
use super::input::{CallError, CallOutcome, ErrorClass, Reply};
use super::listing::{Listed, Listing};
use super::poll::{Pace, PollPlan};
use super::schedule_book::ScheduleBook;
use super::session::{Refusal, Session};
use super::settings;
use super::shared_budget::share;
use super::whereabouts::{Next, Whereabouts};

use listing_pace::ListingPace;

pub(super) use admission::Offer;

/// See the module.
#[derive(Debug)]
pub(super) struct Account {
    name: AccountName,
    whereabouts: Whereabouts,
    session: Session,
    pub(super) gate: CallGate,
    queue: CallQueue,
    pub(super) polls: PollPlan,
    /// Calls a minute that this account may count on where all share a limit.
    share: u32,
    /// Devices whose values were due and did not come yet.
    unanswered: BTreeSet<Did>,
    listing: Listing<Device>,
    pub(super) schedules: ScheduleBook,
    /// Devices joined since the last complete listing, and may have schedules.
    pub(super) has_new_devices: bool,
    listed: bool,
    pace: ListingPace,
    in_flight: BTreeMap<CallId, Flight>,
    blocked_until: Option<Duration>,
    /// Why the cloud was last not to be called, or did not let the account in.
    held_by: Option<String>,
    /// Without a token: when the next login leaves, where that is later than now.
    login_waits_until: Option<Duration>,
    /// What is to be kept changed, beyond what the gate tells.
    has_news: bool,
}

#[derive(Debug)]
struct Flight {
    waiting: Waiting,
    generation: u32,
    sent_at: Duration,
}

/// What an outcome means beyond the account itself.
#[derive(Debug)]
pub(super) enum Done {
    /// Nothing: handled here, or a call that nobody knows.
    Nothing,
    /// A call failed and waits again; a command's values go back with it.
    Requeued(Job),
    /// A new token is in use.
    LoggedIn,
    /// A page of the bindings that is not the last one.
    Page { devices: Vec<Device> },
    /// All bindings, in the region where they are.
    Listed {
        /// When the first page was asked for: it shows nothing later.
        began: Duration,
        devices: Vec<Device>,
    },
    /// Any other call is over.
    Finished {
        job: Job,
        sent_at: Duration,
        result: Result<Reply, CallError>,
    },
    /// The cloud refuses the account: its devices cannot be known until it does no longer.
    Stopped { reason: String },
}

impl Account {
    pub(super) fn new(
        name: AccountName,
        account: &settings::Account,
        settings: &settings::Settings,
        restored: Option<(Region, i64)>,
        now: Now,
    ) -> Self {
        let gate = CallGate::new(settings.requests_per_minute);
        let share = share(settings);
        let polls = PollPlan::new(pace(settings, &gate, share));
        let whereabouts = Whereabouts::new(&account.regions, restored.map(|(region, _)| region));
        let mut session = Session::new(restored, now);
        session.enter(whereabouts.region(), now);
        let mut queue = CallQueue::default();
        queue.push(Waiting::new(Job::Bindings { skip: 0 }, Priority::Inventory));
        Self {
            name,
            whereabouts,
            session,
            gate,
            queue,
            polls,
            share,
            unanswered: BTreeSet::new(),
            listing: Listing::default(),
            schedules: ScheduleBook::default(),
            has_new_devices: false,
            listed: false,
            pace: ListingPace::new(settings, now.mono),
            in_flight: BTreeMap::new(),
            blocked_until: None,
            held_by: None,
            login_waits_until: None,
            has_news: false,
        }
    }

    /// New intervals and limits; credentials are the edge's. Whoever reloads wants a login tried now, and
    /// no longer a pause than the bridge makes by itself.
    pub(super) fn reconfigure(&mut self, settings: &settings::Settings, now: Duration) {
        self.session.try_now(now);
        self.gate.end_asked_pause(now);
        self.gate.set_limit(settings.requests_per_minute);
        self.share = share(settings);
        let pace = pace(settings, &self.gate, self.share);
        self.polls.set_pace(pace, now);
        self.pace.reconfigure(settings);
    }

    pub(super) fn region(&self) -> Region {
        self.whereabouts.region()
    }

    pub(super) fn state(&self) -> AccountState {
        if self.session.refusal().is_some() {
            AccountState::AuthFailed
        } else if self.gate.is_throttled() {
            AccountState::Throttled
        } else if self.gate.is_outage() || self.session.has_failed() {
            AccountState::Unreachable
        } else if self.session.is_live() && self.listed {
            AccountState::Ok
        } else {
            AccountState::LoggingIn
        }
    }

    /// For people: why it stands still, where that is known.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.session.refusal()
    }

    /// The same, and what keeps it from being `ok` for now.
    pub(super) fn reason(&self) -> Option<&str> {
        let is_held =
            self.gate.is_throttled() || self.gate.is_outage() || self.session.has_failed();
        self.refusal()
            .or_else(|| self.held_by.as_deref().filter(|_| is_held))
    }

    /// Without a token: when the next login leaves, where it waits.
    pub(super) const fn login_waits_until(&self) -> Option<Duration> {
        self.login_waits_until
    }

    pub(super) fn queue_depth(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn push(&mut self, job: Job, priority: Priority) {
        if let (Job::Latest(did), Priority::Stale) = (&job, priority) {
            self.unanswered.insert(did.clone());
        }
        self.queue.push(Waiting::new(job, priority));
    }

    /// Is there a token to log in to push with?
    pub(super) fn has_token(&self) -> bool {
        self.session.has_push_token()
    }

    /// Push refused a login that left at `sent_at`: perhaps the token is dead, so another one is fetched.
    pub(super) fn push_refused(&mut self, sent_at: Duration, now: Now) {
        if let Some(wait) = self.session.push_refused(sent_at, now) {
            info!(account = %self.name, retry_s = wait.as_secs(), "push does not take the token: another one is fetched");
        }
    }

    /// Push took the token.
    pub(super) fn push_accepted(&mut self) {
        self.session.push_accepted();
    }

    /// These devices are gone: nothing about them needs asking any more.
    pub(super) fn forget(&mut self, dids: &BTreeSet<Did>) {
        for did in dids {
            self.polls.remove(did);
            self.unanswered.remove(did);
        }
        self.schedules.forget(dids);
        self.queue.retain(|job| match job {
            Job::Command(of) | Job::Latest(of) => !dids.contains(of),
            Job::Login
            | Job::Bindings { .. }
            | Job::Schema(_)
            | Job::Request { .. }
            | Job::Schedules { .. }
            | Job::ScheduleLog(_) => true,
        });
    }

    /// Queues what time has made due.
    pub(super) fn tick(&mut self, now: Duration) {
        if self.pace.begin_if_due(now) {
            self.push(Job::Bindings { skip: 0 }, Priority::Inventory);
        }
        while let Some(did) = self.polls.due(now) {
            // Its turn came before an answer to the last one: it is a whole round late.
            let is_late = !self.unanswered.insert(did.clone());
            let priority = if is_late {
                Priority::Stale
            } else {
                Priority::Poll
            };
            self.push(Job::Latest(did), priority);
        }
        if self.schedules.take_due(now) {
            self.push(Job::Schedules { skip: 0 }, Priority::Poll);
        }
    }

    /// Anything to do at this moment?
    pub(super) fn next_deadline(&self) -> Option<(Duration, &'static str)> {
        let idle = self.session.refusal().is_some();
        let bindings = self.pace.due().filter(|_| !idle);
        let bindings = bindings.map(|at| (at, "bindings"));
        let poll = self.polls.next().filter(|_| !idle).map(|at| (at, "poll"));
        let schedules = self.schedules.next_deadline().filter(|_| !idle);
        let schedules = schedules.map(|at| (at, "schedules"));
        let gate = self.blocked_until.map(|at| (at, "gate"));
        let all = [bindings, poll, schedules, gate];
        all.into_iter().flatten().min()
    }

    /// Takes the outcome of a call. `chance` (0 to 1) spreads the pauses.
    pub(super) fn done(&mut self, now: Now, id: CallId, outcome: CallOutcome, chance: f64) -> Done {
        let Some(flight) = self.in_flight.remove(&id) else {
            warn!(account = %self.name, call = %id, "outcome of an unknown call");
            return Done::Nothing;
        };
        self.gate.returned();
        if let Job::Latest(did) = &flight.waiting.job
            && is_answer(&outcome)
        {
            self.unanswered.remove(did);
        }
        match outcome {
            Ok(reply) => {
                self.answered(now.mono);
                self.session.served(flight.generation);
                self.succeeded(now, flight, reply)
            }
            Err(err) if flight.waiting.job == Job::Login => {
                self.login_failed(now, flight.sent_at, err, chance)
            }
            Err(err) => self.failed(now, flight, err, chance),
        }
    }

    fn succeeded(&mut self, now: Now, flight: Flight, reply: Reply) -> Done {
        match (flight.waiting.job, reply) {
            (Job::Login, Reply::LoggedIn { expires_at, .. }) => {
                let region = self.region();
                let was_refused = self.session.refusal().is_some();
                self.session.logged_in(expires_at, now);
                info!(account = %self.name, %region, expires_at, was_refused, "logged in");
                if !self.session.is_trusted() {
                    // Only a listing proves that the account works.
                    self.list_at(now.mono);
                }
                Done::LoggedIn
            }
            (
                Job::Bindings { skip },
                Reply::Bindings {
                    devices,
                    rows,
                    unreadable,
                },
            ) => {
                for row in unreadable {
                    warn!(account = %self.name, row, "a row of the bindings cannot be read");
                }
                let page = devices.clone();
                match self.listing.page(skip, flight.sent_at, rows, devices) {
                    Listed::More { skip } => {
                        self.push(Job::Bindings { skip }, Priority::Inventory);
                        // This many rows are devices, and of this region: the account is ready to work.
                        self.listed = true;
                        Done::Page { devices: page }
                    }
                    Listed::Complete(devices) => self.listed(now, devices),
                    Listed::Stale => Done::Nothing,
                }
            }
            (job, reply) => {
                if matches!(job, Job::Bindings { .. }) {
                    self.pace.failed(now.mono);
                }
                Done::Finished {
                    job,
                    sent_at: flight.sent_at,
                    result: Ok(reply),
                }
            }
        }
    }

    fn listed(&mut self, now: Now, devices: Vec<Device>) -> Done {
        let region = self.region();
        match self.whereabouts.listed(!devices.is_empty()) {
            Next::Move => {
                info!(account = %self.name, %region, "no devices in this region: trying the next");
                self.enter(now);
                Done::Nothing
            }
            Next::Stay | Next::RefusedEverywhere => {
                self.session.works();
                if devices.is_empty() && !self.listed {
                    warn!(account = %self.name, %region,
                        "the account has no devices; bind one in the app, or check `app` and `region`");
                }
                self.listed = true;
                self.pace.ended();
                self.schedules.begin(now.mono);
                Done::Listed {
                    began: self.listing.began(),
                    devices,
                }
            }
        }
    }

    /// Starts in the region that is to be tried now.
    fn enter(&mut self, now: Now) {
        self.session.enter(self.whereabouts.region(), now);
        self.queue
            .retain(|job| !matches!(job, Job::Bindings { .. }));
        self.pace.begin();
        self.push(Job::Bindings { skip: 0 }, Priority::Inventory);
    }

    /// A login has no verdict on the account but [`ErrorClass::LoginRefused`] and [`ErrorClass::Fatal`]:
    /// the edge sees to that.
    fn login_failed(&mut self, now: Now, sent_at: Duration, err: CallError, chance: f64) -> Done {
        let is_coded = err.code.is_some();
        let is_renewal = self.session.is_live();
        match err.class {
            ErrorClass::LoginRefused | ErrorClass::Fatal if is_coded => {
                self.answered(now.mono);
                return self.login_refused(now, &err);
            }
            ErrorClass::Throttled => self.throttled(now.mono, (sent_at, true), &err, chance),
            ErrorClass::LoginRefused
            | ErrorClass::Fatal
            | ErrorClass::TokenLost
            | ErrorClass::DeviceOffline
            | ErrorClass::DeviceGone
            | ErrorClass::Refused
            | ErrorClass::Unsent
            | ErrorClass::Transient => {
                if is_coded {
                    // It is the API that answers.
                    self.answered(now.mono);
                } else if !is_renewal {
                    // In a renewal the calls with the token at hand tell whether the cloud can be reached.
                    self.unreachable(now.mono, &err, chance);
                }
            }
        }
        let was_sent = err.class != ErrorClass::Unsent;
        let wait = self.session.login_failed(now, was_sent, chance);
        self.held_by = Some(err.message.clone());
        if is_renewal {
            info!(account = %self.name, reason = %err, retry_s = wait.as_secs(),
                "the token cannot be renewed; it is used until it ends");
        } else if was_sent {
            info!(account = %self.name, reason = %err, retry_s = wait.as_secs(), "a login failed");
        }
        Done::Nothing
    }

    fn login_refused(&mut self, now: Now, err: &CallError) -> Done {
        if self.session.is_live() {
            let refusal = self.session.login_refused(&err.message, now);
            return self.tell_refusal(refusal, err);
        }
        let region = self.region();
        match self.whereabouts.refused() {
            Next::Move => {
                info!(account = %self.name, %region, next = %self.region(), reason = %err,
                    "not known in this region: trying the next");
                self.session.left_region();
                self.enter(now);
                Done::Nothing
            }
            Next::Stay | Next::RefusedEverywhere => {
                self.whereabouts.search_again();
                let refusal = self.session.login_refused(&err.message, now);
                self.session.choose(self.whereabouts.region());
                self.tell_refusal(refusal, err)
            }
        }
    }

    /// Says once what a refusal leads to.
    fn tell_refusal(&self, refusal: Refusal, err: &CallError) -> Done {
        let account = &self.name;
        match refusal {
            Refusal::Renewal(wait) => {
                warn!(%account, reason = %err, retry_s = wait.as_secs(),
                    "the cloud refuses to renew the token; it is used until it ends: \
                     look at the user name and the password in the configuration");
                Done::Nothing
            }
            Refusal::SecondTry(wait) => {
                warn!(%account, reason = %err, retry_s = wait.as_secs(),
                    "the cloud refuses this account, which it served until now: trying once more");
                Done::Nothing
            }
            Refusal::Refused { wait, is_news } => {
                if is_news {
                    error!(%account, reason = %err, retry_s = wait.as_secs(),
                        "the cloud refuses this account: correct it in the configuration, then reload (SIGHUP); \
                         until then it is tried again after 15 min, 1 h, and every 6 h");
                } else {
                    info!(%account, reason = %err, retry_s = wait.as_secs(), "the cloud still refuses this account");
                }
                Done::Stopped {
                    reason: err.message.clone(),
                }
            }
        }
    }

    fn failed(&mut self, now: Now, flight: Flight, err: CallError, chance: f64) -> Done {
        let Flight {
            mut waiting,
            generation,
            sent_at,
        } = flight;
        let only_once = waiting.job.changes_something();
        match err.class {
            ErrorClass::Throttled => self.throttled(now.mono, (sent_at, false), &err, chance),
            ErrorClass::Unsent => self.unreachable(now.mono, &err, chance),
            ErrorClass::Transient => {
                // With a code it is the API that answers: a fault of this call, not of the cloud.
                if err.code.is_none() {
                    self.unreachable(now.mono, &err, chance);
                } else {
                    self.answered(now.mono);
                    self.session.served(generation);
                }
                // Once more is enough: a call that always fails must not keep all others waiting.
                if only_once || waiting.retried {
                    return self.give_up(now.mono, waiting.job, sent_at, err);
                }
            }
            ErrorClass::TokenLost => {
                self.answered(now.mono);
                if self.session.lost(generation, now, chance) {
                    info!(account = %self.name, reason = %err, "the token is not valid any more: logging in again");
                }
                if waiting.replayed {
                    return self.give_up(now.mono, waiting.job, sent_at, err);
                }
                waiting.replayed = true;
            }
            // An answer to a call that left before the account was refused says nothing new.
            ErrorClass::Fatal
                if matches!(waiting.job, Job::Bindings { .. }) && self.session.is_live() =>
            {
                self.answered(now.mono);
                let refusal = self.session.refused(&err.message, now);
                let done = self.tell_refusal(refusal, &err);
                if matches!(done, Done::Stopped { .. }) {
                    self.pace.failed(now.mono);
                    return done;
                }
                return self.give_up(now.mono, waiting.job, sent_at, err);
            }
            // An application may be kept from a single call, which stops nothing else.
            ErrorClass::Fatal
            | ErrorClass::LoginRefused
            | ErrorClass::DeviceOffline
            | ErrorClass::DeviceGone
            | ErrorClass::Refused => {
                self.answered(now.mono);
                self.session.served(generation);
                return self.give_up(now.mono, waiting.job, sent_at, err);
            }
        }
        waiting.retried |= err.class != ErrorClass::TokenLost;
        let job = waiting.job.clone();
        let somebody_waits = waiting.priority <= Priority::Asked;
        let keeps_its_place = err.class == ErrorClass::TokenLost
            || (err.class == ErrorClass::Throttled && somebody_waits);
        if only_once || keeps_its_place {
            self.queue.push_front(waiting);
        } else {
            // The next probe is another call: perhaps only this one fails.
            self.queue.push(waiting);
        }
        Done::Requeued(job)
    }

    /// A call failed for good. Without a listing nothing goes on, so that is soon tried anew.
    fn give_up(&mut self, now: Duration, job: Job, sent_at: Duration, err: CallError) -> Done {
        if matches!(job, Job::Bindings { .. }) {
            self.pace.failed(now);
        }
        Done::Finished {
            job,
            sent_at,
            result: Err(err),
        }
    }
}

/// The cloud told what it knows of a device, be it nothing.
const fn is_answer(outcome: &CallOutcome) -> bool {
    match outcome {
        Ok(_) => true,
        Err(err) => matches!(
            err.class,
            ErrorClass::DeviceOffline | ErrorClass::DeviceGone | ErrorClass::Refused
        ),
    }
}

fn pace(settings: &settings::Settings, gate: &CallGate, share: u32) -> Pace {
    Pace {
        interval: settings.poll_interval,
        with_push: settings.poll_interval_with_push,
        per_minute: gate.background_per_minute().min(share),
    }
}
