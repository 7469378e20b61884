//! A schedule that somebody makes in a zone fires at that time there, on the simulator's clock.

use gizwits2mqtt::model::schedule::Plan;
use gizwits2mqtt::model::when::{Repeat, When};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use serde_json::json;

use super::devices::{PUMP, come_as_bob, did};
use super::schedules::{add, log, plan, schedules};
use super::stage::Stage;

/// East, west, half and quarter hours, clocks that change and clocks that do not.
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
];
/// Each is a cloud of its own whose clock goes through months.
const CASES: u32 = 64;

/// What a person in a zone wishes: days ahead, a minute of the day, days of the week.
fn wish() -> impl Strategy<Value = (&'static str, i32, i32, String)> {
    let days =
        proptest::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 0..=7);
    let repeat = days.prop_map(|days| match days.join(",") {
        none if none.is_empty() => "none".to_owned(),
        days => days,
    });
    (proptest::sample::select(&ZONES), 1..400, 0..1440, repeat)
}

fn now(stage: &Stage) -> Timestamp {
    Timestamp::from_second(stage.now).unwrap()
}

/// Lets the time come, and logs in again: a token lives half a year.
async fn wait_until(stage: &mut Stage, moment: Timestamp) {
    stage.wait(moment.as_second() - stage.now).await;
    come_as_bob(stage).await;
}

/// Date and time of the last run in a zone.
async fn last_run(stage: &Stage, plan: &Plan, zone: &TimeZone) -> Option<(Date, Time)> {
    let listed = schedules(stage, 20).await.unwrap();
    let [schedule] = listed.as_slice() else {
        panic!("not one schedule: {listed:?}");
    };
    assert_eq!(schedule.plan, *plan, "it is listed as it was added");
    let run = log(stage, &schedule.id).await.unwrap()?;
    assert!(run.succeeded && run.delivered[&did(PUMP)], "{run:?}");
    let at = TimeZone::UTC.to_timestamp(run.at.unwrap()).unwrap();
    let at = zone.to_datetime(at);
    Some((at.date(), at.time()))
}

/// The first day from its date on that its repetition names.
fn first_day(wish: &When) -> Date {
    let mut week = (0..7).map(|n| wish.date.checked_add(n.days()).unwrap());
    week.find(|day| match wish.repeat {
        Repeat::Once => true,
        Repeat::Weekly(days) => days.contains(day.weekday()),
    })
    .unwrap()
}

async fn it_fires_when_it_was_wished(zone: &str, ahead: i32, minute: i32, repeat: &str) {
    let zone = TimeZone::get(zone).unwrap();
    let mut stage = Stage::set().await;
    come_as_bob(&mut stage).await;
    let today = zone.to_datetime(now(&stage)).date();
    let wish = When {
        date: today.checked_add(ahead.days()).unwrap(),
        time: Time::midnight() + minute.minutes(),
        repeat: repeat.parse().unwrap(),
    };
    // Some times do not exist: clocks jump over them.
    let Ok(when) = wish.to_utc(&zone) else {
        return;
    };
    let wished = (first_day(&wish), wish.time);
    let moment = zone.to_ambiguous_timestamp(wished.0.to_datetime(wished.1));
    let moment = moment.compatible().unwrap();
    let mut plan = plan(PUMP, json!({ "power": true }));
    plan.when = when;
    add(&stage, plan.clone()).await.unwrap();
    assert_eq!(when.next_run(now(&stage)), Some(moment));

    wait_until(&mut stage, moment - 1.second()).await;
    assert_eq!(last_run(&stage, &plan, &zone).await, None, "too early");
    wait_until(&mut stage, moment).await;
    assert_eq!(last_run(&stage, &plan, &zone).await, Some(wished));

    let Some(next) = when.next_run(now(&stage)) else {
        wait_until(&mut stage, moment + (400 * 24).hours()).await;
        assert_eq!(last_run(&stage, &plan, &zone).await, Some(wished), "once");
        return;
    };
    let shown = when.to_local_at(&zone, now(&stage)).unwrap();
    wait_until(&mut stage, next - 1.second()).await;
    assert_eq!(
        last_run(&stage, &plan, &zone).await,
        Some(wished),
        "too early"
    );
    wait_until(&mut stage, next).await;
    let run = last_run(&stage, &plan, &zone).await.unwrap();
    assert_eq!(run, (shown.date, shown.time), "as it was shown");
    let Repeat::Weekly(days) = shown.repeat else {
        panic!("it runs once");
    };
    assert!(days.contains(run.0.weekday()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_schedule_fires_at_its_time_in_the_zone_it_was_made_in((zone, ahead, minute, repeat) in wish()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(it_fires_when_it_was_wished(zone, ahead, minute, &repeat));
    }
}
