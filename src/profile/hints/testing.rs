//! Schemas for tests of what names give away.

use serde_json::{Value, json};

use crate::ids::ProductKey;
use crate::model::{Datapoint, ProductSchema};

/// A product with these attributes.
pub(in crate::profile) fn schema(attrs: &Value) -> ProductSchema {
    let document = json!({ "entities": [{ "attrs": attrs }] });
    let product_key = ProductKey::new("pk").unwrap();
    let (schema, left_out) = ProductSchema::parse(&product_key, &document).unwrap();
    assert!(left_out.is_empty(), "{left_out:?}");
    schema
}

/// One attribute; a bool unless it says otherwise.
pub(in crate::profile) fn datapoint(attr: &Value) -> Datapoint {
    let mut attr = attr.clone();
    if attr.get("data_type").is_none() {
        attr["data_type"] = "bool".into();
    }
    schema(&json!([attr])).datapoints()[0].clone()
}
