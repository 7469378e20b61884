//! From the configuration to what each edge and the core want to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::warn;

use crate::bridge::Restored;
use crate::config::{Account, Config, Credentials};
use crate::gizwits::{Access, Api, LoginAs, Session, SetUpError};
use crate::ids::AccountName;
use crate::model::ProductSchema;
use crate::mqtt::{MqttConfig, Protocol, Will};
use crate::store::{StateDir, StoredToken};

use super::cloud::Way;

/// The broker link that a configuration asks for. `install_id` makes the client id this
/// installation's own.
#[must_use]
pub fn mqtt_config(config: &Config, install_id: &str) -> MqttConfig {
    let mqtt = config.mqtt.clone();
    MqttConfig {
        url: mqtt.url,
        username: mqtt.username,
        password: mqtt.password,
        ca_file: mqtt.ca_file,
        client_cert_file: mqtt.client_cert_file,
        client_key_file: mqtt.client_key_file,
        client_id: mqtt
            .client_id
            .unwrap_or_else(|| client_id(config, install_id)),
        protocol: if mqtt.is_v5 {
            Protocol::V5
        } else {
            Protocol::V311
        },
        will: Will {
            topic: config.settings.topics().bridge("state"),
            payload: "offline".into(),
        },
    }
}

/// An id of this installation's own, and of each of its instances: two links with one id throw each
/// other out.
fn client_id(config: &Config, install_id: &str) -> String {
    let shard = config.settings.shard;
    if shard.is_shared() {
        format!("gizwits2mqtt-{install_id}-{}", shard.index)
    } else {
        format!("gizwits2mqtt-{install_id}")
    }
}

/// One account's way to the cloud; a token of an earlier run is taken over where it is this user's.
///
/// # Errors
/// [`SetUpError`]
pub fn way(account: &Account, token: Option<&StoredToken>) -> Result<Way, SetUpError> {
    let login = match account.credentials.clone() {
        Credentials::User { username, password } => LoginAs::User { username, password },
        Credentials::Anonymous { phone_id } => LoginAs::Anonymous { phone_id },
    };
    let api = Api::new(Access {
        app_id: account.app_id.clone(),
        urls: account.urls.clone(),
        login: Some(login),
    })?;
    let fingerprint = account.fingerprint();
    if let Some(token) = token.filter(|token| is_ours(token, account)) {
        let session = Session {
            uid: token.uid.clone(),
            token: token.token.clone(),
            expires_at: token.expires_at,
        };
        api.restore(token.region, session);
    }
    Ok(Way { api, fingerprint })
}

/// All accounts' ways after a reload. An account that stays as it is keeps its way, and a user who
/// stays the same keeps the tokens.
///
/// # Errors
/// [`SetUpError`]
pub fn renewed_ways(
    before: &Config,
    ways: &BTreeMap<AccountName, Way>,
    now: &Config,
) -> Result<BTreeMap<AccountName, Way>, SetUpError> {
    let renew = |account: &Account| -> Result<Way, SetUpError> {
        let known = ways.get(&account.name);
        if let Some(known) = known.filter(|_| before.accounts.contains(account)) {
            return Ok(known.clone());
        }
        let new = way(account, None)?;
        if let Some(known) = known.filter(|known| known.fingerprint == new.fingerprint) {
            for region in account.urls.keys() {
                if let Some(session) = known.api.session(*region) {
                    new.api.restore(*region, session);
                }
            }
        }
        Ok(new)
    };
    let accounts = now.accounts.iter();
    accounts
        .map(|account| Ok((account.name.clone(), renew(account)?)))
        .collect()
}

/// All accounts' ways.
///
/// # Errors
/// [`SetUpError`]
pub fn ways(
    config: &Config,
    tokens: &BTreeMap<AccountName, StoredToken>,
) -> Result<BTreeMap<AccountName, Way>, SetUpError> {
    config
        .accounts
        .iter()
        .map(|account| {
            Ok((
                account.name.clone(),
                way(account, tokens.get(&account.name))?,
            ))
        })
        .collect()
}

fn is_ours(token: &StoredToken, account: &Account) -> bool {
    token.fingerprint == account.fingerprint() && account.urls.contains_key(&token.region)
}

/// What the core takes over from an earlier run: nothing where the folder cannot be used.
#[must_use]
pub fn restored(
    config: &Config,
    dir: Option<&StateDir>,
    tokens: &BTreeMap<AccountName, StoredToken>,
) -> Restored {
    let of_account = |account: &Account| {
        let token = tokens
            .get(&account.name)
            .filter(|token| is_ours(token, account))?;
        Some((account.name.clone(), (token.region, token.expires_at)))
    };
    let mut schemas = BTreeMap::new();
    for (product_key, document) in dir.map(StateDir::load_schemas).unwrap_or_default() {
        match ProductSchema::parse(&product_key, &document) {
            Ok((schema, _)) => {
                schemas.insert(product_key, Arc::new(schema));
            }
            Err(err) => warn!(%product_key, %err, "a cached schema is left out"),
        }
    }
    Restored {
        schemas,
        tokens: config.accounts.iter().filter_map(of_account).collect(),
        announced: dir.map(StateDir::load_announced).unwrap_or_default(),
        budgets: dir.map(StateDir::load_budgets).unwrap_or_default(),
    }
}
