//! What binds a device to a user.

use crate::ids::{Did, Mac, ProductKey};
use crate::secret::Secret;

/// A device that is to be bound by its did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The device.
    pub did: Did,
    /// Opens the device on the LAN, too.
    pub passcode: Secret<String>,
    /// Free text of the app; often empty.
    pub remark: String,
    /// A name that only this user sees; may be empty.
    pub alias: String,
}

/// A device that is to be bound by its mac.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindByMac {
    /// Its product.
    pub product_key: ProductKey,
    /// Its mac.
    pub mac: Mac,
    /// The vendor's; signs the request.
    pub product_secret: Secret<String>,
    /// Free text of the app; often empty.
    pub remark: String,
    /// A name that only this user sees; may be empty.
    pub alias: String,
}

/// What came of binding or unbinding several: a part may fail (documented).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bound {
    /// Done.
    pub success: Vec<Did>,
    /// Not done; the cloud does not say why.
    pub failed: Vec<Did>,
}
