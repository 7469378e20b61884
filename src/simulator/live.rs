//! Devices that live: values that move with time.

use serde_json::{Map, Value};

use super::devices::Device;
use super::scenario::Change;
use super::world::World;

/// How far time has acted.
#[derive(Debug)]
pub(super) struct Live {
    second: i64,
}

impl Live {
    pub(super) const fn new(now_ms: i64) -> Self {
        Self {
            second: now_ms / 1000,
        }
    }
}

/// Moves what has to move by now. A long absence counts as one second: nothing races to catch up.
pub(super) fn advance(world: &mut World, now_ms: i64) {
    let second = now_ms / 1000;
    if second <= world.live.second {
        return;
    }
    world.live.second = second;
    let mut reports = Vec::new();
    for device in world.devices.iter().filter(|device| device.online) {
        let Some(product) = world.products.get(&device.product_key) else {
            continue;
        };
        let mut moved = Map::new();
        for change in product.live.iter().filter(|change| is_due(change, second)) {
            if let Some(value) = next(change, device, &mut world.chance) {
                moved.insert(change.attr.clone(), value);
            }
        }
        if !moved.is_empty() {
            reports.push((device.did.clone(), moved));
        }
    }
    for (did, moved) in reports {
        world.report(now_ms, &did, moved);
    }
}

fn is_due(change: &Change, second: i64) -> bool {
    second % i64::from(change.every_s.max(1)) == 0
}

/// The new value; `None` when it stays.
fn next(change: &Change, device: &Device, chance: &mut fastrand::Rng) -> Option<Value> {
    let attrs = &device.attrs;
    let holds = change
        .when
        .iter()
        .all(|(name, value)| attrs.get(name) == Some(value));
    let now = attrs.get(&change.attr)?.as_f64().filter(|_| holds)?;
    let mut wander = |(low, high): (f64, f64)| {
        let step = if chance.bool() {
            change.step
        } else {
            -change.step
        };
        (now + step).clamp(low, high)
    };
    let to = match (&change.toward, change.between, change.within) {
        (Some(goal), ..) => {
            let goal = attrs.get(goal)?.as_f64()?;
            now + (goal - now).clamp(-change.step, change.step)
        }
        (None, Some(limits), _) => wander(limits),
        (None, None, Some(within)) => {
            let written = device.written.get(&change.attr)?.as_f64()?;
            wander((written - within.abs(), written + within.abs()))
        }
        (None, None, None) => return None,
    };
    // Two decimals are the finest ratio of the products here.
    let hundredths = (to * 100.0).round();
    ((hundredths / 100.0 - now).abs() > 1e-9).then(|| number(hundredths))
}

/// As the cloud writes it: a whole number without a point.
fn number(hundredths: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "datapoints have at most 32 bits"
    )]
    let whole = (hundredths / 100.0) as i64;
    if hundredths % 100.0 == 0.0 {
        whole.into()
    } else {
        (hundredths / 100.0).into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn device(attrs: &Value) -> Device {
        let device =
            json!({ "did": "d", "product_key": "p", "mac": "m", "users": [], "attrs": attrs });
        Device::of(serde_json::from_value(device).unwrap(), Vec::new(), 0)
    }

    #[test]
    fn a_value_moves_toward_its_goal_and_stays_there() {
        let change: Change = serde_json::from_value(
            json!({ "attr": "now", "every_s": 1, "toward": "set", "when": { "on": true } }),
        )
        .unwrap();
        let mut chance = fastrand::Rng::with_seed(1);
        let mut next = |now: i32, on: bool| {
            let device = device(&json!({ "now": now, "set": 38, "on": on }));
            super::next(&change, &device, &mut chance)
        };
        assert_eq!(next(31, true), Some(json!(32)));
        assert_eq!(next(38, true), None);
        assert_eq!(next(40, true), Some(json!(39)));
        assert_eq!(next(31, false), None);
    }

    #[test]
    fn a_value_drifts_around_what_was_written_last() {
        let change: Change =
            serde_json::from_value(json!({ "attr": "flow", "every_s": 1, "within": 2 })).unwrap();
        let mut chance = fastrand::Rng::with_seed(1);
        let mut device = device(&json!({ "flow": 60 }));
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            if let Some(value) = super::next(&change, &device, &mut chance) {
                seen.insert(value.as_i64().unwrap());
                device.attrs.insert("flow".into(), value);
            }
        }
        assert_eq!(seen, (58..=62).collect());
    }
}
