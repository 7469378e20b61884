//! JSON of a peer that is not trusted: a document is read only as far as it fits a bound of memory.
//!
//! Seven bytes such as `{"":0},` become a map of several hundred bytes, so a bound on the length of a
//! text alone says little.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Bytes that the first entry of a map takes: the tree allocates room for eleven.
const MAP_BYTES: usize = 640;
/// Bytes for each entry of a map; its nodes are half full at least.
const ENTRY_BYTES: usize = 128;
/// Bytes for each item of a list, which doubles its room when it grows.
const ITEM_BYTES: usize = 64;

/// Reads a document that takes at most `max_memory` bytes of memory, roughly. Nesting is bounded by
/// `serde_json` at 128 levels.
///
/// # Errors
/// When it is no JSON, or larger.
pub(super) fn parse(text: &[u8], max_memory: usize) -> serde_json::Result<Value> {
    let left = Cell::new(max_memory);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Bounded(&left).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value that may take the bytes that are left.
#[derive(Clone, Copy)]
struct Bounded<'a>(&'a Cell<usize>);

impl Bounded<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(
            left.ok_or_else(|| E::custom("it holds far more values than any answer of the cloud"))?,
        );
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len())?;
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            self.take(ITEM_BYTES)?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let first = if map.is_empty() { MAP_BYTES } else { 0 };
            self.take(first + ENTRY_BYTES + key.len())?;
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MEMORY: usize = 64 * 1024;

    #[test]
    fn what_fits_is_read_as_it_is() {
        let value = json!({ "a": [1, -2, 0.5, null, true, "é"], "b": { "c": {} }, "d": u64::MAX });
        let text = value.to_string();
        assert_eq!(parse(text.as_bytes(), MEMORY).unwrap(), value);
        for wrong in ["", "{", "[1] 2", "{\"a\"}"] {
            assert!(parse(wrong.as_bytes(), MEMORY).is_err(), "{wrong}");
        }
    }

    #[test]
    fn small_texts_that_take_much_memory_are_refused() {
        let list = |item: &str| format!("[{}0]", format!("{item},").repeat(MEMORY / 50));
        for text in [
            list("{\"\":0}"),
            list("[]"),
            list("0"),
            list("\"\""),
            format!("{{{}\"z\":0}}", "\"a\":0,".repeat(MEMORY / 50)),
            format!("\"{}\"", "x".repeat(MEMORY + 1)),
        ] {
            let short: String = text.chars().take(20).collect();
            let err = parse(text.as_bytes(), MEMORY).expect_err(&short);
            assert!(
                err.to_string().contains("far more values"),
                "{short}: {err}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes(), usize::MAX).is_err());
    }
}
