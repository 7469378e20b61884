//! An account as a command sees it: logged in, with its devices.

use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::warn;

use crate::app::clock::Clock;
use crate::app::cloud::Way;
use crate::app::edges;
use crate::bridge::{CallError, CloudCall, ErrorClass, Reply};
use crate::config::Account;
use crate::gizwits::{Api, Session};
use crate::ids::ProductKey;
use crate::model::{Device, ProductSchema, Region, Schedule, infer};
use crate::store::StoredToken;

use super::output::Output;
use super::progress::Progress;
use super::trouble::Trouble;

/// Rows a page of bindings, or of schedules.
const PAGE: u32 = 20;
/// A listing that does not end is no listing.
const MAX_PAGES: u32 = 500;

/// An account that let the user in, and its devices.
pub(super) type Entered = (Client, Vec<Device>);

/// One account, logged in.
pub(super) struct Client {
    pub(super) account: Account,
    pub(super) region: Region,
    way: Way,
    visitor: Visitor,
}

/// Who enters accounts: has a clock, and tells what takes so long.
#[derive(Clone)]
pub(super) struct Visitor {
    clock: Clock,
    progress: Progress,
}

impl Visitor {
    pub(super) fn new(output: &Output) -> Self {
        Self {
            clock: Clock::start(),
            progress: output.progress.clone(),
        }
    }

    /// Unix seconds.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().unix
    }

    /// What happens from now on, as in "logging in".
    pub(super) fn doing(&self, what: impl Into<String>) {
        self.progress.doing(what);
    }

    /// An account in one region, with the session of an earlier run where that is its user's.
    pub(super) fn client(
        &self,
        account: &Account,
        region: Region,
        token: Option<&StoredToken>,
    ) -> Result<Client, Trouble> {
        let way = edges::way(account, token).map_err(|err| Trouble::failed(err.to_string()))?;
        Ok(Client {
            account: account.clone(),
            region,
            way,
            visitor: self.clone(),
        })
    }
}

impl Client {
    /// Unix seconds.
    pub(super) fn now(&self) -> i64 {
        self.visitor.now()
    }

    /// For calls that only commands make; [`Self::call`] makes all others.
    pub(super) fn api(&self) -> &Api {
        &self.way.api
    }

    /// Says what happens from now on, for calls by [`Self::api`].
    pub(super) fn doing(&self, what: &str) {
        self.visitor.doing(what);
    }

    pub(super) fn has_session(&self) -> bool {
        self.way.api.session(self.region).is_some()
    }

    /// The session, and what tells whose it is.
    pub(super) fn session(&self) -> Option<(Session, u64)> {
        Some((self.way.api.session(self.region)?, self.way.fingerprint))
    }

    pub(super) async fn call(&self, call: CloudCall) -> Result<Reply, CallError> {
        let what = doing(&call);
        let (name, region) = (&self.account.name, self.region);
        self.visitor
            .doing(format!("{what} ({name}, region {region})"));
        self.way.api.perform(self.region, call, self.now()).await
    }

    /// All pages of the bindings.
    pub(super) async fn devices(&self) -> Result<Vec<Device>, CallError> {
        let page = |skip, limit| CloudCall::Bindings { skip, limit };
        let rows = |reply| {
            let Reply::Bindings { devices, rows, .. } = reply else {
                return None;
            };
            Some((devices, rows))
        };
        self.pages(page, rows).await
    }

    /// All pages of the schedules.
    pub(super) async fn schedules(&self) -> Result<Vec<Schedule>, CallError> {
        let page = |skip, limit| CloudCall::Schedules { skip, limit };
        let rows = |reply| {
            let Reply::Schedules {
                schedules,
                rows,
                unreadable,
            } = reply
            else {
                return None;
            };
            for reason in unreadable {
                warn!(account = %self.account.name, reason, "a schedule is left out");
            }
            Some((schedules, rows))
        };
        self.pages(page, rows).await
    }

    /// Pages until a short one; there is no total.
    async fn pages<T>(
        &self,
        page: impl Fn(u32, u32) -> CloudCall,
        rows: impl Fn(Reply) -> Option<(Vec<T>, u32)>,
    ) -> Result<Vec<T>, CallError> {
        let mut all = Vec::new();
        for number in 0..MAX_PAGES {
            let reply = self.call(page(number * PAGE, PAGE)).await?;
            let Some((found, count)) = rows(reply) else {
                break;
            };
            all.extend(found);
            if count < PAGE {
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
    ) -> Result<(ProductSchema, i64, Map<String, Value>), CallError> {
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

/// What a call does, for somebody who waits for it.
fn doing(call: &CloudCall) -> String {
    let page = |skip: u32| skip / PAGE + 1;
    match call {
        CloudCall::Login => "logging in".to_owned(),
        CloudCall::Bindings { skip, .. } => format!("listing devices, page {}", page(*skip)),
        CloudCall::Schema { .. } => "reading the product's schema".to_owned(),
        CloudCall::Latest { did } => format!("reading the data of {did}"),
        CloudCall::Control { did, .. } | CloudCall::Raw { did, .. } => {
            format!("sending the command to {did}")
        }
        CloudCall::Bind(_) | CloudCall::BindByMac(_) => "binding".to_owned(),
        CloudCall::Unbind(_) => "unbinding".to_owned(),
        CloudCall::Schedules { skip, .. } => format!("listing schedules, page {}", page(*skip)),
        CloudCall::AddSchedule(_) => "adding the schedule".to_owned(),
        CloudCall::RemoveSchedule(_) => "removing the schedule".to_owned(),
        CloudCall::ScheduleLog(_) => "reading the schedule's log".to_owned(),
    }
}

/// Each call has one kind of reply; another one would be a fault of the edge.
pub(super) fn unreachable_reply<T>() -> Result<T, CallError> {
    Err(CallError {
        class: ErrorClass::Transient,
        code: None,
        retry_after: None,
        message: "the answer is of another call".into(),
    })
}
