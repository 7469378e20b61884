//! Devices: what each is, who has bound it, and what it reported.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::errors::{Answered, ApiError};
use super::exchange::{Answer, Request};
use super::quirks::Quirks;
use super::raw_log::Entry;
use super::rights;
use super::scenario;
use super::world::World;

/// The cloud forgets reports after a day (documented).
const REPORT_LIFE_MS: i64 = 86_400 * 1000;
/// A device that is online reports at least this often.
const REPORT_EVERY_MS: i64 = 600 * 1000;

/// A device and its last report.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) did: String,
    pub(super) product_key: String,
    pub(super) mac: String,
    pub(super) passcode: String,
    pub(super) online: bool,
    /// Which of the M2M hosts.
    pub(super) m2m: usize,
    /// What bindings show instead of that.
    pub(super) host: Option<String>,
    pub(super) ws_port: Option<u16>,
    pub(super) wss_port: Option<u16>,
    pub(super) disabled: bool,
    /// In the order in which they came.
    pub(super) bindings: Vec<Binding>,
    pub(super) attrs: Map<String, Value>,
    pub(super) quirks: Quirks,
    /// What was written last, as it reads back; before that, what it started with.
    pub(super) written: Map<String, Value>,
    /// 0: never.
    pub(super) updated_ms: i64,
    /// When `online` last changed.
    pub(super) state_ms: i64,
    pub(super) log: VecDeque<Entry>,
}

/// What one user has made of a device.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) uid: String,
    pub(super) alias: String,
    pub(super) remark: String,
}

impl Device {
    /// As a scenario has it, bound by these users.
    pub(super) fn of(device: scenario::Device, uids: Vec<String>, now_ms: i64) -> Self {
        let binding = |uid| Binding {
            uid,
            alias: device.alias.clone(),
            remark: String::new(),
        };
        Self {
            bindings: uids.into_iter().map(binding).collect(),
            did: device.did,
            product_key: device.product_key,
            mac: device.mac,
            passcode: device.passcode,
            online: device.online,
            m2m: device.m2m,
            host: device.host,
            ws_port: device.ws_port,
            wss_port: device.wss_port,
            disabled: device.disabled,
            written: device.attrs.clone(),
            attrs: device.attrs,
            quirks: device.quirks,
            updated_ms: if device.reported { now_ms } else { 0 },
            state_ms: now_ms,
            log: VecDeque::new(),
        }
    }

    pub(super) fn binding(&self, uid: &str) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.uid == uid)
    }

    /// Binds it, or changes what an older binding says.
    pub(super) fn bind(&mut self, uid: &str, alias: Option<&str>, remark: Option<&str>) {
        let known = self.bindings.iter().position(|known| known.uid == uid);
        let at = known.unwrap_or_else(|| {
            self.bindings.push(Binding {
                uid: uid.to_owned(),
                alias: String::new(),
                remark: String::new(),
            });
            self.bindings.len() - 1
        });
        if let Some(binding) = self.bindings.get_mut(at) {
            if let Some(alias) = alias {
                alias.clone_into(&mut binding.alias);
            }
            if let Some(remark) = remark {
                remark.clone_into(&mut binding.remark);
            }
        }
    }

    /// The first to bind it is `special`; when that one leaves, the next is (newer documents).
    pub(super) fn role(&self, uid: &str) -> &'static str {
        let is_first = self.bindings.first().is_some_and(|first| first.uid == uid);
        if is_first { "special" } else { "normal" }
    }

    pub(super) fn set_online(&mut self, now_ms: i64, online: bool) {
        if self.online != online {
            self.online = online;
            self.state_ms = now_ms;
            self.note(Entry::presence(now_ms, online));
        }
    }

    pub(super) fn report(&mut self, now_ms: i64, attrs: Map<String, Value>) {
        self.note(Entry::report(now_ms, &attrs));
        self.attrs.extend(attrs);
        self.updated_ms = now_ms;
    }

    /// What it would have reported while time jumped.
    pub(super) fn report_again(&mut self, now_ms: i64) {
        if self.online && self.updated_ms != 0 && now_ms - self.updated_ms >= REPORT_EVERY_MS {
            self.report(now_ms, Map::new());
        }
    }

    /// Its values as `latest` tells them, with the time in seconds.
    fn latest(&self, now_ms: i64) -> (i64, Map<String, Value>) {
        if self.updated_ms == 0 || now_ms - self.updated_ms > REPORT_LIFE_MS {
            return (0, Map::new());
        }
        // Over HTTP a bool is 0 or 1 (seen).
        let to_wire = |(name, value): (&String, &Value)| {
            let value = value
                .as_bool()
                .map_or_else(|| value.clone(), |on| u8::from(on).into());
            (name.clone(), value)
        };
        (
            self.updated_ms / 1000,
            self.attrs.iter().map(to_wire).collect(),
        )
    }
}

/// `GET /app/devdata/{did}/latest`: the application id is enough (documented).
pub(super) fn latest(world: &mut World, now_ms: i64, did: &str) -> Answered {
    let device = world.device(did).ok_or(ApiError::plain(9014))?;
    let (updated_at, attrs) = device.latest(now_ms);
    let body = json!({ "did": did, "updated_at": updated_at, "attr": attrs });
    Ok(Answer::json(200, &body))
}

/// The device of a call that only its users may make.
///
/// # Errors
/// 9014, 9017
pub(super) fn bound<'a>(
    world: &'a mut World,
    did: &str,
    uid: &str,
) -> Result<&'a mut Device, ApiError> {
    let device = world.device(did).ok_or(ApiError::plain(9014))?;
    if device.binding(uid).is_none() {
        return Err(ApiError::plain(9017));
    }
    Ok(device)
}

/// `GET /app/devices/{did}`: one device, without what its user calls it. Not in the Open API page
/// (seen).
pub(super) fn one(world: &mut World, now_ms: i64, request: &Request, did: &str) -> Answered {
    let uid = rights::user(world, now_ms, request)?;
    let device = bound(world, did, &uid)?.clone();
    let mut row = row(world, &device, &uid);
    for absent in ["dev_alias", "dev_label", "is_sandbox", "mcu_soft_version"] {
        row.remove(absent);
    }
    row.insert("proto_ver".into(), "04".into());
    Ok(Answer::json(200, &row.into()))
}

/// A device as its user sees it.
pub(super) fn row(world: &World, device: &Device, uid: &str) -> Map<String, Value> {
    let product = world.products.get(&device.product_key);
    let binding = device.binding(uid);
    let m2m = world.push.hosts.get(device.m2m);
    let host = m2m.and_then(|m2m| m2m.host.as_deref());
    let host = device.host.as_deref().or(host);
    let ws_port = device.ws_port.or(m2m.map(|m2m| m2m.ws_port));
    let row = json!({
        "did": device.did,
        "product_key": device.product_key,
        "product_name": product.map(|product| product.name.as_str()),
        "mac": device.mac,
        "dev_alias": binding.map(|binding| binding.alias.as_str()),
        "dev_label": [],
        "passcode": device.passcode,
        "remark": binding.map(|binding| binding.remark.as_str()),
        "is_online": device.online,
        "state_last_timestamp": device.state_ms / 1000,
        "is_disabled": device.disabled,
        "is_low_power": false,
        "is_sandbox": false,
        "type": "normal",
        "role": device.role(uid),
        "host": host.unwrap_or(&world.reached_as),
        "port": 1883,
        "port_s": 8883,
        "ws_port": ws_port,
        "wss_port": device.wss_port.unwrap_or(8880),
        "protoc": 3,
        "gw_did": null,
        "mesh_id": null,
        "sleep_duration": 0,
        "wifi_soft_version": "04020028",
        "mcu_soft_version": "00000001",
    });
    row.as_object().cloned().unwrap_or_default()
}
