//! The only place that prints: results to stdout, trouble to stderr.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

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
    ///
    /// # Errors
    /// When it cannot be written: the reader has closed the pipe, the disk is full.
    pub(super) fn line(self, text: &str) -> std::io::Result<()> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{}", printable(text))?;
        stdout.flush()
    }

    /// A result: the document for scripts, else the lines for eyes.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be written.
    pub(super) fn result(self, document: &Value, lines: &str) -> Result<(), Trouble> {
        let written = if self.is_json {
            self.line(&format!("{document:#}"))
        } else {
            self.line(lines)
        };
        match written {
            Err(err) if err.kind() != ErrorKind::BrokenPipe => Err(Trouble::failed(format!(
                "the result cannot be written: {err}"
            ))),
            // Who closed the pipe has read enough.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Tells people of a failure.
    #[expect(clippy::unused_self, reason = "everything that prints is here")]
    pub(super) fn complain(self, message: &str) {
        // Where errors cannot be written there is nobody to tell.
        drop(writeln!(std::io::stderr(), "error: {}", printable(message)));
    }

    /// Tells of a failure and answers with its exit code.
    pub(super) fn fail(self, trouble: &Trouble) -> ExitCode {
        if !trouble.message.is_empty() {
            self.complain(&trouble.message);
            if self.is_json {
                drop(self.line(&format!("{:#}", trouble.document())));
            }
        }
        ExitCode::from(trouble.exit_code)
    }
}

/// Without what would command the terminal: names come from the cloud.
fn printable(text: &str) -> String {
    let is_harmless = |c: char| c == '\n' || !c.is_control();
    text.chars()
        .map(|c| if is_harmless(c) { c } else { '\u{fffd}' })
        .collect()
}

/// Rows under headers, as wide as they are: a terminal that is narrower wraps them.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_command_the_terminal() {
        assert_eq!(
            printable("客厅\u{1b}[2J\r\nx"),
            "客厅\u{fffd}[2J\u{fffd}\nx"
        );
    }
}
