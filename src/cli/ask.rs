//! A command that asks the cloud: the configuration, and every account of it, entered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{self, Account, Config};
use crate::ids::AccountName;
use crate::model::Device;

use super::client::{Client, Entered, Visitor};
use super::logging;
use super::output::Output;
use super::trouble::Trouble;

/// See the module.
pub(super) struct Ask {
    pub(super) config: Config,
    pub(super) file: PathBuf,
    pub(super) visitor: Visitor,
}

/// A device with the account that has it.
pub(super) struct Found {
    pub(super) client: Client,
    pub(super) device: Device,
}

/// The process's environment, as far as it is text.
pub(super) fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}

/// The configuration and its file. A file that the command line names must be there, even where
/// the environment says enough to do without one.
pub(super) fn configuration(named: Option<&Path>) -> Result<(Config, PathBuf), Trouble> {
    must_exist(named)?;
    let variables = variables();
    let file = config::find(named, &variables);
    Ok((config::load(&file, &variables)?, file))
}

/// Refuses a file that the command line names and that is not there.
pub(super) fn must_exist(named: Option<&Path>) -> Result<(), Trouble> {
    match named.filter(|file| !file.exists()) {
        Some(file) => Err(Trouble::usage(format!(
            "{}: there is no such file; see --config",
            file.display()
        ))),
        None => Ok(()),
    }
}

impl Ask {
    /// Reads the configuration and starts logging, quietly.
    pub(super) fn load(
        file: Option<&Path>,
        verbosity: i16,
        output: &Output,
    ) -> Result<Self, Trouble> {
        let (config, file) = configuration(file)?;
        logging::start(logging::QUIET, verbosity);
        Ok(Self {
            config,
            file,
            visitor: Visitor::new(output),
        })
    }

    /// Enters every account, in the order of the file. One that cannot be entered keeps no other
    /// one from answering.
    pub(super) async fn clients(&self) -> Vec<Result<Entered, Trouble>> {
        let mut clients = Vec::new();
        for account in &self.config.accounts {
            clients.push(self.enter(account).await);
        }
        clients
    }

    /// All accounts that can be entered, with what kept the others out; an error when none can.
    pub(super) async fn entered(&self) -> Result<(Vec<Entered>, Option<Trouble>), Trouble> {
        let (mut entered, mut refused) = (Vec::new(), Vec::new());
        for answer in self.clients().await {
            match answer {
                Ok(found) => entered.push(found),
                Err(trouble) => refused.push(trouble),
            }
        }
        match Trouble::joined(refused) {
            Some(trouble) if entered.is_empty() => Err(trouble),
            refused => Ok((entered, refused)),
        }
    }

    /// The account of this name, or the only one there is.
    pub(super) async fn account(&self, name: Option<&str>) -> Result<Entered, Trouble> {
        let names = self.config.accounts.iter().map(|account| &account.name);
        let at = pick(names, name)?;
        match self.config.accounts.get(at) {
            Some(account) => self.enter(account).await,
            None => Err(Trouble::usage("the configuration has no account")),
        }
    }

    /// The device of a did, and its account.
    pub(super) async fn find(&self, did: &str) -> Result<Found, Trouble> {
        let mut refused = None;
        for account in &self.config.accounts {
            match self.enter(account).await {
                Ok((client, devices)) => {
                    let mut devices = devices.into_iter();
                    if let Some(device) = devices.find(|device| device.did.as_str() == did) {
                        return Ok(Found { client, device });
                    }
                }
                Err(trouble) => refused = Some(refused.unwrap_or(trouble)),
            }
        }
        // Where not all could be asked, it is not known that nobody has it.
        Err(refused.unwrap_or_else(|| no_such_device(did)))
    }

    async fn enter(&self, account: &Account) -> Result<Entered, Trouble> {
        let core = self.config.settings.accounts.get(&account.name);
        let regions = core.map(|core| core.regions.clone()).unwrap_or_default();
        let state_dir = &self.config.state_dir;
        self.visitor.enter(account, &regions, state_dir).await
    }
}

/// What a did that nobody has is answered with.
pub(super) fn no_such_device(did: &str) -> Trouble {
    Trouble::failed(format!(
        "no account has a device {did:?}; `gizwits2mqtt devices list` shows all"
    ))
}

/// Which of several accounts: the one of this name, or the only one.
pub(super) fn pick<'a>(
    names: impl Iterator<Item = &'a AccountName>,
    wanted: Option<&str>,
) -> Result<usize, Trouble> {
    let names: Vec<&str> = names.map(AccountName::as_str).collect();
    let listed = names.join(", ");
    match (wanted, names.as_slice()) {
        (Some(wanted), _) => names
            .iter()
            .position(|name| *name == wanted)
            .ok_or_else(|| {
                Trouble::usage(format!(
                    "no account of the configuration is called {wanted:?}; there are: {listed}"
                ))
            }),
        (None, [_]) => Ok(0),
        (None, _) => Err(Trouble::usage(format!(
            "which account? choose one with --account: {listed}"
        ))),
    }
}
