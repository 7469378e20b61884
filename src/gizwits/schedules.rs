//! The scheduler: what the cloud sets on devices at a time.

use serde_json::Value;

use crate::bridge::{CallError, Reply};
use crate::ids::ScheduleId;
use crate::model::Region;
use crate::model::schedule::{Plan, Run};

use super::api::Api;
use super::error::unexpected;
use super::request::{Method, Request, Right};
use super::wire_schedule;

impl Api {
    /// `POST /app/scheduler`
    ///
    /// # Errors
    /// [`CallError`]: 9015, 9017, 9025
    pub async fn add_schedule(
        &self,
        region: Region,
        plan: &Plan,
        unix_now: i64,
    ) -> Result<ScheduleId, CallError> {
        let request = scheduler(Method::Post, &[]).body(plan.to_json());
        let json = self.send(region, request, unix_now).await?.document()?;
        let id = json.get("id").and_then(Value::as_str).unwrap_or_default();
        ScheduleId::new(id).map_err(|_| unexpected("it brought no schedule id"))
    }

    /// `GET /app/scheduler`, one page; a bare list (documented). A page with fewer rows than `limit` is
    /// the last.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn schedules(
        &self,
        region: Region,
        skip: u32,
        limit: u32,
        unix_now: i64,
    ) -> Result<Reply, CallError> {
        let request = scheduler(Method::Get, &[])
            .query("limit", limit)
            .query("skip", skip);
        let answer = self.send(region, request, unix_now).await?;
        wire_schedule::page(&answer.document()?)
    }

    /// `DELETE /app/scheduler/{id}`
    ///
    /// # Errors
    /// [`CallError`]: 9030 when there is none.
    pub async fn remove_schedule(
        &self,
        region: Region,
        id: &ScheduleId,
        unix_now: i64,
    ) -> Result<(), CallError> {
        let request = scheduler(Method::Delete, &[id.as_str()]);
        self.send(region, request, unix_now).await?.nothing()
    }

    /// `GET /app/scheduler/{id}/logs`: the last run only (documented); `None` when there was none.
    ///
    /// # Errors
    /// [`CallError`]: 9030 when there is no such schedule.
    pub async fn schedule_log(
        &self,
        region: Region,
        id: &ScheduleId,
        unix_now: i64,
    ) -> Result<Option<Run>, CallError> {
        let request = scheduler(Method::Get, &[id.as_str(), "logs"]);
        let answer = self.send(region, request, unix_now).await?;
        match answer.json {
            Some(json) => wire_schedule::run(&json),
            None => answer.nothing().map(|()| None),
        }
    }
}

fn scheduler(method: Method, below: &[&str]) -> Request {
    let path: Vec<&str> = ["app", "scheduler"].iter().chain(below).copied().collect();
    Request::new(method, &path).right(Right::User)
}
