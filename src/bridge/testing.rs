//! Values for the tests of this layer.

use crate::ids::{Did, Mac, ProductKey};
use crate::model::Device;

/// A bound device, online.
pub(super) fn device(did: &str, product_key: &str) -> Device {
    Device {
        did: Did::new(did).unwrap(),
        product_key: ProductKey::new(product_key).unwrap(),
        mac: Some(Mac::new("a1b2c3d4e5f6").unwrap()),
        alias: did.to_owned(),
        product_name: "Test".into(),
        is_online: true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
        push: None,
    }
}
