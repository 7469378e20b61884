//! `account reset-password`: for somebody who has forgotten it.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::prompt::{Wanted, text};
use crate::cli::trouble::Trouble;

use super::change::NEW_PASSWORD;
use super::cloud::Cloud;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("way").required(true).args(["email", "phone"]))]
pub(in crate::cli) struct ResetPasswordArgs {
    /// Send a message to this address; its link asks for a new password
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,

    /// Set a new password by a code that went to this number; `account send-code` makes the cloud send
    /// it first
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,

    /// The code from the text message. Without it you are asked
    #[arg(long, requires = "phone", value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    code: Option<String>,

    /// The first line of this file is the new password; `-` is standard input. Without it you are
    /// asked
    #[arg(long, requires = "phone", value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(super) async fn reset_password(
    cloud: &Cloud<'_>,
    args: ResetPasswordArgs,
) -> Result<(), Trouble> {
    let (region, api, output) = (cloud.region()?, cloud.api()?, cloud.output);
    if let Some(email) = args.email {
        cloud.doing("asking for the message");
        let asked = api
            .reset_password_by_email(region, &email, cloud.now())
            .await;
        asked.map_err(Trouble::from)?;
        let document = json!({ "status": "ok", "email": email, "region": region });
        let lines = format!(
            "sent: a message to {email}\nOpen its link and choose a new password there. {NEW_PASSWORD}"
        );
        return output.result(&document, &lines);
    }
    let phone = args.phone.unwrap_or_default();
    let code = text(args.code, "code from the text message", "--code", output).await?;
    let what = format!("new password of {phone}");
    let wanted = Wanted {
        what: &what,
        flag: "--password-file",
    };
    let password = wanted
        .new_one(args.password_file.as_deref(), output)
        .await?;
    cloud.doing("setting the new password");
    let set = api.reset_password_by_phone(region, &phone, &code, &password, cloud.now());
    set.await.map_err(Trouble::from)?;
    let document = json!({ "status": "ok", "phone": phone, "region": region });
    output.result(
        &document,
        &format!("changed: the password of {phone}\n{NEW_PASSWORD}"),
    )
}
