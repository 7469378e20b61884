//! The only place that prints: results to stdout, trouble to stderr.

use std::io::Write as _;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::trouble::Trouble;

/// Prints for eyes or for scripts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    is_json: bool,
}

impl Output {
    pub(super) const fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    pub(super) const fn is_json(self) -> bool {
        self.is_json
    }

    /// One line of a result.
    pub(super) fn line(self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        // Who closed the pipe has read enough.
        drop(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
    }

    /// A result: the document for scripts, else the lines for eyes.
    pub(super) fn result(self, document: &Value, lines: &str) {
        if self.is_json {
            self.line(&format!("{document:#}"));
        } else {
            self.line(lines);
        }
    }

    /// Tells of a failure and answers with its exit code.
    pub(super) fn fail(self, trouble: &Trouble) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        if !trouble.message.is_empty() {
            drop(writeln!(stderr, "error: {}", trouble.message));
            if self.is_json {
                let document =
                    json!({ "status": "error", "error": trouble.message, "code": trouble.code });
                self.line(&format!("{document:#}"));
            }
        }
        ExitCode::from(trouble.exit_code)
    }
}

/// Rows under headers, as wide as the terminal allows.
pub(super) fn table(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headers.iter().map(|header| header.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    let lines = table.to_string();
    // The style leaves a blank on both sides of a cell.
    let trim = |line: &'_ str| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned();
    let lines: Vec<String> = lines.lines().map(trim).collect();
    lines.join("\n")
}
