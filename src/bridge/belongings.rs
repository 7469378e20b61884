//! Which retained topics a device has, so that they can be emptied: all of them when it is gone, single
//! ones when nothing fills them any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Now;
use crate::ids::Did;

use super::effect::{Announced, Effect};
use super::machine::Bridge;
use super::tell::entities::own_levels;

impl Bridge {
    /// Notes the topics of a device for later runs, too.
    pub(super) fn remember_topics(&mut self, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let Some(schema) = self.products.get(&entry.device.product_key) else {
            return;
        };
        let Some(plan) = entry.plan.clone() else {
            return;
        };
        let before = entry.topics_of.as_ref();
        let moved = entry.announced.level != entry.level;
        if !moved && before.is_some_and(|before| Arc::ptr_eq(before, &plan)) {
            return;
        }
        entry.has_leftovers |= before.is_some_and(|before| !before.entities.is_empty());
        let announced = &mut entry.announced;
        if moved {
            announced.attrs.clear();
        }
        let known: BTreeSet<String> = announced.attrs.iter().cloned().collect();
        let levels = schema.datapoints().iter();
        let levels = levels.map(|datapoint| schema.level(datapoint.name.as_str()).into_owned());
        let levels = levels.chain(own_levels(&plan.entities));
        announced
            .attrs
            .extend(levels.filter(|level| !known.contains(level)));
        entry.topics_of = Some(plan);
        let account = entry.account.as_str();
        if !moved && announced.attrs.len() == known.len() && announced.account == account {
            return;
        }
        account.clone_into(&mut announced.account);
        announced.level.clone_from(&entry.level);
        out.push(Effect::SaveAnnounced {
            did: did.clone(),
            announced: Some(announced.clone()),
        });
    }

    /// Empties the topics of values that stood there before and that no report shows any more.
    pub(super) fn clear_leftovers(&mut self, did: &Did, out: &mut Vec<Effect>) {
        let Some(entry) = self.registry.get_mut(did) else {
            return;
        };
        let schema = self.products.get(&entry.device.product_key);
        let (Some(schema), true) = (schema, std::mem::take(&mut entry.has_leftovers)) else {
            return;
        };
        let names = entry.attrs.iter();
        let mut shown: BTreeSet<String> = names
            .map(|(name, _)| schema.level(name.as_str()).into_owned())
            .collect();
        let plan = entry.plan.as_ref();
        shown.extend(
            plan.map(|plan| own_levels(&plan.entities))
                .unwrap_or_default(),
        );
        for attr in entry
            .announced
            .attrs
            .iter()
            .filter(|attr| !shown.contains(*attr))
        {
            let topic = self.topics.below_device(&entry.level, attr);
            self.publisher.clear(topic, out);
        }
    }

    /// Empties all topics of a device that has another level now, or is gone. Where another device has
    /// the level meanwhile, its topics are filled again at once; those that another instance fills are
    /// left alone.
    pub(super) fn clear_topics(&mut self, now: Now, announced: &Announced, out: &mut Vec<Effect>) {
        let level = &announced.level;
        if level.is_empty() {
            return;
        }
        if self.registry.is_elsewhere(level) {
            self.publisher.clear(self.topics.schedules(level), out);
            return;
        }
        for attr in &announced.attrs {
            self.publisher
                .clear(self.topics.below_device(level, attr), out);
        }
        self.publisher
            .clear(self.topics.below_device(level, "availability"), out);
        self.publisher.clear(self.topics.schedules(level), out);
        self.publisher.clear(self.topics.device(level), out);
        if let Some(owner) = self.registry.at_level(level).cloned() {
            self.publish_again(now, &owner, out);
            self.publish_schedules(&owner, out);
        }
    }
}
