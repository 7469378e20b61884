//! The only place where a topic is put together or taken apart.

use crate::ids::Did;

/// Topics of one bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    base: String,
    /// The level of the bridge's own topics: `bridge`, or `bridge-INDEX` where several instances
    /// share the base topic.
    own: String,
    discovery_prefix: String,
    status: String,
}

/// What an incoming topic asks for. `level` is the device's topic level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// `BASE/DEV/set`
    Set {
        /// The device's topic level.
        level: String,
    },
    /// `BASE/DEV/set/ATTR`
    SetAttr {
        /// The device's topic level.
        level: String,
        /// The attribute as a topic spells it, see [`crate::model::level`].
        attr: String,
    },
    /// `BASE/DEV/entity/KEY/ROLE/set`
    SetEntity {
        /// The device's topic level.
        level: String,
        /// The entity's key in the profile.
        key: String,
        /// What of it.
        role: String,
    },
    /// `BASE/DEV/get`
    Get {
        /// The device's topic level.
        level: String,
    },
    /// `BASE/DEV/raw`
    Raw {
        /// The device's topic level.
        level: String,
    },
    /// `BASE/bridge/request/VERB` of this instance; a verb may hold slashes.
    Request {
        /// What is asked for.
        verb: String,
    },
    /// Home Assistant's birth or will.
    HomeAssistantStatus,
    /// `BASE/bridge/state`: what others see of this bridge, be it written by another client.
    BridgeState,
}

impl Topics {
    /// Topics below `base`; discovery below `discovery_prefix`; `status` is Home Assistant's.
    #[must_use]
    pub fn new(base: &str, discovery_prefix: &str, status: &str) -> Self {
        Self {
            base: base.to_owned(),
            own: BRIDGE.to_owned(),
            discovery_prefix: discovery_prefix.to_owned(),
            status: status.to_owned(),
        }
    }

    /// The same topics for instance `index` of several that share the base topic: its own ones
    /// stand below `BASE/bridge-INDEX`.
    #[must_use]
    pub fn of_instance(self, index: u32) -> Self {
        Self {
            own: format!("{BRIDGE}-{index}"),
            ..self
        }
    }

    /// The same topics for another bridge below this base: an instance by its index, or the only one.
    #[must_use]
    pub fn of_bridge(&self, index: Option<u32>) -> Self {
        let only = Self {
            own: BRIDGE.to_owned(),
            ..self.clone()
        };
        match index {
            Some(index) => only.of_instance(index),
            None => only,
        }
    }

    /// Is it the `state` of a bridge below this base?
    #[must_use]
    pub fn is_of_a_bridge(&self, topic: &str) -> bool {
        let below = topic.strip_prefix(&self.base);
        let below = below.and_then(|below| below.strip_prefix('/'));
        let level = below.and_then(|below| below.strip_suffix("/state"));
        level.is_some_and(is_reserved)
    }

    /// `BASE/bridge/WORD`, e.g. `state`, `info`, `devices`, `health`, `event`.
    #[must_use]
    pub fn bridge(&self, word: &str) -> String {
        format!("{}/{}/{word}", self.base, self.own)
    }

    /// `BASE/bridge/response/VERB`
    #[must_use]
    pub fn response(&self, verb: &str) -> String {
        self.bridge(&format!("response/{verb}"))
    }

    /// `BASE/DEV`
    #[must_use]
    pub fn device(&self, level: &str) -> String {
        format!("{}/{level}", self.base)
    }

    /// `BASE/DEV/WORD`: an attribute's level, or `availability`, `result`, `set`, …
    #[must_use]
    pub fn below_device(&self, level: &str, word: &str) -> String {
        format!("{}/{level}/{word}", self.base)
    }

    /// `BASE/bridge/schedules/DEV`: not below the device, whose levels are its attributes'.
    #[must_use]
    pub fn schedules(&self, level: &str) -> String {
        self.bridge(&format!("schedules/{level}"))
    }

    /// `PREFIX/device/gizwits2mqtt_DID/config`; Home Assistant ignores a topic whose id has other
    /// characters than `a-z A-Z 0-9 _ -`.
    #[must_use]
    pub fn discovery(&self, did: &Did) -> String {
        let id: String = did.as_str().chars().map(plain).collect();
        format!("{}/device/gizwits2mqtt_{id}/config", self.discovery_prefix)
    }

    /// `PREFIX/device/ID/config` for the bridge itself.
    #[must_use]
    pub fn bridge_discovery(&self) -> String {
        format!(
            "{}/device/{}/config",
            self.discovery_prefix,
            self.bridge_id()
        )
    }

    /// The bridge's own device identifier. Another base topic is another bridge, and so is another
    /// instance.
    #[must_use]
    pub fn bridge_id(&self) -> String {
        let mut id = String::from("gizwits2mqtt_bridge");
        if self.base != "gizwits2mqtt" {
            id.push('_');
            id.extend(self.base.chars().map(plain));
        }
        if let Some(index) = self.index() {
            id.push('_');
            id.push_str(index);
        }
        id
    }

    /// This instance's number, where several share the base topic.
    #[must_use]
    pub fn index(&self) -> Option<&str> {
        self.own.strip_prefix(BRIDGE)?.strip_prefix('-')
    }

    /// What to subscribe to: of the topics that the bridge itself publishes on only its state, which
    /// others may overwrite.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        let base = &self.base;
        let mut filters = vec![
            format!("{base}/+/set"),
            format!("{base}/+/set/+"),
            format!("{base}/+/get"),
            format!("{base}/+/raw"),
            format!("{base}/+/entity/+/+/set"),
            self.bridge("request/#"),
            self.bridge("state"),
        ];
        if !self.status.is_empty() {
            filters.push(self.status.clone());
        }
        filters
    }

    /// Whether an answer may go to a topic that a stranger named: not to one that the bridge or Home
    /// Assistant keeps something on. Below the base topic these are the results and responses alone.
    #[must_use]
    pub fn may_answer_on(&self, topic: &str) -> bool {
        let below = |root: &str| {
            topic
                .strip_prefix(root)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let is_answer = || topic.ends_with("/result") || topic.contains("/response/");
        let is_ours = topic == self.base || below(&self.base) && !is_answer();
        !is_ours && topic != self.status && !below(&self.discovery_prefix)
    }

    /// Takes a topic apart; `None` when it is not one of ours.
    #[must_use]
    pub fn parse(&self, topic: &str) -> Option<Inbound> {
        if topic == self.status && !self.status.is_empty() {
            return Some(Inbound::HomeAssistantStatus);
        }
        if topic == self.bridge("state") {
            return Some(Inbound::BridgeState);
        }
        let below = topic.strip_prefix(&self.base)?.strip_prefix('/')?;
        let (level, rest) = below.split_once('/')?;
        if level == self.own
            && let Some(verb) = rest.strip_prefix("request/")
        {
            return Some(Inbound::Request { verb: verb.into() });
        }
        if is_reserved(level) || level.is_empty() {
            return None;
        }
        let level = level.to_owned();
        match rest.split_once('/') {
            None if rest == "set" => Some(Inbound::Set { level }),
            None if rest == "get" => Some(Inbound::Get { level }),
            None if rest == "raw" => Some(Inbound::Raw { level }),
            Some(("set", attr)) if !attr.contains('/') => {
                let attr = attr.to_owned();
                Some(Inbound::SetAttr { level, attr })
            }
            Some(("entity", rest)) => {
                let (key, rest) = rest.split_once('/')?;
                let role = rest
                    .strip_suffix("/set")
                    .filter(|role| !role.contains('/'))?;
                Some(Inbound::SetEntity {
                    level,
                    key: key.to_owned(),
                    role: role.to_owned(),
                })
            }
            _ => None,
        }
    }
}

/// The level of a bridge's own topics, where it is the only instance.
const BRIDGE: &str = "bridge";

/// No device gets these levels: `bridge`, and `bridge-INDEX` of several instances.
#[must_use]
pub fn is_reserved(level: &str) -> bool {
    let rest = level.strip_prefix(BRIDGE);
    rest.is_some_and(|rest| {
        let index = rest.strip_prefix('-');
        rest.is_empty() || index.is_some_and(is_number)
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
        c
    } else {
        '_'
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::ids::ProductKey;
    use crate::model::ProductSchema;

    fn schema(names: &[String]) -> ProductSchema {
        let attrs: Vec<_> = names
            .iter()
            .map(|name| json!({ "name": name, "data_type": "bool" }))
            .collect();
        let document = json!({ "entities": [{ "attrs": attrs }] });
        ProductSchema::parse(&ProductKey::new("pk").unwrap(), &document)
            .unwrap()
            .0
    }

    #[test]
    fn an_instance_of_several_has_topics_of_its_own_below_the_shared_base() {
        let second = Topics::new("gizwits2mqtt", "ha", "").of_instance(1);
        assert_eq!(second.bridge("state"), "gizwits2mqtt/bridge-1/state");
        assert_eq!(
            second.response("refresh"),
            "gizwits2mqtt/bridge-1/response/refresh"
        );
        assert_eq!(
            second.schedules("pool"),
            "gizwits2mqtt/bridge-1/schedules/pool"
        );
        assert_eq!(second.device("pool"), "gizwits2mqtt/pool");
        assert_eq!(
            second.bridge_discovery(),
            "ha/device/gizwits2mqtt_bridge_1/config"
        );
        let filters = second.filters();
        assert!(filters.contains(&"gizwits2mqtt/bridge-1/request/#".to_owned()));
        let refresh = Some(Inbound::Request {
            verb: "refresh".into(),
        });
        assert_eq!(
            second.parse("gizwits2mqtt/bridge-1/request/refresh"),
            refresh
        );
        for anothers in ["bridge", "bridge-0", "bridge-10"] {
            for rest in ["request/refresh", "set", "get"] {
                let topic = format!("gizwits2mqtt/{anothers}/{rest}");
                assert_eq!(second.parse(&topic), None, "{topic}");
            }
        }
        let house = Topics::new("house", "ha", "").of_instance(2);
        assert_eq!(house.bridge_id(), "gizwits2mqtt_bridge_house_2");
    }

    #[test]
    fn no_device_gets_the_level_of_a_bridge() {
        for (level, want) in [
            ("bridge", true),
            ("bridge-0", true),
            ("bridge-12", true),
            ("bridge-", false),
            ("bridge-a", false),
            ("bridge_1", false),
            ("bridges", false),
        ] {
            assert_eq!(is_reserved(level), want, "{level}");
        }
    }

    #[test]
    fn answers_go_to_no_topic_that_is_kept() {
        let topics = Topics::new("a/b", "homeassistant", "homeassistant/status");
        for (topic, may) in [
            ("me/answers", true),
            ("a/bc", true),
            ("a/b/pool/result", true),
            ("a/b/bridge/response/health", true),
            ("a/b", false),
            ("a/b/pool/set", false),
            ("a/b/pool/power", false),
            ("a/b/bridge/info", false),
            ("homeassistant/status", false),
            ("homeassistant/device/gizwits2mqtt_d/config", false),
        ] {
            assert_eq!(topics.may_answer_on(topic), may, "{topic}");
        }
    }

    #[test]
    fn topics_are_taken_apart_as_they_are_put_together() {
        let topics = Topics::new("a/b", "homeassistant", "homeassistant/status");
        let level = || "pool".to_owned();
        for (topic, want) in [
            ("a/b/pool/set", Some(Inbound::Set { level: level() })),
            ("a/b/pool/get", Some(Inbound::Get { level: level() })),
            ("a/b/pool/raw", Some(Inbound::Raw { level: level() })),
            (
                "a/b/pool/set/x y",
                Some(Inbound::SetAttr {
                    level: level(),
                    attr: "x y".into(),
                }),
            ),
            ("a/b/pool/set/x/y", None),
            ("a/b/pool/state", None),
            ("a/b/bridge/set", None),
            ("a/b/bridge/state", Some(Inbound::BridgeState)),
            ("a/b/bridge/info", None),
            (
                "a/b/bridge/request/devices/bind",
                Some(Inbound::Request {
                    verb: "devices/bind".into(),
                }),
            ),
            ("homeassistant/status", Some(Inbound::HomeAssistantStatus)),
            ("a/bc/pool/set", None),
            ("a/b", None),
        ] {
            assert_eq!(topics.parse(topic), want, "{topic}");
        }
        assert_eq!(Topics::new("a/b", "h", "").parse(""), None);
    }

    #[test]
    fn a_discovery_topic_has_only_characters_that_home_assistant_reads() {
        let topics = Topics::new("Haus/Ü-1", "ha", "");
        for (did, want) in [
            (
                "QP50gPt5I8h4mFKIo0ENIK",
                "ha/device/gizwits2mqtt_QP50gPt5I8h4mFKIo0ENIK/config",
            ),
            ("a/+#é", "ha/device/gizwits2mqtt_a____/config"),
        ] {
            assert_eq!(topics.discovery(&Did::new(did).unwrap()), want);
        }
        let bridge = "ha/device/gizwits2mqtt_bridge_Haus__-1/config";
        assert_eq!(topics.bridge_discovery(), bridge);
    }

    proptest! {
        #[test]
        fn a_command_finds_the_attribute_whose_topic_was_announced(
            alias: String,
            name in "\\PC{1,20}|[a/+#\u{ffff}\u{1}]{1,3}|set|get|raw|result|availability",
        ) {
            let topics = Topics::new("base/x", "h", "");
            let level = crate::homeassistant::slug::level(&alias, None, &Did::new("d").unwrap());
            let schema = schema(&["other".to_owned(), name.clone()]);
            let attr = schema.level(&name).into_owned();
            for (topic, want) in [
                (format!("set/{attr}"), Inbound::SetAttr { level: level.clone(), attr: attr.clone() }),
                ("set".into(), Inbound::Set { level: level.clone() }),
                ("get".into(), Inbound::Get { level: level.clone() }),
                ("raw".into(), Inbound::Raw { level: level.clone() }),
            ] {
                let topic = topics.below_device(&level, &topic);
                prop_assert!(!topic.contains(['+', '#']) && !topic.chars().any(crate::model::level::breaks_topics));
                let want = (!is_reserved(&level)).then_some(want);
                prop_assert_eq!(topics.parse(&topic), want);
            }
            prop_assert_eq!(topics.parse(&topics.below_device(&level, &attr)), None);
        }
    }
}
