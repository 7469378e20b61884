//! Which profile a product gets: the user's before the built-in ones, one that names its key before one
//! that names it otherwise, and none before a wrong one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ids::AttrName;
use crate::model::ProductSchema;

use super::distinct::make_distinct;
use super::entity::{Entity, Writing};
use super::file::{MatchFile, ProfileFile, Rest};
use super::pattern::matching;
use super::possible::without_the_impossible;
use super::{built_in, generic, recognise, resolve};

/// All profiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    of_user: Vec<Arc<ProfileFile>>,
    /// Without those whose id a profile of the user has.
    built_in: Vec<Arc<ProfileFile>>,
}

/// As `devices.DID.profile`: no profile, entities by the schema alone. So no profile has this id.
pub const NO_PROFILE: &str = "none";

/// What a product becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The profile's id; `None`: by the schema alone.
    pub profile: Option<String>,
    /// Who makes it, where a profile says so.
    pub manufacturer: Option<String>,
    /// Everything that Home Assistant shows of it.
    pub entities: Vec<Entity>,
    /// Attributes that only presses and other momentary parts set: a plain `set` of one is momentary, too.
    pub momentary: BTreeSet<AttrName>,
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
    /// The user's profiles and the built-in ones; one of the user's takes the place of a built-in one with
    /// the same id.
    #[must_use]
    pub fn new(of_user: Vec<ProfileFile>) -> Self {
        let of_user: Vec<_> = of_user.into_iter().map(Arc::new).collect();
        let is_replaced = |id: &str| of_user.iter().any(|profile| profile.profile == id);
        let built_in = built_in::profiles()
            .filter(|profile| !is_replaced(&profile.profile))
            .collect();
        Self { of_user, built_in }
    }

    /// A profile by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&ProfileFile> {
        self.iter().find(|profile| profile.profile == id)
    }

    /// All of them, the user's first.
    pub fn iter(&self) -> impl Iterator<Item = &ProfileFile> {
        let profiles = self.of_user.iter().chain(&self.built_in);
        profiles.map(Arc::as_ref)
    }

    /// The profile of a product.
    #[must_use]
    pub fn choose(&self, product: Product<'_>) -> Option<&ProfileFile> {
        if let Some(id) = product.chosen {
            return self.get(id);
        }
        // Whoever wrote one that fits wants it, however well a built-in one does.
        best(&self.of_user, product).or_else(|| best(&self.built_in, product))
    }

    /// What a product becomes.
    #[must_use]
    pub fn plan(&self, product: Product<'_>) -> Plan {
        let profile = self.choose(product);
        let entities = match profile {
            Some(profile) => resolve::entities(profile, product.schema),
            None => recognise::entity(product.schema).into_iter().collect(),
        };
        let entities = entities.into_iter();
        let mut entities: Vec<Entity> = entities.filter_map(without_the_impossible).collect();
        let hidden = profile.map_or(&[][..], |profile| profile.hide.as_slice());
        let rest = profile.map_or(Rest::Show, |profile| profile.rest);
        let used = |entity: &Entity| -> Vec<AttrName> {
            match profile {
                Some(_) => entity.attributes().into_iter().cloned().collect(),
                None => recognise::covered(entity),
            }
        };
        let used: Vec<AttrName> = entities.iter().flat_map(used).collect();
        let of_rest = product.schema.datapoints().iter().filter(|datapoint| {
            rest != Rest::Hide
                && !used.contains(&datapoint.name)
                && !matching(hidden, datapoint.name.as_str())
        });
        let of_rest: Vec<Entity> = of_rest
            .filter_map(|datapoint| generic::entity(product.schema, datapoint))
            .map(|entity| Entity {
                enabled: entity.enabled && rest == Rest::Show,
                ..entity
            })
            .collect();
        entities.extend(of_rest);
        make_distinct(&mut entities);
        Plan {
            profile: profile.map(|profile| profile.profile.clone()),
            manufacturer: profile.and_then(|profile| profile.manufacturer.clone()),
            momentary: momentary(&entities),
            entities,
        }
    }
}

fn momentary(entities: &[Entity]) -> BTreeSet<AttrName> {
    let set_by = |momentary: bool| -> BTreeSet<AttrName> {
        let parts = entities.iter().flat_map(|entity| entity.parts.values());
        let parts = parts.filter(|part| part.momentary == momentary);
        let writings = parts.filter_map(|part| part.writes.as_ref());
        writings.flat_map(Writing::sets).cloned().collect()
    };
    let others = set_by(false);
    let mut names = set_by(true);
    names.retain(|name| !others.contains(name));
    names
}

fn best<'a>(profiles: &'a [Arc<ProfileFile>], product: Product<'_>) -> Option<&'a ProfileFile> {
    let fit = |profile: &Arc<ProfileFile>| fit(&profile.matches, product);
    let best = profiles.iter().map(fit).max()?;
    // Of equals the first: `max_by_key` would take the last.
    let mut profiles = profiles.iter();
    let found = profiles.find(|profile| fit(profile) == best && best > Fit::None);
    found.map(Arc::as_ref)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::ProductKey;
    use crate::profile::hints::testing::schema;
    use crate::profile::load;

    fn profile(id: &str, matches: &str) -> ProfileFile {
        let text = format!(
            "profile: {id}\ntitle: Mine\nmatch: {{ {matches} }}\nentities:\n  \
             power: {{ platform: switch, state: power }}\n"
        );
        load::read(&text).unwrap()
    }

    fn spa() -> ProductSchema {
        let names = [
            "temp_now",
            "temp_set",
            "heat_power",
            "filter_power",
            "wave_power",
            "power",
        ];
        let attrs = names.map(|name| json!({ "name": name, "data_type": "uint8" }));
        let document = json!({ "name": "Airjet", "entities": [{ "attrs": attrs }] });
        let product_key = ProductKey::new("pk").unwrap();
        ProductSchema::parse(&product_key, &document).unwrap().0
    }

    /// The entities of a product by its schema alone, or with a profile of the user: key, name and platform.
    fn shown(of_user: Vec<ProfileFile>, attrs: &serde_json::Value) -> Vec<String> {
        let schema = schema(attrs);
        let plan = Catalog::new(of_user).plan(Product {
            schema: &schema,
            name: "",
            chosen: None,
        });
        let line = |entity: &Entity| {
            let name = entity.name.as_deref().unwrap_or("-");
            format!("{}: {name}, {}", entity.key, entity.platform.as_str())
        };
        plan.entities.iter().map(line).collect()
    }

    #[test]
    fn beside_a_climate_stands_what_it_measures_but_no_second_switch() {
        let number = |name: &str, kind: &str| {
            json!({ "name": name, "type": kind, "data_type": "uint8",
                "uint_spec": { "min": 0, "max": 60, "ratio": 1 } })
        };
        let attrs = json!([
            { "name": "power", "type": "status_writable", "data_type": "bool" },
            number("temp_set", "status_writable"),
            number("temp_now", "status_readonly"),
        ]);
        let want = ["climate: -, climate", "temp_now: Temp now, sensor"];
        assert_eq!(shown(Vec::new(), &attrs), want);
    }

    #[test]
    fn no_two_entities_have_one_name_nor_one_topic() {
        let attrs = json!([
            { "name": "power", "display_name": "Mine", "data_type": "bool" },
            { "name": "mode", "display_name": "Mode", "type": "status_writable", "data_type": "enum",
              "enum": ["自动", "手动"] },
            { "name": "Last_report", "data_type": "bool" },
            { "name": "A", "data_type": "bool" },
            { "name": "a", "data_type": "bool" },
        ]);
        // The profile's entity has the topic of `mode` already.
        let text = "profile: p\ntitle: Mine\nmatch: { product_keys: [pk] }\nentities:\n  \
             mode: { platform: binary_sensor, state: power }\n";
        let profile = load::read(text).unwrap();
        let want = [
            "mode: Mode, binary_sensor",
            "mode_: Mode 2, select",
            "Last_report: Last report 2, binary_sensor",
            "A: A, binary_sensor",
            "a: A 2, binary_sensor",
        ];
        assert_eq!(shown(vec![profile], &attrs), want);
    }

    #[test]
    fn the_users_profile_wins_and_none_is_none() {
        let by_attributes = || profile("mine", "attributes: [power]");
        for (of_user, chosen, want) in [
            (vec![], None, Some("bestway-airjet")),
            (vec![], Some(NO_PROFILE), None),
            (vec![by_attributes()], None, Some("mine")),
            (
                vec![by_attributes()],
                Some("bestway-airjet"),
                Some("bestway-airjet"),
            ),
            (
                vec![by_attributes(), profile("better", "product_keys: [pk]")],
                None,
                Some("better"),
            ),
            (
                vec![profile("other", "attributes: [nothing]")],
                None,
                Some("bestway-airjet"),
            ),
            // By the id of a built-in one it takes its place, also where it does not fit.
            (
                vec![profile("bestway-airjet", "attributes: [nothing]")],
                None,
                None,
            ),
        ] {
            let schema = spa();
            let product = Product {
                schema: &schema,
                name: "",
                chosen,
            };
            let catalog = Catalog::new(of_user);
            let found = catalog.choose(product).map(|found| found.profile.as_str());
            assert_eq!(found, want, "{catalog:?}");
        }
        let catalog = Catalog::new(vec![profile("bestway-airjet", "")]);
        assert_eq!(catalog.get("bestway-airjet").unwrap().title, "Mine");
    }
}
