//! `devices`: what is bound to the accounts, and changing that.

mod bind;
mod log;
mod unbind;

use serde_json::{Value, json};
use tracing::debug;

use crate::bridge::settings::DeviceSettings;
use crate::config::Config;
use crate::homeassistant::slug;
use crate::ids::Mac;
use crate::model::Device;

use super::args::DevicesCommand;
use super::ask::Ask;
use super::client::Client;
use super::output::{Output, table};
use super::trouble::Trouble;
use super::when::ago;

pub(super) use bind::{BindArgs, BindMacArgs};
pub(super) use log::LogArgs;
pub(super) use unbind::RenameArgs;

pub(super) async fn devices(
    ask: Ask,
    command: DevicesCommand,
    output: &Output,
) -> Result<(), Trouble> {
    match command {
        DevicesCommand::List => list(&ask, output).await,
        DevicesCommand::Show { did } => show(&ask, &did, output).await,
        DevicesCommand::Bind(args) => bind::bind(&ask, args, output).await,
        DevicesCommand::BindMac(args) => bind::bind_mac(&ask, args, output).await,
        DevicesCommand::Unbind { dids } => unbind::unbind(&ask, dids, output).await,
        DevicesCommand::Rename(args) => unbind::rename(&ask, args, output).await,
        DevicesCommand::Log(args) => log::log(&ask, args, output).await,
    }
}

async fn list(ask: &Ask, output: &Output) -> Result<(), Trouble> {
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    let (entered, refused) = ask.entered().await?;
    for (client, devices) in entered {
        for device in devices {
            rows.push(vec![
                device.did.to_string(),
                device.alias.clone(),
                device.product_name.clone(),
                device
                    .mac
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
                state(&device).to_owned(),
                client.account.name.to_string(),
            ]);
            documents.push(document(&ask.config, &client, &device));
        }
    }
    let headers = ["did", "name", "product", "mac", "state", "account"];
    let lines = if rows.is_empty() {
        "no device is bound; bind one with `devices bind` or in the app, or check `app` and `region`"
            .to_owned()
    } else {
        table(&headers, rows)
    };
    output.result(&Value::Array(documents), &lines)?;
    output.told(refused)
}

async fn show(ask: &Ask, did: &str, output: &Output) -> Result<(), Trouble> {
    let found = ask.find(did).await?;
    let (client, device) = (found.client, found.device);
    let (schema, updated_at, _) = client.latest(&device).await?;
    let mut document = document(&ask.config, &client, &device);
    document["attributes"] = schema.datapoints().len().into();
    document["schema_inferred"] = schema.inferred.into();
    document["updated_at"] = (updated_at > 0).then_some(updated_at).into();
    document["cloud"] = in_its_words(&client, &device).await;
    let row = |(key, value): (&String, &Value)| {
        let shown = match key.as_str() {
            "updated_at" => ago(updated_at, client.now()),
            _ => bare(value),
        };
        vec![key.clone(), shown]
    };
    let members = document.as_object().into_iter().flatten();
    let own = members.filter(|(key, _)| *key != "cloud");
    let more = document["cloud"].as_object().into_iter().flatten();
    let more = more.filter(|(key, value)| document.get(*key).is_none() && !bare(value).is_empty());
    let rows = own.chain(more).map(row).collect();
    output.result(&document, &table(&["property", "value"], rows))
}

/// All that the cloud tells of a device, by its names; nothing where it lacks that call.
async fn in_its_words(client: &Client, device: &Device) -> Value {
    client.doing("reading the device");
    let told = client
        .api()
        .device(client.region, &device.did, client.now());
    told.await.unwrap_or_else(|err| {
        debug!(%err, "the cloud does not describe the device");
        Value::Null
    })
}

fn document(config: &Config, client: &Client, device: &Device) -> Value {
    let chosen = config
        .settings
        .devices
        .get(&device.did)
        .and_then(|device: &DeviceSettings| device.topic.clone());
    let topic =
        chosen.unwrap_or_else(|| slug::level(&device.alias, device.mac.as_ref(), &device.did));
    json!({
        "did": device.did,
        "name": device.alias,
        "topic": format!("{}/{topic}", config.settings.base_topic),
        "account": client.account.name,
        "region": client.region,
        "product_key": device.product_key,
        "product_name": device.product_name,
        "mac": device.mac.as_ref().map(Mac::as_str),
        "online": device.is_online,
        "disabled": device.is_disabled,
        "wifi_version": device.wifi_version,
        "mcu_version": device.mcu_version,
    })
}

/// What the cloud says of its connection.
pub(in crate::cli) const fn state(device: &Device) -> &'static str {
    if device.is_online {
        "online"
    } else {
        "offline"
    }
}

/// A value without quotes; nothing where there is none.
pub(in crate::cli) fn bare(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
