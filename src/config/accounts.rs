//! The `accounts` section.

use std::collections::{BTreeMap, BTreeSet};

use crate::bridge::settings;
use crate::ids::{AccountName, Did};
use crate::model::{Region, preset};

use super::exposure;
use super::problem::nearest;
use super::reader::{Findings, Section};
use super::settings::{Account, Credentials, Realm};
use super::tree::Kind;

const KEYS: [&str; 14] = [
    "name",
    "app",
    "app_id",
    "app_secret",
    "app_secret_file",
    "region",
    "api_url",
    "username",
    "password",
    "password_file",
    "phone_id",
    "phone_id_file",
    "include",
    "exclude",
];

/// All accounts, with what the core needs of each.
pub(super) fn read(
    root: &Section<'_>,
    out: &mut Findings,
) -> (Vec<Account>, BTreeMap<AccountName, settings::Account>) {
    let (mut accounts, mut for_core) = (Vec::new(), BTreeMap::new());
    if root.list("accounts").unwrap_or_default().is_empty() {
        root.fault(
            "accounts",
            "at least one account is needed: `accounts: [{app: …, username: …, password: …}]`",
            out,
        );
    }
    for (section, realm) in each(root, Needs::User, out) {
        let include = section.list("include");
        let include = include.map(|_| dids(&section, "include", out));
        let exclude = dids(&section, "exclude", out);
        let Some(realm) = realm else { continue };
        let regions = realm.regions();
        let Some(credentials) = realm.credentials else {
            continue;
        };
        if let Some(url) = realm.urls.get(&Region::Custom) {
            exposure::of_network(&section.path("api_url"), url, "https", out);
        }
        let account = Account {
            name: realm.name,
            app_id: realm.app_id,
            app_secret: realm.app_secret,
            urls: realm.urls,
            credentials,
        };
        let core = settings::Account {
            user: account.fingerprint(),
            regions,
            include,
            exclude,
        };
        for_core.insert(account.name.clone(), core);
        accounts.push(account);
    }
    (accounts, for_core)
}

/// All accounts for commands about users, which need no user yet.
pub(super) fn realms(root: &Section<'_>, out: &mut Findings) -> Vec<Realm> {
    let found = each(root, Needs::Nobody, out);
    found.into_iter().filter_map(|(_, realm)| realm).collect()
}

/// A single account's cloud.
pub(super) fn realm(section: &Section<'_>, out: &mut Findings) -> Option<Realm> {
    read_one(section, Needs::Nobody, out)
}

/// Must an account say who logs in?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    User,
    Nobody,
}

/// All accounts; `None` for one that cannot be used.
fn each<'a>(
    root: &Section<'a>,
    needs: Needs,
    out: &mut Findings,
) -> Vec<(Section<'a>, Option<Realm>)> {
    let mut names = BTreeSet::new();
    let mut read = |(at, item)| {
        let section = Section::open(item, format!("accounts[{at}]"), &KEYS, out);
        let mut realm = read_one(&section, needs, out);
        if let Some(name) = realm.as_ref().map(|realm| realm.name.clone())
            && !names.insert(name.clone())
        {
            let message = format!("two accounts are called {name:?}; give each a name of its own");
            section.fault("name", message, out);
            realm = None;
        }
        (section, realm)
    };
    let items = root.list("accounts").unwrap_or_default();
    items.iter().enumerate().map(&mut read).collect()
}

fn read_one(section: &Section<'_>, needs: Needs, out: &mut Findings) -> Option<Realm> {
    let name = match section.member("name") {
        Some(_) => section.parsed("name", out, |name| AccountName::new(name)),
        None => AccountName::new("default").ok(),
    };
    let (app_id, preset_region) = application(section, out);
    let regions = regions(section, preset_region, out);
    let credentials = credentials(section, needs, out);
    let app_secret = section.secret("app_secret", out);
    let username = section
        .text("username", out)
        .filter(|name| !name.is_empty());
    Some(Realm {
        name: name?,
        app_id: app_id?,
        app_secret,
        urls: regions?,
        username,
        credentials,
    })
}

/// The application id, and the region that its preset knows.
fn application(section: &Section<'_>, out: &mut Findings) -> (Option<String>, Option<Region>) {
    let app_id = section.text("app_id", out);
    if app_id.is_some() && section.member("app").is_some() {
        section.fault("app", "app and app_id are both given; leave one out", out);
        return (None, None);
    }
    if let Some(app_id) = app_id {
        let is_plain = !app_id.is_empty() && app_id.bytes().all(|b| b.is_ascii_graphic());
        if !is_plain {
            section.fault(
                "app_id",
                "an application id is a word of letters and digits",
                out,
            );
        }
        return (is_plain.then_some(app_id), None);
    }
    if section.member("app").is_none() {
        let names: Vec<&str> = preset::PRESETS.iter().map(|preset| preset.name).collect();
        let message = format!(
            "which app the devices belong to is missing; set app to one of {}, or set app_id",
            names.join(", ")
        );
        section.fault("", message, out);
        return (None, None);
    }
    let found = section.parsed("app", out, |name| {
        preset::find(name).ok_or_else(|| {
            let names = preset::PRESETS.iter().map(|preset| preset.name);
            match nearest(name, names.clone()) {
                Some(near) => format!("no preset is called {name:?}; did you mean {near:?}?"),
                None => format!(
                    "no preset is called {name:?}; there are {}, and app_id for all others",
                    names.collect::<Vec<_>>().join(", ")
                ),
            }
        })
    });
    (
        found.map(|preset| preset.app_id.to_owned()),
        found.and_then(|preset| preset.region),
    )
}

/// The address of each region to try.
fn regions(
    section: &Section<'_>,
    preset: Option<Region>,
    out: &mut Findings,
) -> Option<BTreeMap<Region, String>> {
    let words = [
        ("cn", Some(Region::Cn)),
        ("us", Some(Region::Us)),
        ("eu", Some(Region::Eu)),
        ("auto", None),
    ];
    let has_region = section.member("region").is_some();
    let region = section.word("region", &words, out);
    if section.member("api_url").is_some() {
        let url = section.parsed("api_url", out, check_api_url)?;
        return Some(BTreeMap::from([(Region::Custom, url)]));
    }
    let chosen = match (has_region, region) {
        (true, region) => region?,
        (false, _) => preset,
    };
    let regions = chosen.map_or(Region::AUTO.to_vec(), |region| vec![region]);
    let with_url = |region: Region| Some((region, region.api_url()?.to_owned()));
    Some(regions.into_iter().filter_map(with_url).collect())
}

fn check_api_url(text: &str) -> Result<String, String> {
    // An address with an @ may hold a password.
    let shown = if text.contains('@') { "this" } else { text };
    let refuse = |reason: &str| {
        format!("{shown:?} is refused ({reason}); write https://HOST or http://HOST:PORT")
    };
    let url = url::Url::parse(text).map_err(|err| refuse(&err.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refuse("it is no web address"));
    }
    if !url.username().is_empty() || url.query().is_some() || url.fragment().is_some() {
        return Err("only scheme, host, port and path belong into it".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn credentials(section: &Section<'_>, needs: Needs, out: &mut Findings) -> Option<Credentials> {
    let username = section
        .text("username", out)
        .filter(|name| !name.is_empty());
    let password = section.secret("password", out);
    let phone_id = section.secret("phone_id", out);
    for key in ["password", "phone_id"] {
        let given = section.member(key).map(|node| &node.kind);
        if matches!(given, Some(Kind::Text(text)) if text.is_empty()) {
            section.fault(
                key,
                format!("it is empty; write it, or set {key}_file"),
                out,
            );
        }
    }
    let was_given = |key: &str| {
        section.member(key).is_some() || section.member(&format!("{key}_file")).is_some()
    };
    match (username, password, phone_id) {
        (Some(username), Some(password), None) => Some(Credentials::User { username, password }),
        (None, None, Some(phone_id)) => Some(Credentials::Anonymous { phone_id }),
        (_, _, Some(_)) => {
            section.fault(
                "phone_id",
                "phone_id stands instead of username and password; leave one of them out",
                out,
            );
            None
        }
        (Some(_), None, None) if was_given("password") || needs == Needs::Nobody => None,
        (Some(_), None, None) => {
            section.fault(
                "username",
                "the password is missing; set password, or password_file",
                out,
            );
            None
        }
        (None, Some(_), None) => {
            section.fault("password", "the user name is missing; set username", out);
            None
        }
        (None, None, None) if needs == Needs::Nobody => None,
        (None, None, None) if was_given("phone_id") || was_given("password") => None,
        (None, None, None) => {
            section.fault(
                "",
                "who logs in is missing; set username and password, or phone_id",
                out,
            );
            None
        }
    }
}

fn dids(section: &Section<'_>, key: &str, out: &mut Findings) -> BTreeSet<Did> {
    let mut dids = BTreeSet::new();
    for item in section.list(key).unwrap_or_default() {
        let did = match &item.kind {
            Kind::Text(text) => Did::new(text.trim()).map_err(|err| err.to_string()),
            Kind::Empty | Kind::List(_) | Kind::Map(_) => Err("a list of dids belongs here".into()),
        };
        match did {
            Ok(did) => {
                dids.insert(did);
            }
            Err(reason) => out.fault(&item.place, &section.path(key), reason),
        }
    }
    dids
}
