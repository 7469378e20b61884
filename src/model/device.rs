//! One row of the bindings list. The passcode, which opens a device on the LAN, never gets this far.

use crate::ids::{Did, Mac, ProductKey};

use super::Endpoint;

/// A device that the account's user has bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub did: Did,
    /// Its product.
    pub product_key: ProductKey,
    /// Its mac, where the answer has a usable one.
    pub mac: Option<Mac>,
    /// The name that the user gave it in the app; may be empty.
    pub alias: String,
    /// The vendor's name of the product (`Airjet`, `泳池过滤器`); may be empty.
    pub product_name: String,
    /// What the cloud says of its connection. A hint only: seen false while data flowed, and true
    /// for dead devices.
    pub is_online: bool,
    /// Blocked by the vendor or the owner; calls answer 9023.
    pub is_disabled: bool,
    /// Firmware of the Wi-Fi module, e.g. `04020028`; may be empty.
    pub wifi_version: String,
    /// Firmware of the appliance's controller; may be empty.
    pub mcu_version: String,
    /// Where the cloud pushes what it reports; `None` where the answer names no host.
    pub push: Option<Endpoint>,
}
