//! The WebSocket, as its clients meet it.

use serde_json::{Value, json};

use super::{Desk, SPA};
use crate::simulator::{Outgoing, Scenario, SocketId};

/// At the second M2M host.
const WAVE: &str = "DemoWave00000000000004";

/// A desk whose user listens.
struct Ear {
    desk: Desk,
    id: SocketId,
    session: Value,
}

impl Ear {
    fn connected(m2m: usize) -> Self {
        Self::at(Desk::open(), m2m)
    }

    fn at(mut desk: Desk, m2m: usize) -> Self {
        let login = json!({ "username": "demo@example.com", "password": "demo-password" });
        let (_, session) = desk.ask("POST /app/login", &login);
        desk.bear(&session);
        let id = desk.world.push_connect(desk.now_ms, m2m).unwrap();
        Self { desk, id, session }
    }

    /// Logged in, with the devices of its host subscribed.
    fn listening(m2m: usize) -> Self {
        let mut ear = Self::connected(m2m);
        assert_eq!(ear.login(&json!({})), [json!({ "success": true })]);
        ear
    }

    fn login(&mut self, other: &Value) -> Vec<Value> {
        let mut data = json!({ "appid": "demo-app-id", "uid": self.session["uid"],
            "token": self.session["token"], "p0_type": "attrs_v4", "heartbeat_interval": 60 });
        let other = other.as_object().unwrap().clone();
        data.as_object_mut().unwrap().extend(other);
        let heard = self.say(&json!({ "cmd": "login_req", "data": data }));
        heard
            .iter()
            .filter(|m| m["cmd"] == "login_res")
            .map(|m| m["data"].clone())
            .collect()
    }

    fn say(&mut self, message: &Value) -> Vec<Value> {
        let Self { desk, id, .. } = self;
        desk.world
            .push_message(desk.now_ms, *id, &message.to_string());
        self.heard()
    }

    fn heard(&mut self) -> Vec<Value> {
        let out = self.desk.world.push_take().into_iter();
        out.map(|(id, out)| {
            assert_eq!(id, self.id);
            match out {
                Outgoing::Text(text) => serde_json::from_str(&text).unwrap(),
                Outgoing::Close => json!("closed"),
            }
        })
        .collect()
    }

    fn pass(&mut self, ms: i64) -> Vec<Value> {
        self.desk.now_ms += ms;
        self.desk.world.let_time_act(self.desk.now_ms);
        self.heard()
    }

    fn push(&mut self, action: &Value) -> Vec<Value> {
        self.desk.control("push", action);
        self.heard()
    }

    fn change(&mut self, did: &str, attrs: &Value) -> Vec<Value> {
        self.desk.control(&format!("devices/{did}/attrs"), attrs);
        self.heard()
    }
}

#[test]
fn a_login_is_checked_and_a_wrong_one_ends_the_connection() {
    for (other, msg) in [
        (json!({ "appid": "nobody" }), "appid"),
        (json!({ "token": "wrong" }), "token"),
        (json!({ "uid": "another" }), "token"),
        (json!({ "p0_type": "attrs_v9" }), "p0_type"),
        (json!({ "heartbeat_interval": 181 }), "heartbeat_interval"),
    ] {
        let mut ear = Ear::connected(0);
        let answers = ear.login(&other);
        assert_eq!(answers[0]["success"], false, "{other}");
        assert!(
            answers[0]["msg"].as_str().unwrap().contains(msg),
            "{answers:?}"
        );
        assert_eq!(
            ear.say(&json!({ "cmd": "ping" })),
            Vec::<Value>::new(),
            "it is gone"
        );
    }
}

#[test]
fn before_a_login_nothing_is_answered_and_nothing_pushed() {
    let mut ear = Ear::connected(0);
    let heard = ear.say(&json!({ "cmd": "ping" }));
    assert_eq!(heard[0]["data"]["error_code"], 1003);
    assert_eq!(
        ear.change(SPA, &json!({ "temp_now": 30 })),
        Vec::<Value>::new()
    );
}

#[test]
fn a_change_is_told_in_full_to_those_at_the_devices_host() {
    for (m2m, hears) in [(0, true), (1, false)] {
        let mut ear = Ear::listening(m2m);
        let heard = ear.change(SPA, &json!({ "temp_now": 30 }));
        assert_eq!(!heard.is_empty(), hears, "{m2m}");
        for noti in heard {
            assert_eq!(noti["cmd"], "s2c_noti");
            assert_eq!(noti["data"]["attrs"]["temp_now"], 30);
            assert_eq!(
                noti["data"]["attrs"]["power"], true,
                "a bool, and the whole image"
            );
        }
    }
}

#[test]
fn only_what_is_subscribed_is_told() {
    let mut ear = Ear::connected(0);
    ear.login(&json!({ "auto_subscribe": false }));
    assert_eq!(
        ear.change(SPA, &json!({ "temp_now": 30 })),
        Vec::<Value>::new()
    );
    let rows = json!([{ "did": SPA }, { "did": WAVE }, { "did": "nobody" }]);
    let heard = ear.say(&json!({ "cmd": "subscribe_req", "data": rows }));
    assert_eq!(heard[0]["data"]["success"][0]["did"], SPA);
    let failed = heard[0]["data"]["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 2, "another host, and nobody's: {heard:?}");
    assert_eq!(ear.change(SPA, &json!({ "temp_now": 31 })).len(), 1);
}

#[test]
fn bytes_are_a_list_and_a_write_is_acknowledged_and_then_reported() {
    let mut ear = Ear::listening(1);
    let read = json!({ "cmd": "c2s_read", "req_sn": 3, "data": { "did": WAVE } });
    let heard = ear.say(&read);
    assert_eq!(heard[0]["res_sn"], 3);
    assert!(heard[0]["data"]["attrs"]["Timer1"].is_array(), "{heard:?}");
    let attrs = json!({ "Flow": 50, "Timer1": [1, 2, 3, 4, 5, 6, 7, 255] });
    let data = json!({ "did": WAVE, "attrs": attrs });
    let heard = ear.say(&json!({ "cmd": "c2s_write", "req_sn": 4, "data": data }));
    let ack = heard.iter().find(|m| m["cmd"] == "s2c_ack").unwrap();
    assert_eq!(*ack, json!({ "cmd": "s2c_ack", "res_sn": 4, "did": WAVE }));
    let noti = heard.iter().find(|m| m["cmd"] == "s2c_noti").unwrap();
    assert_eq!(noti["data"]["attrs"]["Flow"], 50);
    let (_, latest) = ear
        .desk
        .ask(&format!("GET /app/devdata/{WAVE}/latest"), &Value::Null);
    assert_eq!(
        latest["attr"]["Timer1"], "01020304050607ff",
        "hex over HTTP"
    );
}

#[test]
fn a_device_that_is_offline_says_nothing() {
    let mut ear = Ear::listening(0);
    ear.desk.control(
        &format!("devices/{SPA}/online"),
        &json!({ "online": false }),
    );
    let status = ear.heard();
    assert_eq!(status[0]["cmd"], "s2c_online_status");
    assert_eq!(status[0]["data"]["online"], false);
    for message in [
        json!({ "cmd": "c2s_read", "data": { "did": SPA } }),
        json!({ "cmd": "c2s_write", "req_sn": 1, "data": { "did": SPA, "attrs": { "power": true } } }),
    ] {
        assert_eq!(ear.say(&message), Vec::<Value>::new(), "{message}");
    }
}

#[test]
fn a_binding_that_changes_is_told() {
    let mut ear = Ear::listening(0);
    let unbind = json!({ "devices": [{ "did": SPA }] });
    ear.desk.ask("DELETE /app/bindings", &unbind);
    let heard = ear.heard();
    let data = json!({ "did": SPA, "bind": false });
    assert_eq!(
        heard,
        [json!({ "cmd": "s2c_binding_changed", "data": data })]
    );
    assert_eq!(
        ear.change(SPA, &json!({ "temp_now": 30 })),
        Vec::<Value>::new()
    );
}

#[test]
fn without_a_heartbeat_the_connection_ends() {
    let mut ear = Ear::listening(0);
    assert_eq!(ear.pass(59_000), Vec::<Value>::new());
    assert_eq!(
        ear.say(&json!({ "cmd": "ping" })),
        [json!({ "cmd": "pong" })]
    );
    assert_eq!(ear.pass(59_000), Vec::<Value>::new());
    let due = ear.desk.world.push_due().unwrap();
    assert_eq!(due, ear.desk.now_ms + 1_000);
    let heard = ear.pass(1_000);
    assert_eq!(heard[0]["data"]["error_code"], 1011);
    assert_eq!(heard[1], "closed");
}

#[test]
fn a_lost_session_complains_until_a_login() {
    let mut ear = Ear::listening(0);
    let heard = ear.push(&json!({ "action": "lose_session" }));
    assert_eq!(heard[0]["data"]["error_code"], 1009);
    assert_eq!(
        ear.change(SPA, &json!({ "temp_now": 30 })),
        Vec::<Value>::new()
    );
    let heard = ear.say(&json!({ "cmd": "ping" }));
    assert_eq!(heard[0]["data"]["error_code"], 1003);
    assert_eq!(ear.login(&json!({}))[0]["success"], true);
    assert_eq!(ear.change(SPA, &json!({ "temp_now": 31 })).len(), 1);
    ear.push(&json!({ "action": "lose_session" }));
    let heard = ear.pass(158_000);
    assert_eq!(heard.last().unwrap(), "closed");
}

#[test]
fn a_report_that_wants_it_comes_again_until_it_is_acknowledged() {
    let mut ear = Ear::listening(0);
    let heard: Vec<Value> = (20..25)
        .flat_map(|n| ear.change(SPA, &json!({ "temp_now": n })))
        .collect();
    let wanting: Vec<&Value> = heard.iter().filter(|m| m["req_sn"].is_u64()).collect();
    assert_eq!(wanting.len(), 1, "one in five");
    assert_eq!(ear.pass(3_000), [wanting[0].clone()]);
    for n in 20..25 {
        ear.change(SPA, &json!({ "temp_now": n }));
    }
    ear.say(&json!({ "cmd": "c2s_ack", "res_sn": 10, "did": SPA }));
    assert_eq!(ear.pass(3_000), Vec::<Value>::new());
}

#[test]
fn push_goes_wrong_on_purpose() {
    let mut ear = Ear::listening(0);
    let change = json!({ "temp_now": 30 });
    ear.push(&json!({ "action": "lose", "count": 1 }));
    assert_eq!(ear.change(SPA, &change).len(), 0);
    ear.push(&json!({ "action": "double", "count": 1 }));
    assert_eq!(ear.change(SPA, &change).len(), 2);
    ear.push(&json!({ "action": "delay", "count": 1, "seconds": 2 }));
    assert_eq!(ear.change(SPA, &change).len(), 0);
    assert_eq!(ear.pass(2_000).len(), 1);
    ear.push(&json!({ "action": "freeze" }));
    assert_eq!(ear.change(SPA, &change).len(), 0);
    assert_eq!(ear.say(&json!({ "cmd": "ping" })).len(), 0);
    ear.push(&json!({ "action": "freeze", "pong": true }));
    assert_eq!(ear.say(&json!({ "cmd": "ping" })).len(), 1);
    assert_eq!(ear.change(SPA, &change).len(), 0);
    assert_eq!(
        ear.push(&json!({ "action": "resume" })).len(),
        0,
        "what was missed is not told"
    );
    assert_eq!(ear.change(SPA, &change).len(), 1);
    ear.push(&json!({ "action": "refuse", "seconds": 5 }));
    let Desk { world, now_ms, .. } = &mut ear.desk;
    assert_eq!(world.push_connect(*now_ms, 0), None);
    let another = world.push_connect(*now_ms + 5_000, 0).unwrap();
    world.push_gone(another);
    assert_eq!(ear.push(&json!({ "action": "drop" }))[0], "closed");
}

#[test]
fn what_happens_in_a_freeze_is_never_told() {
    let mut ear = Ear::listening(0);
    ear.push(&json!({ "action": "freeze" }));
    ear.push(&json!({ "action": "delay", "count": 1, "seconds": 2 }));
    for n in 20..30 {
        ear.change(SPA, &json!({ "temp_now": n }));
    }
    let unbind = json!({ "devices": [{ "did": WAVE }] });
    ear.desk.ask("DELETE /app/bindings", &unbind);
    ear.push(&json!({ "action": "resume" }));
    assert_eq!(ear.pass(5_000), Vec::<Value>::new());
}

#[test]
fn a_lost_session_hears_of_no_binding() {
    let mut ear = Ear::listening(0);
    ear.push(&json!({ "action": "lose_session" }));
    let unbind = json!({ "devices": [{ "did": SPA }] });
    ear.desk.ask("DELETE /app/bindings", &unbind);
    assert_eq!(ear.heard(), Vec::<Value>::new());
}

#[test]
fn one_host_is_frozen_and_thawed_without_the_other() {
    let mut ear = Ear::listening(0);
    let change = json!({ "temp_now": 30 });
    for (action, hears) in [
        (json!({ "action": "freeze", "host": 1, "new": true }), true),
        (json!({ "action": "freeze", "host": 0 }), false),
        (json!({ "action": "resume", "host": 1 }), false),
        (json!({ "action": "resume", "host": 0 }), true),
        (json!({ "action": "drop", "host": 1 }), true),
    ] {
        ear.push(&action);
        assert_eq!(!ear.change(SPA, &change).is_empty(), hears, "{action}");
    }
    for action in ["drop", "freeze", "resume", "lose_session"] {
        let body = json!({ "action": action, "host": 2 });
        let (status, answer) = ear.desk.ask("POST /_sim/push", &body);
        assert_eq!(status, 400, "{action}: {answer}");
    }
}

#[test]
fn new_connections_freeze_at_the_host_that_is_meant() {
    for (thaw, silent) in [(json!({}), false), (json!({ "host": 0 }), true)] {
        let mut ear = Ear::connected(0);
        ear.push(&json!({ "action": "freeze", "host": 1, "new": true }));
        let mut resume = json!({ "action": "resume" });
        resume
            .as_object_mut()
            .unwrap()
            .extend(thaw.as_object().unwrap().clone());
        ear.push(&resume);
        assert_eq!(ear.login(&json!({})).len(), 1);
        let Desk { world, now_ms, .. } = &mut ear.desk;
        ear.id = world.push_connect(*now_ms, 1).unwrap();
        assert_eq!(ear.login(&json!({})).is_empty(), silent, "{thaw}");
    }
}

#[test]
fn a_control_that_binds_a_device_is_told_like_a_call() {
    let mut ear = Ear::listening(0);
    let device = json!({ "did": "new", "product_key": "5a1a9d1de0f54a4e8b9f7b1c62d0a004",
        "mac": "020000000099", "users": ["demo@example.com"] });
    ear.desk.control("devices", &device);
    let data = json!({ "did": "new", "bind": true });
    assert_eq!(
        ear.heard(),
        [json!({ "cmd": "s2c_binding_changed", "data": data })]
    );
}

#[test]
fn connections_and_what_they_wait_for_are_bounded() {
    let mut ear = Ear::listening(0);
    for n in 0..10_100 {
        ear.desk
            .control(&format!("devices/{SPA}/attrs"), &json!({ "temp_now": n }));
    }
    let heard = ear.heard();
    assert_eq!(heard.len(), 10_001);
    assert_eq!(heard[10_000], "closed");
    let Desk { world, now_ms, .. } = &mut ear.desk;
    let connected = (0..2_000).filter(|_| world.push_connect(*now_ms, 0).is_some());
    assert_eq!(connected.count(), 1_000);
}

#[test]
fn who_is_connected_can_be_seen() {
    let mut ear = Ear::listening(1);
    let (_, state) = ear.desk.ask("GET /_sim/push", &Value::Null);
    let socket = &state["sockets"][0];
    assert_eq!(socket["host"], 1);
    assert_eq!(socket["uid"], ear.session["uid"]);
    assert_eq!(socket["heartbeat_s"], 60);
}

#[test]
fn a_part_of_a_var_len_product_is_told_and_read() {
    let mut scenario = Scenario::standard();
    for product in &mut scenario.products {
        product.var_len = true;
    }
    let mut ear = Ear::at(Desk::of(scenario), 0);
    ear.login(&json!({}));
    let heard = ear.change(SPA, &json!({ "temp_now": 30 }));
    assert_eq!(heard[0]["data"]["attrs"], json!({ "temp_now": 30 }));
    let data = json!({ "did": SPA, "names": ["temp_now", "nothing"] });
    let heard = ear.say(&json!({ "cmd": "c2s_read", "data": data }));
    assert_eq!(heard[0]["data"]["attrs"], json!({ "temp_now": 30 }));
}

#[test]
fn a_device_can_be_at_a_host_of_its_own() {
    let mut scenario = Scenario::standard();
    let spa = &mut scenario.devices[0];
    spa.host = Some("m2m.example.com".into());
    spa.ws_port = Some(80);
    spa.wss_port = Some(443);
    let mut ear = Ear::at(Desk::of(scenario), 0);
    let (_, bound) = ear.desk.ask("GET /app/bindings", &Value::Null);
    let spa = &bound["devices"][0];
    assert_eq!(spa["host"], "m2m.example.com");
    assert_eq!(
        (&spa["ws_port"], &spa["wss_port"]),
        (&json!(80), &json!(443))
    );
}
