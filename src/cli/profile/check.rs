//! `profile check`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::output::Output;
use crate::cli::trouble::Trouble;
use crate::config::profiles::{self, ProfileFault};

pub(super) fn check(files: &[PathBuf], output: &Output) -> Result<(), Trouble> {
    let (mut lines, mut documents, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    let mut ids: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in files {
        let profile = match profiles::read(file) {
            Ok(profile) => profile,
            Err(found) => {
                faults.extend(found);
                continue;
            }
        };
        let count = profile.entities.0.len();
        let shown = file.display();
        lines.push(format!(
            "{shown}: {} is good, {count} entities",
            profile.profile
        ));
        documents.push(json!({ "file": file, "id": profile.profile, "entities": count }));
        if let Some(first) = ids.get(&profile.profile) {
            let first = first.display();
            faults.push(ProfileFault {
                file: file.clone(),
                line: None,
                message: format!("profile: {:?} is the id of {first}", profile.profile),
            });
        }
        ids.entry(profile.profile).or_insert_with(|| file.clone());
    }
    if faults.is_empty() {
        let document = json!({ "status": "ok", "profiles": documents });
        return output.result(&document, &lines.join("\n"));
    }
    Err(refuse(&faults))
}

/// Every fault, for eyes and for scripts.
pub(super) fn refuse(faults: &[ProfileFault]) -> Trouble {
    let count = faults.len();
    let plural = if count == 1 { "" } else { "s" };
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    let problems = faults
        .iter()
        .map(|fault| json!({ "file": fault.file, "line": fault.line, "message": fault.message }));
    Trouble {
        problems: problems.collect(),
        ..Trouble::usage(format!("{count} problem{plural}:{}", lines.concat()))
    }
}
