//! `account`: users of the cloud, from the first one on.

mod change;
mod cloud;
mod codes;
mod login;
mod picture;
mod register;
mod reset;
mod user;

use std::path::Path;

use clap::Subcommand;

use crate::gizwits::service::LiveError;
use crate::model::Region;

use super::output::Output;
use super::trouble::Trouble;
use cloud::Cloud;

pub(super) use cloud::CloudArgs;

#[derive(Debug, clap::Args)]
pub(super) struct AccountArgs {
    #[command(flatten)]
    cloud: CloudArgs,

    /// An account of the configuration, by its name, where there are several
    #[arg(long, global = true, value_name = "NAME", help_heading = "Which cloud")]
    account: Option<String>,

    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Make a new user: by name, e-mail address, phone number, anonymous, or by another provider
    #[command(after_help = register::EXAMPLES)]
    Register(register::RegisterArgs),

    /// Log in; the other account commands are for this user then
    Login(login::LoginArgs),

    /// End the session of the user who logged in last
    Logout,

    /// What the cloud knows of the user
    Profile,

    /// Give an anonymous user a name or a phone number, and a password
    Upgrade(change::UpgradeArgs),

    /// Change the password
    SetPassword(change::SetPasswordArgs),

    /// Change the e-mail address
    SetEmail(change::SetEmailArgs),

    /// Change the phone number
    SetPhone(change::SetPhoneArgs),

    /// Get a new password in place of a forgotten one, by e-mail or text message
    ResetPassword(reset::ResetPasswordArgs),

    /// Get the application token, which text messages need; the other commands get it by themselves
    AppToken(codes::AppSecretArgs),

    /// Get a picture that a person must read before the cloud sends a text message
    Captcha(codes::CaptchaArgs),

    /// Make the cloud send a text message with a code to a phone
    SendCode(codes::SendCodeArgs),

    /// Is this the code of the text message?
    VerifyCode(codes::VerifyCodeArgs),
}

pub(super) const ABOUT: &str = "\
Which cloud and app a command is for, it takes from the configuration, or from --app (or --app-id) \
where there is none yet. The user is the one who registered or logged in last, else the configuration's.

A new user, from nothing to a running bridge:
  gizwits2mqtt account register --app bestway-eu --email me@example.com
  gizwits2mqtt setup                      writes the configuration
  gizwits2mqtt devices bind --did DID     asks for the passcode
  gizwits2mqtt run

A forgotten password:
  gizwits2mqtt account reset-password --app bestway-eu --email me@example.com

Passwords, tokens and secrets need not stand in a command: you are asked, or you name a file.";

pub(super) async fn account(
    file: Option<&Path>,
    args: AccountArgs,
    verbosity: i16,
    output: &Output,
) -> Result<(), Trouble> {
    let named = &args.cloud;
    let cloud = &Cloud::open(file, named, args.account.as_deref(), verbosity, output)?;
    match args.command {
        AccountCommand::Register(args) => register::register(cloud, args, named).await,
        AccountCommand::Login(args) => login::login(cloud, args).await,
        AccountCommand::Logout => login::logout(cloud).await,
        AccountCommand::Profile => login::profile(cloud).await,
        AccountCommand::Upgrade(args) => change::upgrade(cloud, args).await,
        AccountCommand::SetPassword(args) => change::set_password(cloud, args).await,
        AccountCommand::SetEmail(args) => change::set_email(cloud, args).await,
        AccountCommand::SetPhone(args) => change::set_phone(cloud, args).await,
        AccountCommand::ResetPassword(args) => reset::reset_password(cloud, args).await,
        AccountCommand::AppToken(args) => codes::app_token(cloud, args).await,
        AccountCommand::Captcha(args) => codes::captcha(cloud, args).await,
        AccountCommand::SendCode(args) => codes::send_code(cloud, args, named).await,
        AccountCommand::VerifyCode(args) => codes::verify_code(cloud, args).await,
    }
}

/// What a cloud tells of itself.
pub(super) struct Live {
    pub(super) region: Region,
    /// `None` where it does not tell.
    pub(super) version: Option<String>,
    pub(super) errors: Vec<LiveError>,
}

/// Asks a cloud for its error table, which needs no user.
pub(super) async fn live(
    file: Option<&Path>,
    args: &CloudArgs,
    verbosity: i16,
    output: &Output,
) -> Result<Live, Trouble> {
    let cloud = Cloud::open(file, args, None, verbosity, output)?;
    let (region, api) = (cloud.region()?, cloud.api()?);
    cloud.doing("reading the error table");
    let errors = api.live_errors(region, cloud.now()).await;
    Ok(Live {
        region,
        errors: errors.map_err(Trouble::undocumented)?,
        version: api.api_version(region, cloud.now()).await.ok(),
    })
}
