//! The user's profiles, by the configuration if there is one.

use std::path::Path;

use crate::cli::ask::{must_exist, variables};
use crate::cli::trouble::Trouble;
use crate::config::{self, UserProfiles};

/// Without a configuration there are none.
pub(super) fn of_user(named: Option<&Path>) -> Result<UserProfiles, Trouble> {
    must_exist(named)?;
    let variables = variables();
    let file = config::find(named, &variables);
    Ok(config::load::profiles(&file, &variables)?)
}
