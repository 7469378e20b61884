//! Devices that join, leave, or get another name or topic, and what others are told of it.

use std::time::Duration;

use serde_json::json;
use tracing::info;

use crate::clock::Now;
use crate::ids::{AccountName, Did};
use crate::model::Device;

use super::calls::{Job, Priority};
use super::effect::{Announced, Effect};
use super::machine::Bridge;

/// A listing that misses devices is repeated this soon: it may have been a mistake.
const DOUBT: Duration = Duration::from_secs(30);

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

    /// A complete listing of one account.
    pub(super) fn on_listed(
        &mut self,
        now: Now,
        name: &AccountName,
        devices: Vec<Device>,
        out: &mut Vec<Effect>,
    ) {
        let changes = self
            .registry
            .update(name, devices, &self.settings, now.mono);
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
        for (did, _, announced) in changes.left {
            info!(account = %name, %did, "the device is not bound any more");
            self.forget_device(now, &did, &announced, out);
        }
        if changes.doubtful
            && let Some(account) = self.accounts.get_mut(name)
        {
            info!(account = %name, "a device is missing from the bindings: looking once more before it is removed");
            account.list_at(now.mono + DOUBT);
        }
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
            self.clear_topics(&was, out);
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
            self.clear_topics(old, out);
        }
        if let Some(entry) = self.registry.get_mut(did) {
            entry.told_online = None;
            self.announcer.changed(did, now.mono);
        }
        self.publish_device(now, did, out);
        self.publish_schedules(did, out);
        self.inventory_changed(now);
    }

    pub(super) fn rename_devices(&mut self, now: Now, out: &mut Vec<Effect>) {
        for (did, old) in self.registry.rename(&self.settings) {
            self.on_renamed(now, &did, old.as_ref(), out);
        }
    }

    /// Takes a device out that the settings do not want any more.
    pub(super) fn remove_device(&mut self, now: Now, did: &Did, out: &mut Vec<Effect>) {
        if let Some(entry) = self.registry.remove(did) {
            self.push.look_again();
            if let Some(account) = self.accounts.get_mut(&entry.account) {
                account.forget(did);
            }
            self.forget_device(now, did, &entry.announced, out);
        }
    }

    /// Takes back what an earlier run announced for accounts that are not configured any more.
    pub(super) fn forget_orphans(&mut self, now: Now, out: &mut Vec<Effect>) {
        for (did, announced) in self.registry.take_orphans(&self.settings) {
            self.forget_device(now, &did, &announced, out);
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

    /// Takes back all that was published of a device.
    fn forget_device(&mut self, now: Now, did: &Did, announced: &Announced, out: &mut Vec<Effect>) {
        self.announcer.forget(did);
        for verdict in self
            .pending
            .abandon(Some(did), "the device is not bound any more")
        {
            self.publish_result_on(&announced.level, verdict, out);
        }
        for account in self.accounts.values_mut() {
            account.forget(did);
        }
        self.publisher.clear(self.topics.discovery(did), out);
        self.clear_topics(announced, out);
        // Without a link the emptied topics wait in memory alone; then the next run takes them back again.
        if self.publisher.is_up() {
            out.push(Effect::SaveAnnounced {
                did: did.clone(),
                announced: None,
            });
        }
        self.publish_event(
            "device_left",
            Some(did),
            None,
            json!({ "topic": announced.level }),
            out,
        );
        self.inventory_changed(now);
    }
}
