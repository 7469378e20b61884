//! Schemas and reports for tests of what products become.

use serde_json::{Value, json};

use crate::ids::ProductKey;
use crate::model::{AttrValue, Attrs, Datapoint, ProductSchema};

/// A product with these attributes.
pub(in crate::profile) fn schema(attrs: &Value) -> ProductSchema {
    let document = json!({ "entities": [{ "attrs": attrs }] });
    let product_key = ProductKey::new("pk").unwrap();
    let (schema, left_out) = ProductSchema::parse(&product_key, &document).unwrap();
    assert!(left_out.is_empty(), "{left_out:?}");
    schema
}

/// What a device of the product said.
pub(in crate::profile) fn attrs(schema: &ProductSchema, report: &Value) -> Attrs {
    let report = report.as_object().unwrap().iter();
    let decode = |(name, value): (&String, &Value)| {
        let datapoint = schema.get(name).unwrap();
        let value = AttrValue::decode(datapoint, value).unwrap();
        (datapoint.name.clone(), value)
    };
    report.map(decode).collect()
}

/// One attribute; a bool unless it says otherwise.
pub(in crate::profile) fn datapoint(attr: &Value) -> Datapoint {
    let mut attr = attr.clone();
    if attr.get("data_type").is_none() {
        attr["data_type"] = "bool".into();
    }
    schema(&json!([attr])).datapoints()[0].clone()
}
