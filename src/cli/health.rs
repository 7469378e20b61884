//! `health`: the question of a container's health check.

use std::path::Path;

use serde_json::json;

use crate::web;

use super::ask::configuration;
use super::output::Output;
use super::trouble::Trouble;

pub(super) fn health(file: Option<&Path>, output: &Output) -> Result<(), Trouble> {
    let (config, _) = configuration(file)?;
    let Some(web) = config.web else {
        return Err(Trouble::usage(
            "the configuration has no web.listen to ask at",
        ));
    };
    web::probe(web.listen).map_err(|err| Trouble::failed(err.to_string()))?;
    output.result(&json!({ "status": "ok" }), "ok")
}
