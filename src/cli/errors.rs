//! `errors`: the cloud's error table, documented or live.

use std::path::Path;

use serde_json::{Value, json};

use crate::gizwits::ErrorCode;

use super::account::{self, CloudArgs};
use super::output::{Output, table};
use super::trouble::Trouble;

#[derive(Debug, clap::Args)]
pub(super) struct ErrorsArgs {
    /// Only these codes
    #[arg(value_name = "CODE")]
    codes: Vec<u16>,

    /// Ask the cloud for the table that is in force, in its own words
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    cloud: CloudArgs,
}

pub(super) async fn errors(
    file: Option<&Path>,
    args: ErrorsArgs,
    verbosity: i16,
    output: &Output,
) -> Result<(), Trouble> {
    let wanted = |code: u16| args.codes.is_empty() || args.codes.contains(&code);
    if args.live {
        let live = account::live(file, &args.cloud, verbosity, output).await?;
        let errors = live
            .errors
            .into_iter()
            .filter(|row| u16::try_from(row.code).is_ok_and(wanted) || args.codes.is_empty());
        let (mut rows, mut documents) = (Vec::new(), Vec::new());
        for row in errors {
            let known = u16::try_from(row.code).ok().map(ErrorCode::of);
            let meaning = known.and_then(ErrorCode::meaning);
            rows.push(vec![
                row.code.to_string(),
                row.status.to_string(),
                row.message.clone(),
                meaning.unwrap_or("(not documented)").to_owned(),
            ]);
            documents.push(json!({
                "code": row.code,
                "status": row.status,
                "message": row.message,
                "meaning": meaning,
            }));
        }
        let version = live
            .version
            .map_or_else(String::new, |it| format!(" (API {it})"));
        let head = format!("What the cloud of region {}{version} says:", live.region);
        let lines = table(&["code", "http", "in its words", "meaning"], rows);
        return output.result(&Value::Array(documents), &format!("{head}\n\n{lines}"));
    }
    let unknown = args
        .codes
        .iter()
        .filter(|code| ErrorCode::of(**code).meaning().is_none());
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    if !unknown.is_empty() {
        return Err(Trouble::usage(format!(
            "not documented: {}; `gizwits2mqtt errors --live` asks the cloud for its own table",
            unknown.join(", ")
        )));
    }
    let codes = ErrorCode::ALL.iter().filter(|code| wanted(code.number()));
    let codes: Vec<ErrorCode> = codes.copied().collect();
    let row = |code: &ErrorCode| {
        vec![
            code.number().to_string(),
            code.status().to_string(),
            code.meaning().unwrap_or_default().to_owned(),
            code.cure().as_str().to_owned(),
            code.remedy().to_owned(),
        ]
    };
    let document = |code: &ErrorCode| {
        json!({
            "code": code.number(),
            "status": code.status(),
            "meaning": code.meaning(),
            "helps": code.cure().as_str(),
            "remedy": code.remedy(),
        })
    };
    let headers = ["code", "http", "meaning", "helps", "what you can do"];
    let lines = table(&headers, codes.iter().map(row).collect());
    output.result(&codes.iter().map(document).collect(), &lines)
}
