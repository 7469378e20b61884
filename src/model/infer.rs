//! Datapoints guessed from reports, for a product whose schema cannot be had and for attributes
//! that a schema does not know.

use serde_json::{Map, Value};

use crate::ids::AttrName;

use super::{Access, AttrValue, DataType, Datapoint, NumberSpec, ProductSchema};

/// A product may report this many attributes that nobody described; the rest is left out.
const MAX_INFERRED: usize = 1_000;

/// `schema` widened by every attribute of `report` that it does not have, or `None` when it has
/// them all. New ones get [`super::Access::Inferred`]; a number gets no limits worth the name. A
/// guess that the report proves wrong becomes a text, which takes any value.
#[must_use]
pub fn widen(schema: &ProductSchema, report: &Map<String, Value>) -> Option<ProductSchema> {
    let known = schema.datapoints().len();
    let new: Vec<Datapoint> = report
        .iter()
        .filter(|(name, _)| schema.get(name).is_none())
        .filter_map(|(name, value)| Some((AttrName::new(name.as_str()).ok()?, guess(value)?)))
        .take(MAX_INFERRED.saturating_sub(inferred(schema)))
        .zip(known..)
        .map(|((name, data_type), id)| Datapoint {
            id: u32::try_from(id).unwrap_or(u32::MAX),
            name,
            display_name: String::new(),
            desc: String::new(),
            access: Access::Inferred,
            data_type,
        })
        .collect();
    let is_wrong = |d: &Datapoint| {
        let value = report.get(d.name.as_str()).filter(|value| !value.is_null());
        d.access == Access::Inferred
            && value.is_some_and(|value| AttrValue::decode(d, value).is_err())
    };
    if new.is_empty() && !schema.datapoints().iter().any(is_wrong) {
        return None;
    }
    let mut datapoints = [schema.datapoints(), &new].concat();
    for datapoint in &mut datapoints {
        if is_wrong(datapoint) {
            datapoint.data_type = DataType::Text;
        }
    }
    let (product_key, name) = (schema.product_key.clone(), schema.name.clone());
    Some(ProductSchema::new(
        product_key,
        name,
        schema.inferred,
        datapoints,
    ))
}

/// `schema`, which has just come, with every datapoint that reports showed before and that it does not
/// describe: those of `earlier` that were guessed.
#[must_use]
pub fn keep(schema: &ProductSchema, earlier: &ProductSchema) -> Option<ProductSchema> {
    let known = schema.datapoints().len();
    let kept: Vec<Datapoint> = earlier
        .datapoints()
        .iter()
        .filter(|d| d.access == Access::Inferred && schema.get(d.name.as_str()).is_none())
        .cloned()
        .zip(known..)
        .map(|(datapoint, id)| Datapoint {
            id: u32::try_from(id).unwrap_or(u32::MAX),
            ..datapoint
        })
        .collect();
    (!kept.is_empty()).then(|| {
        ProductSchema::new(
            schema.product_key.clone(),
            schema.name.clone(),
            schema.inferred,
            [schema.datapoints(), &kept].concat(),
        )
    })
}

fn inferred(schema: &ProductSchema) -> usize {
    let datapoints = schema.datapoints().iter();
    datapoints.filter(|d| d.access == Access::Inferred).count()
}

/// 0 and 1 are taken for numbers: a bool shown as 1 misleads nobody, a counter shown as "on" does.
fn guess(value: &Value) -> Option<DataType> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(DataType::Bool),
        Value::Number(_) => Some(DataType::Number(ANY_NUMBER)),
        Value::String(_) | Value::Array(_) | Value::Object(_) => Some(DataType::Text),
    }
}

/// Wide, and fine enough that no report is rounded visibly.
const ANY_NUMBER: NumberSpec = NumberSpec {
    min: -1e9,
    max: 1e9,
    ratio: 1e-6,
    addition: 0.0,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::ProductKey;

    fn empty() -> ProductSchema {
        ProductSchema::new(ProductKey::new("pk").unwrap(), String::new(), true, vec![])
    }

    fn report(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_schema_that_comes_anew_keeps_what_reports_showed() {
        let known = widen(&empty(), &report(json!({ "a": true, "b": 1 }))).unwrap();
        let described = Datapoint {
            access: Access::Writable,
            ..known.get("a").unwrap().clone()
        };
        let new = ProductSchema::new(
            ProductKey::new("pk").unwrap(),
            "Spa".into(),
            false,
            vec![described],
        );
        let kept = keep(&new, &known).unwrap();
        let names: Vec<_> = kept.datapoints().iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(kept.get("a").unwrap().access, Access::Writable);
        assert_eq!((kept.name.as_str(), kept.inferred), ("Spa", false));
        assert_eq!(keep(&kept, &kept), None, "nothing is missing");
    }

    #[test]
    fn types_follow_the_values_and_null_tells_nothing() {
        let report =
            report(json!({ "a": true, "b": 21.5, "c": "eco", "d": [1], "e": null, "": 1 }));
        let schema = widen(&empty(), &report).unwrap();
        let kinds: Vec<(&str, bool)> = schema
            .datapoints()
            .iter()
            .map(|d| (d.name.as_str(), d.access == Access::Inferred))
            .collect();
        assert_eq!(kinds, [("a", true), ("b", true), ("c", true), ("d", true)]);
        let b = schema.get("b").unwrap();
        assert_eq!(
            AttrValue::decode(b, &json!(21.5)).unwrap().to_bare(),
            "21.5"
        );
        assert_eq!(
            widen(&schema, &report),
            None,
            "a second time nothing is new"
        );
    }

    #[test]
    fn a_schema_keeps_its_datapoints_and_gains_unknown_attributes() {
        let document =
            json!({ "entities": [{ "attrs": [{ "name": "a", "data_type": "uint8" }] }] });
        let product_key = ProductKey::new("pk").unwrap();
        let first = ProductSchema::parse(&product_key, &document).unwrap().0;
        let second = widen(&first, &report(json!({ "a": "x", "b": 2 }))).unwrap();
        assert_eq!(second.get("a"), first.get("a"));
        assert_eq!(second.get("b").unwrap().id, 1);
    }

    #[test]
    fn a_guess_that_proves_wrong_becomes_a_text() {
        let first = widen(&empty(), &report(json!({ "a": 1, "b": 2, "c": true }))).unwrap();
        let next = report(json!({ "a": "eco", "b": "3", "c": 7 }));
        let second = widen(&first, &next).unwrap();
        let kind = |name: &str| second.get(name).unwrap().data_type.clone();
        assert_eq!(kind("a"), DataType::Text);
        assert_eq!(kind("b"), DataType::Number(ANY_NUMBER));
        assert_eq!(kind("c"), DataType::Text);
        assert_eq!(widen(&second, &next), None);
        assert_eq!(widen(&second, &report(json!({ "a": null }))), None);
    }

    #[test]
    fn a_flood_of_names_is_bounded() {
        let flood = (0..5_000).map(|n| (format!("a{n}"), json!(n))).collect();
        let schema = widen(&empty(), &flood).unwrap();
        assert_eq!(schema.datapoints().len(), MAX_INFERRED);
        assert_eq!(widen(&schema, &flood), None);
    }
}
