//! `check`: is the configuration good, and does it reach cloud and broker?

use std::path::Path;

use serde_json::{Value, json};

use crate::app::edges;
use crate::config;
use crate::mqtt;

use super::client::{Ask, variables};
use super::output::Output;
use super::trouble::Trouble;

pub(super) async fn check(
    file: Option<&Path>,
    online: bool,
    verbosity: i16,
    output: &Output,
) -> Result<(), Trouble> {
    let path = config::find(file, &variables());
    let ask = Ask::load(file, verbosity, output)?;
    let mut lines = vec![format!("{}: the configuration is good", path.display())];
    lines.extend(
        ask.config
            .warnings
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    let mut document = json!({ "file": path, "warnings": ask.config.warnings });
    if !online {
        return output.result(&document, &lines.join("\n"));
    }
    let cloud = check_cloud(&ask, &mut lines).await;
    let broker = check_broker(&ask, &mut lines).await;
    let good = cloud.is_ok() && broker.is_ok();
    document["accounts"] =
        cloud.unwrap_or_else(|trouble| json!({ "error": trouble.message, "code": trouble.code }));
    document["broker"] = broker.unwrap_or_else(|reason| json!({ "error": reason }));
    output.result(&document, &lines.join("\n"))?;
    if good {
        return Ok(());
    }
    Err(Trouble::told())
}

async fn check_cloud(ask: &Ask, lines: &mut Vec<String>) -> Result<Value, Trouble> {
    let clients = match ask.clients().await {
        Ok(clients) => clients,
        Err(trouble) => {
            lines.push(format!("cloud: FAILED: {}", trouble.message));
            return Err(trouble);
        }
    };
    let mut accounts = Vec::new();
    for (client, devices) in clients {
        let (name, region, count) = (&client.account.name, client.region, devices.len());
        lines.push(format!(
            "account {name}: logged in, region {region}, {count} devices"
        ));
        if devices.is_empty() {
            lines.push(
                "  (no device is bound to this user here; bind them in the app, or try another region)".into(),
            );
        }
        for device in &devices {
            let state = if device.is_online {
                "online"
            } else {
                "offline"
            };
            lines.push(format!(
                "  {}  {} ({}), {state}",
                device.did, device.alias, device.product_name
            ));
        }
        let dids: Vec<&str> = devices.iter().map(|device| device.did.as_str()).collect();
        accounts.push(json!({ "name": name, "region": region, "devices": dids }));
    }
    Ok(Value::Array(accounts))
}

async fn check_broker(ask: &Ask, lines: &mut Vec<String>) -> Result<Value, String> {
    // An id of its own, so that a bridge that runs meanwhile keeps its link.
    let id = format!("check-{}", std::process::id());
    let mut config = edges::mqtt_config(&ask.config, &id);
    config.client_id = format!("gizwits2mqtt-{id}");
    config.will.topic = format!("{}/bridge/check", ask.config.settings.base_topic);
    let answer = mqtt::probe(&config).await;
    match &answer {
        Ok(address) => lines.push(format!("broker {address}: connected")),
        Err(reason) => lines.push(format!("broker: FAILED: {reason}")),
    }
    answer.map(|address| json!({ "address": address }))
}
