//! `account upgrade`, `set-password`, `set-email` and `set-phone`: a user is changed.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::prompt::{Wanted, text};
use crate::cli::trouble::Trouble;
use crate::gizwits::UserChange;
use crate::secret::Secret;

use super::cloud::Cloud;
use super::user::{User, refused};

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("kind").required(true).args(["username", "phone"]))]
pub(in crate::cli) struct UpgradeArgs {
    /// The name that the anonymous user gets
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// The phone number that it gets; `account send-code` makes the cloud send it a code first
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,

    /// The code from the text message. Without it you are asked
    #[arg(long, requires = "phone", value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    code: Option<String>,

    /// The first line of this file is the first password; `-` is standard input. Without it you are
    /// asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetPasswordArgs {
    /// The first line of this file is the password in force; `-` is standard input. Without it you
    /// are asked
    #[arg(long, value_name = "FILE")]
    old_password_file: Option<PathBuf>,

    /// The first line of this file is the new password; `-` is standard input. Without it you are
    /// asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetEmailArgs {
    /// The new address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetPhoneArgs {
    /// The new number; `account send-code` makes the cloud send it a code first
    #[arg(long, value_name = "NUMBER")]
    phone: String,

    /// The code from the text message. Without it you are asked
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    code: Option<String>,
}

pub(super) async fn upgrade(cloud: &Cloud<'_>, args: UpgradeArgs) -> Result<(), Trouble> {
    let user = cloud.user().await?;
    let output = cloud.output;
    let code = match &args.phone {
        Some(_) => text(args.code, "code from the text message", "--code", output).await?,
        None => String::new(),
    };
    let name = args
        .username
        .as_ref()
        .or(args.phone.as_ref())
        .cloned()
        .unwrap_or_default();
    let what = format!("new password of {name}");
    let wanted = Wanted {
        what: &what,
        flag: "--password-file",
    };
    let password = wanted
        .new_one(args.password_file.as_deref(), output)
        .await?;
    let change = match (args.username, args.phone) {
        (None, Some(phone)) => UserChange::Phone {
            phone,
            password,
            code: Secret::new(code),
        },
        (username, _) => UserChange::Username {
            username: username.unwrap_or_default(),
            password,
        },
    };
    let next =
        "Write username and password instead of phone_id into the configuration, if it is there.";
    let said = format!("upgraded: the anonymous user is {name} now");
    let made = make(cloud, &user, &change, &said, next, Some(&name)).await;
    made.map_err(|mut trouble| {
        if trouble.code == Some(9026) {
            trouble
                .message
                .push_str("; only an anonymous user can be upgraded");
        }
        trouble
    })
}

pub(super) async fn set_password(cloud: &Cloud<'_>, args: SetPasswordArgs) -> Result<(), Trouble> {
    let user = cloud.user().await?;
    let output = cloud.output;
    let wanted = Wanted {
        what: "password in force",
        flag: "--old-password-file",
    };
    let old = wanted
        .get(args.old_password_file.as_deref(), output)
        .await?;
    let wanted = Wanted {
        what: "new password",
        flag: "--password-file",
    };
    let new = wanted
        .new_one(args.password_file.as_deref(), output)
        .await?;
    let change = UserChange::Password { old, new };
    make(
        cloud,
        &user,
        &change,
        "changed: the password",
        NEW_PASSWORD,
        None,
    )
    .await
}

/// What to do where a bridge uses the account.
pub(super) const NEW_PASSWORD: &str =
    "Where a configuration has the old one, correct it there, and reload or restart the bridge.";

pub(super) async fn set_email(cloud: &Cloud<'_>, args: SetEmailArgs) -> Result<(), Trouble> {
    let user = cloud.user().await?;
    let said = format!("changed: the e-mail address is {} now", args.email);
    let change = UserChange::Email { email: args.email };
    make(cloud, &user, &change, &said, NEW_NAME, None).await
}

pub(super) async fn set_phone(cloud: &Cloud<'_>, args: SetPhoneArgs) -> Result<(), Trouble> {
    let user = cloud.user().await?;
    let code = text(
        args.code,
        "code from the text message",
        "--code",
        cloud.output,
    )
    .await?;
    let said = format!("changed: the phone number is {} now", args.phone);
    let change = UserChange::PhoneNumber {
        phone: args.phone,
        code: Secret::new(code),
    };
    make(cloud, &user, &change, &said, NEW_NAME, None).await
}

const NEW_NAME: &str = "Where a configuration logs in by the old one, correct username there, and reload or restart the bridge.";

async fn make(
    cloud: &Cloud<'_>,
    user: &User,
    change: &UserChange,
    said: &str,
    next: &str,
    new_name: Option<&str>,
) -> Result<(), Trouble> {
    cloud.doing("changing the user");
    let changed = user.api.change_user(user.region, change, cloud.now()).await;
    let updated_at = changed.map_err(|err| refused(err, Trouble::from))?;
    let name = new_name.unwrap_or(&user.name);
    if let (Some(name), Some(session)) = (new_name, user.api.session(user.region)) {
        cloud.remember(user.region, &session, name);
    }
    let document =
        json!({ "status": "ok", "user": name, "region": user.region, "updated_at": updated_at });
    let lines = format!("{said} (user {name}, region {})\n{next}", user.region);
    cloud.output.result(&document, &lines)
}
