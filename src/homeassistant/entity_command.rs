//! Payloads of `entity/KEY/ROLE/set`: to the control calls that the profile has for them.

use serde_json::Value;

use crate::model::{Attrs, ProductSchema};
use crate::profile::entity::{Entity, Part, Writing};
use crate::profile::platform::RoleKind;
use crate::profile::write::Wish;

/// The control calls that a command becomes, in order; never none.
///
/// # Errors
/// For people: why it cannot be done, and what is accepted.
pub fn parse(
    entities: &[Entity],
    (key, role): (&str, &str),
    payload: &[u8],
    (schema, attrs): (&ProductSchema, &Attrs),
) -> Result<Vec<Attrs>, String> {
    let (kind, part) = find(entities, key, role)
        .ok_or_else(|| format!("this device has no {role:?} of an entity {key:?}"))?;
    let text = std::str::from_utf8(payload).map_err(|_| "the payload is not UTF-8".to_owned())?;
    let wish = wish(kind, part, text.trim())?;
    let steps = part.steps(schema, attrs, &wish);
    let steps = steps.map_err(|why| format!("{key} {role}: {why}"))?;
    if steps.iter().any(Attrs::is_empty) || steps.is_empty() {
        return Err(format!("{key} {role}: there is nothing to set"));
    }
    Ok(steps)
}

fn find<'a>(entities: &'a [Entity], key: &str, role: &str) -> Option<(RoleKind, &'a Part)> {
    let mut entities = entities.iter().filter(|entity| entity.key == key);
    entities.find_map(|entity| {
        let mut parts = entity.parts.iter();
        let (role, part) = parts.find(|(of, part)| of.as_str() == role && part.writes.is_some())?;
        Some((entity.platform.role(*role)?, part))
    })
}

fn wish(kind: RoleKind, part: &Part, text: &str) -> Result<Wish, String> {
    Ok(match kind {
        RoleKind::Press => Wish::Press,
        RoleKind::Number => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            Wish::Number(number.ok_or_else(|| format!("{text:?} is no number"))?)
        }
        RoleKind::Bool => match text.to_lowercase().as_str() {
            "true" | "on" | "1" => on_off(part, true),
            "false" | "off" | "0" => on_off(part, false),
            _ => {
                return Err(format!(
                    "{text:?} is refused; accepted: true, false, on, off"
                ));
            }
        },
        RoleKind::Words => Wish::Word(text.to_owned()),
        RoleKind::Any => Wish::Plain(Value::String(text.to_owned())),
    })
}

fn on_off(part: &Part, on: bool) -> Wish {
    match part.writes {
        Some(Writing::Words(_)) => Wish::Word(if on { "on" } else { "off" }.into()),
        Some(Writing::Attr(_) | Writing::Steps(_) | Writing::Colour { .. } | Writing::First(_))
        | None => Wish::Plain(Value::Bool(on)),
    }
}
