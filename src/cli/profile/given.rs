//! The files that describe a device to `profile try`: its latest data, and its product's schema.

use std::path::Path;

use serde_json::{Map, Value};

use crate::cli::trouble::Trouble;
use crate::ids::{AttrName, ProductKey};
use crate::model::{
    Access, AttrValue, Attrs, DataType, Datapoint, NumberSpec, ProductSchema, infer,
};

/// Stands for the product where the files do not name it.
const NO_KEY: &str = "unknown";

/// A device as files describe it.
pub(super) struct Given {
    pub(super) schema: ProductSchema,
    pub(super) attrs: Attrs,
    /// Values that do not fit the schema.
    pub(super) left_out: Vec<String>,
}

impl Given {
    /// # Errors
    /// Which file is no such thing, and what would be one.
    pub(super) fn read(data: &Path, schema: Option<&Path>) -> Result<Self, Trouble> {
        let report = report(data)?;
        let schema = match schema {
            Some(file) => read_schema(file)?,
            None => ProductSchema::new(key(&Value::Null)?, String::new(), true, Vec::new()),
        };
        // As the bridge does with what a schema does not know.
        let schema = infer::widen(&schema, &report).unwrap_or(schema);
        let (mut attrs, mut left_out) = (Attrs::default(), Vec::new());
        for (name, value) in report.iter().filter(|(_, value)| !value.is_null()) {
            let Some(datapoint) = schema.get(name) else {
                continue;
            };
            match AttrValue::decode(datapoint, value) {
                Ok(value) => {
                    attrs.insert(datapoint.name.clone(), value);
                }
                Err(err) => left_out.push(err.to_string()),
            }
        }
        Ok(Self {
            schema,
            attrs,
            left_out,
        })
    }
}

fn json(file: &Path) -> Result<Value, Trouble> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|err| Trouble::usage(format!("{shown}: it cannot be read: {err}")))?;
    serde_json::from_str(&text)
        .map_err(|err| Trouble::usage(format!("{shown}:{}: it is not JSON: {err}", err.line())))
}

/// What `get --json` prints, what `BASE/DEV` carries, or what the cloud answers.
fn report(file: &Path) -> Result<Map<String, Value>, Trouble> {
    let Value::Object(mut all) = json(file)? else {
        let shown = file.display();
        return Err(Trouble::usage(format!(
            "{shown}: latest data are a map of attributes, as in `gizwits2mqtt get DID --json`"
        )));
    };
    if let Some(Value::Object(attrs)) = all.get_mut("attr") {
        return Ok(std::mem::take(attrs));
    }
    all.remove("_meta");
    Ok(all)
}

/// What `schema --json` prints, or what the cloud answers.
fn read_schema(file: &Path) -> Result<ProductSchema, Trouble> {
    let document = json(file)?;
    let refuse = |reason: String| Trouble::usage(format!("{}: {reason}", file.display()));
    if let Some(attributes) = document.get("attributes").and_then(Value::as_array) {
        let points = (0..).zip(attributes).map(|(id, of)| datapoint(id, of));
        let points: Option<Vec<Datapoint>> = points.collect();
        let points = points.ok_or_else(|| {
            refuse("its attributes are not as in `gizwits2mqtt schema DID --json`".into())
        })?;
        let name = text(&document, "name");
        let inferred = document["inferred"] == true;
        return Ok(ProductSchema::new(key(&document)?, name, inferred, points));
    }
    let parsed = ProductSchema::parse(&key(&document)?, &document);
    let (schema, _) = parsed.map_err(|err| {
        refuse(format!(
            "{err}; `gizwits2mqtt schema DID --json` prints one"
        ))
    })?;
    Ok(schema)
}

fn key(document: &Value) -> Result<ProductKey, Trouble> {
    let key = document.get("product_key").and_then(Value::as_str);
    ProductKey::new(key.unwrap_or(NO_KEY)).map_err(|err| Trouble::usage(err.to_string()))
}

fn text(document: &Value, key: &str) -> String {
    let text = document.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// The way back from what `schema --json` prints.
fn datapoint(id: u32, document: &Value) -> Option<Datapoint> {
    let number = |key: &str| document.get(key).and_then(Value::as_f64);
    let data_type = match document["type"].as_str()? {
        "bool" => DataType::Bool,
        "enum" => {
            let labels = document["labels"].as_array()?.iter();
            let labels: Option<Vec<String>> =
                labels.map(|it| Some(it.as_str()?.to_owned())).collect();
            DataType::Enum(labels?)
        }
        "number" => {
            let min = number("min")?;
            // From the smallest value on each step is one that the device has.
            DataType::Number(NumberSpec {
                min,
                max: number("max")?,
                ratio: number("step").filter(|step| *step > 0.0)?,
                addition: min,
            })
        }
        "binary" => {
            let len = document["length"].as_u64()?;
            DataType::Binary {
                len: usize::try_from(len).ok()?,
            }
        }
        "text" => DataType::Text,
        _ => return None,
    };
    Some(Datapoint {
        id,
        name: AttrName::new(document["name"].as_str()?).ok()?,
        display_name: text(document, "label"),
        desc: text(document, "description"),
        access: match document["access"].as_str()? {
            "writable" => Access::Writable,
            "alert" => Access::Alert,
            "fault" => Access::Fault,
            "inferred" => Access::Inferred,
            _ => Access::ReadOnly,
        },
        data_type,
    })
}
