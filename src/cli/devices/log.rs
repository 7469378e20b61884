//! `devices log`: what the cloud recorded of a device.

use serde_json::{Value, json};

use crate::cli::ask::Ask;
use crate::cli::output::{Output, table};
use crate::cli::trouble::Trouble;
use crate::cli::when::moment;
use crate::gizwits::devices::RawLog;

use super::bare;

/// The cloud refuses two days and more (documented).
const MAX_HOURS: u8 = 47;
/// Documented.
const MAX_ENTRIES: u32 = 1_000;

/// In the year 5138.
const MANY_SECONDS: i64 = 100_000_000_000;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogArgs {
    /// The device
    did: String,

    /// When it came and went, instead of what it sent and received
    #[arg(long)]
    online: bool,

    /// How far back
    #[arg(long, default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_HOURS)))]
    hours: u8,

    /// At most this many entries, the newest first
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ENTRIES)))]
    limit: u32,
}

pub(super) async fn log(ask: &Ask, args: LogArgs, output: &Output) -> Result<(), Trouble> {
    let found = ask.find(&args.did).await?;
    let client = &found.client;
    let to = client.now();
    let what = RawLog {
        kind: if args.online { "online" } else { "cmd" },
        from: to - i64::from(args.hours) * 3_600,
        to,
        limit: args.limit,
    };
    client.doing("reading the log");
    let entries = client
        .api()
        .raw_log(client.region, &found.device.did, what, to)
        .await?;
    let lines = if entries.is_empty() {
        format!(
            "the cloud has nothing of the last {} h; of many products it keeps no log",
            args.hours
        )
    } else {
        table(
            &["time", "what", "details"],
            entries.iter().map(row).collect(),
        )
    };
    output.result(&json!(entries), &lines)
}

/// The cloud documents `timestamp`, `type`, and for frames `payload_bin`; whatever else an entry has is
/// shown behind them.
fn row(entry: &Value) -> Vec<String> {
    let Some(members) = entry.as_object() else {
        return vec![String::new(), String::new(), bare(entry)];
    };
    let time = ["timestamp", "time", "created_at"]
        .iter()
        .find_map(|key| members.get(*key));
    let time = time.map(|time| match whole(time) {
        // Some calls of this cloud count milliseconds.
        Some(number) if number > MANY_SECONDS => moment(number / 1_000),
        Some(number) => moment(number),
        None => bare(time),
    });
    let shown = ["timestamp", "time", "created_at", "type", "did"];
    let rest = members
        .iter()
        .filter(|(key, value)| !shown.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| format!("{key}={}", bare(value)));
    vec![
        time.unwrap_or_default(),
        members.get("type").map(bare).unwrap_or_default(),
        rest.collect::<Vec<_>>().join(" "),
    ]
}

/// A number without its fraction.
fn whole(number: &Value) -> Option<i64> {
    let text = number.as_number()?.to_string();
    text.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_its_time_and_whatever_else_the_cloud_tells() {
        let entry = json!({ "timestamp": 1_767_225_600.25, "type": "app2dev", "payload_bin": "0001", "ip": null, "did": "d" });
        let shown = row(&entry);
        assert_eq!(shown[0], moment(1_767_225_600));
        assert_eq!(shown[1..], ["app2dev", "payload_bin=0001"]);
        let in_ms = row(&json!({ "timestamp": 1_767_225_600_250_i64, "type": "dev_online" }));
        assert_eq!(in_ms[0], shown[0]);
        assert_eq!(row(&json!("odd")), ["", "", "odd"]);
    }
}
