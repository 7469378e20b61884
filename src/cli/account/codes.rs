//! `account app-token`, `captcha`, `send-code` and `verify-code`: how a phone number is proved.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::bridge::{CallError, ErrorClass};
use crate::cli::prompt::{Wanted, is_interactive, text};
use crate::cli::trouble::Trouble;
use crate::cli::when::moment;
use crate::gizwits::{Api, AppToken, Captcha};
use crate::model::Region;
use crate::store::KeptAppToken;

use super::cloud::{Cloud, CloudArgs};
use super::picture;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AppSecretArgs {
    /// The first line of this file is the application's secret, which its vendor has; `-` is standard
    /// input [default: the configuration's; else you are asked]
    #[arg(long, value_name = "FILE")]
    app_secret_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CaptchaArgs {
    /// Where to save the picture
    #[arg(long, value_name = "FILE", default_value = "captcha.png")]
    out: PathBuf,

    #[command(flatten)]
    secret: AppSecretArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SendCodeArgs {
    /// The number that the text message goes to
    #[arg(long, value_name = "NUMBER")]
    phone: String,

    /// The captcha's id, from `account captcha`. Without it the picture is fetched and shown, and you
    /// are asked what it says
    #[arg(long, value_name = "ID")]
    captcha_id: Option<String>,

    /// What the captcha's picture says
    #[arg(long, value_name = "TEXT", requires = "captcha_id")]
    captcha_code: Option<String>,

    #[command(flatten)]
    captcha: CaptchaArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyCodeArgs {
    /// The number that the text message went to
    #[arg(long, value_name = "NUMBER")]
    phone: String,

    /// The code from the text message. Without it you are asked
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    code: Option<String>,

    #[command(flatten)]
    secret: AppSecretArgs,
}

pub(super) async fn app_token(cloud: &Cloud<'_>, args: AppSecretArgs) -> Result<(), Trouble> {
    let region = cloud.region()?;
    let token = request(cloud, region, args.app_secret_file.as_deref()).await?;
    let kept = keep(cloud, region, &token);
    let until = token
        .expires_at
        .map_or_else(|| "an unknown time".to_owned(), moment);
    let document = json!({
        "status": "ok",
        "region": region,
        "token": token.token.tail(),
        "expires_at": token.expires_at,
        "kept": kept,
    });
    let mut lines = format!(
        "application token {}, region {region}, until {until}",
        token.token.tail()
    );
    if kept {
        lines.push_str("\nIt is kept for `account captcha`, `send-code` and `verify-code`.");
    }
    cloud.output.result(&document, &lines)
}

pub(super) async fn captcha(cloud: &Cloud<'_>, args: CaptchaArgs) -> Result<(), Trouble> {
    let captcha = fetch(cloud, &args).await?;
    let document = json!({
        "status": "ok",
        "captcha_id": captcha.id,
        "captcha_url": captcha.url,
        "file": args.out,
    });
    let lines = format!(
        "captcha {}\npicture: {} (from {})\nNext:  gizwits2mqtt account send-code --phone NUMBER --captcha-id {} --captcha-code TEXT",
        captcha.id,
        args.out.display(),
        captcha.url,
        captcha.id
    );
    cloud.output.result(&document, &lines)
}

pub(super) async fn send_code(
    cloud: &Cloud<'_>,
    args: SendCodeArgs,
    named: &CloudArgs,
) -> Result<(), Trouble> {
    let (output, phone) = (cloud.output, &args.phone);
    let id = match args.captcha_id {
        Some(id) => id,
        None if is_interactive() => {
            let captcha = fetch(cloud, &args.captcha).await?;
            output.aside(&format!(
                "picture: {} (from {})\n",
                args.captcha.out.display(),
                captcha.url
            ));
            captcha.id
        }
        None => {
            return Err(Trouble::usage(
                "a person must read a picture first: run `gizwits2mqtt account captcha`, then this with --captcha-id and --captcha-code",
            ));
        }
    };
    let code = text(
        args.captcha_code,
        "what the picture says",
        "--captcha-code",
        output,
    )
    .await?;
    let secret = args.captcha.secret.app_secret_file.as_deref();
    cloud.doing("sending the text message");
    let send = async |api: &Api, region, token: &AppToken| {
        api.send_code(region, token, &id, &code, phone, cloud.now())
            .await
    };
    proved(cloud, secret, send).await?;
    let document = json!({ "status": "ok", "phone": phone });
    let lines = format!(
        "sent: a text message to {phone}\nIts code is for one of:\n  \
         gizwits2mqtt account register{0} --phone {phone}\n  \
         gizwits2mqtt account reset-password{0} --phone {phone}\n  \
         gizwits2mqtt account set-phone{0} --phone {phone}",
        cloud.options(named)
    );
    output.result(&document, &lines)
}

pub(super) async fn verify_code(cloud: &Cloud<'_>, args: VerifyCodeArgs) -> Result<(), Trouble> {
    let phone = &args.phone;
    let code = text(
        args.code,
        "code from the text message",
        "--code",
        cloud.output,
    )
    .await?;
    cloud.doing("asking whether the code is right");
    let verify = async |api: &Api, region, token: &AppToken| {
        api.verify_code(region, token, phone, &code, cloud.now())
            .await
    };
    proved(cloud, args.secret.app_secret_file.as_deref(), verify).await?;
    let document = json!({ "status": "ok", "phone": phone });
    cloud.output.result(
        &document,
        &format!("right: this is the code that went to {phone}"),
    )
}

/// A new captcha, its picture saved, and shown where the terminal can.
async fn fetch(cloud: &Cloud<'_>, args: &CaptchaArgs) -> Result<Captcha, Trouble> {
    let secret = args.secret.app_secret_file.as_deref();
    cloud.doing("fetching a captcha");
    let ask = async |api: &Api, region, token: &AppToken| {
        let captcha = api.captcha(region, token, cloud.now()).await?;
        let picture = api.captcha_picture(&captcha, cloud.now()).await;
        Ok((captcha, picture))
    };
    let (captcha, picture) = proved(cloud, secret, ask).await?;
    match picture {
        Ok(picture) => {
            let out = args.out.display();
            std::fs::write(&args.out, &picture).map_err(|err| {
                Trouble::failed(format!(
                    "the picture cannot be saved as {out}: {err}; name another file with --out"
                ))
            })?;
            picture::show(&picture, cloud.output);
        }
        // A person can still look at the address.
        Err(err) => cloud
            .output
            .warn(&format!("{err}; look at it at its address")),
    }
    Ok(captcha)
}

/// Makes a call that an application token proves: the kept one, or a new one where there is none or
/// where it has become void.
async fn proved<T>(
    cloud: &Cloud<'_>,
    secret: Option<&Path>,
    call: impl AsyncFn(&Api, Region, &AppToken) -> Result<T, CallError>,
) -> Result<T, Trouble> {
    let region = cloud.region()?;
    let api = cloud.api()?;
    if let Some(token) = kept(cloud, region) {
        match call(&api, region, &token).await {
            Err(err) if err.class == ErrorClass::TokenLost => {}
            outcome => return outcome.map_err(Trouble::from),
        }
    }
    let token = request(cloud, region, secret).await?;
    keep(cloud, region, &token);
    call(&api, region, &token).await.map_err(Trouble::from)
}

async fn request(
    cloud: &Cloud<'_>,
    region: Region,
    secret: Option<&Path>,
) -> Result<AppToken, Trouble> {
    let secret = match (secret, &cloud.realm.app_secret) {
        (None, Some(configured)) => configured.clone(),
        (file, _) => {
            let wanted = Wanted {
                what: "application's secret",
                flag: "--app-secret-file",
            };
            wanted.get(file, cloud.output).await?
        }
    };
    let api = cloud.api()?;
    api.app_token(region, &secret, cloud.now())
        .await
        .map_err(Trouble::from)
}

fn kept(cloud: &Cloud<'_>, region: Region) -> Option<AppToken> {
    let token = cloud.keep.app_token(&cloud.key())?;
    let is_good = token.region == region && token.expires_at.is_none_or(|end| end > cloud.now());
    is_good.then_some(AppToken {
        token: token.token,
        expires_at: token.expires_at,
    })
}

fn keep(cloud: &Cloud<'_>, region: Region, token: &AppToken) -> bool {
    let token = KeptAppToken {
        region,
        token: token.token.clone(),
        expires_at: token.expires_at,
    };
    let kept = cloud.keep.keep_app_token(&cloud.key(), Some(token));
    if let Err(err) = &kept {
        cloud
            .output
            .warn(&format!("the application token is not kept: {err}"));
    }
    kept.is_ok()
}
