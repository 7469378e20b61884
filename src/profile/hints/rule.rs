//! A line of the table of measures, and when it fits.

use crate::model::NumberSpec;
use crate::profile::entity::Statistics;

use super::words::Words;

/// Numbers that mean one thing, with the units in which they may come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// In Home Assistant's words; empty: it has none for it.
    pub(super) class: &'static str,
    words: &'static [&'static str],
    needs: Option<&'static [&'static str]>,
    but: &'static [&'static str],
    but_also: &'static [&'static str],
    units: &'static [Unit],
    shown_only: bool,
    is_total: bool,
    /// For a person who looks for a fault.
    pub(super) is_diagnostic: bool,
}

/// A unit, how products spell it, and which limits it has where nobody spells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    unit: &'static str,
    spelled: &'static [&'static str],
    guess: Option<Limits>,
    within: Option<Limits>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    min: (f64, f64),
    max: (f64, f64),
    max_step: f64,
}

/// A line: one of these words, in one of these units.
pub(super) const fn measure(
    class: &'static str,
    words: &'static [&'static str],
    units: &'static [Unit],
) -> Rule {
    Rule {
        class,
        words,
        needs: None,
        but: &[],
        but_also: &[],
        units,
        shown_only: false,
        is_total: false,
        is_diagnostic: false,
    }
}

/// A unit that counts only where name, label or explanation spells it.
pub(super) const fn told(unit: &'static str, spelled: &'static [&'static str]) -> Unit {
    Unit {
        unit,
        spelled,
        guess: None,
        within: None,
    }
}

/// A unit that also counts where smallest and largest value lie between these.
pub(super) const fn guess(
    unit: &'static str,
    spelled: &'static [&'static str],
    min: (f64, f64),
    max: (f64, f64),
) -> Unit {
    fine(unit, spelled, min, max, f64::INFINITY)
}

/// As [`guess`], and the step is at most this.
pub(super) const fn fine(
    unit: &'static str,
    spelled: &'static [&'static str],
    min: (f64, f64),
    max: (f64, f64),
    max_step: f64,
) -> Unit {
    let limits = Limits { min, max, max_step };
    Unit {
        guess: Some(limits),
        ..told(unit, spelled)
    }
}

impl Unit {
    /// Even where it is spelled the range must agree.
    pub(super) const fn within(self, min: (f64, f64), max: (f64, f64)) -> Self {
        let max_step = f64::INFINITY;
        Self {
            within: Some(Limits { min, max, max_step }),
            ..self
        }
    }

    fn is_told(&self, words: &Words, spec: &NumberSpec) -> bool {
        words.tell(self.spelled) && self.within.is_none_or(|limits| limits.hold(spec))
    }

    fn is_likely(&self, spec: &NumberSpec) -> bool {
        !says_nothing(spec) && self.guess.is_some_and(|limits| limits.hold(spec))
    }
}

impl Limits {
    fn hold(&self, spec: &NumberSpec) -> bool {
        let between = |value: f64, (least, most): (f64, f64)| least <= value && value <= most;
        between(spec.min, self.min) && between(spec.max, self.max) && spec.ratio <= self.max_step
    }
}

impl Rule {
    /// One of these words must be there, too.
    pub(super) const fn needs(self, words: &'static [&'static str]) -> Self {
        Self {
            needs: Some(words),
            ..self
        }
    }

    /// None of these words may be there.
    pub(super) const fn but(self, words: &'static [&'static str]) -> Self {
        Self { but: words, ..self }
    }

    /// Nor any of these.
    pub(super) const fn but_also(self, words: &'static [&'static str]) -> Self {
        Self {
            but_also: words,
            ..self
        }
    }

    /// What can be set by that name is a level or a limit, unless its unit is spelled.
    pub(super) const fn shown_only(self) -> Self {
        Self {
            shown_only: true,
            ..self
        }
    }

    /// It only rises, apart from a reset.
    pub(super) const fn total(self) -> Self {
        Self {
            is_total: true,
            ..self
        }
    }

    /// It stands among the diagnostics.
    pub(super) const fn diagnostic(self) -> Self {
        Self {
            is_diagnostic: true,
            ..self
        }
    }

    /// What statistics make of it.
    pub(super) const fn statistics(&self) -> Statistics {
        if self.is_total {
            Statistics::TotalIncreasing
        } else {
            Statistics::Measurement
        }
    }

    /// Every unit that it may give.
    #[cfg(test)]
    pub(super) fn units(&self) -> impl Iterator<Item = &'static str> {
        self.units.iter().map(|unit| unit.unit)
    }

    /// Do the words fit?
    pub(super) fn names(&self, words: &Words) -> bool {
        words.any(self.words)
            && self.needs.is_none_or(|needs| words.any(needs))
            && !words.any(self.but)
            && !words.any(self.but_also)
    }

    /// The unit in which it comes; `None`: that is not plain. Empty: it has none.
    pub(super) fn unit(&self, words: &Words, spec: &NumberSpec, set: bool) -> Option<&'static str> {
        let told = self.units.iter().find(|unit| unit.is_told(words, spec));
        if let Some(unit) = told {
            return (!is_clock(unit.unit, spec)).then_some(unit.unit);
        }
        let may_guess = !(set && self.shown_only);
        let likely = |unit: &&Unit| may_guess && unit.is_likely(spec);
        self.units.iter().find(likely).map(|unit| unit.unit)
    }
}

/// The range of the integer alone: the vendor left it as it was.
fn says_nothing(spec: &NumberSpec) -> bool {
    const INTEGERS: [f64; 4] = [255.0, 65_535.0, 16_777_215.0, 4_294_967_295.0];
    spec.min == 0.0 && spec.ratio == 1.0 && INTEGERS.contains(&spec.max)
}

/// The hand of a clock is no amount of time.
fn is_clock(unit: &str, spec: &NumberSpec) -> bool {
    match unit {
        "h" => spec.max == 23.0,
        "min" | "s" => spec.max == 59.0,
        _ => false,
    }
}
