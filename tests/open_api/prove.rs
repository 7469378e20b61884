//! Proves a row: makes its call, looks at what went over the wire and at what came of it, and has it
//! refused in each way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gizwits2mqtt::bridge::{CallError, ErrorClass};
use gizwits2mqtt::gizwits::ErrorCode;
use serde_json::json;

use super::codes;
use super::devices::devices;
use super::row::{Row, Shows, Step};
use super::stage::{HERE, START, Stage};
use super::tap::Exchange;

/// Runs a proof on a stage of its own. What it panics with is told, and others go on.
pub(super) fn on_a_stage(
    what: String,
    failures: &mut Vec<String>,
    proof: impl AsyncFnOnce(&mut Stage),
) {
    on_a_stage_at(START, what, failures, proof);
}

/// The same, with the clock at a moment.
pub(super) fn on_a_stage_at(
    now: i64,
    what: String,
    failures: &mut Vec<String>,
    proof: impl AsyncFnOnce(&mut Stage),
) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut stage = Stage::set_at(now).await;
            proof(&mut stage).await;
        });
    };
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        failures.push(what);
    }
}

/// The call, made by the client, is answered by the simulator as the row says.
pub(super) async fn call(stage: &mut Stage, row: &Row) {
    (row.arrange)(stage).await;
    stage.tap.forget();
    (row.act)(stage).await.unwrap();
    let heard = of(row, stage);
    assert_eq!(heard.status, row.status);
    for part in row.answer {
        let found = heard.answer.pointer(&format!("/{part}"));
        assert!(found.is_some(), "no {part} in {}", heard.answer);
    }
    (row.check)(stage).await;
}

/// The call is refused with this code, and the client makes of it what the table says.
pub(super) async fn refusal(
    stage: &mut Stage,
    row: &Row,
    provoke: Step<Result<(), CallError>>,
    code: Option<u16>,
) {
    (row.arrange)(stage).await;
    stage.tap.forget();
    let error = provoke(stage).await.expect_err("it was not refused");
    refused_so(stage, row, &error, code);
}

/// The same, for a way of [`common`].
pub(super) async fn common_refusal(stage: &mut Stage, row: &Row, code: u16) {
    (row.arrange)(stage).await;
    spoil(stage, row.shows, code).await;
    stage.tap.forget();
    let error = (row.act)(stage).await.expect_err("it was not refused");
    refused_so(stage, row, &error, Some(code));
}

/// Without the call, there is nothing worse than the lack of it.
pub(super) async fn tolerance(stage: &mut Stage, row: &Row, code: u16) {
    (row.arrange)(stage).await;
    fault(stage, "/", code).await;
    let Err(error) = (row.act)(stage).await else {
        // Whoever logs out forgets the token, whatever the cloud does with it.
        assert_eq!(stage.api.session(HERE), None);
        return;
    };
    match row.shows {
        // A picture is somebody else's.
        Shows::Nothing => assert_eq!(error.class, ErrorClass::Transient),
        Shows::App | Shows::UserToken | Shows::AppToken => {
            assert_eq!((error.class, error.code), (ErrorClass::Refused, Some(code)));
            assert!(error.message.contains("does not offer it"), "{error}");
        }
    }
}

fn refused_so(stage: &Stage, row: &Row, error: &CallError, code: Option<u16>) {
    assert_eq!(error.code, code, "{error}");
    let heard = of(row, stage);
    match code {
        Some(number) => {
            assert_eq!(heard.answer["error_code"], number);
            assert_eq!(heard.status, understood(error, number).status);
        }
        None => assert!(heard.status >= 400, "{heard:?}"),
    }
}

/// Whatever the call, this code is understood, and its cloud's words are passed on.
pub(super) async fn code(stage: &mut Stage, known: &codes::Code) {
    stage.log_in("bob", "bobs-password").await;
    fault(stage, "/app/bindings", known.number).await;
    let error = devices(stage, 20).await.unwrap_err();
    understood(&error, known.number);
    assert!(error.message.contains(known.words), "{error}");
    assert_eq!(stage.tap.heard().pop().unwrap().status, known.status);
    assert_eq!(ErrorCode::of(known.number).status(), known.status);
}

/// The documented code, after a look at what the client made of it.
fn understood(error: &CallError, number: u16) -> &'static codes::Code {
    let known = codes::TABLE.iter().find(|code| code.number == number);
    let known = known.expect("a documented code");
    let code = ErrorCode::of(number);
    assert_eq!(error.code, Some(number));
    assert_eq!(format!("{code:?}"), known.variant);
    assert_eq!((error.class, code.cure()), (known.class, known.cure));
    for words in [code.meaning().unwrap(), code.remedy()] {
        assert!(
            !words.is_empty() && error.message.contains(words),
            "{error}"
        );
    }
    known
}

/// The last thing that went over the wire, which is the row's call.
fn of(row: &Row, stage: &Stage) -> Exchange {
    let heard = stage.tap.heard().pop().expect("nothing was sent");
    let is_it = is_call(row, &heard);
    assert!(
        is_it,
        "{} {} is not {}",
        heard.method, heard.path, row.request
    );
    heard
}

/// Is this exchange the row's call?
pub(super) fn is_call(row: &Row, heard: &Exchange) -> bool {
    let (method, path) = row.request.split_once(' ').unwrap();
    let (sent, wanted) = (heard.path.split('/'), path.split('/'));
    heard.method == method
        && sent.clone().count() == wanted.clone().count()
        && sent
            .zip(wanted)
            .all(|(sent, wanted)| sent == wanted || wanted.starts_with('{'))
}

/// How every call that shows this is refused.
pub(super) fn common(shows: Shows) -> Vec<(u16, &'static str)> {
    let mut cases = Vec::new();
    if shows != Shows::Nothing {
        cases.extend([
            (9003, "an unknown application"),
            (9008, "the cloud fails"),
            (9041, "too many calls"),
        ]);
    }
    if matches!(shows, Shows::UserToken | Shows::AppToken) {
        cases.extend([(9004, "an unknown token"), (9006, "an expired token")]);
    }
    cases
}

/// Spoils the stage so that the next call is refused in a way of [`common`].
async fn spoil(stage: &mut Stage, shows: Shows, code: u16) {
    match (code, shows) {
        (9003, _) => stage.become_app("unknown-app"),
        (9041, _) => {
            let all = json!({ "seconds": 60 });
            stage.control("POST", "throttle", all).await;
        }
        (9004, Shows::AppToken) => stage.note("app token", "unknown"),
        (9004, _) => stage.show_token("unknown"),
        (9006, Shows::AppToken) => stage.wait(8 * 86_400).await,
        (9006, _) => {
            stage.control("POST", "tokens/expire", json!({})).await;
        }
        (code, _) => fault(stage, "/", code).await,
    }
}

/// The next call below this path is refused with this code.
async fn fault(stage: &Stage, path: &str, code: u16) {
    let fault = json!({ "path": path, "kind": "error", "code": code });
    stage.control("POST", "faults", fault).await;
}
