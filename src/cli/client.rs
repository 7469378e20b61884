//! An account as a command sees it: logged in, with its devices.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tracing::{debug, warn};

use crate::app::clock::Clock;
use crate::app::cloud::Way;
use crate::app::edges;
use crate::bridge::{CallError, CloudCall, ErrorClass, Reply};
use crate::config::{self, Account, Config};
use crate::ids::ProductKey;
use crate::model::{Device, ProductSchema, Region, infer};
use crate::store::{StateDir, StoredToken, tokens};

use super::logging;
use super::trouble::Trouble;

/// Rows a page of bindings.
const PAGE: u32 = 20;
/// A listing that does not end is no listing.
const MAX_PAGES: u32 = 500;

/// A command that asks the cloud.
pub(super) struct Ask {
    pub(super) config: Config,
    pub(super) file: PathBuf,
    clock: Clock,
}

/// A device with the account that has it.
pub(super) struct Found {
    pub(super) client: Client,
    pub(super) device: Device,
}

/// An account that let the user in, and its devices.
pub(super) type Entered = (Client, Vec<Device>);

/// One account, logged in.
pub(super) struct Client {
    pub(super) account: Account,
    pub(super) region: Region,
    way: Way,
    clock: Clock,
}

/// The process's environment, as far as it is text.
fn variables() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}

/// The configuration and its file. A file that the command line names must be there, even where
/// the environment says enough to do without one.
pub(super) fn configuration(named: Option<&Path>) -> Result<(Config, PathBuf), Trouble> {
    if let Some(file) = named.filter(|file| !file.exists()) {
        let file = file.display();
        return Err(Trouble::usage(format!(
            "{file}: there is no such file; see --config"
        )));
    }
    let variables = variables();
    let file = config::find(named, &variables);
    Ok((config::load(&file, &variables)?, file))
}

impl Ask {
    /// Reads the configuration and starts logging, quietly.
    pub(super) fn load(file: Option<&Path>, verbosity: i16) -> Result<Self, Trouble> {
        let (config, file) = configuration(file)?;
        logging::start(logging::QUIET, verbosity);
        Ok(Self {
            config,
            file,
            clock: Clock::start(),
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
        Err(refused.unwrap_or_else(|| {
            Trouble::failed(format!(
                "no account has a device {did:?}; `gizwits2mqtt devices list` shows all"
            ))
        }))
    }

    /// With a token of an earlier run where there is one; else logs in. With several regions the
    /// first one that has devices counts, else the first that let the user in.
    async fn enter(&self, account: &Account) -> Result<Entered, Trouble> {
        let known = tokens::peek(&self.config.state_dir);
        let token = known.get(&account.name);
        let way = edges::way(account, token).map_err(|err| Trouble::failed(err.to_string()))?;
        let client = |region| Client {
            account: account.clone(),
            region,
            way: way.clone(),
            clock: self.clock,
        };
        if let Some(token) = token.filter(|token| way.api.session(token.region).is_some()) {
            let client = client(token.region);
            match client.devices().await {
                Ok(devices) => return Ok((client, devices)),
                Err(err) if err.class == ErrorClass::TokenLost => debug!("the kept token is void"),
                Err(err) => return Err(named(account, err)),
            }
        }
        let core = self.config.settings.accounts.get(&account.name);
        let regions = core.map(|core| core.regions.clone()).unwrap_or_default();
        let is_only = regions.len() == 1;
        let (mut first, mut refused) = (None, Vec::new());
        for region in regions {
            let client = client(region);
            let listed = match client.call(CloudCall::Login).await {
                Ok(_) => client.devices().await,
                Err(err) => Err(err),
            };
            match listed {
                Ok(devices) if !devices.is_empty() || is_only => {
                    self.keep(&client);
                    return Ok((client, devices));
                }
                Ok(devices) => first = first.or(Some((client, devices))),
                Err(err) => refused.push((region, err)),
            }
        }
        if let Some(found) = first {
            // A user lives in one region; elsewhere it is not known. All else is news: the devices
            // may be there.
            for (region, err) in &refused {
                if err.class != ErrorClass::LoginRefused {
                    warn!(account = %account.name, %region, %err, "a region could not be asked");
                }
            }
            return Ok(found);
        }
        // "No such user" is what all regions but the user's own say.
        let told = refused
            .into_iter()
            .min_by_key(|(_, err)| err.code == Some(9005));
        match told {
            Some((_, err)) => Err(named(account, err)),
            None => Err(Trouble::failed("no region is configured")),
        }
    }

    /// Keeps the token for the next command, unless a running bridge owns the folder.
    fn keep(&self, client: &Client) {
        let Some(session) = client.way.api.session(client.region) else {
            return;
        };
        let token = StoredToken {
            region: client.region,
            uid: session.uid,
            token: session.token,
            expires_at: session.expires_at,
            fingerprint: client.way.fingerprint,
        };
        let kept = StateDir::open(&self.config.state_dir)
            .and_then(|dir| dir.save_token(&client.account.name, &token));
        if let Err(err) = kept {
            debug!(%err, "the token is not kept");
        }
    }
}

fn named(account: &Account, err: CallError) -> Trouble {
    let hint = hint(err.class).map_or_else(String::new, |hint| format!("; {hint}"));
    Trouble {
        code: err.code,
        ..Trouble::failed(format!("account {}: {}{hint}", account.name, err.message))
    }
}

/// What to do about an account that cannot be entered.
const fn hint(class: ErrorClass) -> Option<&'static str> {
    match class {
        ErrorClass::LoginRefused => Some(
            "check username and password as in the app, and `region`: an account lives in one of them, and `auto` tries all",
        ),
        ErrorClass::Fatal => {
            Some("check `app` or `app_id`: `gizwits2mqtt check --help` lists the known apps")
        }
        ErrorClass::Throttled => {
            Some("wait some minutes; a bridge that runs for this account asks as well")
        }
        ErrorClass::Unsent => {
            Some("check this machine's connection, and `api_url` where it is set")
        }
        ErrorClass::TokenLost
        | ErrorClass::DeviceOffline
        | ErrorClass::DeviceGone
        | ErrorClass::Transient
        | ErrorClass::Refused => None,
    }
}

impl Client {
    /// Unix seconds.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().unix
    }

    pub(super) async fn call(&self, call: CloudCall) -> Result<Reply, CallError> {
        self.way.api.perform(self.region, call, self.now()).await
    }

    /// All pages of the bindings.
    async fn devices(&self) -> Result<Vec<Device>, CallError> {
        let mut all: Vec<Device> = Vec::new();
        for page in 0..MAX_PAGES {
            let call = CloudCall::Bindings {
                skip: page * PAGE,
                limit: PAGE,
            };
            let Reply::Bindings { devices, rows, .. } = self.call(call).await? else {
                break;
            };
            all.extend(devices);
            if rows < PAGE {
                break;
            }
        }
        Ok(all)
    }

    /// The product's schema, or an empty one for a product whose schema cannot be had.
    pub(super) async fn schema(
        &self,
        product_key: &ProductKey,
    ) -> Result<Arc<ProductSchema>, CallError> {
        let call = CloudCall::Schema {
            product_key: product_key.clone(),
        };
        match self.call(call).await {
            Ok(Reply::Schema { schema, .. }) => Ok(schema),
            Err(err) if err.class == ErrorClass::Refused => {
                let empty =
                    ProductSchema::new(product_key.clone(), String::new(), true, Vec::new());
                Ok(Arc::new(empty))
            }
            Ok(_) => unreachable_reply(),
            Err(err) => Err(err),
        }
    }

    /// The last report with the schema to read it by, widened by what only the report knows.
    pub(super) async fn latest(
        &self,
        device: &Device,
    ) -> Result<(ProductSchema, i64, serde_json::Map<String, Value>), CallError> {
        let schema = self.schema(&device.product_key).await?;
        let call = CloudCall::Latest {
            did: device.did.clone(),
        };
        let Reply::Latest { updated_at, attrs } = self.call(call).await? else {
            return unreachable_reply();
        };
        let schema = infer::widen(&schema, &attrs).unwrap_or_else(|| schema.as_ref().clone());
        Ok((schema, updated_at, attrs))
    }
}

/// Each call has one kind of reply; another one would be a fault of the edge.
fn unreachable_reply<T>() -> Result<T, CallError> {
    Err(CallError {
        class: ErrorClass::Transient,
        code: None,
        retry_after: None,
        message: "the answer is of another call".into(),
    })
}
