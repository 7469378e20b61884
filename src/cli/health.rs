//! `health`: the question of a container's health check. It asks the bridge that runs, and reads the
//! configuration only where none is found: what stands in the file may be newer, or broken.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::config;
use crate::store::AddressFile;
use crate::web::{self, ProbeError, Question};

use super::args::HealthArgs;
use super::ask::{configuration, variables};
use super::output::Output;
use super::trouble::Trouble;

pub(super) fn health(
    file: Option<&Path>,
    args: &HealthArgs,
    output: &Output,
) -> Result<(), Trouble> {
    let question = if args.live {
        Question::Alive
    } else {
        Question::Ready
    };
    for address in address_file(file).read() {
        match web::probe(address, question) {
            Ok(()) => return output.result(&json!({ "status": "ok" }), "ok"),
            Err(err @ ProbeError::Unhealthy { .. }) => {
                return Err(Trouble::failed(err.to_string()));
            }
            // A bridge that crashed left it behind.
            Err(ProbeError::Silent { .. }) => {}
        }
    }
    let (config, _) = configuration(file).map_err(|trouble| {
        let why = trouble.message;
        // Not 2: Docker keeps that code for itself.
        Trouble::failed(format!(
            "no bridge that runs with this configuration was found, and the configuration does not say where \
             to ask:\n{why}"
        ))
    })?;
    let Some(web) = config.web else {
        return Err(Trouble::usage(
            "no bridge that runs with this configuration was found, and it has no web.listen to ask at",
        ));
    };
    web::probe(web.listen, question).map_err(|err| Trouble::failed(err.to_string()))?;
    output.result(&json!({ "status": "ok" }), "ok")
}

/// Where the bridge that runs with this configuration leaves its address. What the configuration says
/// does not matter, only where it is.
pub(super) fn address_file(file: Option<&Path>) -> AddressFile {
    let variables = variables();
    let folders = ["RUNTIME_DIRECTORY", "GIZWITS2MQTT__STATE_DIR"];
    let folders = folders.into_iter().filter_map(|name| {
        let text = variables.get(name).filter(|text| !text.is_empty())?;
        text.split(':').next().map(PathBuf::from)
    });
    AddressFile::of(&config::find(file, &variables), folders)
}
