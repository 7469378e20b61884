//! Devices that do what real ones do with what they are told.

use serde_json::{Value, json};

use super::{Desk, METER, SPA, Scenario};

const REEF: &str = "DemoWave00000000000004";

fn with_quirks(did: &str, quirks: &Value) -> Desk {
    let mut desk = Desk::logged_in();
    desk.control(&format!("devices/{did}/quirks"), quirks);
    desk
}

impl Desk {
    fn set(&mut self, did: &str, attrs: &Value) {
        let body = json!({ "attrs": attrs });
        self.good(&format!("POST /app/control/{did}"), &body, 200);
    }

    fn shown(&mut self, did: &str, attr: &str) -> Value {
        self.latest(did)["attr"][attr].clone()
    }
}

#[test]
fn a_press_falls_back_by_itself() {
    let mut desk = with_quirks(REEF, &json!({ "momentary": { "FeedSwitch": 2 } }));
    desk.set(REEF, &json!({ "FeedSwitch": true, "Flow": 70 }));
    assert_eq!(desk.shown(REEF, "FeedSwitch"), 1);
    desk.now_ms += 1_999;
    assert_eq!(desk.shown(REEF, "FeedSwitch"), 1);
    desk.now_ms += 1;
    assert_eq!(desk.shown(REEF, "FeedSwitch"), 0);
    assert_eq!(desk.shown(REEF, "Flow"), 70);
}

#[test]
fn a_press_that_falls_back_at_once_is_never_shown_and_yet_reported() {
    let mut desk = with_quirks(REEF, &json!({ "momentary": { "FeedSwitch": 0 } }));
    desk.now_ms += 60_000;
    desk.set(REEF, &json!({ "FeedSwitch": true }));
    let latest = desk.latest(REEF);
    assert_eq!(latest["attr"]["FeedSwitch"], 0);
    assert_eq!(latest["updated_at"], desk.now_ms / 1000);
}

#[test]
fn a_value_reads_back_otherwise_even_beyond_its_limits() {
    let quirks = json!({ "reads_as": [
        { "attr": "temp_set", "written": 40, "reads": 104 },
        { "attr": "power", "written": true, "reads": 2 },
    ] });
    let mut desk = with_quirks(SPA, &quirks);
    desk.set(SPA, &json!({ "temp_set": 40, "power": 1 }));
    assert_eq!(desk.shown(SPA, "temp_set"), 104);
    assert_eq!(desk.shown(SPA, "power"), 2);
    desk.set(SPA, &json!({ "temp_set": 39, "power": 0 }));
    assert_eq!(desk.shown(SPA, "temp_set"), 39);
    assert_eq!(desk.shown(SPA, "power"), 0);
}

#[test]
fn a_late_reading_does_not_undo_a_newer_command() {
    let late = json!({ "attr": "temp_set", "written": 40, "reads": 37, "after_s": 5 });
    let mut desk = with_quirks(SPA, &json!({ "reads_as": [late] }));
    desk.set(SPA, &json!({ "temp_set": 40 }));
    assert_eq!(desk.shown(SPA, "temp_set"), 40);
    desk.now_ms += 2_000;
    desk.set(SPA, &json!({ "temp_set": 25 }));
    desk.now_ms += 10_000;
    assert_eq!(desk.shown(SPA, "temp_set"), 25);
}

#[test]
fn a_device_takes_its_own_time_to_follow() {
    let mut desk = with_quirks(SPA, &json!({ "follows_after_s": 8 }));
    desk.set(SPA, &json!({ "temp_set": 25 }));
    desk.set(REEF, &json!({ "Flow": 55 }));
    assert_eq!(desk.shown(REEF, "Flow"), 55);
    desk.now_ms += 7_999;
    assert_eq!(desk.shown(SPA, "temp_set"), 38);
    desk.now_ms += 1;
    assert_eq!(desk.shown(SPA, "temp_set"), 25);
}

#[test]
fn a_quirk_that_nobody_knows_is_refused() {
    let mut desk = Desk::logged_in();
    let path = format!("POST /_sim/devices/{METER}/quirks");
    assert_eq!(desk.ask(&path, &json!({ "momentry": {} })).0, 400);
    assert_eq!(desk.ask("POST /_sim/devices/x/quirks", &json!({})).0, 404);
}

#[test]
fn a_scenario_says_what_its_products_and_devices_do_and_which_calls_are_slow() {
    let text = "\
app_ids: [demo-app-id]
users: [{ name: u }]
faults: [{ path: /app/datapoint, kind: slow, seconds: 4, count: 2 }]
products:
  - product_key: p
    name: Feeder
    quirks: { momentary: { feed: 0 }, follows_after_s: 3 }
    datapoints:
      - { name: feed, type: status_writable, data_type: bool }
devices:
  - { did: a, product_key: p, mac: m, users: [u], attrs: { feed: false, extra: 7 } }
  - { did: b, product_key: p, mac: m, users: [u], attrs: { feed: false }, quirks: { follows_after_s: 0 } }
";
    let mut desk = Desk::of(Scenario::parse(text).unwrap());
    let session = desk.good("POST /app/users", &json!({ "phone_id": "u" }), 201);
    desk.bear(&session);
    for did in ["a", "b"] {
        desk.set(did, &json!({ "feed": true }));
    }
    let start_s = desk.now_ms / 1000;
    desk.now_ms += 3_000;
    assert_eq!(desk.latest("a")["updated_at"], start_s + 3);
    assert_eq!(desk.latest("b")["updated_at"], start_s);
    assert_eq!(desk.shown("a", "extra"), 7);
    for delay_ms in [4_000, 4_000, 0] {
        let reaction = desk.react("GET /app/datapoint?product_key=p", "");
        let super::Reaction::Answer(answer) = reaction else {
            panic!("{reaction:?}");
        };
        assert_eq!(answer.delay_ms, delay_ms);
    }
}
