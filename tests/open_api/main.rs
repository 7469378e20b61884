//! The Open API, call by call and code by code. The rows are the vendor's document, stated as facts;
//! each names the client's function, the command, the simulator's answer and the refusals, and proves
//! them. `docs/open-api.md` is what was proved.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stdout,
    clippy::large_futures,
    reason = "a test shows its table; nothing waits for its steps"
)]

mod beyond;
mod changes;
mod codes;
mod devices;
mod program;
mod prove;
#[path = "../support/raw_http.rs"]
#[expect(unreachable_pub, reason = "several tests use it")]
mod raw_http;
mod row;
mod schedules;
mod stage;
mod table;
mod tap;
mod users;
mod verification;
mod zones;

use std::path::Path;

use gizwits2mqtt::app::clock::Clock;

use row::Row;

/// How many calls the document has.
const DOCUMENTED: usize = 29;
/// Set, the page is written instead of compared.
const UPDATE: &str = "UPDATE_OPEN_API";

fn documented() -> Vec<Row> {
    let mut rows = users::registrations();
    rows.extend(changes::rows());
    rows.push(users::login());
    rows.extend(verification::rows());
    rows.extend(devices::rows());
    rows.extend(schedules::rows());
    rows
}

#[test]
fn every_call_is_made_answered_and_refused_as_documented() {
    let mut failures = Vec::new();
    for row in documented().iter().chain(&beyond::rows()) {
        let name = format!("{} {} ({})", row.number, row.request, row.what);
        prove::on_a_stage(name.clone(), &mut failures, async |stage| {
            prove::call(stage, row).await;
        });
        for case in &row.refusals {
            let what = format!("{name}: {:?} {}", case.code, case.when);
            prove::on_a_stage(what, &mut failures, async |stage| {
                prove::refusal(stage, row, case.provoke, case.code).await;
            });
        }
        for (code, when) in prove::common(row.shows) {
            let what = format!("{name}: {code} {when}");
            prove::on_a_stage(what, &mut failures, async |stage| {
                prove::common_refusal(stage, row, code).await;
            });
        }
    }
    assert!(failures.is_empty(), "not proved:\n{}", failures.join("\n"));
}

#[test]
fn a_cloud_may_do_without_what_is_beyond_the_document() {
    let mut failures = Vec::new();
    for row in &beyond::rows() {
        for code in beyond::NOT_OFFERED {
            let what = format!("{} {}: {code}", row.number, row.request);
            prove::on_a_stage(what, &mut failures, async |stage| {
                prove::tolerance(stage, row, code).await;
            });
        }
    }
    assert!(failures.is_empty(), "not proved:\n{}", failures.join("\n"));
}

#[test]
fn every_code_is_understood() {
    let numbers: Vec<u16> = codes::TABLE.iter().map(|code| code.number).collect();
    let documented: Vec<u16> = (9001..=9045).chain([9999]).collect();
    assert_eq!(numbers, documented);
    let mut failures = Vec::new();
    for code in &codes::TABLE {
        let what = format!("{} {}", code.number, code.variant);
        prove::on_a_stage(what, &mut failures, async |stage| {
            prove::code(stage, code).await;
        });
    }
    assert!(failures.is_empty(), "not proved:\n{}", failures.join("\n"));
}

#[test]
fn every_command_makes_its_call() {
    let now = Clock::start().now().unix;
    let mut failures = Vec::new();
    for row in documented().iter().chain(&beyond::rows()) {
        let what = format!("{} {}", row.number, row.command);
        prove::on_a_stage_at(now, what, &mut failures, async |stage| {
            program::proof(stage, row).await;
        });
    }
    assert!(failures.is_empty(), "not proved:\n{}", failures.join("\n"));
}

#[test]
fn every_function_of_the_client_has_a_row() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gizwits");
    let mut functions = Vec::new();
    for entry in std::fs::read_dir(source).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let heads = text.split("    pub async fn ").skip(1);
        functions.extend(heads.map(|head| head.split('(').next().unwrap().to_owned()));
    }
    functions.retain(|name| name != "perform");
    functions.sort();
    let mut named: Vec<String> = documented()
        .iter()
        .chain(&beyond::rows())
        .map(|row| row.client.split('(').next().unwrap().to_owned())
        .collect();
    named.sort();
    named.dedup();
    assert_eq!(named, functions);
}

#[test]
fn the_page_says_what_is_proved() {
    let (documented, beyond) = (documented(), beyond::rows());
    let numbers =
        |rows: &[Row]| -> Vec<String> { rows.iter().map(|row| row.number.to_owned()).collect() };
    let all: Vec<String> = (1..=DOCUMENTED).map(|n| n.to_string()).collect();
    assert_eq!(
        numbers(&documented),
        all,
        "a call of the document is missing"
    );
    let all: Vec<String> = (1..=beyond.len()).map(|n| format!("+{n}")).collect();
    assert_eq!(numbers(&beyond), all);

    let page = table::page(&documented, &beyond);
    println!("{page}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/open-api.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        page == kept,
        "docs/open-api.md is not what the test proves; {UPDATE}=1 writes it anew; first difference: {differs:?}"
    );
}
