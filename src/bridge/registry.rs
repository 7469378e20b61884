//! The devices: who they are, where they are published, what they last said; who joined and left.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use crate::homeassistant::state::Source;
use crate::homeassistant::{slug, topic};
use crate::ids::{AccountName, Did};
use crate::model::{Attrs, Device};
use crate::profile::catalog::Plan;

use super::effect::Announced;
use super::presence::Presence;
use super::ranges::Observed;
use super::reconcile::Reconciler;
use super::settings::{Claim, Settings};

/// Complete listings in a row that must miss a device before it counts as unbound: removing it
/// costs the user its history in Home Assistant, and an empty answer has been seen by mistake.
const MISSED_LISTINGS: u8 = 2;

/// One device.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) account: AccountName,
    pub(super) device: Device,
    /// The shown name.
    pub(super) name: String,
    /// Its topic level.
    pub(super) level: String,
    pub(super) attrs: Attrs,
    pub(super) reconciler: Reconciler,
    pub(super) presence: Presence,
    /// Where the newest values came from.
    pub(super) source: Source,
    /// Its polls fail, which was told.
    pub(super) is_failing: bool,
    /// Availability as last told to others.
    pub(super) told_online: Option<bool>,
    /// Numbers seen beyond the limits that are announced.
    pub(super) observed: Observed,
    /// One of them is not announced yet, so that Home Assistant took it for unknown.
    pub(super) is_wider: bool,
    /// What it becomes in Home Assistant; `None` until its product is known.
    pub(super) plan: Option<Arc<Plan>>,
    /// Which limits of its plan hold now.
    pub(super) ranges: Vec<u8>,
    pub(super) announced: Announced,
    /// The plan whose topics `announced` names.
    pub(super) topics_of: Option<Arc<Plan>>,
    /// Retained values of before may stand on topics that no report fills any more.
    pub(super) has_leftovers: bool,
    missed: u8,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Registry {
    entries: BTreeMap<Did, Entry>,
    levels: BTreeMap<String, Did>,
    /// Announced in an earlier run and not seen in this one yet.
    remembered: BTreeMap<Did, Announced>,
    /// For those: complete listings of their account that missed them.
    remembered_missed: BTreeMap<Did, u8>,
}

/// What a listing changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// New here.
    pub(super) joined: Vec<Did>,
    /// Another alias, product name or firmware; with the topics to empty where its level changed.
    pub(super) changed: Vec<(Did, Option<Announced>)>,
    /// Gone for good, with what is to be taken back.
    pub(super) left: Vec<(Did, Option<AccountName>, Announced)>,
    /// Some were missed, but not often enough yet.
    pub(super) doubtful: bool,
}

impl Registry {
    pub(super) fn new(remembered: BTreeMap<Did, Announced>) -> Self {
        Self {
            remembered,
            ..Self::default()
        }
    }

    pub(super) fn get(&self, did: &str) -> Option<&Entry> {
        self.entries.get(did)
    }

    pub(super) fn get_mut(&mut self, did: &Did) -> Option<&mut Entry> {
        self.entries.get_mut(did)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Did, &Entry)> {
        self.entries.iter()
    }

    /// The device that comes after another one, or the first.
    pub(super) fn next_after(&self, did: Option<&Did>) -> Option<&Did> {
        let from = did.map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.entries.range::<Did, _>((from, Bound::Unbounded));
        later.next().map(|(did, _)| did)
    }

    pub(super) fn dids(&self) -> Vec<Did> {
        self.entries.keys().cloned().collect()
    }

    /// Those of one account.
    pub(super) fn dids_of(&self, account: &AccountName) -> Vec<Did> {
        let theirs = self.entries.iter();
        let theirs = theirs.filter(|(_, entry)| entry.account == *account);
        theirs.map(|(did, _)| did.clone()).collect()
    }

    /// Topic levels that an earlier run used for devices which this one has not seen yet.
    pub(super) fn remembered_levels(&self) -> Vec<String> {
        let levels = self
            .remembered
            .values()
            .map(|announced| announced.level.clone());
        levels
            .filter(|level| !level.is_empty() && !self.levels.contains_key(level))
            .collect()
    }

    /// What was announced for accounts that are not configured any more; nobody will list those.
    pub(super) fn take_orphans(&mut self, settings: &Settings) -> Vec<(Did, Announced)> {
        let is_orphan =
            |announced: &Announced| !settings.accounts.contains_key(announced.account.as_str());
        let orphans: Vec<(Did, Announced)> = self
            .remembered
            .iter()
            .filter(|(_, announced)| is_orphan(announced))
            .map(|(did, announced)| (did.clone(), announced.clone()))
            .collect();
        for (did, _) in &orphans {
            self.remembered.remove(did);
        }
        orphans
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The device on a topic level.
    pub(super) fn at_level(&self, level: &str) -> Option<&Did> {
        self.levels.get(level)
    }

    /// Takes a complete listing of one account.
    pub(super) fn update(
        &mut self,
        account: &AccountName,
        devices: Vec<Device>,
        settings: &Settings,
        now: Duration,
    ) -> Changes {
        let mut changes = Changes::default();
        let mut seen = std::collections::BTreeSet::new();
        for device in devices
            .into_iter()
            .filter(|device| settings.claim(account, &device.did) == Claim::Ours)
        {
            let did = device.did.clone();
            seen.insert(did.clone());
            match self.entries.get(&did) {
                None => {
                    self.join(account, device, settings, now);
                    changes.joined.push(did);
                }
                Some(entry) if entry.account == *account => {
                    if let Some(entry) = self.entries.get_mut(&did) {
                        entry.presence.listed(now, device.is_online);
                    }
                    changes
                        .changed
                        .extend(self.renew(device, settings).map(|old| (did, old)));
                }
                // Bound by two accounts: the first that listed it keeps it.
                Some(_) => {}
            }
        }
        self.miss(account, &seen, &mut changes);
        changes
    }

    /// Takes a page of a listing that goes on: devices that are new join. Where several instances share
    /// the base topic, levels depend on all devices, so there the complete listing is waited for.
    pub(super) fn meet(
        &mut self,
        account: &AccountName,
        devices: Vec<Device>,
        settings: &Settings,
        now: Duration,
    ) -> Vec<Did> {
        let mut joined = Vec::new();
        if settings.shard.is_shared() {
            return joined;
        }
        for device in devices {
            let did = device.did.clone();
            let is_new = !self.entries.contains_key(&did);
            if is_new && settings.claim(account, &did) == Claim::Ours {
                self.join(account, device, settings, now);
                joined.push(did);
            }
        }
        joined
    }

    fn join(&mut self, account: &AccountName, device: Device, settings: &Settings, now: Duration) {
        let did = device.did.clone();
        let announced = self.remembered.remove(&did).unwrap_or_default();
        self.remembered_missed.remove(&did);
        let level = self.choose_level(&device, settings, &announced.level);
        let mut presence = Presence::default();
        presence.listed(now, device.is_online);
        self.levels.insert(level.clone(), did.clone());
        let entry = Entry {
            account: account.clone(),
            name: shown_name(&device, settings),
            device,
            level,
            attrs: Attrs::default(),
            reconciler: Reconciler::default(),
            presence,
            source: Source::Poll,
            is_failing: false,
            told_online: None,
            observed: Observed::new(),
            is_wider: false,
            has_leftovers: !announced.attrs.is_empty(),
            plan: None,
            ranges: Vec::new(),
            announced,
            topics_of: None,
            missed: 0,
        };
        self.entries.insert(did, entry);
    }

    /// Applies a newer row. `None`: nothing to tell others; else what was announced, where the
    /// topic level changed.
    fn renew(&mut self, device: Device, settings: &Settings) -> Option<Option<Announced>> {
        let did = device.did.clone();
        let before = self.entries.get_mut(&did)?;
        before.missed = 0;
        let same = Device {
            is_online: before.device.is_online,
            ..device.clone()
        } == before.device;
        before.device.is_online = device.is_online;
        let name = shown_name(&device, settings);
        let current = before.level.clone();
        let keeps_level = match settings.topic_of(&did) {
            Some(topic) => topic == current,
            None => !is_chosen_by_another(settings, &did, &current),
        };
        if same && before.name == name && keeps_level {
            return None;
        }
        let level = self.choose_level(&device, settings, &current);
        let entry = self.entries.get_mut(&did)?;
        entry.device = device;
        entry.name = name;
        if level == current {
            return Some(None);
        }
        entry.level.clone_from(&level);
        let old = entry.announced.clone();
        self.release(&current, &did);
        self.levels.insert(level, did);
        Some(Some(old))
    }

    /// New settings may rename devices. As [`Self::update`], without joins and departures.
    pub(super) fn rename(&mut self, settings: &Settings) -> Vec<(Did, Option<Announced>)> {
        let devices: Vec<Device> = self
            .entries
            .values()
            .map(|entry| entry.device.clone())
            .collect();
        let renew = |device: Device| Some((device.did.clone(), self.renew(device, settings)?));
        devices.into_iter().filter_map(renew).collect()
    }

    /// Devices that the settings do not want any more, or whose account is gone.
    pub(super) fn unwanted(&self, settings: &Settings) -> Vec<Did> {
        let gone =
            |(did, entry): &(&Did, &Entry)| settings.claim(&entry.account, did) != Claim::Ours;
        self.entries
            .iter()
            .filter(gone)
            .map(|(did, _)| did.clone())
            .collect()
    }

    fn miss(
        &mut self,
        account: &AccountName,
        seen: &std::collections::BTreeSet<Did>,
        changes: &mut Changes,
    ) {
        let mut gone = Vec::new();
        for (did, entry) in &mut self.entries {
            if entry.account == *account && !seen.contains(did) {
                entry.missed += 1;
                if entry.missed >= MISSED_LISTINGS {
                    gone.push(did.clone())
                } else {
                    changes.doubtful = true
                }
            }
        }
        for did in gone {
            let left = self
                .remove(&did)
                .map(|entry| (did, Some(entry.account), entry.announced));
            changes.left.extend(left);
        }
        let theirs = |announced: &Announced| announced.account == account.as_str();
        let absent: Vec<Did> = self
            .remembered
            .iter()
            .filter(|(_, a)| theirs(a))
            .map(|(did, _)| did.clone())
            .collect();
        for did in absent {
            let missed = self.remembered_missed.entry(did.clone()).or_default();
            *missed += 1;
            if *missed < MISSED_LISTINGS {
                changes.doubtful = true;
            } else if let Some(announced) = self.remembered.remove(&did) {
                self.remembered_missed.remove(&did);
                changes.left.push((did, None, announced));
            }
        }
    }

    /// These were unbound here, so the first listing without them is to be believed.
    pub(super) fn unbound(&mut self, dids: &[Did]) {
        for did in dids {
            if let Some(entry) = self.entries.get_mut(did) {
                entry.missed = MISSED_LISTINGS - 1;
            }
        }
    }

    /// Takes a device out.
    pub(super) fn remove(&mut self, did: &Did) -> Option<Entry> {
        let entry = self.entries.remove(did)?;
        self.release(&entry.level, did);
        Some(entry)
    }

    /// Gives a level up, unless another device has taken it over meanwhile.
    fn release(&mut self, level: &str, did: &Did) {
        if self.levels.get(level) == Some(did) {
            self.levels.remove(level);
        }
    }

    /// The user's choice, else a slug of the alias; what it had before wins where it still fits, so
    /// that a restart or a new neighbour renames nothing.
    fn choose_level(&self, device: &Device, settings: &Settings, before: &str) -> String {
        let did = &device.did;
        if let Some(topic) = settings.topic_of(did) {
            return topic.to_owned();
        }
        let plain = slug::level(&device.alias, device.mac.as_ref(), did);
        let long = slug::with_suffix(&plain, did);
        let free = |level: &str| {
            !topic::is_reserved(level)
                && self.levels.get(level).is_none_or(|owner| owner == did)
                && !is_chosen_by_another(settings, did, level)
                && !self
                    .remembered
                    .iter()
                    .any(|(of, a)| of != did && a.level == level)
        };
        if (before == plain || before == long) && free(before) {
            return before.to_owned();
        }
        [plain, long]
            .into_iter()
            .find(|level| free(level))
            .unwrap_or_else(|| did.to_string())
    }
}

/// Did the user give this level to another device?
fn is_chosen_by_another(settings: &Settings, did: &Did, level: &str) -> bool {
    let mut others = settings.devices.iter().filter(|(of, _)| *of != did);
    others.any(|(_, device)| device.topic.as_deref() == Some(level))
}

fn shown_name(device: &Device, settings: &Settings) -> String {
    let chosen = settings
        .devices
        .get(&device.did)
        .and_then(|d| d.name.clone());
    let alias = Some(device.alias.trim().to_owned()).filter(|alias| !alias.is_empty());
    chosen.or(alias).unwrap_or_else(|| {
        let product = if device.product_name.is_empty() {
            "Gizwits"
        } else {
            &device.product_name
        };
        let mac = device
            .mac
            .as_ref()
            .map_or(device.did.as_str(), |mac| mac.as_str());
        let from = mac.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        format!("{product} {}", mac.get(from..).unwrap_or(mac))
    })
}
