//! What a part can be: its words to choose from, its limits and its unit.

use std::collections::BTreeMap;

use crate::model::{DataType, NumberSpec};

use super::Resolver;
use crate::profile::entity::{Condition, Range, Reading, Writing};
use crate::profile::file::{FullPart, RangeFile};
use crate::profile::platform::RoleKind;
use crate::profile::read::{HIGH_BYTE, tidy};

impl Resolver<'_> {
    pub(super) fn options(
        &self,
        kind: RoleKind,
        file: &FullPart,
        reads: Option<&Reading>,
        writes: Option<&Writing>,
    ) -> Vec<String> {
        let words = |words: &mut dyn Iterator<Item = &String>| -> Vec<String> {
            let mut all: Vec<String> = Vec::new();
            for word in words {
                if !all.contains(word) {
                    all.push(word.clone());
                }
            }
            all
        };
        let known = match (reads, writes) {
            _ if kind != RoleKind::Words && kind != RoleKind::Any => Vec::new(),
            (_, Some(Writing::Words(of))) if kind == RoleKind::Words => {
                words(&mut of.iter().map(|(word, _)| word))
            }
            (Some(Reading::Map { words: of, .. }), _) => {
                words(&mut of.iter().map(|(word, _)| word))
            }
            (Some(Reading::Cases(of)), _) => {
                let shown: Vec<String> = of.iter().map(|case| case.is.to_bare()).collect();
                words(&mut shown.iter())
            }
            (Some(Reading::Attr(attr)), _) => match self.datapoint(attr).map(|d| &d.data_type) {
                Some(DataType::Enum(labels)) => words(&mut labels.iter()),
                Some(
                    DataType::Bool | DataType::Number(_) | DataType::Binary { .. } | DataType::Text,
                )
                | None => Vec::new(),
            },
            _ => Vec::new(),
        };
        if file.options.is_empty() {
            return known;
        }
        let chosen = file.options.iter();
        chosen
            .filter(|word| known.is_empty() || known.contains(word))
            .cloned()
            .collect()
    }

    pub(super) fn ranges(&mut self, file: &FullPart) -> Vec<Range> {
        let mut ranges = Vec::new();
        for range in &file.ranges {
            if let Some(when) = self.condition(&range.when) {
                ranges.push(limits(when, range));
            }
        }
        let own = RangeFile {
            when: BTreeMap::new(),
            min: file.min,
            max: file.max,
            step: file.step,
            unit: file.unit.clone(),
        };
        ranges.push(self.by_schema(file, limits(Condition::default(), &own)));
        for (at, range) in ranges.iter().enumerate() {
            if let (Some(min), Some(max)) = (range.min, range.max)
                && min >= max
            {
                let message = format!("range {at}: min {min} is not below max {max}");
                self.push_fault(self.path.clone(), message);
            }
        }
        ranges
    }

    /// What the profile does not limit, the schema does.
    fn by_schema(&self, file: &FullPart, range: Range) -> Range {
        let spec = match (&file.attr, &file.bytes) {
            (Some(attr), _) => self.number(attr),
            (None, Some([high, low])) => self.two_bytes(high, low),
            (None, None) => None,
        };
        let Some(spec) = spec else {
            return range;
        };
        let (times, plus) = (file.scale.unwrap_or(1.0), file.offset.unwrap_or(0.0));
        // As a reading is shown: 7 times 0.1 is 0.7.
        let shown = |value: f64| tidy(value.mul_add(times, plus));
        let (one, other) = (shown(spec.min), shown(spec.max));
        Range {
            min: range.min.or(Some(one.min(other))),
            max: range.max.or(Some(one.max(other))),
            step: range.step.or(Some(tidy((spec.ratio * times).abs()))),
            ..range
        }
    }

    fn number(&self, attr: &str) -> Option<NumberSpec> {
        match &self.schema?.get(attr)?.data_type {
            DataType::Number(spec) => Some(*spec),
            DataType::Bool | DataType::Enum(_) | DataType::Binary { .. } | DataType::Text => None,
        }
    }

    /// Of a number that lies in two attributes.
    fn two_bytes(&self, high: &str, low: &str) -> Option<NumberSpec> {
        let (high, low) = (self.number(high)?, self.number(low)?);
        Some(NumberSpec {
            min: high.min.mul_add(HIGH_BYTE, low.min),
            max: high.max.mul_add(HIGH_BYTE, low.max),
            ..low
        })
    }
}

fn limits(when: Condition, file: &RangeFile) -> Range {
    Range {
        when,
        min: file.min,
        max: file.max,
        step: file.step,
        unit: file.unit.clone(),
    }
}
