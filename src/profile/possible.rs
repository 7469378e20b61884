//! What Home Assistant refuses of the limits of a part: a schema may have such, and then there is no such part.

use super::entity::{Entity, Part};
use super::platform::{Platform, Role};

/// Can the part have the limits that it has?
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
    let is_whole = required.all(|(role, _)| entity.parts.contains_key(role));
    (is_whole && !entity.parts.is_empty()).then_some(entity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::entity::Range;

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
}
