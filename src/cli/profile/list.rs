//! `profile list` and `profile show`.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::output::{Output, table};
use crate::cli::trouble::Trouble;
use crate::config::UserProfiles;
use crate::config::problem::nearest;
use crate::config::profiles;
use crate::profile::built_in;
use crate::profile::file::{MatchFile, ProfileFile};

pub(super) fn list(of_user: &UserProfiles, output: &Output) -> Result<(), Trouble> {
    for fault in of_user.faults() {
        output.warn(&fault.to_string());
    }
    let catalog = of_user.catalog();
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for profile in catalog.iter() {
        let file = file_of(of_user, &profile.profile);
        rows.push(vec![
            profile.profile.clone(),
            profile.title.clone(),
            file.map_or_else(|| "built-in".into(), |file| file.display().to_string()),
            matches(&profile.matches),
        ]);
        documents.push(document(profile, file));
    }
    let lines = table(&["id", "title", "from", "for"], rows);
    output.result(&documents.into(), &lines)
}

pub(super) fn show(of_user: &UserProfiles, id: &str, output: &Output) -> Result<(), Trouble> {
    let catalog = of_user.catalog();
    let Some(profile) = catalog.get(id) else {
        // It may well be there and faulty.
        for fault in of_user.faults() {
            output.warn(&fault.to_string());
        }
        let known = catalog.iter().map(|profile| profile.profile.as_str());
        let hint = match nearest(id, known) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "`gizwits2mqtt profile list` shows all".to_owned(),
        };
        return Err(Trouble::usage(format!(
            "there is no profile {id:?}; {hint}"
        )));
    };
    let file = file_of(of_user, id);
    let text = match file {
        Some(file) => profiles::text(file)
            .map_err(|reason| Trouble::failed(format!("{}: {reason}", file.display())))?,
        None => built_in::text(id).unwrap_or_default().to_owned(),
    };
    let mut document = document(profile, file);
    document["yaml"] = text.as_str().into();
    output.result(&document, text.trim_end())
}

/// `None`: a built-in one.
fn file_of<'a>(of_user: &'a UserProfiles, id: &str) -> Option<&'a Path> {
    let mut profiles = of_user.profiles();
    let found = profiles.find(|(_, profile)| profile.profile == id);
    found.map(|(file, _)| file)
}

fn document(profile: &ProfileFile, file: Option<&Path>) -> Value {
    json!({
        "id": profile.profile,
        "title": profile.title,
        "manufacturer": profile.manufacturer,
        "file": file,
        "match": {
            "product_keys": profile.matches.product_keys,
            "product_names": profile.matches.product_names,
            "attributes": profile.matches.attributes,
        },
        "entities": profile.entities.0.len(),
    })
}

fn matches(matches: &MatchFile) -> String {
    let ways = [
        ("product key", &matches.product_keys, ", or "),
        ("product name", &matches.product_names, ", or "),
        ("attributes", &matches.attributes, ", "),
    ];
    let ways = ways.iter().filter(|(_, any, _)| !any.is_empty());
    let ways: Vec<String> = ways
        .map(|(what, any, between)| format!("{what} {}", any.join(between)))
        .collect();
    if ways.is_empty() {
        return "devices whose settings name it".into();
    }
    ways.join("; ")
}
