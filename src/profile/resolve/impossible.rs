//! What a part says that no product could ever make work.

use super::Resolver;
use crate::profile::file::FullPart;
use crate::profile::platform::{Platform, Role, RoleKind};

/// What Home Assistant knows (MQTT climate, `modes`); with another it refuses the entity.
const CLIMATE_MODES: [&str; 7] = [
    "auto",
    "off",
    "cool",
    "heat",
    "dry",
    "fan_only",
    "heat_cool",
];
/// The same of `action_topic`.
const CLIMATE_ACTIONS: [&str; 8] = [
    "off",
    "preheating",
    "heating",
    "cooling",
    "drying",
    "fan",
    "idle",
    "defrosting",
];
const ON_OFF: [&str; 2] = ["on", "off"];

impl Resolver<'_> {
    /// Tells it of the part, and of its variants.
    pub(super) fn check_words(
        &mut self,
        platform: Platform,
        role: Role,
        kind: RoleKind,
        file: &FullPart,
    ) {
        if file.scale == Some(0.0) {
            self.fault_at(
                "scale",
                "by 0 nothing could be set: write another factor".into(),
            );
        }
        let known: &[&str] = match (platform, role) {
            _ if kind == RoleKind::Bool => &ON_OFF,
            (Platform::Climate, Role::Mode) => &CLIMATE_MODES,
            (Platform::Climate, Role::Action) => &CLIMATE_ACTIONS,
            _ => return,
        };
        let mapped = file.map.iter().flat_map(|map| &map.0);
        let mapped = mapped.map(|(word, _)| (format!("map.{word}"), word.clone()));
        let written = file.write.iter().flat_map(|write| &write.0);
        let written = written.map(|(word, _)| (format!("write.{word}"), word.clone()));
        let cases = file.read.iter().enumerate();
        let read = cases.filter_map(|(at, case)| {
            let word = case.is.as_str()?.to_owned();
            Some((format!("read.{at}.is"), word))
        });
        let words: Vec<(String, String)> = mapped.chain(written).chain(read).collect();
        for (below, word) in words {
            if !known.contains(&word.as_str()) {
                let message = format!("{word:?} is none of {}", known.join(", "));
                self.fault_at(&below, message);
            }
        }
        let path = self.path.clone();
        for (at, variant) in file.variants.iter().enumerate() {
            self.path = format!("{path}.variants.{at}.use");
            self.check_words(platform, role, kind, &variant.part.0);
        }
        self.path = path;
    }
}
