//! Which cloud a command about users means: an account of the configuration, or one that the command
//! line names, since at first there is no configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::ask::{must_exist, pick, variables};
use crate::cli::client::Visitor;
use crate::cli::logging;
use crate::cli::output::Output;
use crate::cli::trouble::Trouble;
use crate::config::{self, Realm};
use crate::gizwits::{Access, Api};
use crate::ids::AccountName;
use crate::model::Region;
use crate::store::Keep;

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Which cloud")]
pub(in crate::cli) struct CloudArgs {
    /// The app that you use, by its name here; `gizwits2mqtt check --help` lists them
    #[arg(long, global = true, value_name = "APP")]
    pub(in crate::cli) app: Option<String>,

    /// Another app, by its application id: 32 letters and digits from the app's traffic
    #[arg(long, global = true, value_name = "ID")]
    pub(in crate::cli) app_id: Option<String>,

    /// Where its users live: cn, us or eu [default: what the app's name or the configuration says]
    #[arg(long, global = true, value_name = "REGION")]
    pub(in crate::cli) region: Option<String>,

    /// Another cloud, such as the one of `gizwits2mqtt simulate`: `http://127.0.0.1:8080`
    #[arg(long, global = true, value_name = "URL")]
    pub(in crate::cli) api_url: Option<String>,
}

impl CloudArgs {
    /// What was given, by the names that the configuration has for it.
    pub(in crate::cli) fn given(&self) -> BTreeMap<&'static str, &str> {
        let all = [
            ("app", &self.app),
            ("app_id", &self.app_id),
            ("region", &self.region),
            ("api_url", &self.api_url),
        ];
        all.into_iter()
            .filter_map(|(key, text)| Some((key, text.as_deref()?)))
            .collect()
    }

    /// Names the app itself, so that no configuration is needed.
    pub(in crate::cli) const fn names_app(&self) -> bool {
        self.app.is_some() || self.app_id.is_some()
    }

    /// The cloud that these alone name.
    pub(in crate::cli) fn realm(&self) -> Result<Realm, Trouble> {
        let realm = config::realm(&self.given()).map_err(|problems| {
            let told = problems.iter().map(|problem| {
                let flag = problem.path.replace('_', "-");
                let flag = if flag.is_empty() { "app" } else { &flag };
                format!("--{flag}: {}", problem.message)
            });
            Trouble::usage(told.collect::<Vec<_>>().join("\n"))
        })?;
        // Messages name an account; the app is what this one is known by.
        let name = self.app.as_ref().or(self.app_id.as_ref());
        let name = name.and_then(|name| AccountName::new(name.as_str()).ok());
        Ok(Realm {
            name: name.unwrap_or_else(|| realm.name.clone()),
            ..realm
        })
    }
}

/// A cloud, and all that commands about its users share.
pub(super) struct Cloud<'a> {
    pub(super) realm: Realm,
    pub(super) keep: Keep,
    /// Where the bridge keeps this account's token; `None` where it has no such account.
    pub(super) state_dir: Option<PathBuf>,
    pub(super) visitor: Visitor,
    pub(super) output: &'a Output,
}

impl<'a> Cloud<'a> {
    pub(super) fn open(
        file: Option<&Path>,
        args: &CloudArgs,
        account: Option<&str>,
        verbosity: i16,
        output: &'a Output,
    ) -> Result<Self, Trouble> {
        must_exist(file)?;
        let variables = variables();
        let file = config::find(file, &variables);
        let (realms, state_dir) = config::realms(&file, &variables)?;
        let realm = if args.names_app() {
            if account.is_some() {
                return Err(Trouble::usage(
                    "--account names an account of the configuration, --app and --app-id one that is not there; leave one out",
                ));
            }
            args.realm()?
        } else if realms.is_empty() {
            return Err(Trouble::usage(format!(
                "which cloud? name your app with --app (`gizwits2mqtt check --help` lists them) or --app-id; \
                 {} has no account",
                file.display()
            )));
        } else {
            let at = pick(realms.iter().map(|realm| &realm.name), account)?;
            let realm = realms.into_iter().nth(at);
            let realm = realm.ok_or_else(|| Trouble::usage("there is no account"))?;
            elsewhere(realm, args)?
        };
        logging::start(logging::QUIET, verbosity);
        Ok(Self {
            realm,
            keep: Keep::below(&state_dir),
            state_dir: args.given().is_empty().then_some(state_dir),
            visitor: Visitor::new(output),
            output,
        })
    }

    /// What keeps this cloud's tokens apart from those of others.
    pub(super) fn key(&self) -> String {
        let custom = self.realm.urls.get(&Region::Custom);
        let at = custom.map_or_else(String::new, |url| format!("@{url}"));
        format!("{}{at}", self.realm.app_id)
    }

    /// A client without a user.
    pub(super) fn api(&self) -> Result<Api, Trouble> {
        Api::new(Access {
            app_id: self.realm.app_id.clone(),
            urls: self.realm.urls.clone(),
            login: None,
        })
        .map_err(|err| Trouble::failed(err.to_string()))
    }

    /// The only region, or the one where the last login was.
    pub(super) fn region(&self) -> Result<Region, Trouble> {
        let regions = self.realm.regions();
        if let [only] = regions.as_slice() {
            return Ok(*only);
        }
        let last = self.keep.login(&self.key()).map(|login| login.region);
        last.filter(|region| regions.contains(region)).ok_or_else(|| {
            let names: Vec<&str> = regions.iter().map(|region| region.as_str()).collect();
            Trouble::usage(format!(
                "users of this app live in several regions ({}), each a database of its own; choose one with \
                 --region, as a rule the one you live in; `gizwits2mqtt account login` finds the region of a user",
                names.join(", ")
            ))
        })
    }

    /// Unix seconds.
    pub(super) fn now(&self) -> i64 {
        self.visitor.now()
    }

    /// Says what happens from now on.
    pub(super) fn doing(&self, what: &str) {
        self.visitor.doing(what);
    }

    /// The options that name this cloud again, for commands in hints.
    pub(super) fn options(&self, args: &CloudArgs) -> String {
        let given = args.given();
        let options = given
            .iter()
            .map(|(key, text)| format!(" --{} {text}", key.replace('_', "-")));
        options.collect()
    }
}

/// The account's app, at another address.
fn elsewhere(realm: Realm, args: &CloudArgs) -> Result<Realm, Trouble> {
    if args.region.is_none() && args.api_url.is_none() {
        return Ok(realm);
    }
    let there = CloudArgs {
        app: None,
        app_id: Some(realm.app_id.clone()),
        region: args.region.clone(),
        api_url: args.api_url.clone(),
    };
    Ok(Realm {
        urls: there.realm()?.urls,
        ..realm
    })
}
