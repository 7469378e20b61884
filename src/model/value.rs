//! One attribute's value: read from the cloud's JSON, checked when a command names it, written out.

use serde_json::Value;

use super::Datapoint;

/// A value in the unit and words that people see.
#[derive(Debug, Clone, PartialEq)]
pub enum AttrValue {
    /// A switch.
    Bool(bool),
    /// A label of an enumeration.
    Enum(Box<str>),
    /// A number after ratio and addition.
    Number(f64),
    /// Bytes; shown as lower-case hex.
    Binary(Box<[u8]>),
    /// A value without a schema that is neither a bool nor a number.
    Text(Box<str>),
}

/// Why a value does not fit its datapoint; the text tells what was given and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

impl AttrValue {
    /// Reads a value from a report, with every quirk that real devices show: 0/1 for bool, an
    /// index or a label for enum, numbers as text, bytes as hex or as a list.
    ///
    /// # Errors
    /// [`ValueError`] when the value cannot be of this datapoint at all. A number beyond its
    /// limits is no error: devices report what they measure.
    pub fn decode(datapoint: &Datapoint, json: &Value) -> Result<Self, ValueError> {
        todo!("{datapoint:?} {json}")
    }

    /// Checks a value from a command: type, range, step, labels, length.
    ///
    /// # Errors
    /// [`ValueError`] says what was given and what is accepted.
    pub fn accept(datapoint: &Datapoint, json: &Value) -> Result<Self, ValueError> {
        todo!("{datapoint:?} {json}")
    }

    /// The JSON form, the same towards MQTT and in a control call: bool, label, number (an integer
    /// where it is whole), lower-case hex.
    #[must_use]
    pub fn to_json(&self) -> Value {
        todo!()
    }

    /// The bare payload of an attribute topic: as [`Self::to_json`], without quotes.
    #[must_use]
    pub fn to_bare(&self) -> String {
        todo!()
    }
}
