//! How a command enters an account: with the token of an earlier one, else by a login, in the region where
//! the user lives.

use std::path::Path;

use tracing::{debug, warn};

use crate::bridge::{CallError, CloudCall, ErrorClass};
use crate::config::Account;
use crate::model::Region;
use crate::store::{StateDir, StoredToken, tokens};

use super::client::{Client, Entered, Visitor};
use super::trouble::Trouble;

impl Visitor {
    /// With a token that is kept in `state_dir`, where there is one; else logs in, and keeps the token.
    pub(super) async fn enter(
        &self,
        account: &Account,
        regions: &[Region],
        state_dir: &Path,
    ) -> Result<Entered, Trouble> {
        let known = tokens::peek(state_dir);
        if let Some(token) = known.get(&account.name) {
            let client = self.client(account, token.region, Some(token))?;
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
        let entered = self.log_in(account, regions).await?;
        keep(state_dir, &entered.0);
        Ok(entered)
    }

    /// Logs in. With several regions the first one that has devices counts, else the first that let
    /// the user in.
    pub(super) async fn log_in(
        &self,
        account: &Account,
        regions: &[Region],
    ) -> Result<Entered, Trouble> {
        let is_only = regions.len() == 1;
        let (mut first, mut refused) = (None, Vec::new());
        for region in regions {
            let client = self.client(account, *region, None)?;
            let listed = match client.call(CloudCall::Login).await {
                Ok(_) => client.devices().await,
                Err(err) => Err(err),
            };
            match listed {
                Ok(devices) if !devices.is_empty() || is_only => return Ok((client, devices)),
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

/// Why this account cannot be entered.
fn named(account: &Account, err: CallError) -> Trouble {
    let trouble = Trouble::from(err);
    Trouble {
        message: format!("account {}: {}", account.name, trouble.message),
        ..trouble
    }
}
