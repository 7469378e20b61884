//! The datapoints of one product, from the document that `GET /app/datapoint` answers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::ids::{AttrName, ProductKey};

use super::level;
use super::{Access, DataType, Datapoint, NumberSpec};

/// What a product can report and be told.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductSchema {
    /// The product.
    pub product_key: ProductKey,
    /// The vendor's name, often Chinese; may be empty.
    pub name: String,
    /// True when it was guessed from reports, see `model::infer`.
    pub inferred: bool,
    datapoints: Vec<Datapoint>,
    by_name: BTreeMap<AttrName, usize>,
    /// The topic level of each datapoint, worked out once: each report needs all of them.
    levels: Vec<String>,
    by_level: BTreeMap<String, usize>,
}

/// No frame of the cloud carries more.
const MAX_BINARY_BYTES: usize = 65_535;

/// Why a schema document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the product schema cannot be read: {0}")]
pub struct SchemaError(pub String);

impl ProductSchema {
    /// Builds a schema; of two datapoints with one name the first counts, the other is dropped.
    #[must_use]
    pub fn new(
        product_key: ProductKey,
        name: String,
        inferred: bool,
        mut datapoints: Vec<Datapoint>,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        datapoints.retain(|datapoint| {
            let index = by_name.len();
            let first = !by_name.contains_key(&datapoint.name);
            if first {
                by_name.insert(datapoint.name.clone(), index);
            }
            first
        });
        let levels = level::levels(datapoints.iter().map(|datapoint| datapoint.name.as_str()));
        let by_level = levels.iter().cloned().zip(0..).collect();
        Self {
            product_key,
            name,
            inferred,
            datapoints,
            by_name,
            levels,
            by_level,
        }
    }

    /// Reads the cloud's document. A datapoint that cannot be read is left out and named in the
    /// second value; one of an unknown data type becomes a read-only text.
    ///
    /// # Errors
    /// [`SchemaError`] when the document has no list of datapoints at all.
    pub fn parse(
        product_key: &ProductKey,
        document: &Value,
    ) -> Result<(Self, Vec<String>), SchemaError> {
        let entities = document.get("entities").and_then(Value::as_array);
        let entities = entities.ok_or_else(|| SchemaError("it has no list `entities`".into()))?;
        let (mut datapoints, mut left_out) = (Vec::new(), Vec::new());
        let attrs = entities
            .iter()
            .filter_map(|entity| entity.get("attrs").and_then(Value::as_array))
            .flatten();
        for attr in attrs {
            let id = u32::try_from(datapoints.len()).unwrap_or(u32::MAX);
            match parse_datapoint(attr, id) {
                Ok(datapoint) => datapoints.push(datapoint),
                Err(reason) => left_out.push(reason),
            }
        }
        let name = text(document, "name");
        Ok((
            Self::new(product_key.clone(), name, false, datapoints),
            left_out,
        ))
    }

    /// The datapoints in the order of the schema.
    #[must_use]
    pub fn datapoints(&self) -> &[Datapoint] {
        &self.datapoints
    }

    /// The datapoint of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Datapoint> {
        self.by_name
            .get(name)
            .and_then(|index| self.datapoints.get(*index))
    }

    /// The topic level of an attribute. One that the schema does not have gets a level that no other
    /// attribute has.
    #[must_use]
    pub fn level(&self, name: &str) -> Cow<'_, str> {
        let known = self.by_name.get(name);
        let known = known.and_then(|index| self.levels.get(*index));
        known.map_or_else(
            || level::unique(name, |level| self.by_level.contains_key(level)).into(),
            |level| level.as_str().into(),
        )
    }

    /// The datapoint that has this topic level.
    #[must_use]
    pub fn at_level(&self, level: &str) -> Option<&Datapoint> {
        self.by_level
            .get(level)
            .and_then(|index| self.datapoints.get(*index))
    }
}

fn text(object: &Value, key: &str) -> String {
    let text = object.get(key).and_then(Value::as_str).unwrap_or_default();
    text.trim().to_owned()
}

fn parse_datapoint(attr: &Value, position: u32) -> Result<Datapoint, String> {
    // Blanks around it belong to it: reports and control calls spell it so.
    let name = attr.get("name").and_then(Value::as_str).unwrap_or_default();
    let name = if name.trim().is_empty() { "" } else { name };
    let name = AttrName::new(name).map_err(|err| format!("datapoint {position}: {err}"))?;
    let id = attr.get("id").and_then(Value::as_u64);
    Ok(Datapoint {
        id: id.and_then(|id| u32::try_from(id).ok()).unwrap_or(position),
        display_name: text(attr, "display_name"),
        desc: text(attr, "desc"),
        access: access(&text(attr, "type")),
        data_type: data_type(attr).map_err(|reason| format!("{name}: {reason}"))?,
        name,
    })
}

/// The abbreviations stand in the documentation's table; an unknown word must not make an attribute
/// writable.
fn access(word: &str) -> Access {
    match word {
        "status_writable" | "W" => Access::Writable,
        "alert" | "N" => Access::Alert,
        "fault" | "E" => Access::Fault,
        _ => Access::ReadOnly,
    }
}

fn data_type(attr: &Value) -> Result<DataType, String> {
    let word = text(attr, "data_type");
    match word.as_str() {
        "bool" => Ok(DataType::Bool),
        "enum" => {
            let labels: Vec<String> = attr
                .get("enum")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|label| {
                    label
                        .as_str()
                        .map_or_else(|| label.to_string(), str::to_owned)
                })
                .collect();
            if labels.iter().all(|label| label.trim().is_empty()) {
                return Err("an enumeration without labels".into());
            }
            Ok(DataType::Enum(labels))
        }
        "binary" => {
            let len = attr.pointer("/position/len").and_then(Value::as_u64);
            let len = len.and_then(|len| usize::try_from(len).ok());
            len.filter(|len| (1..=MAX_BINARY_BYTES).contains(len))
                .map(|len| DataType::Binary { len })
                .ok_or_else(|| format!("a binary without a length from 1 to {MAX_BINARY_BYTES}"))
        }
        _ => match raw_limits(&word) {
            Some(raw) => {
                number(attr.get("uint_spec").unwrap_or(&Value::Null), raw).map(DataType::Number)
            }
            None => Ok(DataType::Text),
        },
    }
}

/// What the integer type can hold.
fn raw_limits(data_type: &str) -> Option<(f64, f64)> {
    Some(match data_type {
        "uint8" => (0.0, 255.0),
        "uint16" => (0.0, 65_535.0),
        "uint24" => (0.0, 16_777_215.0),
        "uint32" => (0.0, 4_294_967_295.0),
        "int8" => (-128.0, 127.0),
        "int16" => (-32_768.0, 32_767.0),
        "int32" => (-2_147_483_648.0, 2_147_483_647.0),
        _ => return None,
    })
}

/// `min` and `max` limit the raw number (pH meter: ratio 0.01, max 1400), unless the type cannot hold
/// them: then a vendor wrote shown values.
fn number(spec: &Value, raw: (f64, f64)) -> Result<NumberSpec, String> {
    let field = |key: &str, default: f64| match spec.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            number_of(value).ok_or_else(|| format!("uint_spec.{key} {value} is not a number"))
        }
    };
    let ratio = field("ratio", 1.0)?;
    let addition = field("addition", 0.0)?;
    let (min, max) = (field("min", raw.0)?, field("max", raw.1)?);
    if ratio <= 0.0 {
        return Err(format!("uint_spec.ratio {ratio} is not above 0"));
    }
    if min > max {
        return Err(format!("uint_spec.min {min} is above max {max}"));
    }
    let mut spec = NumberSpec {
        min,
        max,
        ratio,
        addition,
    };
    if min >= raw.0 && max <= raw.1 {
        spec.min = spec.round(min.mul_add(ratio, addition));
        spec.max = spec.round(max.mul_add(ratio, addition));
    }
    if !(spec.min.is_finite() && spec.max.is_finite()) {
        return Err(format!("uint_spec.ratio {ratio} is beyond all measure"));
    }
    Ok(spec)
}

fn number_of(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::AttrValue;

    fn parse(attrs: &Value) -> (ProductSchema, Vec<String>) {
        let document = json!({ "name": " Spa ", "entities": [{ "attrs": attrs }] });
        ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document).unwrap()
    }

    fn number_spec(data_type: &str, uint_spec: Value) -> NumberSpec {
        let (schema, left_out) = parse(
            &json!([{ "name": "n", "type": "status_readonly", "data_type": data_type, "uint_spec": uint_spec }]),
        );
        match schema.get("n").map(|datapoint| &datapoint.data_type) {
            Some(DataType::Number(spec)) => *spec,
            other => panic!("{other:?} {left_out:?}"),
        }
    }

    #[test]
    fn limits_of_a_number_are_raw_unless_its_type_cannot_hold_them() {
        for (data_type, spec, min, max) in [
            (
                "uint16",
                json!({"min": 0, "max": 1400, "ratio": 0.01, "addition": 0}),
                0.0,
                14.0,
            ),
            (
                "uint16",
                json!({"min": 0, "max": 4000, "ratio": 1, "addition": -2000}),
                -2000.0,
                2000.0,
            ),
            (
                "uint8",
                json!({"min": -40, "max": 80, "ratio": 0.5, "addition": -40}),
                -40.0,
                80.0,
            ),
            (
                "uint8",
                json!({"min": "0", "max": "100", "ratio": "1"}),
                0.0,
                100.0,
            ),
            (
                "int16",
                json!({"min": -400, "max": 1000, "ratio": 0.1}),
                -40.0,
                100.0,
            ),
            ("uint8", Value::Null, 0.0, 255.0),
        ] {
            let parsed = number_spec(data_type, spec.clone());
            assert_eq!((parsed.min, parsed.max), (min, max), "{data_type} {spec}");
        }
    }

    #[test]
    fn a_datapoint_that_cannot_be_read_is_named_and_harms_no_other() {
        let (schema, left_out) = parse(&json!([
            { "name": "power", "type": "status_writable", "data_type": "bool" },
            { "data_type": "bool" },
            { "name": "mode", "type": "status_writable", "data_type": "enum", "enum": [] },
            { "name": "t", "data_type": "uint8", "uint_spec": { "ratio": 0 } },
            { "name": "u", "data_type": "uint8", "uint_spec": { "min": "warm" } },
            { "name": "data", "data_type": "binary" },
            { "name": "none", "data_type": "binary", "position": { "len": 0 } },
            { "name": "much", "data_type": "binary", "position": { "len": u64::MAX } },
            17,
        ]));
        assert_eq!(schema.name, "Spa");
        assert_eq!(schema.datapoints().len(), 1);
        assert_eq!(left_out.len(), 8, "{left_out:?}");
        assert!(left_out.iter().any(|line| line.starts_with("mode: ")));
    }

    #[test]
    fn names_are_unique_and_keep_their_blanks() {
        let (schema, _) = parse(&json!([
            { "name": " a ", "data_type": "bool" },
            { "name": "b", "data_type": "bool" },
            { "name": " a ", "data_type": "uint8" },
        ]));
        let names: Vec<&str> = schema
            .datapoints()
            .iter()
            .map(|d| d.name.as_str())
            .collect();
        assert_eq!(names, [" a ", "b"]);
        assert_eq!(schema.get(" a ").unwrap().data_type, DataType::Bool);
        assert_eq!(schema.get("b").unwrap().id, 1);
    }

    #[test]
    fn a_label_that_is_no_text_keeps_its_place() {
        let (schema, _) =
            parse(&json!([{ "name": "m", "data_type": "enum", "enum": ["off", 1, "on"] }]));
        let labels = ["off", "1", "on"].map(Into::into).to_vec();
        assert_eq!(schema.get("m").unwrap().data_type, DataType::Enum(labels));
    }

    #[test]
    fn unknown_types_are_read_only_and_unknown_data_types_are_text() {
        let (schema, left_out) = parse(&json!([
            { "name": "a", "type": "status_magic", "data_type": "bool" },
            { "name": "b", "type": "status_writable", "data_type": "float" },
        ]));
        assert_eq!(left_out, Vec::<String>::new());
        assert_eq!(schema.get("a").unwrap().access, Access::ReadOnly);
        assert_eq!(schema.get("b").unwrap().data_type, DataType::Text);
        assert!(!schema.get("b").unwrap().is_settable());
    }

    #[test]
    fn a_document_without_entities_is_no_schema() {
        let product_key = ProductKey::new("pk").unwrap();
        for document in [json!({}), json!([]), json!("x"), json!({ "entities": 1 })] {
            assert!(
                ProductSchema::parse(&product_key, &document).is_err(),
                "{document}"
            );
        }
    }

    fn anything() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            Just(json!([])),
            Just(json!({ "len": 1 })),
        ]
    }

    fn any_data_type() -> impl Strategy<Value = Value> {
        const KNOWN: [&str; 6] = ["bool", "enum", "binary", "uint8", "uint32", "int16"];
        prop_oneof![
            anything(),
            prop::sample::select(&KNOWN[..]).prop_map(Value::from)
        ]
    }

    proptest! {
        #[test]
        fn no_document_breaks_the_reader(
            words in prop::collection::vec(anything(), 3),
            data_type in any_data_type(),
            labels in prop::collection::vec(anything(), 0..4),
            spec in prop::collection::vec(anything(), 4),
        ) {
            let (schema, left_out) = parse(&json!([{
                "name": words[0], "type": words[1], "position": words[2], "data_type": data_type, "enum": labels,
                "uint_spec": { "min": spec[0], "max": spec[1], "ratio": spec[2], "addition": spec[3] },
            }]));
            prop_assert_eq!(schema.datapoints().len() + left_out.len(), 1);
            if let Some(DataType::Number(spec)) = schema.datapoints().first().map(|d| &d.data_type) {
                prop_assert!(spec.min <= spec.max && spec.ratio > 0.0, "{spec:?}");
                prop_assert!(spec.min.is_finite() && spec.max.is_finite(), "{spec:?}");
            }
        }

        #[test]
        fn every_raw_number_within_the_limits_is_shown_and_accepted(
            a: u8, b: u8, raw: u8,
            ratio in prop::sample::select(&[1.0, 0.1, 0.01, 0.5, 0.25, 10.0][..]),
            addition in -2_000_i32..2_000,
        ) {
            let (min, max) = (a.min(b), a.max(b));
            let spec = json!({ "min": min, "max": max, "ratio": ratio, "addition": addition });
            let (schema, _) = parse(
                &json!([{ "name": "n", "type": "status_writable", "data_type": "uint8", "uint_spec": spec }]),
            );
            let datapoint = schema.get("n").unwrap();
            let shown = json!(f64::from(raw) * ratio + f64::from(addition));
            let accepted = AttrValue::accept(datapoint, &shown);
            prop_assert_eq!(accepted.is_ok(), (min..=max).contains(&raw), "{:?}", accepted);
            let decoded = AttrValue::decode(datapoint, &shown).unwrap();
            prop_assert!(accepted.is_err() || accepted == Ok(decoded));
        }
    }

    #[test]
    fn real_schemas_are_read_whole() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schemas");
        let mut files = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let document: Value = serde_json::from_str(&text).unwrap();
            let product_key = ProductKey::new(document["product_key"].as_str().unwrap()).unwrap();
            let (schema, left_out) = ProductSchema::parse(&product_key, &document).unwrap();
            assert_eq!(left_out, Vec::<String>::new(), "{product_key}");
            assert!(!schema.datapoints().is_empty());
            files += 1;
        }
        assert_eq!(files, 6);
    }
}
