//! `account register`: a new user, in each of the ways that the cloud has.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use crate::cli::prompt::{Wanted, secret, text};
use crate::cli::trouble::Trouble;
use crate::cli::when::moment;
use crate::gizwits::{NewUser, Provider};
use crate::secret::Secret;

use super::cloud::{Cloud, CloudArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  gizwits2mqtt account register --app bestway-eu --email me@example.com
  gizwits2mqtt account register --app jebao --region us --username me --password-file secret.txt

By phone, in two steps; the second asks for the code that arrives:
  gizwits2mqtt account send-code --app heatzy --phone +33612345678
  gizwits2mqtt account register --app heatzy --phone +33612345678

Newer clouds want passwords of eight characters or more, of three kinds. The new user is logged in: \
other account commands are for it at once. For the bridge, run `gizwits2mqtt setup` next.";

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("kind").required(true).args(["username", "email", "phone", "phone_id", "phone_id_file", "third_party"]))]
pub(in crate::cli) struct RegisterArgs {
    /// A user with this name
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// A user with this e-mail address, which gets a message
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,

    /// A user with this phone number; `account send-code` makes the cloud send it a code first
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,

    /// The code from the text message. Without it you are asked
    #[arg(long, requires = "phone", value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    code: Option<String>,

    /// An anonymous user: any text that stays the same, 16 characters or more. Whoever knows it is
    /// that user, so better use --phone-id-file
    #[arg(long, value_name = "ID", value_parser = secret)]
    phone_id: Option<Secret<String>>,

    /// An anonymous user: the first line of this file is its phone id; `-` is standard input
    #[arg(long, value_name = "FILE")]
    phone_id_file: Option<PathBuf>,

    /// A user who has an account there; with --uid and --token-file
    #[arg(long, value_name = "PROVIDER", requires = "uid")]
    third_party: Option<ThirdParty>,

    /// The user's id there; QQ calls it openid
    #[arg(long, value_name = "UID", requires = "third_party")]
    uid: Option<String>,

    /// The first line of this file is what the provider gave, QQ's `access_token`; `-` is standard
    /// input. Without it you are asked
    #[arg(long, value_name = "FILE", requires = "third_party")]
    token_file: Option<PathBuf>,

    /// The first line of this file is the new password; `-` is standard input. Without it you are
    /// asked
    #[arg(long, value_name = "FILE", conflicts_with_all = ["phone_id", "phone_id_file", "third_party"])]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ThirdParty {
    Baidu,
    Sina,
    Qq,
}

pub(super) async fn register(
    cloud: &Cloud<'_>,
    args: RegisterArgs,
    named: &CloudArgs,
) -> Result<(), Trouble> {
    // First, so that nobody types a password in vain.
    let region = cloud.region()?;
    let is_email = args.email.is_some();
    let (user, name) = new_user(cloud, args).await?;
    cloud.doing("registering");
    let api = cloud.api()?;
    let session = api
        .create_user(region, &user, cloud.now())
        .await
        .map_err(Trouble::from)?;
    let kept = cloud.remember(region, &session, &name);
    let document = json!({
        "status": "ok",
        "user": name,
        "uid": session.uid,
        "region": region,
        "expires_at": session.expires_at,
        "kept": kept,
    });
    let mut lines = format!(
        "registered: {name}, region {region}, uid {}, logged in until {}",
        session.uid,
        moment(session.expires_at)
    );
    if is_email {
        lines.push_str(
            "\nThe cloud sends a message to that address; some apps want its link to be opened.",
        );
    }
    lines.push_str(&format!(
        "\nNext, write a configuration with it:  gizwits2mqtt setup{}",
        cloud.options(named)
    ));
    cloud.output.result(&document, &lines)
}

/// The user as wished, and its name for people.
async fn new_user(cloud: &Cloud<'_>, args: RegisterArgs) -> Result<(NewUser, String), Trouble> {
    let output = cloud.output;
    let password_file = args.password_file.as_deref();
    let password = |name: String| async move {
        let what = format!("new password of {name}");
        let wanted = Wanted {
            what: &what,
            flag: "--password-file",
        };
        wanted.new_one(password_file, output).await
    };
    if let Some(username) = args.username {
        let password = password(username.clone()).await?;
        let user = NewUser::Username {
            username: username.clone(),
            password,
        };
        return Ok((user, username));
    }
    if let Some(email) = args.email {
        let password = password(email.clone()).await?;
        let user = NewUser::Email {
            email: email.clone(),
            password,
        };
        return Ok((user, email));
    }
    if let Some(phone) = args.phone {
        let code = text(args.code, "code from the text message", "--code", output).await?;
        let password = password(phone.clone()).await?;
        let user = NewUser::Phone {
            phone: phone.clone(),
            password,
            code: Secret::new(code),
        };
        return Ok((user, phone));
    }
    if let (Some(provider), Some(uid)) = (args.third_party, args.uid) {
        let provider = match provider {
            ThirdParty::Baidu => Provider::Baidu,
            ThirdParty::Sina => Provider::Sina,
            ThirdParty::Qq => Provider::Qq,
        };
        let what = format!("token that {} gave", provider.as_str());
        let wanted = Wanted {
            what: &what,
            flag: "--token-file",
        };
        let token = wanted.get(args.token_file.as_deref(), output).await?;
        let name = format!("{uid} of {}", provider.as_str());
        return Ok((
            NewUser::ThirdParty {
                provider,
                uid,
                token,
            },
            name,
        ));
    }
    let phone_id = match args.phone_id.filter(|id| *id != Secret::new("-".into())) {
        Some(id) => id,
        None => {
            let wanted = Wanted {
                what: "phone id",
                flag: "--phone-id-file",
            };
            let file = args.phone_id_file.unwrap_or_else(|| "-".into());
            wanted.get(Some(&file), output).await?
        }
    };
    Ok((
        NewUser::Anonymous { phone_id },
        "an anonymous user".to_owned(),
    ))
}
