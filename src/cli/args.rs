//! The command tree.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::ids::Did;
use crate::model::preset;

use super::account::{self, AccountArgs};
use super::devices::{BindArgs, BindMacArgs, LogArgs, RenameArgs};
use super::errors::ErrorsArgs;
use super::generate;
use super::output::table;
use super::profile::{self, ProfileCommand};
use super::schedules::SchedulesCommand;
use super::setup::SetupArgs;

/// Options that each command takes stand below its own.
const EVERYWHERE: &str = "With every command";

/// Brings the devices of a Gizwits account to MQTT and Home Assistant.
///
/// Spas, radiators, pumps, heat pumps, thermostats: whatever a Gizwits-based app controls appears in
/// Home Assistant by itself, and takes commands.
#[derive(Debug, Parser)]
#[command(
    name = "gizwits2mqtt",
    version,
    subcommand_required = true,
    after_help = "To see it work without an account or a broker:  gizwits2mqtt demo\n\n\
                  To begin:\n  \
                  gizwits2mqtt account register  only if you have no account in the app yet\n  \
                  gizwits2mqtt setup             asks for account and broker, writes gizwits2mqtt.yaml\n  \
                  gizwits2mqtt check --online    what does not work, and why\n  \
                  gizwits2mqtt run               and the devices appear in Home Assistant\n\n\
                  What `setup` writes, to write it by hand:\n\n  \
                  accounts:\n    \
                  - app: bestway-eu              # your app; `gizwits2mqtt check --help` lists them\n      \
                  username: me@example.com\n      \
                  password: \"…\"\n  \
                  mqtt:\n    \
                  url: mqtt://localhost:1883\n\n\
                  Exit codes: 0 done; 1 the cloud, the broker or the device refused; 2 wrong usage or \
                  configuration; 130 interrupted."
)]
pub(super) struct Args {
    /// The configuration [default: `$GIZWITS2MQTT_CONFIG`, else ./gizwits2mqtt.yaml, else
    /// /etc/gizwits2mqtt/config.yaml]
    #[arg(short, long, global = true, value_name = "FILE", help_heading = EVERYWHERE)]
    pub(super) config: Option<PathBuf>,

    /// Print one JSON document instead of a table
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(super) json: bool,

    /// Log more; again: still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    pub(super) verbose: u8,

    /// Log less; again: still less
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    pub(super) quiet: u8,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the bridge until it is told to stop
    ///
    /// SIGHUP reads the configuration again; SIGTERM and Ctrl-C end it within 5 seconds.
    Run,

    /// Show the bridge at work: a simulated cloud, a broker and the bridge in one process
    ///
    /// Type a command while it runs, such as `hot_tub temp_set 36`; `help` lists them all.
    Demo(DemoArgs),

    /// Run a simulated Gizwits cloud alone, to try things on or to test against
    #[command(
        after_help = "Its user: app_id: demo-app-id, username: demo@example.com, password: demo-password, \
                      api_url: the address that it prints.\n\
                      To bind devices: app_secret: demo-app-secret, product secret: demo-product-secret, \
                      passcode: SIMULATEDX.\n\n\
                      What it can be told, with curl -X POST http://127.0.0.1:8080/_sim/…:\n  \
                      devices/DID/attrs   -d '{\"temp_now\": 33}'    the device itself changes\n  \
                      devices/DID/online  -d '{\"online\": false}'   it goes offline, or comes back\n  \
                      throttle            -d '{\"seconds\": 60}'     too many requests (9041) for that long\n  \
                      faults              -d '{\"kind\": \"reset\"}'   the next call fails\n  \
                      tokens/expire                                every user must log in again\n  \
                      clock               -d '{\"advance_s\": 60}'   time passes; schedules run\n\
                      What it tells, with curl http://127.0.0.1:8080/_sim/…:\n  \
                      outbox              text messages, mails and captchas that it sent\n  \
                      requests            what was called\n\
                      All of it: docs/SIMULATOR.md"
    )]
    Simulate(SimulateArgs),

    /// Write a first configuration: asks for account and broker, tries both
    ///
    /// Finds the region that the account lives in, and the app where you are not sure. Writes
    /// ./gizwits2mqtt.yaml, or the file that --config names; never over a file that is there without
    /// asking. Only its owner may read it.
    Setup(SetupArgs),

    /// Check the configuration; list everything that is wrong with it
    #[command(after_help = apps())]
    Check {
        /// Also log in, list the devices, and connect to the broker
        #[arg(long)]
        online: bool,
    },

    /// Make and change users of the cloud: register, log in, passwords, text messages
    #[command(after_help = account::ABOUT)]
    Account(AccountArgs),

    /// List the bound devices, show one, bind and unbind
    #[command(
        subcommand,
        after_help = "Examples:\n  gizwits2mqtt devices list\n  \
                      gizwits2mqtt devices bind --did QP50gPt5I8h4mFKIo0ENIK --alias Pool\n  \
                      gizwits2mqtt devices unbind QP50gPt5I8h4mFKIo0ENIK\n\n\
                      What a device can do:  gizwits2mqtt schema DID. Its values:  gizwits2mqtt get DID. \
                      To change them:  gizwits2mqtt set DID ATTR=VALUE"
    )]
    Devices(DevicesCommand),

    /// Print a device's latest data
    #[command(after_help = "Example:  gizwits2mqtt get QP50gPt5I8h4mFKIo0ENIK temp_now temp_set")]
    Get {
        /// The device
        did: String,
        /// Only these attributes
        #[arg(value_name = "ATTR")]
        attrs: Vec<String>,
    },

    /// Set attributes of a device, in one call, after a check against its schema
    #[command(
        after_help = "Example:  gizwits2mqtt set QP50gPt5I8h4mFKIo0ENIK power=on temp_set=38"
    )]
    Set {
        /// The device
        did: String,
        /// What to set
        #[arg(value_name = "ATTR=VALUE", required = true, value_parser = pair)]
        values: Vec<(String, String)>,
    },

    /// Send a raw command to a device
    #[command(
        after_help = "Examples:  gizwits2mqtt raw QP50gPt5I8h4mFKIo0ENIK 010102\n           gizwits2mqtt raw QP50gPt5I8h4mFKIo0ENIK 1,1,2"
    )]
    Raw {
        /// The device
        did: String,
        /// Hex such as 010102, or decimal numbers with commas such as 1,1,2
        bytes: String,
    },

    /// Print a product's datapoints: names, types, ranges
    #[command(after_help = "Example:  gizwits2mqtt schema QP50gPt5I8h4mFKIo0ENIK")]
    Schema {
        /// A device or a product
        #[arg(value_name = "DID|PRODUCT_KEY")]
        id: String,
    },

    /// What devices become in Home Assistant: list profiles, check and try your own
    #[command(subcommand, after_help = profile::ABOUT)]
    Profile(ProfileCommand),

    /// Let the cloud set devices at a time, once or on days of the week
    #[command(
        subcommand,
        after_help = "Times are local, with UTC beside them. `gizwits2mqtt schedules add --help` has examples."
    )]
    Schedules(SchedulesCommand),

    /// What each error code of the cloud means, and what to do about it
    #[command(
        after_help = "Examples:  gizwits2mqtt errors 9042\n           gizwits2mqtt errors --live --app heatzy"
    )]
    Errors(ErrorsArgs),

    /// Print a completion script for a shell
    #[command(after_help = generate::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },

    /// Print the manual page, or write a page for each command
    #[command(after_help = generate::MAN)]
    Man {
        /// Write a page for each command into this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },

    /// Ask the running bridge whether it is ready; for container health checks
    #[command(hide = true)]
    Health(HealthArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct HealthArgs {
    /// Ask only whether the process works (/healthz), not whether broker and cloud do (/readyz)
    #[arg(long)]
    pub(super) live: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum DevicesCommand {
    /// All bound devices of all accounts
    List,
    /// Everything about one device
    Show {
        /// The device
        did: String,
    },

    /// Bind a device by its did and passcode
    #[command(
        after_help = "The passcode is in the listing of whoever has the device, or on its label. Which account, only \
                      where the configuration has several: --account."
    )]
    Bind(BindArgs),

    /// Bind a device by its MAC address; needs the product's secret, which the vendor has
    #[command(
        after_help = "Example:  gizwits2mqtt devices bind-mac --product-key KEY --mac a4:cf:12:34:56:78 --product-secret-file secret.txt"
    )]
    BindMac(BindMacArgs),

    /// Unbind devices; they stay paired with Wi-Fi and can be bound again
    Unbind {
        /// The devices
        #[arg(value_name = "DID", required = true)]
        dids: Vec<Did>,
    },

    /// Give a bound device another name or remark
    Rename(RenameArgs),

    /// What the cloud recorded of a device lately, where the vendor allows it
    Log(LogArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// End by itself after this many seconds
    #[arg(long, value_name = "S")]
    pub(super) duration: Option<u64>,

    /// Use this broker instead of the embedded one, e.g. `mqtt://localhost:1883`; the base topic is
    /// then `gizwits2mqtt_demo`
    #[arg(long, value_name = "URL")]
    pub(super) broker: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct SimulateArgs {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub(super) listen: SocketAddr,

    /// Users, products and devices as YAML [default: the devices of `demo`]
    #[arg(long, value_name = "FILE")]
    pub(super) scenario: Option<PathBuf>,

    /// Instead of a scenario: this many devices of the standard products
    #[arg(long, value_name = "N", conflicts_with = "scenario")]
    pub(super) devices: Option<usize>,

    /// Let temperatures and other values move with time
    #[arg(long)]
    pub(super) live: bool,
}

fn apps() -> String {
    let rows = preset::PRESETS
        .iter()
        .map(|preset| vec![format!("  {}", preset.name), preset.title.to_owned()]);
    format!(
        "What can stand after `app:` in the configuration; for all other apps there is app_id:\n\n{}",
        table(&["  app", "devices"], rows.collect())
    )
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write ATTR=VALUE, for example power=on".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Args::command().debug_assert();
    }
}
