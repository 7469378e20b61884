//! Payloads of `entity/KEY/ROLE/set`: to the control calls that the profile has for them.

use serde_json::Value;

use crate::model::{AttrValue, Attrs, ProductSchema};
use crate::profile::entity::{Entity, Part, Writing};
use crate::profile::platform::{Role, RoleKind};
use crate::profile::write::Wish;

/// A command to an entity's role, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityCommand {
    /// The control calls that it becomes, in order; never none.
    pub steps: Vec<Attrs>,
    /// What of the entity it is for.
    pub role: Role,
    /// What the role shows when it is done; `None` for a press.
    pub shows: Option<AttrValue>,
    /// It must not be sent twice.
    pub is_momentary: bool,
}

/// Reads the payload of a command to an entity.
///
/// # Errors
/// For people: why it cannot be done, and what is accepted.
pub fn parse(
    entities: &[Entity],
    (key, role): (&str, &str),
    payload: &[u8],
    (schema, attrs): (&ProductSchema, &Attrs),
) -> Result<EntityCommand, String> {
    let (role_of, kind, part) = find(entities, key, role)
        .ok_or_else(|| format!("this device has no {role:?} of an entity {key:?}"))?;
    let text = std::str::from_utf8(payload).map_err(|_| "the payload is not UTF-8".to_owned())?;
    let wish = wish(kind, part, text.trim())?;
    let steps = part.steps(schema, attrs, &wish);
    let steps = steps.map_err(|why| format!("{key} {role}: {why}"))?;
    if steps.iter().any(Attrs::is_empty) || steps.is_empty() {
        return Err(format!("{key} {role}: there is nothing to set"));
    }
    let shows = match kind {
        RoleKind::Press => None,
        RoleKind::Bool => is_on(text.trim()).map(AttrValue::Bool),
        RoleKind::Number => text.trim().parse().ok().map(AttrValue::Number),
        RoleKind::Words | RoleKind::Any => Some(AttrValue::Text(text.trim().into())),
    };
    Ok(EntityCommand {
        steps,
        role: role_of,
        shows,
        is_momentary: part.momentary,
    })
}

fn find<'a>(entities: &'a [Entity], key: &str, role: &str) -> Option<(Role, RoleKind, &'a Part)> {
    let mut entities = entities.iter().filter(|entity| entity.key == key);
    entities.find_map(|entity| {
        let mut parts = entity.parts.iter();
        let (role, part) = parts.find(|(of, part)| of.as_str() == role && part.writes.is_some())?;
        Some((*role, entity.platform.role(*role)?, part))
    })
}

fn wish(kind: RoleKind, part: &Part, text: &str) -> Result<Wish, String> {
    Ok(match kind {
        RoleKind::Press => Wish::Press,
        RoleKind::Number => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            Wish::Number(number.ok_or_else(|| format!("{text:?} is no number"))?)
        }
        RoleKind::Bool => match is_on(text) {
            Some(on) => on_off(part, on),
            None => {
                return Err(format!(
                    "{text:?} is refused; accepted: true, false, on, off"
                ));
            }
        },
        RoleKind::Words => Wish::Word(text.to_owned()),
        RoleKind::Any => Wish::Plain(Value::String(text.to_owned())),
    })
}

fn is_on(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "on" | "1" => Some(true),
        "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn on_off(part: &Part, on: bool) -> Wish {
    match part.writes {
        Some(Writing::Words(_)) => Wish::Word(if on { "on" } else { "off" }.into()),
        Some(Writing::Attr(_) | Writing::Steps(_) | Writing::Colour { .. } | Writing::First(_))
        | None => Wish::Plain(Value::Bool(on)),
    }
}
