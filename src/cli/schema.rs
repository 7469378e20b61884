//! `schema`: a product's datapoints.

use serde_json::{Value, json};

use crate::ids::ProductKey;
use crate::model::{Access, DataType, Datapoint, ProductSchema};

use super::ask::Ask;
use super::output::{Output, table};
use super::trouble::Trouble;

pub(super) async fn schema(ask: Ask, id: &str, output: &Output) -> Result<(), Trouble> {
    let schema = find(&ask, id).await?;
    let rows = schema.datapoints().iter().map(row).collect();
    let head = format!("{} ({})", schema.name, schema.product_key);
    let lines = format!(
        "{head}\n\n{}",
        table(&["attribute", "access", "type", "values", "label"], rows)
    );
    let document = json!({
        "product_key": schema.product_key,
        "name": schema.name,
        "inferred": schema.inferred,
        "attributes": schema.datapoints().iter().map(document).collect::<Vec<Value>>(),
    });
    output.result(&document, &lines)
}

/// A device's schema is widened by what it reports; a product's is as the cloud has it.
async fn find(ask: &Ask, id: &str) -> Result<ProductSchema, Trouble> {
    let (mut entered, mut refused) = (None, Vec::new());
    for answer in ask.clients().await {
        match answer {
            Ok((client, devices)) => {
                if let Some(device) = devices.iter().find(|device| device.did.as_str() == id) {
                    return Ok(client.latest(device).await?.0);
                }
                entered = entered.or(Some(client));
            }
            Err(trouble) => refused.push(trouble),
        }
    }
    let Some(client) = entered else {
        let trouble = Trouble::joined(refused);
        return Err(trouble.unwrap_or_else(|| Trouble::failed("there is no account")));
    };
    let product_key = ProductKey::new(id).map_err(|err| Trouble::usage(err.to_string()))?;
    let schema = client.schema(&product_key).await?;
    if schema.inferred {
        return Err(Trouble::failed(format!(
            "{id:?} is neither a bound device nor a product that the cloud knows"
        )));
    }
    Ok(schema.as_ref().clone())
}

const fn access(datapoint: &Datapoint) -> &'static str {
    match datapoint.access {
        Access::Writable => "writable",
        Access::ReadOnly => "read-only",
        Access::Alert => "alert",
        Access::Fault => "fault",
        Access::Inferred => "inferred",
    }
}

fn row(datapoint: &Datapoint) -> Vec<String> {
    let (kind, values) = match &datapoint.data_type {
        DataType::Bool => ("bool", "true, false".to_owned()),
        DataType::Enum(labels) => ("enum", labels.join(", ")),
        DataType::Number(_) if datapoint.access == Access::Inferred => ("number", String::new()),
        DataType::Number(spec) => ("number", spec.to_string()),
        DataType::Binary { len } => ("binary", format!("{len} bytes as hex")),
        DataType::Text => ("text", String::new()),
    };
    vec![
        datapoint.name.to_string(),
        access(datapoint).to_owned(),
        kind.to_owned(),
        values,
        datapoint.display_name.clone(),
    ]
}

fn document(datapoint: &Datapoint) -> Value {
    let mut body = json!({
        "name": datapoint.name,
        "access": access(datapoint),
        "label": datapoint.display_name,
        "description": datapoint.desc,
    });
    match &datapoint.data_type {
        DataType::Bool => body["type"] = "bool".into(),
        DataType::Enum(labels) => {
            body["type"] = "enum".into();
            body["labels"] = json!(labels);
        }
        DataType::Number(spec) => {
            body["type"] = "number".into();
            body["min"] = spec.min.into();
            body["max"] = spec.max.into();
            body["step"] = spec.ratio.into();
        }
        DataType::Binary { len } => {
            body["type"] = "binary".into();
            body["length"] = (*len).into();
        }
        DataType::Text => body["type"] = "text".into(),
    }
    body
}
