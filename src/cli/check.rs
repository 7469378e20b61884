//! `check`: is the configuration good, and does it reach cloud and broker?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::app::edges;
use crate::config::Config;
use crate::ids::{AccountName, Did};
use crate::model::{Device, Region};
use crate::mqtt;

use super::ask::Ask;
use super::devices::state;
use super::output::{Output, table};
use super::trouble::Trouble;

pub(super) async fn check(
    file: Option<&Path>,
    online: bool,
    verbosity: i16,
    output: &Output,
) -> Result<(), Trouble> {
    let ask = Ask::load(file, verbosity, output)?;
    let path = ask.file.display();
    let mut lines = vec![format!("{path}: the configuration is good")];
    let warnings = [ask.config.warnings.clone(), ask.config.profile_warnings()].concat();
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    let mut document = json!({ "status": "ok", "file": ask.file, "warnings": warnings });
    if !online {
        return output.result(&document, &lines.join("\n"));
    }
    let (accounts, seen) = check_accounts(&ask, &mut lines).await;
    let strangers = strangers(&ask.config, seen.as_ref());
    lines.extend(
        strangers
            .iter()
            .map(|warning| format!("warning: {warning}")),
    );
    document["warnings"] = json!([warnings, strangers].concat());
    let broker = check_broker(&ask, &mut lines).await;
    let good = seen.is_some() && broker.is_ok();
    document["status"] = if good { "ok" } else { "error" }.into();
    document["accounts"] = accounts.into();
    document["broker"] = broker.unwrap_or_else(|reason| json!({ "error": reason }));
    output.result(&document, &lines.join("\n"))?;
    if good {
        return Ok(());
    }
    Err(Trouble::told())
}

/// Each account; and, where all let the user in, all devices.
async fn check_accounts(ask: &Ask, lines: &mut Vec<String>) -> (Vec<Value>, Option<BTreeSet<Did>>) {
    let (mut documents, mut seen, mut all_entered) = (Vec::new(), BTreeSet::new(), true);
    for (account, answer) in ask.config.accounts.iter().zip(ask.clients().await) {
        let name = &account.name;
        match answer {
            Ok((client, devices)) => {
                let region = client.region;
                lines.push(entered(name, region, &devices));
                let dids: Vec<&str> = devices.iter().map(|device| device.did.as_str()).collect();
                documents.push(json!({ "name": name, "region": region, "devices": dids }));
                seen.extend(devices.into_iter().map(|device| device.did));
            }
            Err(trouble) => {
                all_entered = false;
                lines.push(format!("FAILED: {}", trouble.message));
                documents
                    .push(json!({ "name": name, "error": trouble.message, "code": trouble.code }));
            }
        }
    }
    (documents, all_entered.then_some(seen))
}

fn entered(name: &AccountName, region: Region, devices: &[Device]) -> String {
    let count = devices.len();
    let head = format!("account {name}: logged in, region {region}, {count} devices");
    if devices.is_empty() {
        return format!(
            "{head}\n  no device is bound to this user here; bind them in the app, or try another region"
        );
    }
    let row = |device: &Device| {
        vec![
            format!("  {}", device.did),
            device.alias.clone(),
            device.product_name.clone(),
            state(device).to_owned(),
        ]
    };
    let rows = devices.iter().map(row).collect();
    format!(
        "{head}\n{}",
        table(&["  did", "name", "product", "state"], rows)
    )
}

/// What the configuration says of devices that no account has does nothing, which is rarely meant.
fn strangers(config: &Config, seen: Option<&BTreeSet<Did>>) -> Vec<String> {
    let Some(seen) = seen else {
        return Vec::new();
    };
    let mut named: BTreeMap<&Did, &str> = BTreeMap::new();
    for account in config.settings.accounts.values() {
        named.extend(account.exclude.iter().map(|did| (did, "exclude")));
        let include = account.include.iter().flatten();
        named.extend(include.map(|did| (did, "include")));
    }
    named.extend(config.settings.devices.keys().map(|did| (did, "devices")));
    named
        .into_iter()
        .filter(|(did, _)| !seen.contains(*did))
        .map(|(did, key)| format!("{key} names {did}, which no account has"))
        .collect()
}

async fn check_broker(ask: &Ask, lines: &mut Vec<String>) -> Result<Value, String> {
    // An id of its own, so that a bridge that runs meanwhile keeps its link.
    let id = format!("check-{}", std::process::id());
    let mut config = edges::mqtt_config(&ask.config, &id);
    config.client_id = format!("gizwits2mqtt-{id}");
    config.will.topic = ask.config.settings.topics().bridge("check");
    let answer = mqtt::probe(&config).await;
    match &answer {
        Ok(address) => lines.push(format!("broker {address}: connected")),
        Err(reason) => lines.push(format!("broker: FAILED: {reason}")),
    }
    answer.map(|address| json!({ "address": address }))
}
