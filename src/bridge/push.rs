//! All push connections: which there are to be, which are healthy, whom they bring reports of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::{debug, warn};

use crate::clock::Now;
use crate::ids::{AccountName, Did, LinkId};
use crate::model::Endpoint;

use super::link::{Fault, Link, Orders, Shown};
use super::registry::Registry;

/// Connections of one account; the cloud names a handful of hosts. What is beyond is polled.
const MAX_LINKS: usize = 32;

/// The push connections of all accounts.
#[derive(Debug, Default)]
pub(super) struct PushLinks {
    links: BTreeMap<(AccountName, Endpoint), Link>,
    /// Where each device is to be heard.
    homes: BTreeMap<Did, (AccountName, Endpoint)>,
    /// Whose each connection is, until it is closed or its end is told.
    names: BTreeMap<LinkId, (AccountName, Endpoint)>,
    next_id: u64,
    /// The devices, or the settings, changed.
    stale: bool,
    /// Accounts that are others now: their connections begin anew.
    renewed: BTreeSet<AccountName>,
    /// Which devices are reached may have changed, beyond what each connection tells.
    moved: bool,
    /// `bridge/info` shows something that is not so any more, beyond what each connection tells.
    news: bool,
    /// Connections that were given up, by why.
    faults: BTreeMap<Fault, u64>,
}

impl PushLinks {
    /// Devices came, went or moved, or the settings changed: look again with the next tick.
    pub(super) fn look_again(&mut self) {
        self.stale = true;
    }

    /// The account is another one now, under the same name.
    pub(super) fn renew(&mut self, account: AccountName) {
        self.renewed.insert(account);
        self.stale = true;
    }

    /// Makes the connections those that the devices want: of accounts that are `wanted`. Names those that
    /// are closed by that.
    pub(super) fn follow(
        &mut self,
        registry: &Registry,
        wanted: impl Fn(&AccountName) -> bool,
        now: Now,
        orders: &mut Orders,
    ) -> Vec<LinkId> {
        let mut closed = Vec::new();
        if !std::mem::take(&mut self.stale) {
            return closed;
        }
        self.news = true;
        self.moved = true;
        self.homes.clear();
        let mut homes: BTreeMap<(AccountName, Endpoint), BTreeSet<Did>> = BTreeMap::new();
        for (did, entry) in registry.iter() {
            let Some(endpoint) = entry.device.push.clone().filter(|_| wanted(&entry.account))
            else {
                continue;
            };
            let home = (entry.account.clone(), endpoint);
            self.homes.insert(did.clone(), home.clone());
            homes.entry(home).or_default().insert(did.clone());
        }
        let renewed = std::mem::take(&mut self.renewed);
        self.links.retain(|home, link| {
            let keep = homes.contains_key(home) && !renewed.contains(&home.0);
            if !keep {
                closed.extend(link.id());
                link.close(orders);
            }
            keep
        });
        for (home, devices) in homes {
            let of_account = self.links.keys().filter(|known| known.0 == home.0).count();
            if !self.links.contains_key(&home) && of_account >= MAX_LINKS {
                warn!(account = %home.0, endpoint = %home.1, devices = devices.len(),
                    "more than {MAX_LINKS} push hosts: the devices of this one are only polled");
                continue;
            }
            let link = self.links.entry(home.clone());
            let link = link.or_insert_with(|| Link::new(home.1, now.mono));
            link.want(devices, now.mono, orders);
        }
        closed
    }

    /// Lets time act on each; `token` says whether an account has one, `is_online` whether a device can be
    /// expected to answer. Names those that were given up.
    pub(super) fn tick(
        &mut self,
        now: Duration,
        (token, is_online): (impl Fn(&AccountName) -> bool, &dyn Fn(&Did) -> bool),
        mut chance: impl FnMut() -> f64,
        orders: &mut Orders,
    ) -> Vec<LinkId> {
        let mut lost = Vec::new();
        for (home, link) in &mut self.links {
            let account = &home.0;
            let (id, before) = (link.id(), link.shown());
            let fault = link.tick(
                now,
                (token(account), is_online),
                &mut self.next_id,
                chance(),
                orders,
            );
            if let Some(fault) = fault {
                tell_loss(account, link, before);
                *self.faults.entry(fault).or_default() += 1;
                lost.extend(id);
            } else if let Some(new) = link.id().filter(|new| Some(*new) != id) {
                self.names.insert(new, home.clone());
            }
        }
        lost
    }

    /// A connection was given up for this reason.
    pub(super) fn count(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// The connection of this name, unless it was given up.
    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        let link = self.links.get_mut(self.names.get(&id)?)?;
        (link.id() == Some(id)).then_some(link)
    }

    /// Whose a connection is, or was until a moment ago.
    pub(super) fn account_of(&self, id: LinkId) -> Option<&AccountName> {
        self.names.get(&id).map(|(account, _)| account)
    }

    /// Which devices are reached may be others than when this was asked last.
    pub(super) fn take_moved(&mut self) -> bool {
        let links = self.links.values_mut();
        links.fold(std::mem::take(&mut self.moved), |moved, link| {
            std::mem::take(&mut link.moved) || moved
        })
    }

    /// `bridge/info` shows something else than when this was asked last.
    pub(super) fn take_news(&mut self) -> bool {
        let links = self.links.values_mut();
        links.fold(std::mem::take(&mut self.news), |news, link| {
            std::mem::take(&mut link.news) || news
        })
    }

    /// A connection is no more, and nothing goes there.
    pub(super) fn forget(&mut self, id: LinkId) {
        self.names.remove(&id);
    }

    fn home(&self, did: &Did) -> Option<&Link> {
        self.links.get(self.homes.get(did)?)
    }

    fn home_mut(&mut self, did: &Did) -> Option<&mut Link> {
        self.links.get_mut(self.homes.get(did)?)
    }

    /// The healthy connection over which a device can be spoken to now.
    pub(super) fn route(&self, did: &Did) -> Option<LinkId> {
        let link = self.home(did)?;
        link.id().filter(|_| link.reaches(did))
    }

    /// When the device's healthy connection last showed life.
    pub(super) fn vouches(&self, did: &Did) -> Option<Duration> {
        self.home(did)?.vouches(did)
    }

    /// A number for the next write to a device.
    pub(super) fn next_serial(&mut self, did: &Did) -> u64 {
        self.home_mut(did).map_or(0, Link::next_serial)
    }

    /// The device is polled rarely, since push brings its reports.
    pub(super) fn is_calm(&self, did: &Did) -> bool {
        self.home(did).is_some_and(|link| link.is_calm(did))
    }

    /// The device was asked for its values only to see whether it answers.
    pub(super) fn is_probed(&self, did: &Did) -> bool {
        self.home(did).is_some_and(|link| link.is_probed(did))
    }

    /// A report of a device came.
    pub(super) fn reported(&mut self, did: &Did, now: Duration) {
        if let Some(link) = self.home_mut(did) {
            link.reported(did, now);
        }
    }

    /// Devices that newly do not answer over their connection.
    pub(super) fn take_silent(&mut self) -> Vec<Did> {
        self.links
            .values_mut()
            .flat_map(Link::take_silent)
            .collect()
    }

    /// A poll that was asked for at `asked_at` showed a change that push had not brought.
    pub(super) fn doubt(&mut self, did: &Did, asked_at: Duration, now: Duration) {
        if let Some(link) = self.home_mut(did) {
            link.doubt(did, asked_at, now);
        }
    }

    /// Every device of an account is heard, and there is one: without a device there is no connection
    /// that would tell of the first.
    pub(super) fn hears_all(&self, account: &AccountName, registry: &Registry) -> bool {
        let theirs = registry
            .iter()
            .filter(|(_, entry)| entry.account == *account);
        let mut theirs = theirs.peekable();
        theirs.peek().is_some() && theirs.all(|(did, _)| self.is_calm(did))
    }

    /// Anything to do at this moment?
    pub(super) fn next_deadline(&self, token: impl Fn(&AccountName) -> bool) -> Option<Duration> {
        let links = self.links.iter();
        links
            .filter_map(|((account, _), link)| link.next_deadline(token(account)))
            .min()
    }

    /// Healthy ones.
    pub(super) fn connections(&self) -> usize {
        self.links.values().filter(|link| link.is_up()).count()
    }

    /// How often one was given up, by why.
    pub(super) fn faults(&self) -> Value {
        let faults = self.faults.iter();
        faults
            .map(|(fault, count)| (fault.as_str().to_owned(), Value::from(*count)))
            .collect()
    }

    /// `push` of `bridge/info`. `unix` tells the Unix time of a moment.
    pub(super) fn info(&self, enabled: bool, unix: impl Fn(Duration) -> i64) -> Value {
        let up = self.connections();
        let connecting = self
            .links
            .values()
            .any(|link| link.shown() == Shown::Connecting);
        let state = match (enabled, self.links.len()) {
            (false, _) => "off",
            (true, 0) => "none",
            (true, all) if up == all => "ok",
            (true, _) if up > 0 => "partial",
            (true, _) if connecting => "connecting",
            (true, _) => "down",
        };
        let connection = |((account, endpoint), link): (&(AccountName, Endpoint), &Link)| {
            json!({
                "account": account.as_str(),
                "endpoint": endpoint.to_string(),
                "state": link.shown().as_str(),
                "since": unix(link.shown_since()),
                "devices": link.devices().len(),
                "reason": link.reason(),
            })
        };
        let connections: Vec<Value> = self.links.iter().map(connection).collect();
        json!({ "state": state, "connections": connections })
    }
}

/// Once when a connection is lost, or the first one does not come to be; not at each try.
pub(super) fn tell_loss(account: &AccountName, link: &Link, before: Shown) {
    let (endpoint, reason) = (&link.endpoint, link.reason());
    if before == Shown::Down {
        debug!(%account, %endpoint, reason, "push: still no connection");
    } else {
        warn!(%account, %endpoint, reason, "push: no connection; it is tried again and again");
    }
}
