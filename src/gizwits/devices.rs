//! Devices: the bindings, binding and unbinding, latest data, control.

use serde_json::{Map, Value, json};

use crate::bridge::{CallError, Reply};
use crate::ids::{Did, ProductKey};
use crate::model::binding::{Bind, BindByMac, Bound};
use crate::model::{Attrs, Region};

use super::api::Api;
use super::error_code::ErrorCode;
use super::request::{Method, Request, Right};
use super::wire;

/// Clocks that differ by less are not what a signature was refused for.
const SAME_TIME_S: u64 = 60;

impl Api {
    /// `GET /app/bindings`, one page. There is no total: a page with fewer rows than `limit` is the
    /// last.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn bindings(
        &self,
        region: Region,
        skip: u32,
        limit: u32,
        unix_now: i64,
    ) -> Result<Reply, CallError> {
        let request = Request::new(Method::Get, &["app", "bindings"])
            .right(Right::User)
            .query("show_disabled", 1)
            .query("limit", limit)
            .query("skip", skip);
        let answer = self.send(region, request, unix_now).await?;
        let page = answer.document()?;
        if let Some(did) = wire::unusable_host(&page) {
            self.tell_unusable_host(&did);
        }
        wire::bindings(&page, self.is_tls(region))
    }

    /// `POST /app/bindings`
    ///
    /// # Errors
    /// [`CallError`]; a device that alone fails is named in the answer instead.
    pub async fn bind(
        &self,
        region: Region,
        devices: &[Bind],
        unix_now: i64,
    ) -> Result<Bound, CallError> {
        let row = |device: &Bind| {
            json!({ "did": device.did, "passcode": device.passcode.expose(),
                "remark": device.remark, "dev_alias": device.alias })
        };
        let rows: Vec<Value> = devices.iter().map(row).collect();
        let request = changed_bindings(Method::Post, &rows);
        let answer = self.send(region, request, unix_now).await?;
        wire::bound(&answer.document()?)
    }

    /// `POST /app/bind_mac`, signed with the product's secret and the cloud's time. The newer documents
    /// promise the binding, the older nothing.
    ///
    /// The cloud's time is that of its last answer. When there was none yet, the refusal of ours teaches
    /// it, and the call is signed once more: it had no effect.
    ///
    /// # Errors
    /// [`CallError`]: 9002, 9014, 9043, 9044
    pub async fn bind_by_mac(
        &self,
        region: Region,
        device: &BindByMac,
        unix_now: i64,
    ) -> Result<Option<Did>, CallError> {
        let signed_at = self.cloud_time(unix_now);
        let mut sent = self.send(region, bind_mac(device), unix_now).await;
        if let Err(err) = &sent
            && err.code == Some(ErrorCode::TimestampInvalid.number())
            && self.cloud_time(unix_now).abs_diff(signed_at) > SAME_TIME_S
        {
            sent = self.send(region, bind_mac(device), unix_now).await;
        }
        let answer = sent?;
        let did = answer
            .json
            .as_ref()
            .and_then(|json| json.get("did")?.as_str());
        let did = did.and_then(|did| Did::new(did).ok());
        answer.nothing().map(|()| did)
    }

    /// `DELETE /app/bindings`, with a body (documented).
    ///
    /// # Errors
    /// [`CallError`]; a device that alone fails is named in the answer instead.
    pub async fn unbind(
        &self,
        region: Region,
        dids: &[Did],
        unix_now: i64,
    ) -> Result<Bound, CallError> {
        let rows: Vec<Value> = dids.iter().map(|did| json!({ "did": did })).collect();
        let request = changed_bindings(Method::Delete, &rows);
        let answer = self.send(region, request, unix_now).await?;
        wire::bound(&answer.document()?)
    }

    /// `PUT /app/bindings/{did}`: another alias, or remark. Not in the Open API page (newer documents).
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn rename(
        &self,
        region: Region,
        did: &Did,
        alias: Option<&str>,
        remark: Option<&str>,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let given = [("dev_alias", alias), ("remark", remark)];
        let body: Map<String, Value> = given
            .into_iter()
            .filter_map(|(key, text)| Some((key.to_owned(), text?.into())))
            .collect();
        let request = Request::new(Method::Put, &["app", "bindings", did.as_str()])
            .right(Right::User)
            .body(Value::Object(body));
        let answer = self.send_if_offered(region, request, unix_now).await?;
        answer.nothing()
    }

    /// `GET /app/devices/{did}`: one bound device as the cloud spells it, without its passcode. Not in
    /// the Open API page (seen).
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn device(
        &self,
        region: Region,
        did: &Did,
        unix_now: i64,
    ) -> Result<Value, CallError> {
        let request =
            Request::new(Method::Get, &["app", "devices", did.as_str()]).right(Right::User);
        let answer = self.send_if_offered(region, request, unix_now).await?;
        let mut device = answer.document()?;
        if let Value::Object(members) = &mut device {
            members.remove("passcode");
        }
        Ok(device)
    }

    /// `GET /app/devices/{did}/raw_data`: what went over the wire in the last week. Not in the Open API
    /// page; the cloud allows it for unpublished products only, unless the vendor asked.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn raw_log(
        &self,
        region: Region,
        did: &Did,
        what: RawLog,
        unix_now: i64,
    ) -> Result<Vec<Value>, CallError> {
        let request = Request::new(Method::Get, &["app", "devices", did.as_str(), "raw_data"])
            .right(Right::User)
            .query("type", what.kind)
            .query("start_time", what.from)
            .query("end_time", what.to)
            .query("limit", what.limit)
            .query("sort", "desc")
            .large();
        let answer = self.send_if_offered(region, request, unix_now).await?;
        wire::raw_log(answer.document()?)
    }

    /// `GET /app/datapoint`: a product's schema.
    ///
    /// # Errors
    /// [`CallError`]: 9002 for a product that this application does not know.
    pub async fn datapoints(
        &self,
        region: Region,
        product_key: &ProductKey,
        unix_now: i64,
    ) -> Result<Reply, CallError> {
        let request = Request::new(Method::Get, &["app", "datapoint"])
            .query("product_key", product_key)
            .large();
        let answer = self.send_if_offered(region, request, unix_now).await?;
        wire::schema(product_key, answer.document()?)
    }

    /// `GET /app/devdata/{did}/latest`. The application id would be enough (documented); a token is
    /// sent, as every client does (seen).
    ///
    /// # Errors
    /// [`CallError`]: 9014, 9029
    pub async fn latest(
        &self,
        region: Region,
        did: &Did,
        unix_now: i64,
    ) -> Result<Reply, CallError> {
        let request = Request::new(Method::Get, &["app", "devdata", did.as_str(), "latest"])
            .right(Right::User);
        let answer = self.send(region, request, unix_now).await?;
        wire::latest(answer.document()?)
    }

    /// `POST /app/control/{did}` with attributes.
    ///
    /// # Errors
    /// [`CallError`]: 9014, 9017, 9025, 9042 (9021 on older servers)
    pub async fn control(
        &self,
        region: Region,
        did: &Did,
        attrs: &Attrs,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let request = control(did).body(json!({ "attrs": attrs.to_json() }));
        self.send(region, request, unix_now).await?.nothing()
    }

    /// `POST /app/control/{did}` with bytes: the bare p0 payload.
    ///
    /// # Errors
    /// As [`Self::control`].
    pub async fn control_raw(
        &self,
        region: Region,
        did: &Did,
        bytes: &[u8],
        unix_now: i64,
    ) -> Result<(), CallError> {
        let request = control(did).body(json!({ "raw": bytes }));
        self.send(region, request, unix_now).await?.nothing()
    }
}

/// Which entries of a raw log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLog {
    /// `cmd` (frames) or `online` (comings and goings).
    pub kind: &'static str,
    /// Unix seconds; with `to` less than two days apart (documented).
    pub from: i64,
    /// Unix seconds.
    pub to: i64,
    /// At most 1,000.
    pub limit: u32,
}

fn changed_bindings(method: Method, rows: &[Value]) -> Request {
    Request::new(method, &["app", "bindings"])
        .right(Right::User)
        .body(json!({ "devices": rows }))
}

fn bind_mac(device: &BindByMac) -> Request {
    Request::new(Method::Post, &["app", "bind_mac"])
        .right(Right::Signed(device.product_secret.clone()))
        .body(
            json!({ "product_key": device.product_key, "mac": device.mac,
            "remark": device.remark, "dev_alias": device.alias }),
        )
}

fn control(did: &Did) -> Request {
    Request::new(Method::Post, &["app", "control", did.as_str()]).right(Right::User)
}
