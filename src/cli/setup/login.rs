//! Which app, who, and where: asked, and tried until the cloud lets the user in.

use std::collections::BTreeSet;

use crate::cli::account::CloudArgs;
use crate::cli::client::{Client, Visitor};
use crate::cli::output::{Output, table};
use crate::cli::prompt::{Wanted, yes};
use crate::cli::trouble::Trouble;
use crate::config::{Account, Credentials, Realm};
use crate::model::{Device, Region, preset};

use super::{answer, unfinished};

/// A login that worked.
pub(super) struct Login {
    /// The preset's name, where it is one.
    pub(super) app: Option<String>,
    pub(super) account: Account,
    pub(super) region: Region,
}

/// An app that the user may be of.
struct Candidate {
    app: Option<String>,
    realm: Realm,
}

/// How a round of logins ended.
enum Round {
    In(Box<Login>),
    Refused(Trouble),
}

pub(super) async fn ask(
    given: &CloudArgs,
    visitor: &Visitor,
    output: &Output,
) -> Result<Login, Trouble> {
    let mut candidates = if given.names_app() {
        vec![named(given)?]
    } else {
        choose(given, output).await?
    };
    loop {
        let credentials = credentials(output).await?;
        match try_all(&candidates, &credentials, visitor, output).await? {
            Round::In(login) => return Ok(*login),
            Round::Refused(trouble) => output.complain(&trouble.message),
        }
        output.aside(
            "An account that does not exist yet is made by `gizwits2mqtt account register`.\n",
        );
        if !yes("Try again?", true, output).await? {
            return Err(unfinished());
        }
        if !given.names_app() && !yes("With the same app?", true, output).await? {
            candidates = choose(given, output).await?;
        }
    }
}

fn named(given: &CloudArgs) -> Result<Candidate, Trouble> {
    Ok(Candidate {
        app: given.app.clone(),
        realm: given.realm()?,
    })
}

/// Asks which app it is.
async fn choose(given: &CloudArgs, output: &Output) -> Result<Vec<Candidate>, Trouble> {
    let rows = preset::PRESETS.iter().enumerate().map(|(at, preset)| {
        vec![
            format!("  {}", at + 1),
            preset.name.to_owned(),
            preset.title.to_owned(),
        ]
    });
    let list = table(&["  no", "app", "devices"], rows.collect());
    let (other, unsure) = (preset::PRESETS.len() + 1, preset::PRESETS.len() + 2);
    output.aside(&format!(
        "Which app do you use for your devices?\n\n{list}\n  {other}  another one, by its application id\n  \
         {unsure}  not sure: try them one by one\n\n"
    ));
    let with = |app: Option<&str>, app_id: Option<&str>| {
        named(&CloudArgs {
            app: app.map(str::to_owned),
            app_id: app_id.map(str::to_owned),
            region: given.region.clone(),
            api_url: given.api_url.clone(),
        })
    };
    loop {
        let typed = answer("Number or name", "", output).await?;
        let number = typed.parse::<usize>().ok();
        if number == Some(other) {
            let app_id = answer("Application id", "", output).await?;
            match with(None, Some(&app_id)) {
                Ok(candidate) => return Ok(vec![candidate]),
                Err(trouble) => output.complain(&trouble.message),
            }
        } else if number == Some(unsure) {
            return distinct(with);
        } else {
            let by_number = number.and_then(|number| preset::PRESETS.get(number.checked_sub(1)?));
            match by_number.or_else(|| preset::find(&typed)) {
                Some(preset) => return Ok(vec![with(Some(preset.name), None)?]),
                None => output.aside(&format!("Please type a number from 1 to {unsure}.\n")),
            }
        }
    }
}

/// Each application once: several presets may differ in their region alone. The widest comes first.
fn distinct(
    with: impl Fn(Option<&str>, Option<&str>) -> Result<Candidate, Trouble>,
) -> Result<Vec<Candidate>, Trouble> {
    let mut presets: Vec<_> = preset::PRESETS.iter().collect();
    presets.sort_by_key(|preset| preset.region.is_some());
    let mut seen = BTreeSet::new();
    let each = presets
        .into_iter()
        .filter(|preset| seen.insert(preset.app_id));
    each.map(|preset| with(Some(preset.name), None)).collect()
}

async fn credentials(output: &Output) -> Result<Credentials, Trouble> {
    loop {
        let username = answer(
            "User name, e-mail address or phone number, as in the app",
            "",
            output,
        )
        .await?;
        if username.is_empty() {
            output.aside("Please type it.\n");
            continue;
        }
        let what = format!("password of {username}");
        let wanted = Wanted {
            what: &what,
            flag: "--config",
        };
        let password = wanted.get(None, output).await?;
        return Ok(Credentials::User { username, password });
    }
}

/// The first app with devices, else the first that lets the user in, if its owner says so.
async fn try_all(
    candidates: &[Candidate],
    credentials: &Credentials,
    visitor: &Visitor,
    output: &Output,
) -> Result<Round, Trouble> {
    let mut without_devices = None;
    let mut refused = None;
    for candidate in candidates {
        let realm = &candidate.realm;
        let account = Account {
            name: realm.name.clone(),
            app_id: realm.app_id.clone(),
            app_secret: None,
            urls: realm.urls.clone(),
            credentials: credentials.clone(),
        };
        let name = candidate.app.as_deref().unwrap_or(&realm.app_id);
        match visitor.log_in(&account, &realm.regions()).await {
            Ok((client, devices)) => {
                let login = Login {
                    app: candidate.app.clone(),
                    account,
                    region: client.region,
                };
                output.aside(&entered(name, &client, &devices));
                if !devices.is_empty() {
                    return Ok(Round::In(Box::new(login)));
                }
                without_devices = without_devices.or(Some(login));
            }
            Err(trouble) => {
                if candidates.len() > 1 {
                    output.aside(&format!("{name}: {}\n", trouble.message));
                }
                // More logins would only make it worse.
                let must_stop = trouble.code == Some(9041);
                refused = Some(trouble);
                if must_stop {
                    break;
                }
            }
        }
    }
    if let Some(login) = without_devices {
        let question = "The login is right, and has no devices yet. Use it?";
        if yes(question, true, output).await? {
            return Ok(Round::In(Box::new(login)));
        }
    }
    Ok(Round::Refused(refused.unwrap_or_else(|| {
        Trouble::failed("no app with devices was found")
    })))
}

fn entered(name: &str, client: &Client, devices: &[Device]) -> String {
    let count = devices.len();
    let mut text = format!(
        "logged in: {name}, region {}, {count} devices\n",
        client.region
    );
    for device in devices {
        let name = if device.alias.is_empty() {
            &device.product_name
        } else {
            &device.alias
        };
        text.push_str(&format!("  {}  {name}\n", device.did));
    }
    text
}
