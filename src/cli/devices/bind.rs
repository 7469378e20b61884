//! `devices bind` and `devices bind-mac`: a device becomes this user's.

use std::path::PathBuf;

use serde_json::json;

use crate::bridge::{CloudCall, Reply};
use crate::cli::ask::Ask;
use crate::cli::client::{Client, unreachable_reply};
use crate::cli::output::{Output, table};
use crate::cli::prompt::{Wanted, secret};
use crate::cli::trouble::Trouble;
use crate::ids::{Did, Mac, ProductKey};
use crate::model::binding::{Bind, BindByMac, Bound};
use crate::secret::Secret;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BindArgs {
    /// The device's id: 22 letters and digits, from its former listing or its label; again for more
    /// devices
    #[arg(long = "did", value_name = "DID", required = true)]
    dids: Vec<Did>,

    /// Its passcode, again for each further DID. Better leave it out: you are asked then, and nothing
    /// is shown; what stands in a command stays in your shell's history
    #[arg(long = "passcode", value_name = "PASSCODE", value_parser = secret, num_args = 0..=1, default_missing_value = "")]
    passcodes: Vec<Secret<String>>,

    /// Read the passcode from the first line of a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "passcodes")]
    passcode_file: Option<PathBuf>,

    #[command(flatten)]
    label: LabelArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BindMacArgs {
    /// The product: 32 hex digits, from the vendor
    #[arg(long, value_name = "KEY")]
    product_key: ProductKey,

    /// The device's MAC address, as on its label: a4:cf:12:34:56:78 or a4cf12345678
    #[arg(long, value_name = "MAC", value_parser = mac)]
    mac: Mac,

    /// The product's secret, from the vendor: the first line of this file; `-` is standard input.
    /// Without it you are asked
    #[arg(long, value_name = "FILE")]
    product_secret_file: Option<PathBuf>,

    #[command(flatten)]
    label: LabelArgs,
}

#[derive(Debug, clap::Args)]
struct LabelArgs {
    /// A name that only you see
    #[arg(
        long,
        default_value = "",
        value_name = "NAME",
        hide_default_value = true
    )]
    alias: String,

    /// A note of your own
    #[arg(
        long,
        default_value = "",
        value_name = "TEXT",
        hide_default_value = true
    )]
    remark: String,

    /// Whose device it becomes: an account of the configuration, where there are several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
}

/// As the cloud spells it: no separators, lower case.
fn mac(text: &str) -> Result<Mac, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    let is_hex = plain.len() == 12 && plain.bytes().all(|b| b.is_ascii_hexdigit());
    // Virtual devices have other names (documented).
    let spelled = if is_hex {
        plain.to_lowercase()
    } else {
        text.to_owned()
    };
    Mac::new(spelled).map_err(|err| err.to_string())
}

pub(super) async fn bind(ask: &Ask, args: BindArgs, output: &Output) -> Result<(), Trouble> {
    if args.passcodes.len() > args.dids.len() {
        return Err(Trouble::usage(
            "there are more passcodes than devices; give each --did its --passcode",
        ));
    }
    let mut passcodes = args.passcodes.into_iter();
    let mut devices = Vec::new();
    for did in args.dids {
        let what = format!("passcode of {did}");
        let wanted = Wanted {
            what: &what,
            flag: "--passcode-file",
        };
        let given = passcodes.next();
        let passcode = match given.filter(|given| *given != Secret::new(String::new())) {
            Some(passcode) => passcode,
            None => wanted.get(args.passcode_file.as_deref(), output).await?,
        };
        devices.push(Bind {
            did,
            passcode,
            remark: args.label.remark.clone(),
            alias: args.label.alias.clone(),
        });
    }
    let (client, _) = ask.account(args.label.account.as_deref()).await?;
    let Reply::Bound(bound) = client.call(CloudCall::Bind(devices)).await? else {
        return Ok(unreachable_reply()?);
    };
    let hint = "the cloud does not say why; compare did and passcode, and look whether somebody else owns the device";
    report("bound", &bound, hint, output)?;
    next_step(&client, bound.success.first(), output);
    Ok(())
}

pub(super) async fn bind_mac(ask: &Ask, args: BindMacArgs, output: &Output) -> Result<(), Trouble> {
    let wanted = Wanted {
        what: "product secret",
        flag: "--product-secret-file",
    };
    let product_secret = wanted
        .get(args.product_secret_file.as_deref(), output)
        .await?;
    let device = BindByMac {
        product_key: args.product_key,
        mac: args.mac.clone(),
        product_secret,
        remark: args.label.remark,
        alias: args.label.alias,
    };
    let (client, _) = ask.account(args.label.account.as_deref()).await?;
    let call = CloudCall::BindByMac(Box::new(device));
    let Reply::BoundByMac { did } = client.call(call).await? else {
        return Ok(unreachable_reply()?);
    };
    // Older clouds name no did: the listing does.
    let did = match did {
        Some(did) => Some(did),
        None => {
            let devices = client.devices().await?;
            let has_mac = |known: Option<&Mac>| {
                known.is_some_and(|known| known.as_str().eq_ignore_ascii_case(args.mac.as_str()))
            };
            let mut devices = devices.into_iter();
            devices
                .find(|device| has_mac(device.mac.as_ref()))
                .map(|device| device.did)
        }
    };
    let document = json!({ "status": "ok", "mac": args.mac, "did": did });
    let shown = did
        .as_ref()
        .map_or_else(String::new, |did| format!(" as {did}"));
    output.result(&document, &format!("bound: {}{shown}", args.mac))?;
    next_step(&client, did.as_ref(), output);
    Ok(())
}

/// What came of each device; an error when one failed.
pub(super) fn report(
    done: &str,
    bound: &Bound,
    hint: &str,
    output: &Output,
) -> Result<(), Trouble> {
    let is_good = bound.failed.is_empty();
    let document = json!({
        "status": if is_good { "ok" } else { "error" },
        "success": bound.success,
        "failed": bound.failed,
    });
    let row = |did: &Did, what: &str| vec![did.to_string(), what.to_owned()];
    let rows = bound
        .success
        .iter()
        .map(|did| row(did, done))
        .chain(bound.failed.iter().map(|did| row(did, "FAILED")));
    output.result(&document, &table(&["did", "result"], rows.collect()))?;
    if is_good {
        return Ok(());
    }
    let failed: Vec<&str> = bound.failed.iter().map(Did::as_str).collect();
    output.complain(&format!("not {done}: {}; {hint}", failed.join(", ")));
    Err(Trouble::told())
}

fn next_step(client: &Client, did: Option<&Did>, output: &Output) {
    let Some(did) = did else { return };
    if !output.is_json() {
        output.aside(&format!(
            "It is a device of account {} now. What it can do:  gizwits2mqtt schema {did}\n",
            client.account.name
        ));
    }
}
