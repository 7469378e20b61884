//! `get`, `set` and `raw`: one device's data.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::bridge::CloudCall;
use crate::homeassistant::command;
use crate::model::{AttrValue, Attrs};

use super::ask::Ask;
use super::devices::{bare, state};
use super::output::{Output, table};
use super::trouble::Trouble;
use super::when::ago;

pub(super) async fn get(
    ask: Ask,
    did: &str,
    attrs: &[String],
    output: &Output,
) -> Result<(), Trouble> {
    let found = ask.find(did).await?;
    let (schema, updated_at, report) = found.client.latest(&found.device).await?;
    if let Some(unknown) = attrs.iter().find(|name| schema.get(name).is_none()) {
        let names: Vec<&str> = schema
            .datapoints()
            .iter()
            .map(|d| d.name.as_str())
            .collect();
        return Err(Trouble::usage(format!(
            "{unknown:?} is no attribute of this product; there are {}",
            names.join(", ")
        )));
    }
    let wanted = |name: &str| attrs.is_empty() || attrs.iter().any(|wanted| wanted == name);
    let (mut rows, mut values) = (Vec::new(), Map::new());
    for datapoint in schema
        .datapoints()
        .iter()
        .filter(|d| wanted(d.name.as_str()))
    {
        let Some(json) = report.get(datapoint.name.as_str()) else {
            continue;
        };
        // What cannot be read is shown as it came.
        let value = AttrValue::decode(datapoint, json)
            .map_or_else(|_| json.clone(), |value| value.to_json());
        rows.push(vec![
            datapoint.name.to_string(),
            bare(&value),
            datapoint.display_name.clone(),
        ]);
        values.insert(datapoint.name.to_string(), value);
    }
    let device = &found.device;
    let last = (updated_at > 0).then_some(updated_at);
    values.insert(
        "_meta".into(),
        json!({ "did": did, "updated_at": last, "online": device.is_online }),
    );
    // Values of a device that is away are no more than what was.
    let name = [&device.alias, &device.product_name]
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or_else(|| did.to_owned(), |name| format!("{name} ({did})"));
    let head = format!(
        "{name}: {}, last report {}",
        state(device),
        ago(updated_at, found.client.now())
    );
    let lines = if rows.is_empty() {
        format!("{head}\n\nthe cloud has no data of this device")
    } else {
        format!(
            "{head}\n\n{}",
            table(&["attribute", "value", "label"], rows)
        )
    };
    output.result(&Value::Object(values), &lines)
}

pub(super) async fn set(
    ask: Ask,
    did: &str,
    values: &[(String, String)],
    output: &Output,
) -> Result<(), Trouble> {
    let mut names = BTreeSet::new();
    if let Some((name, _)) = values.iter().find(|(name, _)| !names.insert(name)) {
        return Err(Trouble::usage(format!("{name} is given twice")));
    }
    let found = ask.find(did).await?;
    let (schema, ..) = found.client.latest(&found.device).await?;
    let request =
        command::parse_pairs(&schema, values).map_err(|err| Trouble::usage(err.reason))?;
    let attrs: Attrs = request.attrs;
    let call = CloudCall::Control {
        did: found.device.did.clone(),
        attrs: attrs.clone(),
    };
    found.client.call(call).await?;
    let document = json!({ "status": "ok", "attrs": attrs.to_json() });
    let said: Vec<String> = attrs
        .iter()
        .map(|(name, value)| format!("{name}={}", value.to_bare()))
        .collect();
    output.result(&document, &format!("the cloud took it: {}", said.join(" ")))
}

pub(super) async fn raw(ask: Ask, did: &str, bytes: &str, output: &Output) -> Result<(), Trouble> {
    let payload = if bytes.contains(',') && !bytes.trim_start().starts_with('[') {
        format!("[{bytes}]")
    } else {
        bytes.to_owned()
    };
    let (bytes, _) =
        command::parse_raw(payload.as_bytes()).map_err(|err| Trouble::usage(err.reason))?;
    let found = ask.find(did).await?;
    let call = CloudCall::Raw {
        did: found.device.did.clone(),
        bytes: bytes.clone(),
    };
    found.client.call(call).await?;
    let document = json!({ "status": "ok", "raw": bytes });
    output.result(&document, &format!("the cloud took {} bytes", bytes.len()))
}
