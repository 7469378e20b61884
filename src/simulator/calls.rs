//! The calls of the Open API. Checks come in the order in which the cloud seems to make them:
//! application, token, form, device, binding, disabled, online, attribute.

use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::values;
use super::world::{Request, TOKEN_LIFE_MS, Token, World};

type Answered = Result<(u16, Value), ApiError>;

/// The `limit` of a page that names none, and the largest.
const PAGE: usize = 20;
const MAX_PAGE: usize = 100;

pub(super) fn call(world: &mut World, now_ms: i64, request: &Request) -> Answered {
    let app_id = request.headers.get("x-gizwits-application-id");
    if !app_id.is_some_and(|app_id| world.app_ids.contains(app_id)) {
        return Err(ApiError::plain(9003));
    }
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["app", "login"]) => login(world, now_ms, &form(request)?),
        ("POST", ["app", "users"]) => register(world, now_ms, &form(request)?),
        ("GET", ["app", "bindings"]) => {
            let user = user(world, now_ms, request)?;
            bindings(world, &user, request)
        }
        ("GET", ["app", "datapoint"]) => datapoint(world, request),
        ("GET", ["app", "devdata", did, "latest"]) => {
            let (updated_at, attrs) = world.latest(now_ms, did).ok_or(ApiError::plain(9014))?;
            Ok((
                200,
                json!({ "did": did, "updated_at": updated_at, "attr": attrs }),
            ))
        }
        ("POST", ["app", "control", did]) => {
            let user = user(world, now_ms, request)?;
            control(world, now_ms, &user, did, &form(request)?)
        }
        _ => Ok((404, json!({ "detail": "Not found." }))),
    }
}

fn form(request: &Request) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(form)) => Ok(form),
        _ => Err(ApiError::plain(9015)),
    }
}

fn text<'a>(form: &'a Map<String, Value>, key: &str) -> Result<&'a str, ApiError> {
    form.get(key)
        .and_then(Value::as_str)
        .ok_or(ApiError::plain(9015))
}

fn login(world: &mut World, now_ms: i64, form: &Map<String, Value>) -> Answered {
    let (name, password) = (text(form, "username")?, text(form, "password")?);
    match world.users.get(name) {
        None | Some(None) => Err(ApiError::plain(9005)),
        Some(Some(known)) if known == password => Ok((200, session(world, now_ms, name))),
        Some(Some(_)) => Err(ApiError::plain(9020)),
    }
}

/// Anonymous users only; the same phone id is the same user.
fn register(world: &mut World, now_ms: i64, form: &Map<String, Value>) -> Answered {
    let phone_id = text(form, "phone_id")?;
    let password = world.users.entry(phone_id.to_owned()).or_insert(None);
    if password.is_some() {
        return Err(ApiError::plain(9019));
    }
    Ok((201, session(world, now_ms, phone_id)))
}

/// Each login makes a new token; older ones live on.
fn session(world: &mut World, now_ms: i64, user: &str) -> Value {
    let token: String = std::iter::repeat_with(|| world.chance.alphanumeric())
        .take(32)
        .collect();
    let ends_ms = now_ms + TOKEN_LIFE_MS;
    let user = user.to_owned();
    let uid = format!("uid-{user}");
    world.tokens.insert(token.clone(), Token { user, ends_ms });
    json!({ "uid": uid, "token": token, "expire_at": ends_ms / 1000 })
}

fn user(world: &World, now_ms: i64, request: &Request) -> Result<String, ApiError> {
    let token = request.headers.get("x-gizwits-user-token");
    let token = token
        .and_then(|token| world.tokens.get(token))
        .ok_or(ApiError::plain(9004))?;
    if token.ends_ms <= now_ms {
        return Err(ApiError::plain(9006));
    }
    Ok(token.user.clone())
}

fn bindings(world: &World, user: &str, request: &Request) -> Answered {
    let number = |key: &str, otherwise: usize| match request.query.get(key) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| ApiError::plain(9015)),
    };
    let (limit, skip) = (number("limit", PAGE)?.min(MAX_PAGE), number("skip", 0)?);
    let rows: Vec<Value> = world
        .devices
        .iter()
        .filter(|device| device.row.users.iter().any(|name| name == user))
        .skip(skip)
        .take(limit)
        .map(|device| {
            let row = &device.row;
            let name = world
                .products
                .get(&row.product_key)
                .map(|product| product.name.as_str());
            json!({
                "did": row.did,
                "product_key": row.product_key,
                "product_name": name,
                "mac": row.mac,
                "dev_alias": row.alias,
                "passcode": "SIMULATEDX",
                "remark": "",
                "is_online": row.online,
                "is_disabled": row.disabled,
                "is_sandbox": false,
                "type": "normal",
                "role": "special",
                "host": "127.0.0.1",
                "port": 1883,
                "port_s": 8883,
                "ws_port": 8080,
                "wss_port": 8880,
                "wifi_soft_version": "04020028",
                "mcu_soft_version": "00000001",
            })
        })
        .collect();
    Ok((200, json!({ "devices": rows })))
}

fn datapoint(world: &World, request: &Request) -> Answered {
    let product_key = request
        .query
        .get("product_key")
        .ok_or(ApiError::plain(9015))?;
    let product = world
        .products
        .get(product_key)
        .ok_or(ApiError::plain(9002))?;
    let datapoints = product.datapoints.as_ref().ok_or(ApiError::plain(9002))?;
    let attrs: Vec<Value> = datapoints
        .iter()
        .enumerate()
        .map(|(id, datapoint)| {
            let mut attr = datapoint.clone();
            attr.insert("id".into(), id.into());
            attr.into()
        })
        .collect();
    let body = json!({
        "name": product.name,
        "product_key": product_key,
        "protocolType": "standard",
        "packetVersion": "0x00000004",
        "entities": [{ "id": 0, "name": "entity0", "display_name": "", "attrs": attrs }],
    });
    Ok((200, body))
}

fn control(
    world: &mut World,
    now_ms: i64,
    user: &str,
    did: &str,
    form: &Map<String, Value>,
) -> Answered {
    let row = world.device(did).ok_or(ApiError::plain(9014))?.row.clone();
    if !row.users.iter().any(|name| name == user) {
        return Err(ApiError::plain(9017));
    }
    if row.disabled {
        return Err(ApiError::plain(9023));
    }
    if !row.online {
        return Err(ApiError::plain(9042));
    }
    let attrs = match (form.get("attrs"), form.get("raw")) {
        (Some(Value::Object(wanted)), None) => take(world, did, &row.product_key, wanted)?,
        (None, Some(Value::Array(bytes))) if bytes.iter().all(is_byte) => Map::new(),
        _ => return Err(ApiError::plain(9015)),
    };
    world.command(now_ms, did, attrs);
    Ok((200, json!({})))
}

fn is_byte(value: &Value) -> bool {
    value.as_u64().is_some_and(|byte| byte <= 255)
}

/// What the device will report after a command, with all that follows from it.
fn take(
    world: &mut World,
    did: &str,
    product_key: &str,
    wanted: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let known = world
        .device(did)
        .map(|device| device.attrs.clone())
        .unwrap_or_default();
    let product = world
        .products
        .get(product_key)
        .ok_or(ApiError::plain(9002))?;
    let mut taken = Map::new();
    for (name, value) in wanted {
        let accepted = match &product.datapoints {
            Some(datapoints) => datapoints
                .iter()
                .find(|datapoint| datapoint.get("name").and_then(Value::as_str) == Some(name))
                .and_then(|datapoint| values::check(datapoint, value)),
            None => known.contains_key(name).then(|| value.clone()),
        };
        let accepted = accepted.ok_or_else(|| ApiError {
            code: 9025,
            detail: Some(format!("attr {name} invalid or read only.")),
        })?;
        taken.insert(name.clone(), accepted);
    }
    let follows: Vec<_> = product
        .implies
        .iter()
        .filter(|rule| {
            rule.when
                .iter()
                .all(|(name, value)| taken.get(name) == Some(value))
        })
        .flat_map(|rule| rule.then.clone())
        .collect();
    for (name, value) in follows {
        taken.entry(name).or_insert(value);
    }
    Ok(taken)
}
