//! A command that asks the cloud: the configuration, and every account of it, entered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tracing::debug;

use crate::bridge::ErrorClass;
use crate::config::{self, Account, Config};
use crate::ids::AccountName;
use crate::model::{Device, Region};
use crate::store::{StateDir, StoredToken, tokens};

use super::client::{Client, Entered, Visitor, named};
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

    /// With a token of an earlier run where there is one; else logs in.
    async fn enter(&self, account: &Account) -> Result<Entered, Trouble> {
        let known = tokens::peek(&self.config.state_dir);
        let regions = self.regions(account);
        if let Some(token) = known.get(&account.name) {
            let client = self.visitor.client(account, token.region, Some(token))?;
            if client.has_session() {
                match client.devices().await {
                    Ok(devices) => return Ok((client, devices)),
                    Err(err) if err.class == ErrorClass::TokenLost => {
                        debug!("the kept token is void");
                    }
                    Err(err) => return Err(named(account, err)),
                }
            }
        }
        let entered = self.visitor.log_in(account, &regions).await?;
        self.keep(&entered.0);
        Ok(entered)
    }

    fn regions(&self, account: &Account) -> Vec<Region> {
        let core = self.config.settings.accounts.get(&account.name);
        core.map(|core| core.regions.clone()).unwrap_or_default()
    }

    /// Keeps the token for the next command, unless a running bridge owns the folder.
    fn keep(&self, client: &Client) {
        keep(&self.config.state_dir, client);
    }
}

/// Keeps the token for the next command, unless a running bridge owns the folder.
fn keep(state_dir: &Path, client: &Client) {
    let Some((session, fingerprint)) = client.session() else {
        return;
    };
    let token = StoredToken {
        region: client.region,
        uid: session.uid,
        token: session.token,
        expires_at: session.expires_at,
        fingerprint,
    };
    let kept =
        StateDir::open(state_dir).and_then(|dir| dir.save_token(&client.account.name, &token));
    if let Err(err) = kept {
        debug!(%err, "the token is not kept");
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
