//! One instance of the bridge: a process, what it keeps on disk, and what is under way between it and the
//! cloud.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use gizwits2mqtt::bridge::{Input, Restored, Settings};
use gizwits2mqtt::clock::Now;
use gizwits2mqtt::ids::AccountName;

use super::core::{Bug, Core};
use super::network::Flight;
use super::push::Wires;
use super::universe::Universe;
use super::watch::Watch;

/// An instance has listed its devices by then.
const FOUND_ITS_PLACE: Duration = Duration::from_secs(120);

/// A user's token, and the user.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) token: String,
    pub(crate) uid: String,
}

/// One instance of the bridge.
pub(crate) struct Process {
    pub(crate) settings: Settings,
    pub(crate) core: Core,
    /// When it was started, or its settings were last changed.
    pub(crate) since: Duration,
    /// Counts its lives.
    pub(crate) life: u32,
    pub(crate) is_down: bool,
    /// It is one of those that share the devices.
    pub(crate) is_wanted: bool,
    /// It was stopped in order, and the clock was left alone since.
    pub(crate) is_remembered: bool,
    /// It dies when it has done so much more, and is away for so long.
    pub(crate) dies_after: Option<(u32, Duration)>,
    pub(crate) saved: Restored,
    pub(crate) inbox: VecDeque<Input>,
    pub(crate) is_telling: bool,
    pub(crate) flights: Vec<Flight>,
    pub(crate) wires: Wires,
    pub(crate) sessions: BTreeMap<AccountName, Session>,
    pub(crate) watch: Watch,
}

impl Process {
    pub(crate) fn new(
        bug: Option<Bug>,
        settings: Settings,
        restored: Restored,
        seed: u64,
        now: Now,
    ) -> Self {
        Self {
            core: Core::new(bug, settings.clone(), restored, seed, now),
            settings,
            since: now.mono,
            life: 0,
            is_down: false,
            is_wanted: true,
            is_remembered: false,
            dies_after: None,
            saved: Restored::default(),
            inbox: VecDeque::new(),
            is_telling: false,
            flights: Vec::new(),
            wires: Wires::default(),
            sessions: BTreeMap::new(),
            watch: Watch::default(),
        }
    }

    /// Which of the instances it is.
    pub(crate) const fn index(&self) -> u32 {
        self.settings.shard.index
    }

    pub(crate) fn token(&self, account: &AccountName) -> Option<String> {
        let session = self.sessions.get(account);
        session.map(|session| session.token.clone())
    }

    /// A topic of the instance itself.
    pub(crate) fn bridge_topic(&self, rest: &str) -> String {
        if self.settings.shard.count > 1 {
            format!("g/bridge-{}/{rest}", self.index())
        } else {
            format!("g/bridge/{rest}")
        }
    }
}

impl Universe {
    /// One of several instances may not know yet which devices are its own, so a command for one of them may
    /// find nobody who answers.
    pub(crate) fn is_unsettled(&self) -> bool {
        let wanted = self.processes().filter(|process| process.is_wanted);
        let wanted: Vec<&Process> = wanted.collect();
        let is_new =
            |process: &&Process| process.is_down || self.now < process.since + FOUND_ITS_PLACE;
        wanted.len() > 1 && wanted.iter().any(is_new)
    }

    /// Turns to one of the instances: `here` is that one.
    pub(crate) fn visit(&mut self, index: u32) {
        if self.here.index() == index {
            return;
        }
        let other = self.elsewhere.iter_mut();
        let mut other = other.filter(|process| process.index() == index);
        let other = other.next().unwrap();
        std::mem::swap(&mut self.here, other);
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.here).chain(&self.elsewhere)
    }

    /// The instances by their numbers, from 0.
    pub(crate) fn indices(&self) -> Vec<u32> {
        let mut indices: Vec<u32> = self.processes().map(Process::index).collect();
        indices.sort_unstable();
        indices
    }

    /// Does something with each instance in turn, and turns to the first again.
    pub(crate) fn each(&mut self, mut act: impl FnMut(&mut Self)) {
        for index in self.indices() {
            self.visit(index);
            act(self);
        }
        self.visit(0);
    }
}
