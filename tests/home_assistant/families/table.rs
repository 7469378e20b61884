//! `docs/devices.md`: what was seen of each family, as Markdown.

use std::fmt::Write as _;
use std::path::Path;

use gizwits2mqtt::profile::built_in;
use gizwits2mqtt::profile::entity::Entity;
use gizwits2mqtt::profile::file::ProfileFile;
use gizwits2mqtt::profile::platform::Role;

use super::family::Family;
use super::seen::{Seen, SeenOrNot};

/// Set, the page is written instead of compared.
const UPDATE: &str = "UPDATE_DEVICES";
/// Everything but the tables.
const PAGE: &str = include_str!("page.md");
/// Where they go.
const TABLES: &str = "<!-- tables -->\n";

const COLUMNS: [&str; 7] = [
    "entity", "platform", "class", "unit", "default", "shows", "sets",
];

/// The page as it must be, or why it is not.
pub(crate) fn compare(families: &[Family], seen: &[Seen]) -> Option<String> {
    let page = page(families, seen);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/devices.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if page == kept {
        return None;
    }
    let differs = page.lines().zip(kept.lines()).find(|(new, old)| new != old);
    Some(format!(
        "docs/devices.md is not what was seen; {UPDATE}=1 writes it anew; first difference: {differs:?}"
    ))
}

fn page(families: &[Family], seen: &[Seen]) -> String {
    let all: Vec<(&Family, &Seen)> = families.iter().zip(seen).collect();
    let mut tables = String::new();
    for profile in built_in::profiles() {
        let of: Vec<_> = all
            .iter()
            .filter(|(family, _)| family.plan.profile.as_deref() == Some(&profile.profile))
            .copied()
            .collect();
        head(&mut tables, &profile);
        table(&mut tables, &of);
    }
    tables.push_str(
        "## Without a profile\n\n\
         What a schema alone gives: invented products, and real ones whose profile is switched off (`profile: none`).\n\n",
    );
    for (family, seen) in all {
        if family.plan.profile.is_none() {
            write!(tables, "### {}\n\n", family.product).unwrap();
            table(&mut tables, &[(family, seen)]);
        }
    }
    PAGE.replace(TABLES, tables.trim_end_matches('\n'))
}

/// What the family is, and which products are of it.
fn head(page: &mut String, profile: &ProfileFile) {
    let text = built_in::text(&profile.profile).unwrap();
    let about: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix("# "))
        .collect();
    write!(page, "## {}\n\n{}\n\n", profile.title, about.join(" ")).unwrap();
    let words = |words: &[String]| -> Vec<String> {
        words.iter().map(|word| format!("`{word}`")).collect()
    };
    let matches = &profile.matches;
    let mut of = Vec::new();
    if !matches.product_names.is_empty() {
        of.push(format!(
            "named {}",
            words(&matches.product_names).join(", ")
        ));
    }
    if !matches.product_keys.is_empty() {
        of.push(format!(
            "with the key {}",
            words(&matches.product_keys).join(", ")
        ));
    }
    if !matches.attributes.is_empty() {
        let attributes = words(&matches.attributes).join(", ");
        of.push(format!("with the attributes {attributes}"));
    }
    let of = of.join("; ");
    write!(
        page,
        "Profile `{}`, for products {of}.\n\n",
        profile.profile
    )
    .unwrap();
}

/// One table for all devices of a family: what any of them has.
fn table(page: &mut String, of: &[(&Family, &Seen)]) {
    row(page, &COLUMNS.map(String::from));
    row(page, &COLUMNS.map(|_| "---".to_owned()));
    let mut known: Vec<&Entity> = Vec::new();
    for entity in of.iter().flat_map(|(family, _)| &family.plan.entities) {
        let is_same = |one: &&Entity| one.platform == entity.platform && one.key == entity.key;
        if !known.iter().any(is_same) {
            known.push(entity);
            row(page, &cells(entity, of));
        }
    }
    page.push('\n');
}

fn cells(entity: &Entity, of: &[(&Family, &Seen)]) -> [String; 7] {
    let union = |what: &dyn Fn(&Seen) -> SeenOrNot| {
        let mut roles: Vec<Role> = of.iter().flat_map(|(_, seen)| what(seen).0).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    };
    let shown = union(&|seen| seen.shown(entity));
    let set = union(&|seen| seen.set(entity));
    let mut units: Vec<&str> = Vec::new();
    for range in entity
        .parts
        .values()
        .flat_map(|part| part.ranges.iter().rev())
    {
        if let Some(unit) = range.unit.as_deref().filter(|unit| !units.contains(unit)) {
            units.push(unit);
        }
    }
    let name = entity.name.as_deref();
    [
        name.map_or_else(|| "**the device**".to_owned(), str::to_owned),
        entity.platform.as_str().to_owned(),
        entity.device_class.clone().unwrap_or_default(),
        units.join(", "),
        if entity.enabled { "on" } else { "off" }.to_owned(),
        roles(entity, &shown),
        roles(entity, &set),
    ]
}

/// A tick for an entity of one value, else the words for what was seen.
fn roles(entity: &Entity, seen: &[Role]) -> String {
    match seen {
        [] => "–".into(),
        _ if entity.parts.len() == 1 => "✓".into(),
        _ => {
            let word = |role: &Role| match role {
                Role::State | Role::Power => "on/off".to_owned(),
                role => role.as_str().replace('_', " "),
            };
            seen.iter().map(word).collect::<Vec<_>>().join(", ")
        }
    }
}

fn row(page: &mut String, cells: &[String]) {
    writeln!(page, "| {} |", cells.join(" | ")).unwrap();
}
