//! What Home Assistant refuses of a part: limits that cannot be, a control that cannot be set, and a list to
//! choose from without a choice. A schema may have such, and then there is no such part.

use super::entity::{Entity, Part};
use super::platform::{Platform, Role};

/// Can there be such a part?
#[must_use]
pub fn is_possible(platform: Platform, role: Role, part: &Part) -> bool {
    let limits = part.ranges.iter();
    let mut limits = limits.map(|range| (range.min, range.max));
    let is_whole = |number: f64| number.fract() == 0.0;
    match (platform, role) {
        // A fan's slowest speed is 1 or more; 0 is off.
        (Platform::Fan, Role::Speed) => limits.all(|(min, max)| {
            let (min, max) = (min.unwrap_or(1.0).max(1.0), max.unwrap_or(100.0));
            is_whole(min) && is_whole(max) && min < max
        }),
        (Platform::Light, Role::Brightness) => limits.all(|(min, max)| {
            let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(255.0));
            min >= 0.0 && is_whole(max) && max >= 1.0
        }),
        (Platform::Climate | Platform::Humidifier, Role::TargetHumidity) => {
            limits.all(|(min, max)| {
                let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(100.0));
                (0.0..100.0).contains(&min) && min < max && max <= 100.0
            })
        }
        (Platform::Climate | Platform::WaterHeater, Role::TargetTemperature) => {
            limits.all(|(min, max)| min.is_none() || max.is_none() || min < max)
        }
        (Platform::Climate | Platform::Fan, Role::Preset) | (Platform::Humidifier, Role::Mode) => {
            part.writes.is_some() && !part.options.is_empty()
        }
        _ => true,
    }
}

/// The entity without the parts that cannot be; `None` when it cannot be without one of them.
pub(super) fn without_the_impossible(mut entity: Entity) -> Option<Entity> {
    let platform = entity.platform;
    entity
        .parts
        .retain(|role, part| is_possible(platform, *role, part));
    let mut required = platform.roles().iter().take(platform.required());
    let is_there = |part: &Part| part.writes.is_some() || !platform.is_control();
    let is_whole = required.all(|(role, _)| entity.parts.get(role).is_some_and(is_there));
    (is_whole && !entity.parts.is_empty()).then_some(entity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AttrName;
    use crate::profile::entity::{Category, Range, Reading, Writing};

    #[test]
    fn limits_that_home_assistant_refuses_are_none() {
        use Platform as P;
        for (platform, role, min, max, want) in [
            (P::Fan, Role::Speed, 0.0, 3.0, true),
            (P::Fan, Role::Speed, 30.0, 100.0, true),
            (P::Fan, Role::Speed, -5.0, 0.0, false),
            (P::Fan, Role::Speed, 0.0, 1.0, false),
            (P::Fan, Role::Speed, 0.0, 2.5, false),
            (P::Light, Role::Brightness, 0.0, 100.0, true),
            (P::Light, Role::Brightness, 0.0, 0.5, false),
            (P::Light, Role::Brightness, -10.0, 100.0, false),
            (P::Humidifier, Role::TargetHumidity, 30.0, 80.0, true),
            (P::Humidifier, Role::TargetHumidity, 0.0, 255.0, false),
            (P::Humidifier, Role::TargetHumidity, 50.0, 50.0, false),
            (P::Climate, Role::TargetTemperature, 20.0, 40.0, true),
            (P::Climate, Role::TargetTemperature, 40.0, 40.0, false),
            (P::Number, Role::State, 7.0, 7.0, true),
        ] {
            let range = Range {
                min: Some(min),
                max: Some(max),
                ..Range::default()
            };
            let part = Part {
                ranges: vec![range],
                ..Part::default()
            };
            let found = is_possible(platform, role, &part);
            assert_eq!(found, want, "{platform:?} {min} {max}");
        }
    }

    #[test]
    fn what_cannot_be_set_is_no_control_and_no_choice() {
        let reads = || Some(Reading::Attr(AttrName::new("x").unwrap()));
        let writes = || Some(Writing::Attr(AttrName::new("x").unwrap()));
        let part = |is_set: bool, options: &[&str]| Part {
            reads: reads(),
            writes: writes().filter(|_| is_set),
            options: options.iter().map(|word| (*word).to_owned()).collect(),
            ..Part::default()
        };
        use Platform as P;
        use Role::{CurrentTemperature, Preset, State};
        for (platform, parts, want) in [
            (P::Sensor, vec![(State, part(false, &[]))], Some(1)),
            (P::Switch, vec![(State, part(true, &[]))], Some(1)),
            (P::Switch, vec![(State, part(false, &[]))], None),
            (
                P::Fan,
                vec![(State, part(true, &[])), (Preset, part(false, &["a"]))],
                Some(1),
            ),
            (
                P::Climate,
                vec![
                    (CurrentTemperature, part(false, &[])),
                    (Preset, part(true, &["a"])),
                ],
                Some(2),
            ),
            (P::Climate, vec![(Preset, part(true, &[]))], None),
        ] {
            let entity = Entity {
                key: "x".into(),
                name: None,
                platform,
                parts: parts.into_iter().collect(),
                device_class: None,
                icon: None,
                category: Category::Main,
                enabled: true,
                statistics: None,
            };
            let found = without_the_impossible(entity.clone()).map(|found| found.parts.len());
            assert_eq!(found, want, "{entity:?}");
        }
    }
}
