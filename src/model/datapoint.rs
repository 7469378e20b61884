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

impl Datapoint {
    /// May a command name it? A text of an undocumented data type may be anything, so it is not
    /// written, unless there is no schema at all and the cloud is the judge.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        matches!(self.access, Access::Writable | Access::Inferred)
            && (self.data_type != DataType::Text || self.access == Access::Inferred)
    }
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

/// More decimals than these are noise of binary fractions.
const MAX_DECIMALS: usize = 12;

/// Up to here every integer has a `f64` of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl NumberSpec {
    /// How many decimals a shown value has: those of ratio and addition.
    #[must_use]
    pub fn decimals(&self) -> usize {
        decimals_of(self.ratio).max(decimals_of(self.addition))
    }

    /// Rounded to [`Self::decimals`], so that 3 * 0.1 shows as 0.3.
    #[must_use]
    pub fn round(&self, shown: f64) -> f64 {
        let factor = (0..self.decimals()).fold(1.0, |factor, _| factor * 10.0);
        let scaled = shown * factor;
        if scaled.abs() < EXACT {
            scaled.round() / factor
        } else {
            shown
        }
    }

    /// A reported value without the dust of binary fractions. One that the schema cannot hold is
    /// left alone: the device said it, and the schema is wrong.
    #[must_use]
    pub fn tidy(&self, shown: f64) -> f64 {
        let rounded = self.round(shown);
        if (rounded - shown).abs() <= self.ratio * 1e-3 {
            rounded
        } else {
            shown
        }
    }

    /// May a command ask for this value?
    #[must_use]
    pub fn takes(&self, shown: f64) -> bool {
        // Limits come from raw numbers by the same rounding, so they compare exactly after it.
        let rounded = self.round(shown);
        self.min <= rounded && rounded <= self.max && self.on_step(shown)
    }

    /// True when a raw integer stands behind this shown value. A millionth of a step is forgiven, and what
    /// is beyond the digits of the number itself: a fine step far from zero.
    #[must_use]
    pub fn on_step(&self, shown: f64) -> bool {
        let raw = (shown - self.addition) / self.ratio;
        let dust = (shown.abs() + self.addition.abs()) * f64::EPSILON / self.ratio;
        (raw - raw.round()).abs() <= 1e-6 + raw.abs() * 1e-12 + dust.min(0.25)
    }
}

impl std::fmt::Display for NumberSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {} in steps of {}", self.min, self.max, self.ratio)
    }
}

fn decimals_of(number: f64) -> usize {
    // `Display` gives the shortest text that reads back as the same number, without an exponent.
    let text = number.to_string();
    text.split_once('.')
        .map_or(0, |(_, decimals)| decimals.len().min(MAX_DECIMALS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn spec(ratio: f64, addition: f64) -> NumberSpec {
        NumberSpec {
            min: -1e6,
            max: 1e6,
            ratio,
            addition,
        }
    }

    #[test]
    fn decimals_are_those_of_ratio_and_addition() {
        for (ratio, addition, decimals) in [
            (1.0, 0.0, 0),
            (10.0, -2000.0, 0),
            (0.1, 0.0, 1),
            (0.01, 0.0, 2),
            (0.5, 0.25, 2),
            (1.0, -0.125, 3),
            (1.0 / 3.0, 0.0, 12),
        ] {
            assert_eq!(
                spec(ratio, addition).decimals(),
                decimals,
                "{ratio} {addition}"
            );
        }
    }

    #[test]
    fn rounding_leaves_no_binary_dust() {
        assert_eq!(spec(0.1, 0.0).round(3.0 * 0.1).to_string(), "0.3");
        assert_eq!(spec(0.01, 0.0).round(732.0 * 0.01).to_string(), "7.32");
        assert_eq!(spec(1.0, 0.0).round(20.6).to_string(), "21");
        assert_eq!(spec(0.1, 0.0).round(1e300).to_string(), 1e300.to_string());
    }

    #[test]
    fn every_raw_value_is_on_step_and_half_a_step_is_not() {
        for (ratio, addition) in [
            (1.0, 0.0),
            (0.1, 0.0),
            (0.01, -13.0),
            (0.5, 0.25),
            (10.0, -5.0),
            (1e-7, 1e6),
        ] {
            let spec = spec(ratio, addition);
            for raw in [0_u32, 1, 3, 7, 254, 65_535, u32::MAX] {
                let shown = spec.round(f64::from(raw) * ratio + addition);
                assert!(spec.on_step(shown), "{raw} * {ratio} + {addition}");
                assert!(
                    !spec.on_step(shown + ratio / 2.0),
                    "{raw} * {ratio} + {addition}"
                );
            }
        }
        assert!(!spec(1.0, 0.0).on_step(f64::NAN));
    }
}
