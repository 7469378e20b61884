//! Numbers beyond the limits that Home Assistant was told, which it would show as unknown.

use std::collections::BTreeMap;

use crate::homeassistant::entity::{limited_attr, limits};
use crate::ids::AttrName;
use crate::model::{AttrValue, Attrs};
use crate::profile::entity::Entity;

/// The smallest and the largest number that an attribute was seen to have beyond its limits.
pub(super) type Observed = BTreeMap<AttrName, (f64, f64)>;

/// Notes each number that lies beyond what its entity announces. True when that widens the limits, so
/// that the device has to be announced again. Numbers without announced limits are not looked at: a
/// counter may grow for ever.
pub(super) fn widen(observed: &mut Observed, entities: &[Entity], attrs: &Attrs) -> bool {
    let mut is_wider = false;
    for entity in entities {
        for part in entity.parts.values() {
            let Some(attr) = limited_attr(entity.platform, part) else {
                continue;
            };
            let (Some(AttrValue::Number(number)), Some(range)) =
                (attrs.get(attr.as_str()), part.range(attrs))
            else {
                continue;
            };
            let seen = observed.get(attr).copied();
            let (min, max) = limits(range, seen);
            if min.is_some_and(|min| *number < min) || max.is_some_and(|max| *number > max) {
                let (low, high) = seen.unwrap_or((*number, *number));
                observed.insert(attr.clone(), (low.min(*number), high.max(*number)));
                is_wider = true;
            }
        }
    }
    is_wider
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ids::ProductKey;
    use crate::model::ProductSchema;
    use crate::profile::catalog::{Catalog, Product};

    /// A number that can be set, and a counter.
    fn entities() -> Vec<Entity> {
        let spec = json!({ "min": 0, "max": 40 });
        let attr = |name: &str, access: &str| json!({ "name": name, "type": access, "data_type": "uint16", "uint_spec": spec });
        let attrs: Value = json!([
            attr("target", "status_writable"),
            attr("count", "status_readonly")
        ]);
        let document = json!({ "entities": [{ "attrs": attrs }] });
        let key = ProductKey::new("p").unwrap();
        let (schema, _) = ProductSchema::parse(&key, &document).unwrap();
        let product = Product {
            schema: &schema,
            name: "",
            chosen: None,
        };
        Catalog::default().plan(product).entities.clone()
    }

    fn attrs(target: f64, count: f64) -> Attrs {
        let attr = |name: &str, value| (AttrName::new(name).unwrap(), AttrValue::Number(value));
        Attrs::from_iter([attr("target", target), attr("count", count)])
    }

    #[test]
    fn only_a_number_with_announced_limits_widens_and_each_only_once() {
        let (entities, mut observed) = (entities(), Observed::new());
        for (target, count, want) in [
            (40.0, 10.0, false),
            (40.0, 1_000.0, false),
            (41.0, 2_000.0, true),
            (41.0, 3_000.0, false),
            (40.5, 4_000.0, false),
            (-1.0, 5_000.0, true),
        ] {
            let is_wider = widen(&mut observed, &entities, &attrs(target, count));
            assert_eq!(is_wider, want, "{target} {count}");
        }
        let target = observed.values().copied().collect::<Vec<_>>();
        assert_eq!(target, [(-1.0, 41.0)]);
    }

    #[test]
    fn what_counts_are_the_announced_limits_though_the_schema_allows_more() {
        let (mut entities, mut observed) = (entities(), Observed::new());
        let parts = entities
            .iter_mut()
            .flat_map(|entity| entity.parts.values_mut());
        for range in parts.flat_map(|part| &mut part.ranges) {
            range.max = Some(30.0);
        }
        assert!(!widen(&mut observed, &entities, &attrs(30.0, 0.0)));
        assert!(widen(&mut observed, &entities, &attrs(35.0, 0.0)));
    }
}
