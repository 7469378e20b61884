//! `profile try`: the entities that a profile makes of a device.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::check::refuse;
use super::given::Given;
use super::picture;
use crate::cli::output::Output;
use crate::cli::trouble::Trouble;
use crate::config::profiles;
use crate::profile::catalog::{Catalog, Product};
use crate::profile::entity::Entity;
use crate::profile::file::ProfileFile;
use crate::profile::resolve;

pub(super) const EXAMPLES: &str = "\
Example:
  gizwits2mqtt get DID --json > latest.json
  gizwits2mqtt schema DID --json > schema.json
  gizwits2mqtt profile try mine.yaml --data latest.json --schema schema.json

What the cloud itself answers is taken as well, and what stands on the device's MQTT topic.
Without a schema the types are guessed from the data: limits, labels and what can be set are then
not known.";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TryArgs {
    /// The profile
    file: PathBuf,

    /// The device's latest data: `get DID --json`
    #[arg(long, value_name = "FILE")]
    data: PathBuf,

    /// The product's schema: `schema DID --json` [default: guessed from the data]
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
}

pub(super) fn try_out(args: &TryArgs, output: &Output) -> Result<(), Trouble> {
    let profile = profiles::read(&args.file).map_err(|faults| refuse(&faults))?;
    let given = Given::read(&args.data, args.schema.as_deref())?;
    for value in &given.left_out {
        output.warn(&format!("{value}; left out"));
    }
    let catalog = Catalog::new(vec![profile.clone()]);
    let product = |chosen| Product {
        schema: &given.schema,
        name: "",
        chosen,
    };
    let id = profile.profile.as_str();
    let found = catalog.choose(product(None));
    let fits = found.is_some_and(|found| found.profile == id);
    let entities = catalog.plan(product(Some(id))).entities;
    let lacking = lacking(&profile, &resolve::entities(&profile, &given.schema));

    let documents = entities
        .iter()
        .map(|entity| picture::document(entity, &given.attrs));
    let document = json!({
        "profile": id,
        "fits": fits,
        "inferred": given.schema.inferred,
        "entities": documents.collect::<Vec<Value>>(),
        "left_out": lacking,
    });
    let (enabled, disabled): (Vec<&Entity>, Vec<&Entity>) =
        entities.iter().partition(|entity| entity.enabled);
    let mut lines = vec![if fits {
        format!("{id} fits this product")
    } else {
        format!("{id} does not fit this product: see `match`, or set devices.DID.profile to it")
    }];
    if given.schema.inferred {
        lines.push("there is no schema: types, limits and what can be set are guesses".into());
    }
    lines.push(format!("\n{}", picture::table(&enabled, &given.attrs)));
    if !disabled.is_empty() {
        lines.push("\nSwitched off until you want them:\n".into());
        lines.push(picture::table(&disabled, &given.attrs));
    }
    if !lacking.is_empty() {
        let lacking = lacking.join(", ");
        lines.push(format!(
            "\nLeft out, for this product lacks an attribute of theirs: {lacking}"
        ));
    }
    output.result(&document, &lines.join("\n"))
}

/// Entities and roles of a profile for which a product has no attributes, as `spa` and `spa.action`.
fn lacking(profile: &ProfileFile, resolved: &[Entity]) -> Vec<String> {
    let mut lacking = Vec::new();
    for (key, file) in &profile.entities.0 {
        let Some(entity) = resolved.iter().find(|entity| entity.key == *key) else {
            lacking.push(key.clone());
            continue;
        };
        let roles = file.parts().map(|(role, _)| role);
        let roles = roles.filter(|role| !entity.parts.contains_key(role));
        lacking.extend(roles.map(|role| format!("{key}.{}", role.as_str())));
    }
    lacking
}
