//! What a command wants beyond the values that it sets: what its entity is to show then, and what may
//! happen only once. Here alone a reported value is compared with one that was asked for.

use std::collections::BTreeSet;

use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs, ProductSchema};
use crate::profile::catalog::Plan;
use crate::profile::entity::Part;
use crate::profile::platform::Role;

/// What a command wants beyond the values that it sets.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Intent {
    /// What its entity shows when it is done; `None` for a command to attributes.
    pub(super) target: Option<Target>,
    /// Attributes that fall back by themselves after they were set. Setting one twice does a thing
    /// twice, and a report that shows another value says nothing against it.
    pub(super) momentary: BTreeSet<AttrName>,
}

/// What an entity's role shows when a command to it is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// The entity's key.
    pub(super) key: String,
    pub(super) role: Role,
    /// The word, the number, on or off.
    pub(super) shows: AttrValue,
}

/// What a reported value means to the newest command that names its attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No command names the attribute, or the newest one wants something else.
    Unwanted,
    /// The newest one wants it, but did not leave yet, or the value does not last.
    Wanted,
    /// The newest one left and wants it to stay so.
    Effect,
}

/// How the values of a device are read: by its product's datapoints, and by its entities.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) schema: &'a ProductSchema,
    /// `None` until its product is known.
    pub(super) plan: Option<&'a Plan>,
}

impl<'a> Reader<'a> {
    /// Are these one value of the attribute? A command's may be of another type than a report's where
    /// types are guessed from reports, and a guess may change, so both are read by the datapoint as it
    /// is now.
    pub(super) fn is_same(self, name: &AttrName, one: &AttrValue, other: &AttrValue) -> bool {
        let datapoint = self.schema.get(name.as_str());
        one == other || datapoint.is_some_and(|of| one.normal(of) == other.normal(of))
    }

    /// A value as a report would have it.
    pub(super) fn normal(self, name: &AttrName, value: &AttrValue) -> AttrValue {
        let datapoint = self.schema.get(name.as_str());
        datapoint.map_or_else(|| value.clone(), |of| value.normal(of))
    }

    /// Does the entity show what was asked of it, when the device's values are these?
    pub(super) fn is_reached(self, target: &Target, attrs: &Attrs) -> bool {
        let shown = self.part(target).and_then(|part| part.shown(attrs));
        shown.is_some_and(|shown| shown.to_bare() == target.shows.to_bare())
    }

    /// Does what the entity shows depend on the attribute?
    pub(super) fn looks_at(self, target: &Target, name: &AttrName) -> bool {
        let reading = self.part(target).and_then(|part| part.reads.as_ref());
        reading.is_some_and(|reading| reading.attributes().contains(&name))
    }

    fn part(self, target: &Target) -> Option<&'a Part> {
        let mut entities = self.plan?.entities.iter();
        let entity = entities.find(|entity| entity.key == target.key)?;
        entity.parts.get(&target.role)
    }
}
