//! What push connections tell, and what that means for devices and commands.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::clock::Now;
use crate::ids::{AccountName, Did, LinkId};
use crate::model::Region;

use super::account::Account;
use super::calls::{Job, Priority};
use super::effect::Effect;
use super::link::{Fault, Orders};
use super::machine::Bridge;
use super::push::tell_loss;
use super::socket::{SocketEvent, SocketOrder};

/// Changes of bindings come in bursts: one listing for all.
const BURST: Duration = Duration::from_secs(2);

impl Bridge {
    /// What a connection told. One that was given up meanwhile is not listened to.
    pub(super) fn on_socket(
        &mut self,
        now: Now,
        id: LinkId,
        event: SocketEvent,
        out: &mut Vec<Effect>,
    ) {
        let Some(account) = self.push.account_of(id).cloned() else {
            debug!(link = %id, "a push connection of before told something");
            return;
        };
        match event {
            SocketEvent::Report { did, attrs, .. } => {
                if self.is_heard(now, &account, id, &did) {
                    let is_probe = self.on_device_heard(now, &did);
                    self.on_pushed(now, &did, (&attrs, is_probe), out);
                }
            }
            SocketEvent::Acknowledged { did, serial } => {
                if self.is_heard(now, &account, id, &did) {
                    self.on_acknowledged(now, &did, id, serial, out);
                }
            }
            SocketEvent::Online { did, online } => {
                self.on_status(now, (&account, id), (&did, online), out)
            }
            SocketEvent::BindingChanged { did, bound } => {
                info!(%account, %did, bound, "push: a binding changed");
                let entry = self.registry.get_mut(&did);
                if let Some(entry) = entry.filter(|entry| entry.account == account && !bound) {
                    entry.absence.prove(now.mono);
                }
                if let Some(account) = self.accounts.get_mut(&account) {
                    account.list_at(now.mono + BURST);
                }
            }
            SocketEvent::Opened
            | SocketEvent::LoggedIn(_)
            | SocketEvent::Subscribed { .. }
            | SocketEvent::Pong
            | SocketEvent::Invalid { .. }
            | SocketEvent::Down { .. } => self.on_link(now, &account, id, event, out),
        }
    }

    /// What a connection told of itself.
    fn on_link(
        &mut self,
        now: Now,
        account: &AccountName,
        id: LinkId,
        event: SocketEvent,
        out: &mut Vec<Effect>,
    ) {
        let chance = self.chance.f64();
        let mut orders = Orders::new();
        let Some(link) = self.push.get_mut(id) else {
            return;
        };
        let (before, endpoint) = (link.shown(), link.endpoint.clone());
        link.heard(now.mono);
        let (mut fault, mut done, mut news) = (None, Vec::new(), Vec::new());
        // When a login left that push refused.
        let mut refused = None;
        let mut is_accepted = false;
        match event {
            SocketEvent::Opened => link.opened(now.mono, &mut orders),
            SocketEvent::LoggedIn(Ok(())) => {
                link.logged_in(now.mono, &mut orders);
                is_accepted = true;
                info!(%account, %endpoint, devices = link.devices().len(), "push is up");
            }
            SocketEvent::LoggedIn(Err(reason)) => {
                refused = Some(link.refused(now.mono, &reason, chance, &mut orders));
                fault = Some(Fault::Session);
            }
            SocketEvent::Subscribed { done: all, failed } => {
                link.subscribed(now.mono, &all, &mut orders);
                if link.leave_out(failed.iter().map(|(did, _)| did)) {
                    news = failed;
                }
                done = all;
            }
            SocketEvent::Invalid { code, message } => {
                fault = link.invalid(now.mono, (code, &message), chance, &mut orders);
                if link.is_new_complaint(code) {
                    warn!(%account, %endpoint, code, message, "push: the cloud complains");
                }
                self.health.note(format!("push_{code}"));
            }
            SocketEvent::Down { reason } => {
                link.down(now.mono, reason, chance);
                fault = Some(Fault::Ended);
            }
            SocketEvent::Pong
            | SocketEvent::Report { .. }
            | SocketEvent::Acknowledged { .. }
            | SocketEvent::Online { .. }
            | SocketEvent::BindingChanged { .. } => {}
        }
        if fault.is_some() {
            tell_loss(account, link, before);
        }
        if let Some(account) = self.accounts.get_mut(account) {
            if is_accepted {
                account.push_accepted();
            }
            if let Some(sent_at) = refused {
                account.push_refused(sent_at, now);
            }
        }
        let is_login =
            |(_, order): &(LinkId, SocketOrder)| matches!(order, SocketOrder::Login { .. });
        let has_token = self.accounts.get(account).is_some_and(Account::has_token);
        let is_stuck = !has_token && orders.iter().any(is_login);
        if is_stuck && let Some(link) = self.push.get_mut(id) {
            // A token that the cloud does not know any more is not offered once more.
            orders.clear();
            link.wait_for_token(now.mono, &mut orders);
        }
        if let Some(fault) = fault {
            self.push.count(fault);
        }
        let is_over = fault.is_some() || is_stuck;
        if is_over {
            self.on_link_lost(now, id, out);
        }
        self.on_subscribed(now, account, (&done, &news), out);
        self.send_orders(orders, out);
        if is_over {
            self.push.forget(id);
        }
    }

    /// A device came or went, as the cloud says.
    fn on_status(
        &mut self,
        now: Now,
        (account, id): (&AccountName, LinkId),
        (did, online): (&Did, bool),
        out: &mut Vec<Effect>,
    ) {
        if !self.is_heard(now, account, id, did) {
            return;
        }
        if let Some(entry) = self.registry.get_mut(did) {
            entry.presence.told(now.mono, online);
        }
        if online {
            // It has reported to nobody while it was away.
            self.send_order(id, SocketOrder::Read(did.clone()), out);
        }
        self.publish_device(now, did, out);
    }

    /// Is this a device that the account has, over a connection that counts?
    fn is_heard(&mut self, now: Now, account: &AccountName, id: LinkId, did: &Did) -> bool {
        let Some(link) = self.push.get_mut(id) else {
            return false;
        };
        link.heard(now.mono);
        let entry = self.registry.get(did.as_str());
        let is_theirs = entry.is_some_and(|entry| entry.account == *account);
        if !is_theirs {
            self.health.note("push_unknown_device".into());
        }
        is_theirs
    }

    /// True when the device was asked only to see whether it answers.
    fn on_device_heard(&mut self, now: Now, did: &Did) -> bool {
        let is_probe = self.push.is_probed(did);
        self.push.reported(did, now.mono);
        let Some(entry) = self.registry.get_mut(did) else {
            return is_probe;
        };
        if is_probe {
            entry.presence.vouched(now.mono);
            return true;
        }
        if entry.presence.is_new() {
            self.announcer.changed(did, now.mono);
        }
        entry.presence.heard(now);
        false
    }

    /// A subscription was answered: who is heard, and who is newly left out.
    fn on_subscribed(
        &mut self,
        now: Now,
        account: &AccountName,
        (done, failed): (&[Did], &[(Did, String)]),
        out: &mut Vec<Effect>,
    ) {
        if let Some((did, reason)) = failed.first() {
            warn!(%account, %did, reason, count = failed.len(), "push: devices that it does not bring are polled");
            if let Some(account) = self.accounts.get_mut(account) {
                account.list_at(now.mono + BURST);
            }
        }
        for did in done {
            self.send_waiting(now, did, out);
        }
    }

    /// A device that push reaches is polled rarely, any other as without push.
    fn pace_polls(&mut self, now: Now) {
        if !self.push.take_moved() {
            return;
        }
        for (did, entry) in self.registry.iter() {
            let Some(account) = self.accounts.get_mut(&entry.account) else {
                continue;
            };
            if self.push.is_calm(did) {
                account.polls.calm(did, now.mono, self.chance.f64());
            } else if account.polls.hurry(did, now.mono) {
                account.list_without_push();
            }
        }
    }

    /// Lets time act on the connections.
    pub(super) fn follow_push(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut orders = Orders::new();
        let (enabled, accounts) = (self.settings.push, &self.accounts);
        let wanted = |name: &AccountName| {
            enabled && accounts.get(name).is_some_and(|of| of.refusal().is_none())
        };
        let mut lost = self.push.follow(&self.registry, wanted, now, &mut orders);
        let token = |name: &AccountName| accounts.get(name).is_some_and(Account::has_token);
        let chance = &mut self.chance;
        let (registry, products) = (&self.registry, &self.products);
        // A device without datapoints has nothing to answer a read with.
        let can_answer = |did: &Did| {
            registry.get(did.as_str()).is_some_and(|entry| {
                let schema = products.get(&entry.device.product_key);
                entry.told_online == Some(true)
                    && schema.is_some_and(|schema| !schema.datapoints().is_empty())
            })
        };
        lost.extend(
            self.push
                .tick(now.mono, (token, &can_answer), || chance.f64(), &mut orders),
        );
        for did in self.push.take_silent() {
            debug!(%did, "push: the device does not answer; it is polled");
            self.ask(&did, Job::Latest(did.clone()), Priority::Asked);
        }
        for id in &lost {
            self.on_link_lost(now, *id, out);
        }
        self.pace_polls(now);
        self.send_orders(orders, out);
        lost.into_iter().for_each(|id| self.push.forget(id));
        if self.push.take_news() {
            self.publish_info(out);
        }
    }

    fn send_orders(&mut self, orders: Orders, out: &mut Vec<Effect>) {
        for (link, order) in orders {
            self.send_order(link, order, out);
        }
    }

    /// Sends an order over a connection.
    pub(super) fn send_order(&self, link: LinkId, order: SocketOrder, out: &mut Vec<Effect>) {
        let Some(account) = self.push.account_of(link).cloned() else {
            return;
        };
        // Of an account that is gone, connections are only closed.
        let of = self.accounts.get(&account);
        let region = of.map_or(Region::Custom, Account::region);
        out.push(Effect::Socket {
            account,
            region,
            link,
            order,
        });
    }
}
