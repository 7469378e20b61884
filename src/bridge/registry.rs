//! The devices: who they are, where they are published, what they last said; who joined and left.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use crate::homeassistant::state::Source;
use crate::homeassistant::{slug, topic};
use crate::ids::{AccountName, Did};
use crate::model::{Attrs, Device};
use crate::profile::catalog::Plan;

use super::absence::Absence;
use super::effect::Announced;
use super::presence::Presence;
use super::ranges::Observed;
use super::reconcile::Reconciler;
use super::settings::{Claim, Settings, Shard};

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
    /// What speaks for it being unbound.
    pub(super) absence: Absence,
}

/// A device that was announced, and that no account here is known to have.
#[derive(Debug, Default)]
struct Remembered {
    announced: Announced,
    /// What speaks for it being unbound.
    absence: Absence,
    /// Since when nobody looks after it: its account is not configured any more, has another user, or
    /// leaves it out. Another account may have it.
    orphaned: Option<Duration>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Registry {
    entries: BTreeMap<Did, Entry>,
    levels: BTreeMap<String, Did>,
    /// Announced in an earlier run and not seen in this one yet, or without an account.
    remembered: BTreeMap<Did, Remembered>,
    /// The levels of those.
    remembered_levels: BTreeMap<String, Did>,
    /// Devices that other instances serve, with the slugs of their names.
    others: BTreeMap<Did, (AccountName, String)>,
    /// Where several instances share the base topic: the level of each device, also of theirs.
    assigned: BTreeMap<Did, String>,
    /// When the newest complete listing of each account began.
    listed: BTreeMap<AccountName, Duration>,
}

/// What a listing changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// New here.
    pub(super) joined: Vec<Did>,
    /// Another alias, product name or firmware; with the topics to empty where its level changed.
    pub(super) changed: Vec<(Did, Option<Announced>)>,
    /// Another account had these before.
    pub(super) moved: Vec<(Did, AccountName)>,
    /// Another instance serves these, which were served here.
    pub(super) handed_over: Vec<(Did, Announced)>,
    /// The listing is the first one that lacks these.
    pub(super) missing: Vec<Did>,
}

impl Registry {
    pub(super) fn new(announced: BTreeMap<Did, Announced>) -> Self {
        let mut registry = Self::default();
        for (did, announced) in announced {
            registry.remember(did, announced, None);
        }
        registry
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

    /// Topic levels that an earlier run used for devices which this one has not seen yet, and which are
    /// this instance's to tell of.
    pub(super) fn remembered_levels(&self, shard: Shard) -> Vec<String> {
        let levels = self.remembered_levels.iter();
        let levels = levels.filter(|(level, did)| {
            !level.is_empty() && shard.has(did) && !self.levels.contains_key(*level)
        });
        levels.map(|(level, _)| level.clone()).collect()
    }

    /// The device that had this level in an earlier run and is not known again yet.
    pub(super) fn remembered_at(&self, level: &str) -> Option<&Did> {
        self.remembered_levels.get(level)
    }

    /// Every level that a device has or had, of this instance and of others.
    pub(super) fn all_levels(&self) -> BTreeSet<String> {
        let known = self.levels.keys().chain(self.remembered_levels.keys());
        let all = known.chain(self.assigned.values());
        all.filter(|level| !level.is_empty()).cloned().collect()
    }

    fn remember(&mut self, did: Did, announced: Announced, orphaned: Option<Duration>) {
        self.remembered_levels
            .insert(announced.level.clone(), did.clone());
        let remembered = Remembered {
            announced,
            absence: Absence::default(),
            orphaned,
        };
        self.remembered.insert(did, remembered);
    }

    fn recall(&mut self, did: &Did) -> Option<Announced> {
        let announced = self.remembered.remove(did)?.announced;
        if self.remembered_levels.get(&announced.level) == Some(did) {
            self.remembered_levels.remove(&announced.level);
        }
        Some(announced)
    }

    /// Was each account listed completely, by a listing that began no sooner than that?
    fn listed_since(&self, mut accounts: impl Iterator<Item = AccountName>, at: Duration) -> bool {
        accounts.all(|name| self.listed.get(&name).is_some_and(|began| *began >= at))
    }

    /// Was each account listed completely?
    pub(super) fn all_listed(&self, settings: &Settings) -> bool {
        self.listed_since(settings.accounts.keys().cloned(), Duration::ZERO)
    }

    /// These accounts are others now, or gone: what was listed of them counts for nothing.
    pub(super) fn forget_listings(&mut self, is_known: impl Fn(&AccountName) -> bool) {
        self.listed.retain(|name, _| is_known(name));
        self.others.retain(|_, (account, _)| is_known(account));
    }

    /// Devices that no account here looks after, once every account was listed and none of them has it.
    pub(super) fn take_orphans(&mut self, settings: &Settings) -> Vec<(Did, Announced)> {
        let is_orphan = |item: &(&Did, &Remembered)| {
            let account = item.1.announced.account.as_str();
            let is_configured = settings.accounts.contains_key(account);
            let since = item
                .1
                .orphaned
                .or((!is_configured).then_some(Duration::ZERO));
            since.is_some_and(|at| self.listed_since(settings.accounts.keys().cloned(), at))
        };
        let orphans = self.remembered.iter().filter(is_orphan);
        let orphans: Vec<Did> = orphans.map(|(did, _)| did.clone()).collect();
        let take = |did: Did| Some((did.clone(), self.recall(&did)?));
        orphans.into_iter().filter_map(take).collect()
    }

    /// Devices that are surely unbound: the listings of their account lack them, and no other account
    /// that works was found to have them since. With the account of those that were served.
    pub(super) fn take_unbound(
        &mut self,
        now: Duration,
        working: &[AccountName],
    ) -> Vec<(Did, Announced)> {
        let is_gone = |account: &str, absence: &Absence| {
            let others = working.iter().filter(|name| name.as_str() != account);
            absence.is_believed(now)
                && absence
                    .since()
                    .is_some_and(|since| self.listed_since(others.cloned(), since))
        };
        let served = self.entries.iter();
        let served = served.filter(|(_, entry)| is_gone(entry.account.as_str(), &entry.absence));
        let remembered = self.remembered.iter();
        let remembered =
            remembered.filter(|(_, of)| is_gone(of.announced.account.as_str(), &of.absence));
        let served: Vec<Did> = served.map(|(did, _)| did.clone()).collect();
        let remembered: Vec<Did> = remembered.map(|(did, _)| did.clone()).collect();
        let mut gone = Vec::new();
        for did in served {
            let announced = self.remove(&did).map(|entry| entry.announced);
            gone.extend(announced.map(|announced| (did, announced)));
        }
        for did in remembered {
            let announced = self.recall(&did);
            gone.extend(announced.map(|announced| (did, announced)));
        }
        gone
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The device on a topic level.
    pub(super) fn at_level(&self, level: &str) -> Option<&Did> {
        self.levels.get(level)
    }

    /// Does another instance publish on this level?
    pub(super) fn is_elsewhere(&self, level: &str) -> bool {
        let mut others = self.others.keys();
        others.any(|did| self.assigned.get(did).is_some_and(|of| of == level))
    }

    /// Takes a complete listing of one account, which began at that moment.
    pub(super) fn update(
        &mut self,
        account: &AccountName,
        (began, devices): (Duration, Vec<Device>),
        settings: &Settings,
        now: Duration,
    ) -> Changes {
        let mut changes = Changes::default();
        self.listed.insert(account.clone(), began);
        self.others.retain(|_, (of, _)| of != account);
        let (mut seen, mut ours) = (BTreeSet::new(), Vec::new());
        for device in devices {
            let did = device.did.clone();
            match settings.claim(account, &did) {
                Claim::Ours => {
                    seen.insert(did);
                    ours.push(device);
                }
                Claim::OtherInstance => {
                    let plain = slug::level(&device.alias, device.mac.as_ref(), &did);
                    self.others.insert(did.clone(), (account.clone(), plain));
                    let served = self.remove(&did).map(|entry| entry.announced);
                    let announced = served.or_else(|| self.recall(&did));
                    changes
                        .handed_over
                        .extend(announced.map(|announced| (did, announced)));
                }
                Claim::Excluded => self.disown_row(account, &did, began),
            }
        }
        if settings.shard.is_shared() {
            self.assign(&ours, settings);
        }
        for device in ours {
            self.take_row(account, device, settings, (began, now), &mut changes);
        }
        if settings.shard.is_shared() {
            // A device that joined elsewhere may take a level from one that is here.
            changes.changed.extend(self.rename(settings));
        }
        self.miss(account, &seen, began, &mut changes);
        changes
    }

    /// A row of a device that is this instance's.
    fn take_row(
        &mut self,
        account: &AccountName,
        device: Device,
        settings: &Settings,
        (began, now): (Duration, Duration),
        changes: &mut Changes,
    ) {
        let did = device.did.clone();
        let Some(entry) = self.entries.get_mut(&did) else {
            self.join(account, device, settings, now);
            changes.joined.push(did);
            return;
        };
        if entry.account != *account {
            // Bound by two accounts: the first that listed it keeps it, until its listing lacks it.
            if entry.absence.since().is_none() {
                return;
            }
            let before = std::mem::replace(&mut entry.account, account.clone());
            entry.absence = Absence::default();
            changes.moved.push((did.clone(), before));
        }
        entry.absence.seen(began);
        entry.presence.listed(now, device.is_online);
        let renewed = self.renew(device, settings);
        changes.changed.extend(renewed.map(|old| (did, old)));
    }

    /// The filters of an account leave a device out that is bound. Another account may have it.
    fn disown_row(&mut self, account: &AccountName, did: &Did, began: Duration) {
        if let Some(remembered) = self.remembered.get_mut(did)
            && remembered.announced.account == account.as_str()
        {
            remembered.orphaned.get_or_insert(began);
        }
    }

    /// A device is not served any more, though it may be bound: nobody looks after it.
    pub(super) fn disown(&mut self, did: &Did, now: Duration) {
        if let Some(entry) = self.remove(did) {
            self.remember(did.clone(), entry.announced, Some(now));
        }
    }

    /// Another instance serves this device from now on.
    pub(super) fn hand_over(&mut self, did: &Did) -> Option<Announced> {
        let entry = self.remove(did)?;
        let plain = slug::level(&entry.device.alias, entry.device.mac.as_ref(), did);
        self.others
            .insert(did.clone(), (entry.account.clone(), plain));
        self.assigned.insert(did.clone(), entry.level);
        Some(entry.announced)
    }

    /// Works the levels out from all devices that are known, also of other instances, so that all
    /// instances find the same: in the order of the dids, the user's choices first.
    fn assign(&mut self, joining: &[Device], settings: &Settings) {
        let slug_of = |device: &Device| {
            let plain = slug::level(&device.alias, device.mac.as_ref(), &device.did);
            (device.did.clone(), plain)
        };
        let mut plains: BTreeMap<Did, String> = self
            .entries
            .values()
            .map(|entry| slug_of(&entry.device))
            .collect();
        let others = self.others.iter();
        plains.extend(others.map(|(did, (_, plain))| (did.clone(), plain.clone())));
        plains.extend(joining.iter().map(slug_of));
        let chosen = settings.devices.values();
        let mut taken: BTreeSet<String> = chosen.filter_map(|of| of.topic.clone()).collect();
        self.assigned.clear();
        for (did, plain) in plains {
            let level = settings.topic_of(&did).map_or_else(
                || {
                    let long = slug::with_suffix(&plain, &did);
                    let free =
                        |level: &String| !topic::is_reserved(level) && !taken.contains(level);
                    let level = [plain, long].into_iter().find(free);
                    level.unwrap_or_else(|| did.to_string())
                },
                str::to_owned,
            );
            taken.insert(level.clone());
            self.assigned.insert(did, level);
        }
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
        let announced = self.recall(&did).unwrap_or_default();
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
            absence: Absence::default(),
        };
        self.entries.insert(did, entry);
    }

    /// Applies a newer row. `None`: nothing to tell others; else what was announced, where the
    /// topic level changed.
    fn renew(&mut self, device: Device, settings: &Settings) -> Option<Option<Announced>> {
        let did = device.did.clone();
        let before = self.entries.get_mut(&did)?;
        let same = Device {
            is_online: before.device.is_online,
            ..device.clone()
        } == before.device;
        before.device.is_online = device.is_online;
        let name = shown_name(&device, settings);
        let current = before.level.clone();
        let keeps_level = match settings.topic_of(&did) {
            Some(topic) => topic == current,
            None if settings.shard.is_shared() => self.assigned.get(&did) == Some(&current),
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

    /// Devices that the settings leave out, or give to another instance, or whose account is gone.
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
        seen: &BTreeSet<Did>,
        began: Duration,
        changes: &mut Changes,
    ) {
        for (did, entry) in &mut self.entries {
            let is_missed = entry.account == *account && !seen.contains(did);
            if is_missed && entry.absence.missed(began) {
                changes.missing.push(did.clone());
            }
        }
        for (did, remembered) in &mut self.remembered {
            let is_theirs = remembered.announced.account == account.as_str();
            let is_missed = is_theirs && remembered.orphaned.is_none();
            if is_missed && remembered.absence.missed(began) {
                changes.missing.push(did.clone());
            }
        }
    }

    /// We unbound these, so the first listing without them is to be believed.
    pub(super) fn prove_unbound(&mut self, dids: &[Did], now: Duration) {
        for did in dids {
            if let Some(entry) = self.entries.get_mut(did) {
                entry.absence.prove(now);
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
        if settings.shard.is_shared()
            && let Some(level) = self.assigned.get(did)
        {
            return level.clone();
        }
        let plain = slug::level(&device.alias, device.mac.as_ref(), did);
        let long = slug::with_suffix(&plain, did);
        let free = |level: &str| {
            !topic::is_reserved(level)
                && self.levels.get(level).is_none_or(|owner| owner == did)
                && !is_chosen_by_another(settings, did, level)
                && self
                    .remembered_levels
                    .get(level)
                    .is_none_or(|owner| owner == did)
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
