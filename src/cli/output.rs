//! The only place that prints: results to stdout, trouble to stderr.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::Value;

use crate::printable::is_printable;

use super::progress::Progress;
use super::trouble::Trouble;

/// Characters of a cell; what is longer is cut, or a name of 64 kB would widen every row.
const MAX_CELL_CHARS: usize = 500;
/// Blanks beside a cell.
const PADDING: u16 = 2;

/// Prints for eyes or for scripts.
#[derive(Debug, Clone)]
pub(super) struct Output {
    is_json: bool,
    pub(super) progress: Progress,
}

impl Output {
    /// `is_chatty`: the log speaks of what goes on, so that nothing else has to.
    pub(super) fn new(is_json: bool, is_chatty: bool) -> Self {
        Self {
            is_json,
            progress: Progress::new(!is_chatty),
        }
    }

    pub(super) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// One line of a result.
    ///
    /// # Errors
    /// When it cannot be written: the reader has closed the pipe, the disk is full.
    pub(super) fn line(&self, text: &str) -> std::io::Result<()> {
        self.write(&format!("{}\n", printable(text)))
    }

    /// A result: the document for scripts, else the lines for eyes.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be written.
    pub(super) fn result(&self, document: &Value, lines: &str) -> Result<(), Trouble> {
        written(if self.is_json {
            self.line(&format!("{document:#}"))
        } else {
            self.line(lines)
        })
    }

    /// A result that is a file's text of our own making, tabs included.
    ///
    /// # Errors
    /// [`Trouble`] when it cannot be written.
    pub(super) fn text(&self, document: &Value, text: &str) -> Result<(), Trouble> {
        written(if self.is_json {
            self.line(&format!("{document:#}"))
        } else {
            self.write(text)
        })
    }

    /// Something for eyes alone, beside the result: a hint, a question, a picture. Goes to stderr.
    pub(super) fn aside(&self, text: &str) {
        self.progress.hide();
        let mut stderr = std::io::stderr();
        // Where it cannot be written there is nobody to read it.
        drop(
            stderr
                .write_all(text.as_bytes())
                .and_then(|()| stderr.flush()),
        );
    }

    /// A warning, which is no failure.
    pub(super) fn warn(&self, message: &str) {
        self.aside(&format!("warning: {}\n", printable(message)));
    }

    /// Tells people of a failure.
    pub(super) fn complain(&self, message: &str) {
        self.aside(&format!("error: {}\n", printable(message)));
    }

    /// After a result that covers a part: what kept the rest out.
    ///
    /// # Errors
    /// [`Trouble`] that has been told here.
    pub(super) fn told(&self, trouble: Option<Trouble>) -> Result<(), Trouble> {
        trouble.map_or(Ok(()), |trouble| {
            self.complain(&trouble.message);
            Err(Trouble::told())
        })
    }

    /// Tells of a failure and answers with its exit code.
    pub(super) fn fail(&self, trouble: &Trouble) -> ExitCode {
        if !trouble.message.is_empty() {
            self.complain(&trouble.message);
            if self.is_json {
                drop(self.line(&format!("{:#}", trouble.document())));
            }
        }
        ExitCode::from(trouble.exit_code)
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        self.progress.hide();
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

fn written(result: std::io::Result<()>) -> Result<(), Trouble> {
    match result {
        Err(err) if err.kind() != ErrorKind::BrokenPipe => Err(Trouble::failed(format!(
            "the result cannot be written: {err}"
        ))),
        // Who closed the pipe has read enough.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Without what would command the terminal, or turn the direction of a line: names come from the cloud.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' || is_printable(c) {
                c
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}

/// Rows under headers. A terminal that is too narrow gets cells of several lines; what reads on in a
/// pipe or a file gets a line for each row.
pub(super) fn table(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let width = terminal_size::terminal_size_of(std::io::stdout());
    table_within(width.map(|(width, _)| width.0), headers, rows)
}

fn table_within(width: Option<u16>, headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let shorten = |row: Vec<String>| row.into_iter().map(shortened).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().map(shorten).collect();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headers.iter().map(|header| header.to_uppercase()));
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            // The blank before the first column is cut off below.
            table.set_width(width.saturating_add(1));
            // Words, and with them what people copy, stay in one piece.
            for (at, header) in headers.iter().enumerate() {
                let cells = rows.iter().filter_map(|row| row.get(at));
                let cells = cells.map(String::as_str).chain([*header]);
                if let Some(column) = table.column_mut(at) {
                    let longest = cells.flat_map(str::split_whitespace).map(columns).max();
                    let least = Width::Fixed(longest.unwrap_or(0).saturating_add(PADDING));
                    column.set_constraint(ColumnConstraint::LowerBoundary(least));
                }
            }
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    for row in rows {
        table.add_row(row);
    }
    let lines = table.to_string();
    // The style leaves a blank on both sides of a cell.
    let trim = |line: &'_ str| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned();
    let lines: Vec<String> = lines.lines().map(trim).collect();
    lines.join("\n")
}

fn shortened(cell: String) -> String {
    match cell.char_indices().nth(MAX_CELL_CHARS) {
        Some((end, _)) => format!("{}…", cell.get(..end).unwrap_or_default()),
        None => cell,
    }
}

/// Columns of a terminal that a word takes, or a few more: signs that may be wide count as such.
fn columns(word: &str) -> u16 {
    let columns: usize = word.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    u16::try_from(columns).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_command_the_terminal() {
        assert_eq!(
            printable("客厅\u{1b}[2J\r\nx\u{202e}y"),
            "客厅\u{fffd}[2J\u{fffd}\nx\u{fffd}y"
        );
    }

    #[test]
    fn a_name_of_64_kb_does_not_widen_the_table() {
        let rows = || vec![vec!["客".repeat(64_000), "x".to_owned()]; 30];
        for width in [None, Some(80)] {
            let table = table_within(width, &["alias", "did"], rows());
            assert!(table.chars().count() < 30 * 2_000, "{}", table.len());
            assert!(table.contains('…'));
        }
    }

    #[test]
    fn a_narrow_terminal_breaks_cells_and_not_rows() {
        let rows = || {
            vec![
                vec!["Mode".to_owned(), "经典造浪, 正弦造浪, 随机造浪".to_owned()],
                vec!["DemoWave00000000000004".to_owned(), "x".to_owned()],
            ]
        };
        let whole = table_within(None, &["name", "values"], rows());
        assert_eq!(whole.lines().count(), 3, "{whole}");
        let narrow = table_within(Some(40), &["name", "values"], rows());
        assert!(narrow.contains("DemoWave00000000000004  x"), "{narrow}");
        assert!(narrow.lines().count() > 3, "{narrow}");
        // Those signs are two columns wide.
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 40),
            "{narrow}"
        );
    }
}
