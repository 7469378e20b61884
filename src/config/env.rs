//! Overrides from the environment: `GIZWITS2MQTT__MQTT__URL`, list items by index.

use std::collections::BTreeMap;

use super::reader::Findings;
use super::tree::{Kind, Node, Place};

const PREFIX: &str = "GIZWITS2MQTT__";
/// A list that an index makes longer than this was not meant.
const MAX_INDEX: usize = 100;

/// Lays the variables over the tree. An empty variable counts as none: compose files pass those.
/// `sections` are the keys of the root.
pub(super) fn overlay(
    root: &mut Node,
    variables: &BTreeMap<String, String>,
    sections: &[&str],
    out: &mut Findings,
) {
    for (variable, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
        if let Some(rest) = variable.strip_prefix(PREFIX) {
            let path: Vec<&str> = rest.split("__").collect();
            if let Err(reason) = set(root, &path, variable, text) {
                out.fault(&Place::Variable(variable.clone()), "", reason);
            }
        } else if let Some(meant) = with_one_underscore(variable, sections) {
            out.warnings.push(format!(
                "${variable} has no effect: two underscores stand before each level, as in {meant}"
            ));
        }
    }
}

/// What a name with one underscore where two belong was meant to be.
fn with_one_underscore(variable: &str, sections: &[&str]) -> Option<String> {
    let rest = variable.strip_prefix(PREFIX.strip_suffix('_')?)?;
    let section = sections
        .iter()
        .map(|section| section.to_uppercase())
        .find(|section| {
            let after = rest.strip_prefix(section.as_str());
            after.is_some_and(|after| after.starts_with('_'))
        })?;
    let after = rest.strip_prefix(section.as_str())?.trim_start_matches('_');
    Some(format!("{PREFIX}{section}__{after}"))
}

fn set(node: &mut Node, path: &[&str], variable: &str, text: &str) -> Result<(), String> {
    let place = || Place::Variable(variable.to_owned());
    let Some((first, rest)) = path.split_first() else {
        *node = Node {
            place: place(),
            kind: Kind::Text(text.to_owned()),
        };
        return Ok(());
    };
    if let Ok(index) = first.parse::<usize>()
        && index <= MAX_INDEX
    {
        // A single value stands for a list of it.
        let items = match std::mem::replace(&mut node.kind, Kind::Empty) {
            Kind::List(items) => items,
            Kind::Empty => Vec::new(),
            kind @ (Kind::Text(_) | Kind::Map(_)) => vec![Node {
                place: node.place.clone(),
                kind,
            }],
        };
        node.kind = Kind::List(items);
        if let Kind::List(items) = &mut node.kind {
            while items.len() <= index {
                items.push(Node {
                    place: place(),
                    kind: Kind::Empty,
                });
            }
            if let Some(item) = items.get_mut(index) {
                set(item, rest, variable, text)?;
            }
        }
        return Ok(());
    }
    if matches!(node.kind, Kind::List(_)) {
        return Err(format!(
            "{first} stands where an item of a list belongs, by its number from 0 to {MAX_INDEX}, as in {PREFIX}ACCOUNTS__0__PASSWORD"
        ));
    }
    if !matches!(node.kind, Kind::Map(_)) {
        node.kind = Kind::Map(BTreeMap::new());
    }
    if let Kind::Map(members) = &mut node.kind {
        // A did is no setting's name: its case counts, and shells write names in capitals.
        let known = members.keys().find(|key| key.eq_ignore_ascii_case(first));
        let is_did = first.len() > 20 && first.bytes().any(|b| b.is_ascii_lowercase());
        let key = match known {
            Some(key) => key.clone(),
            None if is_did => (*first).to_owned(),
            None => first.to_lowercase(),
        };
        let member = members.entry(key).or_insert_with(|| Node {
            place: place(),
            kind: Kind::Empty,
        });
        set(member, rest, variable, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn overlaid(text: &str, variables: &[(&str, &str)]) -> (Node, Findings) {
        let mut root = Node::from_document(&yaml::parse(text, yaml::TextLimits::OWN).unwrap());
        let mut out = Findings::default();
        let variables = variables
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        overlay(&mut root, &variables, &["accounts", "mqtt"], &mut out);
        (root, out)
    }

    fn text<'a>(node: &'a Node, path: &str) -> Option<&'a str> {
        let mut node = node;
        for part in path.split('.') {
            node = match &node.kind {
                Kind::Map(members) => members.get(part)?,
                Kind::List(items) => items.get(part.parse::<usize>().ok()?)?,
                Kind::Empty | Kind::Text(_) => return None,
            };
        }
        match &node.kind {
            Kind::Text(text) => Some(text),
            Kind::Empty | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    #[test]
    fn variables_override_add_and_reach_into_lists() {
        let (root, out) = overlaid(
            "mqtt: {url: a}\naccounts: [{name: x}]\ndevices: {AbC: {name: n}}\n",
            &[
                ("GIZWITS2MQTT__MQTT__URL", "b"),
                ("GIZWITS2MQTT__ACCOUNTS__0__PASSWORD", "p"),
                ("GIZWITS2MQTT__ACCOUNTS__1__NAME", "y"),
                ("GIZWITS2MQTT__DEVICES__ABC__TOPIC", "t"),
                ("GIZWITS2MQTT__LOG__LEVEL", ""),
                ("GIZWITS2MQTT_CONFIG", "no"),
                ("OTHER", "no"),
            ],
        );
        for (path, want) in [
            ("mqtt.url", Some("b")),
            ("accounts.0.name", Some("x")),
            ("accounts.0.password", Some("p")),
            ("accounts.1.name", Some("y")),
            ("devices.AbC.topic", Some("t")),
            ("log.level", None),
        ] {
            assert_eq!(text(&root, path), want, "{path}");
        }
        assert_eq!((out.problems, out.warnings), (vec![], vec![]));
    }

    #[test]
    fn a_single_account_is_the_first_of_a_list() {
        let variables = [("GIZWITS2MQTT__ACCOUNTS__0__PASSWORD", "p")];
        let (root, _) = overlaid("accounts: {name: x}\n", &variables);
        assert_eq!(text(&root, "accounts.0.name"), Some("x"));
        assert_eq!(text(&root, "accounts.0.password"), Some("p"));
    }

    #[test]
    fn a_name_that_leads_nowhere_is_told() {
        let variables = [
            ("GIZWITS2MQTT__ACCOUNTS__PASSWORD", "hunter2"),
            ("GIZWITS2MQTT__ACCOUNTS__999__NAME", "y"),
            ("GIZWITS2MQTT_MQTT_URL", "b"),
            ("GIZWITS2MQTT_SERVICE_HOST", "set by an orchestrator"),
        ];
        let (root, out) = overlaid("accounts: [{name: x}]\n", &variables);
        assert_eq!(text(&root, "accounts.0.name"), Some("x"), "the file counts");
        assert_eq!(out.problems.len(), 2, "{:?}", out.problems);
        assert!(
            out.problems
                .iter()
                .all(|p| p.message.contains("ACCOUNTS__0__")),
            "{:?}",
            out.problems
        );
        assert_eq!(out.warnings.len(), 1, "{:?}", out.warnings);
        assert!(out.warnings[0].contains("GIZWITS2MQTT__MQTT__URL"));
        assert!(!format!("{out:?}").contains("hunter2"));
    }
}
