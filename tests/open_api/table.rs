//! The coverage table, as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gizwits2mqtt::gizwits::ErrorCode;

use super::codes;
use super::prove::common;
use super::row::Row;

const HEAD: &str = "\
# The Open API, call by call

Written by `tests/open_api`, which proves each cell: the client makes the call, the simulated cloud answers as documented, the
program has the command, which makes the call, and each refusal is brought about and understood. `just open-api` writes this page
anew.

";

const BEYOND: &str = "\
## Beyond the document

Calls that the document does not have, and real clients use. A cloud may do without them: where it answers 9039, 9045, or that
there is no such path, the client says so, and nothing else is worse for it.

";

const CODES: &str = "\
## Error codes

What helps: *retry*: the same call a little later; *new login*: a new token; *pause*: no call at all for a while; *nothing*: only
a person can do something. The last column names the calls above that were refused so; a *fault* is one that the simulated cloud
was told to answer. 9008 is such a fault, too, at each call.

";

/// The whole page.
pub(super) fn page(documented: &[Row], beyond: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("## Calls of the document\n\n");
    calls(&mut page, documented);
    page.push_str(BEYOND);
    calls(&mut page, beyond);
    page.push_str(CODES);
    error_codes(&mut page, documented.iter().chain(beyond));
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn calls(page: &mut String, rows: &[Row]) {
    let columns = [
        "#",
        "what",
        "call",
        "client",
        "command line",
        "simulator",
        "refusals",
    ];
    let cells = rows.iter().map(|row| {
        vec![
            row.number.to_owned(),
            row.what.to_owned(),
            format!("`{}`", row.request),
            format!("`{}`", row.client),
            format!("`{}`", row.command),
            answer(row),
            refusals(row),
        ]
    });
    table(page, &columns, cells);
}

fn answer(row: &Row) -> String {
    let mut parts: Vec<&str> = row
        .answer
        .iter()
        .map(|part| part.rsplit("0/").next().unwrap_or(part))
        .map(|part| part.trim_end_matches("/0"))
        .collect();
    if parts.is_empty() {
        parts.push("done");
    }
    format!("{}: {}", row.status, parts.join(", "))
}

/// Its own ones with their occasions, then those that every such call has.
fn refusals(row: &Row) -> String {
    let mut by_code: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    let mut without = Vec::new();
    for case in &row.refusals {
        match case.code {
            Some(code) => by_code.entry(code).or_default().push(case.when),
            None => without.push(case.when.to_owned()),
        }
    }
    let own = by_code
        .iter()
        .map(|(code, when)| format!("{code} {}", when.join(", ")));
    let mut all: Vec<String> = own.chain(without).collect();
    let codes: Vec<String> = common(row.shows)
        .iter()
        .map(|(code, _)| code.to_string())
        .collect();
    if !codes.is_empty() {
        all.push(codes.join(", "));
    }
    all.join("; ")
}

fn error_codes<'a>(page: &mut String, rows: impl Iterator<Item = &'a Row>) {
    let mut proved: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for row in rows {
        for code in row.refusals.iter().filter_map(|case| case.code) {
            let numbers = proved.entry(code).or_default();
            if numbers.last() != Some(&row.number) {
                numbers.push(row.number);
            }
        }
        for (code, _) in common(row.shows) {
            let whose = match code {
                9004 | 9006 => "each call with a token",
                _ => "each call",
            };
            proved.insert(code, vec![whose]);
        }
    }
    let columns = [
        "code",
        "HTTP",
        "name",
        "meaning",
        "what to do",
        "what helps",
        "for the bridge",
        "proved by",
    ];
    let cells = codes::TABLE.iter().map(|known| {
        let code = ErrorCode::of(known.number);
        let by = proved.get(&known.number);
        vec![
            known.number.to_string(),
            known.status.to_string(),
            known.variant.to_owned(),
            code.meaning().unwrap_or_default().to_owned(),
            code.remedy().to_owned(),
            known.cure.as_str().to_owned(),
            known.class.as_str().to_owned(),
            by.map_or_else(|| "fault".to_owned(), |numbers| numbers.join(", ")),
        ]
    });
    table(page, &columns, cells);
}

fn table(page: &mut String, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut line = |cells: &[String]| writeln!(page, "| {} |", cells.join(" | ")).unwrap();
    let head: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
    line(&head);
    line(&vec!["---".to_owned(); columns.len()]);
    for cells in rows {
        let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let empty = escaped
            .iter()
            .position(|cell| cell.trim_matches(['`', ' ']).is_empty());
        assert_eq!(empty, None, "an empty cell in {escaped:?}");
        line(&escaped);
    }
    page.push('\n');
}
