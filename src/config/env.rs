//! Overrides from the environment: `GIZWITS2MQTT__MQTT__URL`, list items by index.

use std::collections::BTreeMap;

use super::tree::{Kind, Node, Place};

const PREFIX: &str = "GIZWITS2MQTT__";
/// A list that an index makes longer than this was not meant.
const MAX_INDEX: usize = 100;

/// Lays the variables over the tree. An empty variable counts as none: compose files pass those.
pub(super) fn overlay(root: &mut Node, variables: &BTreeMap<String, String>) {
    for (variable, text) in variables {
        if let Some(rest) = variable.strip_prefix(PREFIX)
            && !text.is_empty()
        {
            let path: Vec<&str> = rest.split("__").collect();
            set(root, &path, variable, text);
        }
    }
}

fn set(node: &mut Node, path: &[&str], variable: &str, text: &str) {
    let place = || Place::Variable(variable.to_owned());
    let Some((first, rest)) = path.split_first() else {
        *node = Node {
            place: place(),
            kind: Kind::Text(text.to_owned()),
        };
        return;
    };
    if let Ok(index) = first.parse::<usize>()
        && index <= MAX_INDEX
    {
        if !matches!(node.kind, Kind::List(_)) {
            node.kind = Kind::List(Vec::new());
        }
        if let Kind::List(items) = &mut node.kind {
            while items.len() <= index {
                items.push(Node {
                    place: place(),
                    kind: Kind::Empty,
                });
            }
            if let Some(item) = items.get_mut(index) {
                set(item, rest, variable, text);
            }
        }
        return;
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
        set(member, rest, variable, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn overlaid(text: &str, variables: &[(&str, &str)]) -> Node {
        let mut root = Node::from_document(&yaml::parse(text).unwrap());
        let variables = variables
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        overlay(&mut root, &variables);
        root
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
        let root = overlaid(
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
    }
}
