//! `account login`, `logout` and `profile`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::devices::bare;
use crate::cli::output::table;
use crate::cli::prompt::{Wanted, text};
use crate::cli::trouble::Trouble;
use crate::cli::when::moment;
use crate::config::Credentials;

use super::cloud::Cloud;
use super::user::{refused, shown};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LoginArgs {
    /// User name, e-mail address or phone number [default: the configuration's; else you are asked]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// The first line of this file is the password; `-` is standard input. Without it you are asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Instead of name and password: an anonymous user, whose phone id stands in the first line of
    /// this file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_file"])]
    phone_id_file: Option<PathBuf>,
}

pub(super) async fn login(cloud: &Cloud<'_>, args: LoginArgs) -> Result<(), Trouble> {
    let credentials = credentials(cloud, args).await?;
    let name = shown(&credentials);
    let is_configured = Some(&credentials) == cloud.realm.credentials.as_ref();
    let account = cloud.account(credentials);
    let regions = cloud.realm.regions();
    let (client, devices) = cloud.visitor.log_in(&account, &regions).await?;
    let Some((session, _)) = client.session() else {
        return Err(Trouble::failed("the cloud gave no session"));
    };
    let region = client.region;
    // The configuration's user needs no keeping: it can log in at any time.
    let kept = if is_configured {
        cloud.forget()?;
        true
    } else {
        cloud.remember(region, &session, &name)
    };
    let document = json!({
        "status": "ok",
        "user": name,
        "uid": session.uid,
        "region": region,
        "expires_at": session.expires_at,
        "devices": devices.len(),
        "kept": kept,
    });
    let mut lines = format!(
        "logged in: {name}, region {region}, uid {}, until {}\ndevices: {}",
        session.uid,
        moment(session.expires_at),
        devices.len()
    );
    if kept {
        lines.push_str(
            "\nThe other account commands are for this user now, until `account logout`.",
        );
    }
    cloud.output.result(&document, &lines)
}

async fn credentials(cloud: &Cloud<'_>, args: LoginArgs) -> Result<Credentials, Trouble> {
    let output = cloud.output;
    if let Some(file) = &args.phone_id_file {
        let wanted = Wanted {
            what: "phone id",
            flag: "--phone-id-file",
        };
        let phone_id = wanted.get(Some(file), output).await?;
        return Ok(Credentials::Anonymous { phone_id });
    }
    if let (Some(configured), None, None) = (
        &cloud.realm.credentials,
        &args.username,
        &args.password_file,
    ) {
        return Ok(configured.clone());
    }
    let username = args.username.or_else(|| cloud.realm.username.clone());
    let username = text(
        username,
        "user name, e-mail address or phone number",
        "--username",
        output,
    );
    let username = username.await?;
    let what = format!("password of {username}");
    let wanted = Wanted {
        what: &what,
        flag: "--password-file",
    };
    let password = wanted.get(args.password_file.as_deref(), output).await?;
    Ok(Credentials::User { username, password })
}

pub(super) async fn logout(cloud: &Cloud<'_>) -> Result<(), Trouble> {
    let user = cloud.user().await?;
    cloud.doing("logging out");
    let left = user.api.log_out(user.region, cloud.now()).await;
    // A session that the cloud does not know any more has ended, too.
    let is_over = left
        .as_ref()
        .err()
        .is_none_or(|err| err.class == crate::bridge::ErrorClass::TokenLost);
    if is_over {
        cloud.forget()?;
    }
    match left {
        Err(err) if !is_over => Err(Trouble::undocumented(err)),
        Ok(()) | Err(_) => {
            let document = json!({ "status": "ok", "user": user.name });
            cloud
                .output
                .result(&document, &format!("logged out: {}", user.name))
        }
    }
}

pub(super) async fn profile(cloud: &Cloud<'_>) -> Result<(), Trouble> {
    let user = cloud.user().await?;
    cloud.doing("reading the profile");
    let profile = user.api.profile(user.region, cloud.now()).await;
    let profile = profile.map_err(|err| refused(err, Trouble::undocumented))?;
    let members = profile.as_object().into_iter().flatten();
    // A phone id, where a cloud tells it, is as good as a password.
    let told: serde_json::Map<String, Value> = members
        .filter(|(key, _)| !matches!(key.as_str(), "phone_id" | "password" | "token"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let rows = told
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| vec![key.clone(), bare(value)]);
    let lines = table(&["property", "value"], rows.collect());
    cloud.output.result(&Value::Object(told), &lines)
}
