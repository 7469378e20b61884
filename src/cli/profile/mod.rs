//! `profile`: what profiles there are, and what one of them makes of a device. Nothing here asks the cloud.

mod check;
mod find;
mod given;
mod list;
mod picture;
mod try_out;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::profile::json_schema::json_schema;

use super::output::Output;
use super::trouble::Trouble;

pub(super) use try_out::TryArgs;

pub(super) const ABOUT: &str = "\
A profile says what a product becomes in Home Assistant: which attributes are one thermostat,
what to call a fault, what to hide. One of your own, in ten minutes:

  gizwits2mqtt schema DID --json > schema.json              what the device can do
  gizwits2mqtt get DID --json > latest.json                 what it says now
  gizwits2mqtt profile show bestway-airjet > mine.yaml      something to begin with
  gizwits2mqtt profile try mine.yaml --data latest.json --schema schema.json
  gizwits2mqtt profile check mine.yaml

Then set `profiles_dir` in the configuration to its folder. A bridge that runs takes what changes
there within seconds.";

const SCHEMA: &str = "\
An editor that knows YAML completes and checks a profile by it:
  gizwits2mqtt profile schema > profile.schema.json
and, as the first line of the profile:
  # yaml-language-server: $schema=profile.schema.json";

const CHECK: &str = "\
Example:  gizwits2mqtt profile check profiles/*.yaml

`gizwits2mqtt check` does the same to every file of `profiles_dir`.";

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// All profiles, yours and the built-in ones, and which products each is for
    List,

    /// Print a profile, to read it or to begin one's own with
    #[command(
        after_help = "Example:  gizwits2mqtt profile show bestway-airjet > profiles/my-spa.yaml"
    )]
    Show {
        /// Its id, from `profile list`
        id: String,
    },

    /// Check profiles; list everything that is wrong with them
    #[command(after_help = CHECK)]
    Check {
        /// The profiles
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },

    /// Show what a profile makes of a device: every entity with its state
    #[command(after_help = try_out::EXAMPLES)]
    Try(TryArgs),

    /// Print the JSON Schema of profiles, for editors
    #[command(after_help = SCHEMA)]
    Schema,
}

pub(super) fn profile(
    config: Option<&Path>,
    command: ProfileCommand,
    output: &Output,
) -> Result<(), Trouble> {
    match command {
        ProfileCommand::List => list::list(&find::of_user(config)?, output),
        ProfileCommand::Show { id } => list::show(&find::of_user(config)?, &id, output),
        ProfileCommand::Check { files } => check::check(&files, output),
        ProfileCommand::Try(args) => try_out::try_out(&args, output),
        ProfileCommand::Schema => {
            let schema = json_schema();
            output.result(&schema, &format!("{schema:#}"))
        }
    }
}
