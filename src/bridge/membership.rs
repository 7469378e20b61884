//! Devices that join, leave, or get another name or topic, and what others are told of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tracing::info;

use crate::clock::Now;
use crate::ids::{AccountName, Did};
use crate::model::Device;

use super::absence::ABSENT_FOR;
use super::calls::{Job, Priority};
use super::effect::{Announced, Effect};
use super::machine::Bridge;
use super::settings::{Claim, Settings};

impl Bridge {
    /// A page of a listing that goes on. Its new devices are served at once: the rest of a large
    /// account may take hours.
    pub(super) fn on_page(
        &mut self,
        now: Now,
        name: &AccountName,
        devices: Vec<Device>,
        out: &mut Vec<Effect>,
    ) {
        let joined = self.registry.meet(name, devices, &self.settings, now.mono);
        if !joined.is_empty() {
            self.push.look_again();
        }
        for did in joined {
            self.on_joined(now, name, &did, out);
        }
    }

    /// A complete listing of one account, and when it began.
    pub(super) fn on_listed(
        &mut self,
        now: Now,
        name: &AccountName,
        (began, devices): (Duration, Vec<Device>),
        out: &mut Vec<Effect>,
    ) {
        let listing = (began, devices);
        let changes = self
            .registry
            .update(name, listing, &self.settings, now.mono);
        self.push.look_again();
        let is_heard = self.push.hears_all(name, &self.registry);
        if let Some(account) = self.accounts.get_mut(name) {
            account.rest_after_listing(is_heard);
        }
        for did in changes.joined {
            self.on_joined(now, name, &did, out);
        }
        if let Some(account) = self.accounts.get_mut(name)
            && std::mem::take(&mut account.has_new_devices)
        {
            account.schedules.joined(now.mono);
        }
        for (did, old) in changes.changed {
            self.on_renamed(now, &did, old.as_ref(), out);
        }
        for (did, before) in changes.moved {
            self.on_moved(now, name, &did, &before, out);
        }
        for (did, announced) in changes.handed_over {
            self.hand_over(now, &did, &announced, out);
        }
        self.on_missing(name, began, &changes.missing);
        let working = self.accounts.iter();
        let working = working.filter(|(_, account)| account.refusal().is_none());
        let working: Vec<AccountName> = working.map(|(name, _)| name.clone()).collect();
        let gone = self.registry.take_unbound(now.mono, &working);
        for (did, _) in &gone {
            info!(%did, "the device is not bound any more");
        }
        self.forget_devices(now, &gone, out);
        self.release_orphans(now, out);
        for product_key in self.products.worth_asking() {
            let theirs = |(_, entry): &(&Did, &super::registry::Entry)| {
                entry.account == *name && entry.device.product_key == product_key
            };
            if self.registry.iter().any(|item| theirs(&item))
                && let Some(account) = self.accounts.get_mut(name)
            {
                account.push(Job::Schema(product_key), Priority::Poll);
            }
        }
        self.publish_availability(now, out);
    }

    fn on_joined(&mut self, now: Now, name: &AccountName, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get(did.as_str()) else {
            return;
        };
        let product_key = entry.device.product_key.clone();
        let was = entry.announced.clone();
        let moved = was.level != entry.level;
        info!(account = %name, %did, topic = entry.level, product = entry.device.product_name, "device joined");
        let details = json!({ "name": entry.name, "topic": entry.level, "product_key": product_key.as_str() });
        self.publish_event("device_joined", Some(did), Some(name), details, out);
        if moved {
            // It got another topic while the bridge was not running.
            self.clear_topics(now, &was, out);
        }
        self.announcer.join(did, now.mono);
        if let Some(account) = self.accounts.get_mut(name) {
            account.polls.add(did.clone(), now.mono);
            account.has_new_devices = true;
            self.products.expect(&product_key);
            if self.products.is_settled(&product_key) {
                account.push(Job::Latest(did.clone()), Priority::Stale);
            } else {
                // Another account may have asked already, but may never be answered.
                account.push(Job::Schema(product_key.clone()), Priority::Inventory);
            }
        }
        self.inventory_changed(now);
    }

    /// Another name, or with `old` another topic level.
    pub(super) fn on_renamed(
        &mut self,
        now: Now,
        did: &Did,
        old: Option<&Announced>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(old) = old {
            info!(%did, was = old.level, "the device has another topic now");
            self.clear_topics(now, old, out);
        }
        // Its product may be called something else, which can mean another profile.
        self.replan(did);
        self.announcer.changed(did, now.mono);
        self.publish_device(now, did, out);
        self.publish_schedules(did, out);
        self.inventory_changed(now);
    }

    pub(super) fn rename_devices(&mut self, now: Now, out: &mut Vec<Effect>) {
        for (did, old) in self.registry.rename(&self.settings) {
            self.on_renamed(now, &did, old.as_ref(), out);
        }
    }

    /// The newest listing is the first one that lacks these. They go on as they are: a device is taken
    /// from Home Assistant only after proof, which is looked for now.
    fn on_missing(&mut self, name: &AccountName, began: Duration, missing: &[Did]) {
        if missing.is_empty() {
            return;
        }
        info!(account = %name, devices = missing.len(),
            "devices are missing from the bindings: they stay until it is proven that they are unbound");
        for (of, account) in &mut self.accounts {
            // Another account may have them by now.
            let at = if of == name {
                began + ABSENT_FOR
            } else {
                began
            };
            account.list_at(at);
        }
        for did in missing {
            self.ask(did, Job::Latest(did.clone()), Priority::Poll);
        }
    }

    /// Another account of this configuration has the device now.
    fn on_moved(
        &mut self,
        now: Now,
        name: &AccountName,
        did: &Did,
        before: &AccountName,
        out: &mut Vec<Effect>,
    ) {
        info!(%did, was = %before, account = %name, "the device is another account's now");
        if let Some(account) = self.accounts.get_mut(before) {
            account.forget(&BTreeSet::from([did.clone()]));
        }
        if let Some(account) = self.accounts.get_mut(name) {
            account.polls.add(did.clone(), now.mono);
            account.has_new_devices = true;
            account.push(Job::Latest(did.clone()), Priority::Stale);
        }
        self.send_waiting(now, did, out);
        self.publish_device(now, did, out);
        self.inventory_changed(now);
    }

    /// Another instance serves the device: what stands on its topics and in Home Assistant is left to that one.
    fn hand_over(&mut self, now: Now, did: &Did, announced: &Announced, out: &mut Vec<Effect>) {
        info!(%did, topic = announced.level, "another instance serves the device now");
        let reason = "another instance serves the device now";
        self.end_service(now, did, &announced.level, reason, out);
        self.publisher
            .clear(self.topics.schedules(&announced.level), out);
        self.forget_announced(did, out);
    }

    /// New settings leave devices out, give them to another instance, or have another user in place of
    /// theirs.
    pub(super) fn disown_devices(&mut self, now: Now, before: &Settings, out: &mut Vec<Effect>) {
        let users = |settings: &Settings, name: &AccountName| {
            settings.accounts.get(name).map(|account| account.user)
        };
        let after = self.settings.clone();
        let is_known = |name: &AccountName| {
            users(before, name).is_some() && users(before, name) == users(&after, name)
        };
        self.registry.forget_listings(is_known);
        let mut disowned: BTreeSet<Did> = self.registry.unwanted(&after).into_iter().collect();
        let foreign = self.registry.iter();
        let foreign = foreign.filter(|(_, entry)| !is_known(&entry.account));
        disowned.extend(foreign.map(|(did, _)| did.clone()));
        for account in self.accounts.values_mut() {
            account.forget(&disowned);
        }
        for did in &disowned {
            let Some(entry) = self.registry.get(did.as_str()) else {
                continue;
            };
            let (claim, level) = (after.claim(&entry.account, did), entry.level.clone());
            if claim == Claim::OtherInstance && is_known(&entry.account) {
                if let Some(announced) = self.registry.hand_over(did) {
                    self.hand_over(now, did, &announced, out);
                }
                continue;
            }
            let reason = "the configuration leaves the device out now";
            self.end_service(now, did, &level, reason, out);
            self.registry.disown(did, now.mono);
        }
    }

    /// Devices that no account here looks after, once every account was listed. They may be bound, so only
    /// what is this bridge's own is taken back.
    pub(super) fn release_orphans(&mut self, now: Now, out: &mut Vec<Effect>) {
        for (did, announced) in self.registry.take_orphans(&self.settings) {
            info!(%did, "no account has the device: its topics are emptied");
            self.end_service(
                now,
                &did,
                &announced.level,
                "the device is not served any more",
                out,
            );
            self.clear_topics(now, &announced, out);
            self.look_at_discovery(&did, out);
            self.forget_announced(&did, out);
        }
    }

    /// Every device's product is asked for that is not known yet.
    pub(super) fn ask_for_schemas(&mut self) {
        for (_, entry) in self.registry.iter() {
            let product_key = &entry.device.product_key;
            if let Some(account) = self
                .accounts
                .get_mut(&entry.account)
                .filter(|_| !self.products.is_settled(product_key))
            {
                account.push(Job::Schema(product_key.clone()), Priority::Inventory);
            }
        }
    }

    /// Takes back all that was published of devices that are not bound any more.
    fn forget_devices(&mut self, now: Now, gone: &[(Did, Announced)], out: &mut Vec<Effect>) {
        if gone.is_empty() {
            return;
        }
        let dids = gone.iter().map(|(did, _)| did.clone()).collect();
        for account in self.accounts.values_mut() {
            account.forget(&dids);
        }
        self.push.look_again();
        for (did, announced) in gone {
            let reason = "the device is not bound any more";
            self.end_service(now, did, &announced.level, reason, out);
            self.publisher.clear(self.topics.discovery(did), out);
            self.clear_topics(now, announced, out);
            self.forget_announced(did, out);
        }
    }

    /// Ends a device's commands with a result, and tells that it left.
    fn end_service(
        &mut self,
        now: Now,
        did: &Did,
        level: &str,
        reason: &str,
        out: &mut Vec<Effect>,
    ) {
        self.announcer.forget(did);
        for verdict in self.pending.abandon(Some(did), reason) {
            self.publish_result_on(level, verdict, out);
        }
        self.push.look_again();
        self.publish_event(
            "device_left",
            Some(did),
            None,
            json!({ "topic": level }),
            out,
        );
        self.inventory_changed(now);
    }

    /// Without a link the emptied topics wait in memory alone; then the next run takes them back again.
    fn forget_announced(&self, did: &Did, out: &mut Vec<Effect>) {
        if self.publisher.is_up() {
            out.push(Effect::SaveAnnounced {
                did: did.clone(),
                announced: None,
            });
        }
    }
}
