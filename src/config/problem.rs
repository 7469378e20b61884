//! What is wrong with a configuration: all of it at once.

use std::fmt;
use std::path::PathBuf;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line in the file, from 1; `None` when it is no line's fault.
    pub line: Option<usize>,
    /// The environment variable that says it, when it is no line.
    pub variable: Option<String>,
    /// As in `accounts[0].region`; may be empty.
    pub path: String,
    /// What is wrong, and how to make it right.
    pub message: String,
}

/// All faults of one configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// The file.
    pub file: PathBuf,
    /// At least one, in the order of the file.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "the configuration has {count} problem{plural}:")?;
        for problem in &self.problems {
            write!(f, "\n  ")?;
            match (&problem.variable, problem.line) {
                (Some(variable), _) => write!(f, "${variable}: ")?,
                (None, Some(line)) => write!(f, "{}:{line}: ", self.file.display())?,
                (None, None) => write!(f, "{}: ", self.file.display())?,
            }
            if !problem.path.is_empty() {
                write!(f, "{}: ", problem.path)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

/// `did you mean "region"?`, if any known word is near enough.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE_ENOUGH: f64 = 0.8;
    known
        .map(|known| (strsim::jaro_winkler(known, word), known))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
