//! One attribute of a product, as the cloud defines it.

use crate::ids::AttrName;

/// A datapoint of a product schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Datapoint {
    /// Position in the schema; the flag index on the wire (documented).
    pub id: u32,
    /// The name used in calls and topics.
    pub name: AttrName,
    /// The vendor's label, often Chinese; empty when the schema has none.
    pub display_name: String,
    /// Free text; sometimes the only place where numeric codes are explained.
    pub desc: String,
    /// Who may change it, or what kind of alarm it is.
    pub access: Access,
    /// What values it takes.
    pub data_type: DataType,
}

/// The `type` of a datapoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `status_writable`: reported and set.
    Writable,
    /// `status_readonly`: only reported.
    ReadOnly,
    /// `alert`: a warning, only reported.
    Alert,
    /// `fault`: a failure, only reported.
    Fault,
    /// No schema could be had: it was seen in a report. A command is let through for the cloud to
    /// judge.
    Inferred,
}

impl Access {
    /// May a command name it?
    #[must_use]
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::Writable | Self::Inferred)
    }
}

/// The `data_type` of a datapoint, with its limits.
#[derive(Debug, Clone, PartialEq)]
pub enum DataType {
    /// `bool`; the cloud also says 0 and 1.
    Bool,
    /// `enum`, with its labels in wire order.
    Enum(Vec<String>),
    /// Any integer type, after ratio and addition.
    Number(NumberSpec),
    /// `binary` of exactly `len` bytes.
    Binary {
        /// Length in bytes.
        len: usize,
    },
    /// Not in any schema: inferred from a report, or a data type that nobody documents.
    Text,
}

/// Limits of a number in the unit that people see: `shown = raw * ratio + addition`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberSpec {
    /// Smallest shown value.
    pub min: f64,
    /// Largest shown value.
    pub max: f64,
    /// Factor from raw to shown; also the step between two shown values. More than 0.
    pub ratio: f64,
    /// Added after the factor.
    pub addition: f64,
}
