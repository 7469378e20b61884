//! Who may call: the application, its token, the user's token.

use super::errors::ApiError;
use super::exchange::Request;
use super::world::World;

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(String::as_str)
}

/// The id of the application that calls.
///
/// # Errors
/// 9003
pub(super) fn application<'a>(world: &World, request: &'a Request) -> Result<&'a str, ApiError> {
    header(request, "x-gizwits-application-id")
        .filter(|app_id| world.apps.contains_key(*app_id))
        .ok_or(ApiError::plain(9003))
}

/// The uid of the user whose token the call carries.
///
/// # Errors
/// 9004, 9006
pub(super) fn user(world: &World, now_ms: i64, request: &Request) -> Result<String, ApiError> {
    let token = header(request, "x-gizwits-user-token");
    let holder = world.user_tokens.holder(now_ms, token)?;
    Ok(holder.to_owned())
}

/// The token of the user, to be given up.
///
/// # Errors
/// 9004, 9006
pub(super) fn user_token<'a>(
    world: &World,
    now_ms: i64,
    request: &'a Request,
) -> Result<&'a str, ApiError> {
    user(world, now_ms, request)?;
    header(request, "x-gizwits-user-token").ok_or(ApiError::plain(9004))
}

/// Does the call carry a token of its application?
///
/// # Errors
/// 9003, 9004, 9006
pub(super) fn application_token(
    world: &World,
    now_ms: i64,
    request: &Request,
) -> Result<(), ApiError> {
    let token = header(request, "x-gizwits-application-token");
    let holder = world.app_tokens.holder(now_ms, token)?;
    if holder == application(world, request)? {
        Ok(())
    } else {
        Err(ApiError::plain(9004))
    }
}

/// Is the call signed with this secret, and now?
///
/// # Errors
/// 9043, 9044
pub(super) fn signed(request: &Request, now_ms: i64, secret: Option<&str>) -> Result<(), ApiError> {
    /// Seconds (documented).
    const TOLERANCE_S: u64 = 300;
    let timestamp = header(request, "x-gizwits-timestamp").unwrap_or_default();
    let is_now = timestamp
        .parse::<i64>()
        .is_ok_and(|stamped| stamped.abs_diff(now_ms / 1000) <= TOLERANCE_S);
    if !is_now {
        return Err(ApiError::plain(9043));
    }
    let right = secret.map(|secret| super::signature::of(secret, timestamp));
    if right.is_some() && right.as_deref() == header(request, "x-gizwits-signature") {
        Ok(())
    } else {
        Err(ApiError::plain(9044))
    }
}

/// Does the application know its secret?
///
/// # Errors
/// 9038
pub(super) fn application_auth(
    world: &World,
    app_id: &str,
    request: &Request,
) -> Result<(), ApiError> {
    let secret = world.apps.get(app_id).and_then(Option::as_deref);
    let right = secret.map(|secret| super::signature::of(app_id, secret));
    if right.is_some() && right.as_deref() == header(request, "x-gizwits-application-auth") {
        Ok(())
    } else {
        Err(ApiError::plain(9038))
    }
}
