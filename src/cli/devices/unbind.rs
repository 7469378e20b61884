//! `devices unbind` and `devices rename`.

use serde_json::json;

use crate::bridge::{CloudCall, Reply};
use crate::cli::ask::{Ask, no_such_device};
use crate::cli::client::unreachable_reply;
use crate::cli::output::Output;
use crate::cli::trouble::Trouble;
use crate::ids::Did;
use crate::model::binding::Bound;

use super::bind::report;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RenameArgs {
    /// The device
    did: String,

    /// Its new name; only you see it
    #[arg(long, value_name = "NAME", required_unless_present = "remark")]
    alias: Option<String>,

    /// A new note
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
}

/// Each device leaves the account that has it.
pub(super) async fn unbind(ask: &Ask, dids: Vec<Did>, output: &Output) -> Result<(), Trouble> {
    let (entered, refused) = ask.entered().await?;
    let mut left = dids;
    let mut all = Bound::default();
    for (client, devices) in entered {
        let (here, elsewhere): (Vec<Did>, Vec<Did>) = left
            .into_iter()
            .partition(|did| devices.iter().any(|device| device.did == *did));
        left = elsewhere;
        if here.is_empty() {
            continue;
        }
        let Reply::Bound(bound) = client.call(CloudCall::Unbind(here)).await? else {
            return Ok(unreachable_reply()?);
        };
        all.success.extend(bound.success);
        all.failed.extend(bound.failed);
    }
    if all == Bound::default() {
        // Where not all could be asked, it is not known that nobody has it.
        let did = left.first().map(Did::as_str).unwrap_or_default();
        return Err(refused.unwrap_or_else(|| no_such_device(did)));
    }
    all.failed.extend(left);
    report(
        "unbound",
        &all,
        "`gizwits2mqtt devices list` shows what is bound",
        output,
    )
}

pub(super) async fn rename(ask: &Ask, args: RenameArgs, output: &Output) -> Result<(), Trouble> {
    let found = ask.find(&args.did).await?;
    let (alias, remark) = (args.alias.as_deref(), args.remark.as_deref());
    let client = &found.client;
    client.doing("renaming");
    let renamed = client.api().rename(
        client.region,
        &found.device.did,
        alias,
        remark,
        client.now(),
    );
    renamed.await.map_err(Trouble::undocumented)?;
    let document = json!({ "status": "ok", "did": args.did, "alias": alias, "remark": remark });
    let lines = match alias {
        Some(alias) => format!("{} is called {alias:?} now", args.did),
        None => format!("{} has another remark now", args.did),
    };
    output.result(&document, &lines)
}
