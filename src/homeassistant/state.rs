//! What stands on `BASE/DEV`.

use serde_json::{Value, json};

use crate::ids::Did;
use crate::model::Attrs;

/// Where the last values came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The cloud was asked.
    Poll,
    /// The device told by itself.
    Push,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Push => "push",
        }
    }
}

/// The payload of `BASE/DEV`: every attribute, flat, plus `_meta`. `updated_at` is the device's
/// last report in Unix seconds, `null` when there never was one.
#[must_use]
pub fn device_payload(
    did: &Did,
    attrs: &Attrs,
    updated_at: Option<i64>,
    source: Source,
    online: bool,
) -> Vec<u8> {
    let mut body = attrs.to_json();
    let meta = json!({
        "did": did,
        "updated_at": updated_at,
        "source": source.as_str(),
        "online": online,
    });
    body.insert("_meta".into(), meta);
    Value::Object(body).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AttrName;
    use crate::model::AttrValue;

    #[test]
    fn attributes_stand_flat_beside_meta() {
        let attrs = Attrs::from_iter([
            (AttrName::new("power").unwrap(), AttrValue::Bool(true)),
            (AttrName::new("temp").unwrap(), AttrValue::Number(21.5)),
        ]);
        let payload = device_payload(
            &Did::new("d1").unwrap(),
            &attrs,
            Some(5),
            Source::Poll,
            true,
        );
        let body: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(
            body,
            json!({
                "power": true,
                "temp": 21.5,
                "_meta": { "did": "d1", "updated_at": 5, "source": "poll", "online": true },
            })
        );
    }
}
