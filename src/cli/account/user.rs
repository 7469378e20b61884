//! Whose account a command changes: the user who logged in last, else the one of the configuration.

use crate::bridge::{CallError, ErrorClass};
use crate::cli::trouble::Trouble;
use crate::config::{Account, Credentials};
use crate::gizwits::{Api, Session};
use crate::model::Region;
use crate::store::KeptLogin;

use super::cloud::Cloud;

/// A user who is logged in.
pub(super) struct User {
    pub(super) api: Api,
    pub(super) region: Region,
    /// For people.
    pub(super) name: String,
}

impl Cloud<'_> {
    /// Who a command is for.
    pub(super) async fn user(&self) -> Result<User, Trouble> {
        if let Some(user) = self.last_user()? {
            return Ok(user);
        }
        let Some(credentials) = self.realm.credentials.clone() else {
            return Err(nobody());
        };
        let name = shown(&credentials);
        let account = self.account(credentials);
        let regions = self.realm.regions();
        let (client, _) = match &self.state_dir {
            Some(state_dir) => self.visitor.enter(&account, &regions, state_dir).await?,
            None => self.visitor.log_in(&account, &regions).await?,
        };
        Ok(User {
            api: client.api().clone(),
            region: client.region,
            name,
        })
    }

    /// The user who logged in last here, if the session is still good.
    fn last_user(&self) -> Result<Option<User>, Trouble> {
        let Some(login) = self.keep.login(&self.key()) else {
            return Ok(None);
        };
        if login.expires_at <= self.now() || !self.realm.urls.contains_key(&login.region) {
            return Ok(None);
        }
        let api = self.api()?;
        let session = Session {
            uid: login.uid,
            token: login.token,
            expires_at: login.expires_at,
        };
        api.restore(login.region, session);
        Ok(Some(User {
            api,
            region: login.region,
            name: login.user,
        }))
    }

    /// An account as the configuration would have it.
    pub(super) fn account(&self, credentials: Credentials) -> Account {
        Account {
            name: self.realm.name.clone(),
            app_id: self.realm.app_id.clone(),
            app_secret: None,
            urls: self.realm.urls.clone(),
            credentials,
        }
    }

    /// Makes this user the one that later commands are for. A session that cannot be kept is still one.
    pub(super) fn remember(&self, region: Region, session: &Session, user: &str) -> bool {
        let login = KeptLogin {
            region,
            user: user.to_owned(),
            uid: session.uid.clone(),
            token: session.token.clone(),
            expires_at: session.expires_at,
        };
        let kept = self.keep.keep_login(&self.key(), Some(login));
        if let Err(err) = &kept {
            self.output.warn(&format!(
                "the session is not kept, and other account commands will not know of it: {err}"
            ));
        }
        kept.is_ok()
    }

    /// No user is the one that later commands are for.
    pub(super) fn forget(&self) -> Result<(), Trouble> {
        if self.keep.login(&self.key()).is_none() {
            return Ok(());
        }
        let forgotten = self.keep.keep_login(&self.key(), None);
        forgotten.map_err(|err| Trouble::failed(err.to_string()))
    }
}

/// A call failed that needs a user.
pub(super) fn refused(err: CallError, trouble: impl FnOnce(CallError) -> Trouble) -> Trouble {
    let is_lost = err.class == ErrorClass::TokenLost;
    let mut trouble = trouble(err);
    if is_lost {
        trouble
            .message
            .push_str(" with `gizwits2mqtt account login`");
    }
    trouble
}

fn nobody() -> Trouble {
    Trouble::usage(
        "nobody is logged in; run `gizwits2mqtt account login` with the same options, or give the \
         configuration's account username and password",
    )
}

/// A user's name for people; a phone id is as good as a password.
pub(super) fn shown(credentials: &Credentials) -> String {
    match credentials {
        Credentials::User { username, .. } => username.clone(),
        Credentials::Anonymous { .. } => "an anonymous user".to_owned(),
    }
}
