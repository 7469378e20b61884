//! The way to the simulated cloud: calls out, answers home, as the HTTP edge would do it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gizwits2mqtt::bridge::{CallOutcome, CloudCall, ErrorClass, Reply};
use gizwits2mqtt::gizwits::{ErrorCode, sign};
use gizwits2mqtt::ids::{AccountName, Did, Mac, ProductKey, ScheduleId};
use gizwits2mqtt::model::binding::Bound;
use gizwits2mqtt::model::schedule::{Plan, Run, Task};
use gizwits2mqtt::model::{Device, Endpoint, ProductSchema, Schedule, When};
use gizwits2mqtt::simulator::{Answer, Reaction, Request};
use serde_json::{Value, json};

use super::network::error;
use super::process::Session;
use super::reloads::user_of;
use super::universe::Universe;

impl Universe {
    /// As the user of the first account.
    pub(crate) fn ask_cloud(&mut self, call: &CloudCall) -> CallOutcome {
        let account = AccountName::new("home").unwrap();
        let token = self.processes().find_map(|process| process.token(&account));
        self.ask_cloud_as(&account, call, token.as_deref())
    }

    pub(crate) fn ask_cloud_as(
        &mut self,
        account: &AccountName,
        call: &CloudCall,
        token: Option<&str>,
    ) -> CallOutcome {
        let request = self.to_http(account, call, token);
        match self.cloud.handle(self.unix_ms(), &request) {
            Reaction::Answer(answer) => {
                self.late = Duration::from_millis(answer.delay_ms.try_into().unwrap());
                self.read(call, &answer)
            }
            Reaction::Hang => Err(error(ErrorClass::Transient, None, "hang")),
            Reaction::Reset => Err(error(ErrorClass::Transient, None, "reset")),
        }
    }

    /// The user of an account in the settings.
    fn name_of(&self, account: &AccountName) -> &str {
        let account = self.here.settings.accounts.get(account);
        account.map_or("", |account| user_of(account))
    }

    fn to_http(&self, account: &AccountName, call: &CloudCall, token: Option<&str>) -> Request {
        let (method, path, body) = match call {
            CloudCall::Login => (
                "POST",
                "/app/login".to_owned(),
                json!({ "username": self.name_of(account), "password": self.password }),
            ),
            CloudCall::Bindings { .. } => ("GET", "/app/bindings".into(), Value::Null),
            CloudCall::Schema { .. } => ("GET", "/app/datapoint".into(), Value::Null),
            CloudCall::Latest { did } => ("GET", format!("/app/devdata/{did}/latest"), Value::Null),
            CloudCall::Control { did, attrs } => (
                "POST",
                format!("/app/control/{did}"),
                json!({ "attrs": attrs.to_json() }),
            ),
            CloudCall::Raw { did, bytes } => (
                "POST",
                format!("/app/control/{did}"),
                json!({ "raw": bytes }),
            ),
            CloudCall::Bind(devices) => {
                let row = |device: &gizwits2mqtt::model::binding::Bind| {
                    json!({ "did": device.did, "passcode": device.passcode.expose(),
                        "remark": device.remark, "dev_alias": device.alias })
                };
                let rows: Vec<Value> = devices.iter().map(row).collect();
                ("POST", "/app/bindings".into(), json!({ "devices": rows }))
            }
            CloudCall::BindByMac(device) => (
                "POST",
                "/app/bind_mac".into(),
                json!({ "product_key": device.product_key, "mac": device.mac,
                    "remark": device.remark, "dev_alias": device.alias }),
            ),
            CloudCall::Unbind(dids) => {
                let rows: Vec<Value> = dids.iter().map(|did| json!({ "did": did })).collect();
                ("DELETE", "/app/bindings".into(), json!({ "devices": rows }))
            }
            CloudCall::Schedules { .. } => ("GET", "/app/scheduler".into(), Value::Null),
            CloudCall::AddSchedule(plan) => ("POST", "/app/scheduler".into(), plan.to_json()),
            CloudCall::RemoveSchedule(id) => {
                ("DELETE", format!("/app/scheduler/{id}"), Value::Null)
            }
            CloudCall::ScheduleLog(id) => ("GET", format!("/app/scheduler/{id}/logs"), Value::Null),
        };
        let mut query = BTreeMap::new();
        if let CloudCall::Bindings { skip, limit } | CloudCall::Schedules { skip, limit } = call {
            query.insert("skip".into(), skip.to_string());
            query.insert("limit".into(), limit.to_string());
        }
        if let CloudCall::Schema { product_key } = call {
            query.insert("product_key".into(), product_key.to_string());
        }
        let mut headers =
            BTreeMap::from([("x-gizwits-application-id".into(), "demo-app-id".into())]);
        headers.extend(token.map(|token| ("x-gizwits-user-token".into(), token.into())));
        if let CloudCall::BindByMac(device) = call {
            let time = self.unix_ms() / 1000;
            let signature = sign::product_signature(&device.product_secret, time);
            headers.insert("x-gizwits-timestamp".into(), time.to_string());
            headers.insert("x-gizwits-signature".into(), signature);
        }
        Request {
            method: method.into(),
            path,
            query,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// What the HTTP edge would make of an answer, in short.
    pub(crate) fn read(&mut self, call: &CloudCall, answer: &Answer) -> CallOutcome {
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return Err(error(ErrorClass::Transient, None, "a web page"));
        };
        if let Some(code) = body["error_code"].as_u64() {
            let code = u16::try_from(code).unwrap();
            let class = if *call == CloudCall::Login {
                ErrorCode::of(code).class_at_login()
            } else {
                ErrorCode::of(code).class()
            };
            let mut error = error(class, Some(code), "refused");
            error.retry_after = answer.retry_after.map(|s| Duration::from_secs(s.into()));
            return Err(error);
        }
        Ok(match call {
            CloudCall::Login => {
                self.fresh = Some(Session {
                    token: body["token"].as_str().unwrap().to_owned(),
                    uid: body["uid"].as_str().unwrap().to_owned(),
                });
                Reply::LoggedIn {
                    uid: "u".into(),
                    expires_at: body["expire_at"].as_i64().unwrap(),
                }
            }
            CloudCall::Bindings { .. } => {
                let rows = body["devices"].as_array().unwrap();
                Reply::Bindings {
                    devices: rows.iter().map(device).collect(),
                    rows: u32::try_from(rows.len()).unwrap(),
                    unreadable: Vec::new(),
                }
            }
            CloudCall::Schema { product_key } => {
                let (schema, left_out) = ProductSchema::parse(product_key, &body).unwrap();
                Reply::Schema {
                    schema: Arc::new(schema),
                    document: Arc::new(body),
                    left_out,
                }
            }
            CloudCall::Latest { .. } => Reply::Latest {
                updated_at: body["updated_at"].as_i64().unwrap(),
                attrs: body["attr"].as_object().unwrap().clone(),
            },
            CloudCall::Control { .. } | CloudCall::Raw { .. } => Reply::Done,
            CloudCall::Bind(_) | CloudCall::Unbind(_) => Reply::Bound(Bound {
                success: dids(&body["success"]),
                failed: dids(&body["failed"]),
            }),
            CloudCall::BindByMac(_) => Reply::BoundByMac {
                did: body["did"].as_str().and_then(|did| Did::new(did).ok()),
            },
            CloudCall::Schedules { .. } => {
                let rows = body.as_array().unwrap();
                Reply::Schedules {
                    schedules: rows.iter().map(schedule).collect(),
                    rows: u32::try_from(rows.len()).unwrap(),
                    unreadable: Vec::new(),
                }
            }
            CloudCall::AddSchedule(_) => Reply::ScheduleAdded {
                id: ScheduleId::new(body["id"].as_str().unwrap()).unwrap(),
            },
            CloudCall::RemoveSchedule(_) => Reply::Done,
            CloudCall::ScheduleLog(_) => Reply::ScheduleLog(run(&body)),
        })
    }
}

fn dids(list: &Value) -> Vec<Did> {
    let dids = list.as_array().unwrap().iter();
    dids.map(|did| Did::new(did.as_str().unwrap()).unwrap())
        .collect()
}

fn schedule(row: &Value) -> Schedule {
    let text = |key: &str| row[key].as_str().unwrap();
    let task = |task: &Value| Task {
        did: Did::new(task["did"].as_str().unwrap()).unwrap(),
        product_key: ProductKey::new(task["product_key"].as_str().unwrap()).unwrap(),
        attrs: task["attrs"].as_object().unwrap().clone(),
    };
    Schedule {
        id: ScheduleId::new(text("id")).unwrap(),
        created_at: Some(text("created_at").parse().unwrap()),
        plan: Plan {
            when: When {
                date: text("date").parse().unwrap(),
                time: text("time").parse().unwrap(),
                repeat: text("repeat").parse().unwrap(),
            },
            tasks: row["task"].as_array().unwrap().iter().map(task).collect(),
            retry_count: row["retry_count"].as_u64().unwrap().try_into().unwrap(),
            retry: text("retry_task").parse().unwrap(),
        },
    }
}

fn run(log: &Value) -> Option<Run> {
    let detail = log.get("detail")?.as_object().unwrap();
    let delivered = detail.iter().map(|(did, done)| {
        let did = Did::new(did.clone()).unwrap();
        (did, done.as_bool().unwrap())
    });
    Some(Run {
        at: log["datetime"].as_str().unwrap().parse().ok(),
        succeeded: log["status"] == "succeed",
        delivered: delivered.collect(),
    })
}

fn device(row: &Value) -> Device {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Device {
        did: Did::new(text("did")).unwrap(),
        product_key: ProductKey::new(text("product_key")).unwrap(),
        mac: Mac::new(text("mac")).ok(),
        alias: text("dev_alias"),
        product_name: text("product_name"),
        is_online: row["is_online"] == true,
        is_disabled: false,
        wifi_version: String::new(),
        mcu_version: String::new(),
        push: Some(Endpoint {
            host: text("host"),
            port: row["ws_port"].as_u64().unwrap().try_into().unwrap(),
            tls: false,
        }),
    }
}
