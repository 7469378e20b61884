//! The discovery message of a device, by the rules of `docs/HOME-ASSISTANT.md`.

use std::collections::BTreeMap;

use crate::ids::AttrName;
use crate::model::{Device, ProductSchema};

use super::topic::Topics;

/// What the message tells of a device.
#[derive(Debug, Clone, Copy)]
pub struct DeviceView<'a> {
    /// Its row in the bindings.
    pub device: &'a Device,
    /// Its product.
    pub schema: &'a ProductSchema,
    /// The shown name.
    pub name: &'a str,
    /// Its topic level.
    pub level: &'a str,
    /// Numbers that the device reported beyond their limits: Home Assistant ignores a state outside
    /// the announced range, so the range widens.
    pub observed: &'a BTreeMap<AttrName, (f64, f64)>,
}

/// Component keys with their platforms: the identity of entities, kept for ever.
pub type Components = BTreeMap<String, String>;

/// A retained discovery message.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Where it goes.
    pub topic: String,
    /// The JSON.
    pub payload: Vec<u8>,
    /// What it announces, without the retired ones.
    pub components: Components,
}

/// The message for a device. `earlier` holds what was announced before: those that are gone stay in
/// it as stubs, which is how Home Assistant learns to remove them.
#[must_use]
pub fn announce(topics: &Topics, view: DeviceView<'_>, earlier: &Components) -> Announcement {
    todo!("{topics:?} {view:?} {earlier:?}")
}
