//! A product with a profile: its entities' states, what commands to them set, and what happens when the
//! profile goes.

use gizwits2mqtt::bridge::input::Message;
use gizwits2mqtt::bridge::{Input, Settings};
use serde_json::{Value, json};

use super::universe::{SPA, Universe};
use super::{settings, still};

fn order(universe: &mut Universe, entity: &str, payload: &str) {
    universe.tell(Input::Message(Message {
        topic: format!("g/hot_tub/entity/{entity}/set"),
        payload: payload.as_bytes().to_vec(),
        retained: false,
        reply: None,
    }));
}

fn shown(universe: &Universe, entity: &str) -> String {
    let payload = &universe.retained[&format!("g/hot_tub/entity/{entity}")];
    String::from_utf8_lossy(payload).into_owned()
}

/// What the cloud was told, in order.
fn told(universe: &Universe) -> Vec<Value> {
    let calls = universe.cloud.requests().iter();
    let calls = calls.filter(|call| call["path"] == format!("/app/control/{SPA}"));
    calls.map(|call| call["body"]["attrs"].clone()).collect()
}

#[test]
fn an_entity_shows_and_takes_what_its_profile_says() {
    let mut universe = Universe::new(3, still());
    universe.run_for(60);
    assert_eq!(shown(&universe, "spa/mode"), "heat");
    assert_eq!(shown(&universe, "spa/action"), "heating");
    assert_eq!(shown(&universe, "error/state"), "OK");
    order(&mut universe, "spa/mode", "off");
    universe.run_for(60);
    order(&mut universe, "spa/mode", "heat");
    order(&mut universe, "spa/target_temperature", "36.4");
    order(&mut universe, "spa/target_temperature", "99");
    order(&mut universe, "spa/mode", "dry");
    universe.run_for(60);
    let wanted = [
        json!({ "power": false }),
        json!({ "power": true }),
        // To the step that the device has, and with the mode that the same tap asked for.
        json!({ "heat_power": true, "temp_set": 36 }),
    ];
    assert_eq!(told(&universe), wanted);
    assert_eq!(shown(&universe, "spa/mode"), "heat");
    universe.sim(
        &format!("devices/{SPA}/attrs"),
        &json!({ "earth": true, "system_err2": true }),
    );
    universe.run_for(120);
    assert_eq!(shown(&universe, "error/state"), "Error 2; Earth leakage");
    assert_eq!(shown(&universe, "problem/state"), "true");
}

#[test]
fn another_profile_takes_the_topics_of_the_one_before_along() {
    let mut universe = Universe::new(4, still());
    universe.run_for(60);
    let config = format!("homeassistant/device/gizwits2mqtt_{SPA}/config");
    let component =
        |universe: &Universe, key: &str| universe.retained_json(&config)["components"][key].clone();
    assert_eq!(component(&universe, "climate_spa")["platform"], "climate");
    assert!(component(&universe, "switch_heat_power").is_null());
    // An id that no profile has: by the schema alone.
    let mut changed: Settings = settings();
    let device = gizwits2mqtt::bridge::settings::DeviceSettings {
        profile: Some("none".into()),
        ..Default::default()
    };
    let did = gizwits2mqtt::ids::Did::new(SPA).unwrap();
    changed.devices.insert(did, device);
    universe.tell(Input::Reconfigure(Box::new(changed)));
    universe.run_for(120);
    assert!(!universe.retained.contains_key("g/hot_tub/entity/spa/mode"));
    assert_eq!(
        component(&universe, "climate_spa"),
        json!({ "platform": "climate" })
    );
    assert_eq!(
        component(&universe, "switch_heat_power")["platform"],
        "switch"
    );
}
