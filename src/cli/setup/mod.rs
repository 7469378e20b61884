//! `setup`: a first configuration, from answers that are tried before they are written.

mod broker;
mod login;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::config::write::Draft;

use super::account::CloudArgs;
use super::ask::variables;
use super::client::Visitor;
use super::logging;
use super::output::Output;
use super::prompt::{self, yes};
use super::trouble::Trouble;

/// Where a first configuration goes when nothing else is asked for.
const HERE: &str = "gizwits2mqtt.yaml";

#[derive(Debug, clap::Args)]
pub(super) struct SetupArgs {
    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) async fn setup(
    file: Option<&Path>,
    args: SetupArgs,
    verbosity: i16,
    output: &Output,
) -> Result<(), Trouble> {
    if !prompt::is_interactive() {
        return Err(Trouble::usage(
            "setup asks questions, and there is no terminal; write the file by hand: `gizwits2mqtt --help` shows it",
        ));
    }
    logging::start(logging::QUIET, verbosity);
    let file = target(file);
    let replaces = file.exists();
    if replaces {
        let question = format!(
            "{} is there already. Shall another one replace it? The old one is kept as {0}.bak.",
            file.display()
        );
        if !yes(&question, false, output).await? {
            return Err(unfinished());
        }
    }
    let visitor = Visitor::new(output);
    let found = login::ask(&args.cloud, &visitor, output).await?;
    let broker = broker::ask(output).await?;
    let draft = Draft {
        app: found.app,
        app_id: found.account.app_id,
        region: found.region,
        api_url: found
            .account
            .urls
            .get(&crate::model::Region::Custom)
            .cloned(),
        credentials: found.account.credentials,
        mqtt_url: broker.url,
        mqtt_user: broker.user,
    };
    let old = draft.save(&file, replaces).map_err(|err| {
        let name = file.display();
        Trouble::failed(format!(
            "{name} cannot be written: {err}; choose another place with --config"
        ))
    })?;
    // Whatever was typed: what is written must be of use.
    super::ask::configuration(Some(&file))?;
    let name = file.display();
    let document = json!({ "status": "ok", "file": file, "replaced": old });
    let mut lines = format!("\nwritten: {name}; only you may read it, for it holds passwords");
    if let Some(old) = old {
        lines.push_str(&format!("\nthe old one: {}", old.display()));
    }
    let option = if name.to_string() == HERE {
        String::new()
    } else {
        format!(" -c {name}")
    };
    lines.push_str(&format!("\nNext:  gizwits2mqtt run{option}"));
    output.result(&document, &lines)
}

/// The file that later commands find by themselves, unless another one is named.
fn target(named: Option<&Path>) -> PathBuf {
    let by_variable = || {
        variables()
            .remove("GIZWITS2MQTT_CONFIG")
            .filter(|path| !path.is_empty())
    };
    match named {
        Some(named) => named.into(),
        None => by_variable().map_or_else(|| HERE.into(), PathBuf::from),
    }
}

/// Somebody changed their mind.
fn unfinished() -> Trouble {
    Trouble::failed("setup was not finished; nothing was written")
}

/// An answer, or what stands for it when nothing is typed.
async fn answer(question: &str, otherwise: &str, output: &Output) -> Result<String, Trouble> {
    let hint = if otherwise.is_empty() {
        String::new()
    } else {
        format!(" [{otherwise}]")
    };
    let typed = prompt::line(&format!("{question}{hint}: "), output).await?;
    let typed = typed.ok_or_else(unfinished)?;
    Ok(if typed.is_empty() {
        otherwise.to_owned()
    } else {
        typed
    })
}
