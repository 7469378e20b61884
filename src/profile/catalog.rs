//! Which profile a product gets: the user's before the built-in ones, one that names its key before one
//! that names it otherwise, and none before a wrong one.

use std::sync::Arc;

use crate::ids::AttrName;
use crate::model::ProductSchema;

use super::entity::Entity;
use super::file::{MatchFile, ProfileFile, Rest};
use super::pattern::matching;
use super::{built_in, generic, recognise, resolve};

/// All profiles, those that count more first.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    profiles: Vec<Arc<ProfileFile>>,
}

/// What a product becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The profile's id; `None`: by the schema alone.
    pub profile: Option<String>,
    /// Who makes it, where a profile says so.
    pub manufacturer: Option<String>,
    /// Everything that Home Assistant shows of it.
    pub entities: Vec<Entity>,
}

/// A product, as far as a profile is chosen by it.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// Its schema, with its key.
    pub schema: &'a ProductSchema,
    /// Its name in the bindings.
    pub name: &'a str,
    /// The profile that the user chose for the device.
    pub chosen: Option<&'a str>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Catalog {
    /// The user's profiles and the built-in ones; the user's come first, also by an id that both have.
    #[must_use]
    pub fn new(of_user: Vec<ProfileFile>) -> Self {
        let of_user = of_user.into_iter().map(Arc::new);
        let profiles = of_user.chain(built_in::profiles()).collect();
        Self { profiles }
    }

    /// A profile by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ProfileFile> {
        let mut profiles = self.profiles.iter();
        let found = profiles.find(|profile| profile.profile == id);
        found.map(Arc::as_ref)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ProfileFile> {
        self.profiles.iter().map(Arc::as_ref)
    }

    /// The profile of a product.
    #[must_use]
    pub fn choose(&self, product: Product<'_>) -> Option<&ProfileFile> {
        if let Some(id) = product.chosen {
            return self.get(id);
        }
        let fit = |profile: &Arc<ProfileFile>| fit(&profile.matches, product);
        let fitting = self
            .profiles
            .iter()
            .filter(|profile| fit(profile) > Fit::None);
        // Of equals the first: `max_by_key` would take the last.
        let best = fitting.clone().map(fit).max()?;
        fitting
            .clone()
            .find(|profile| fit(profile) == best)
            .map(Arc::as_ref)
    }

    /// What a product becomes.
    #[must_use]
    pub fn plan(&self, product: Product<'_>) -> Plan {
        let profile = self.choose(product);
        let mut entities = match profile {
            Some(profile) => resolve::entities(profile, product.schema),
            None => recognise::entity(product.schema).into_iter().collect(),
        };
        let hidden = profile.map_or(&[][..], |profile| profile.hide.as_slice());
        let rest = profile.map_or(Rest::Show, |profile| profile.rest);
        let used: Vec<AttrName> = entities
            .iter()
            .flat_map(|entity| entity.attributes().into_iter().cloned())
            .collect();
        let of_rest = product.schema.datapoints().iter().filter(|datapoint| {
            rest != Rest::Hide
                && !used.contains(&datapoint.name)
                && !matching(hidden, datapoint.name.as_str())
        });
        let of_rest: Vec<Entity> = of_rest
            .filter_map(|datapoint| generic::entity(product.schema, datapoint))
            .filter(|entity| {
                let same =
                    |known: &Entity| known.platform == entity.platform && known.key == entity.key;
                !entities.iter().any(same)
            })
            .map(|entity| Entity {
                enabled: entity.enabled && rest == Rest::Show,
                ..entity
            })
            .collect();
        entities.extend(of_rest);
        Plan {
            profile: profile.map(|profile| profile.profile.clone()),
            manufacturer: profile.and_then(|profile| profile.manufacturer.clone()),
            entities,
        }
    }
}

/// How well a profile fits; more is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    None,
    /// So many attributes.
    Attributes(usize),
    Name,
    Key,
}

fn fit(matches: &MatchFile, product: Product<'_>) -> Fit {
    let key = product.schema.product_key.as_str();
    let names = [product.name, product.schema.name.as_str()];
    let is_named = |name: &String| {
        let mut names = names.iter().filter(|known| !known.is_empty());
        names.any(|known| known.to_lowercase() == name.to_lowercase())
    };
    let has = |name: &String| product.schema.get(name).is_some();
    if matches.product_keys.iter().any(|known| known == key) {
        Fit::Key
    } else if matches.product_names.iter().any(is_named) {
        Fit::Name
    } else if !matches.attributes.is_empty() && matches.attributes.iter().all(has) {
        Fit::Attributes(matches.attributes.len())
    } else {
        Fit::None
    }
}
