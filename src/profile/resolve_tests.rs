//! Tests of `resolve.rs`: what a profile becomes for one product, and what its check tells.

use serde_json::{Value, json};

use crate::ids::AttrName;
use crate::model::{Attrs, ProductSchema};
use crate::profile::catalog::{Catalog, Product};
use crate::profile::entity::{Entity, Part};
use crate::profile::hints::testing::{attrs, schema};
use crate::profile::load;
use crate::profile::platform::Role;
use crate::profile::resolve;
use crate::profile::write::Wish;

fn profile(entities: &str) -> String {
    format!("profile: x\ntitle: X\nmatch: {{}}\nentities:\n{entities}\n")
}

fn entities(text: &str, schema: &ProductSchema) -> Vec<Entity> {
    resolve::entities(&load::read(&profile(text)).unwrap(), schema)
}

fn label(name: &str, labels: &[&str]) -> Value {
    json!({ "name": name, "type": "status_writable", "data_type": "enum", "enum": labels })
}

fn number(name: &str, data_type: &str, max: u32) -> Value {
    json!({ "name": name, "type": "status_writable", "data_type": data_type,
        "uint_spec": { "min": 0, "max": max, "ratio": 1, "addition": 0 } })
}

fn shown(part: &Part, schema: &ProductSchema, report: &Value) -> Option<String> {
    let shown = part.shown(&attrs(schema, report));
    shown.map(|value| value.to_bare())
}

#[test]
fn on_and_off_of_words_are_on_and_off_to_home_assistant() {
    let schema = schema(&json!([label("mode", &["heat", "eco", "stop"])]));
    for state in [
        "{ attr: mode, map: { on: [heat, eco], off: stop } }",
        "{ read: [{ when: { mode: stop }, is: off }, { is: on }], write: { on: { mode: heat }, off: { mode: stop } } }",
    ] {
        let text = format!("  power: {{ platform: switch, state: {state} }}");
        let entities = entities(&text, &schema);
        let part = &entities[0].parts[&Role::State];
        for (mode, want) in [("eco", "true"), ("heat", "true"), ("stop", "false")] {
            let now = shown(part, &schema, &json!({ "mode": mode }));
            assert_eq!(now.as_deref(), Some(want), "{state} {mode}");
        }
        let off = part.steps(&schema, &Attrs::default(), &Wish::Word("off".into()));
        let off: Vec<Value> = off
            .unwrap()
            .iter()
            .map(|step| step.to_json().into())
            .collect();
        assert_eq!(off, [json!({ "mode": "stop" })]);
    }
}

#[test]
fn a_word_sets_the_first_of_its_values_that_the_product_has() {
    let text = "  speed: { platform: select, state: { attr: speed, map: { Low: [low, 低], High: [high, 高] } } }";
    for (labels, want) in [(["low", "high"], "high"), (["低", "高"], "高")] {
        let schema = schema(&json!([label("speed", &labels)]));
        let entities = entities(text, &schema);
        let part = &entities.first().expect("no select").parts[&Role::State];
        assert_eq!(part.options, ["Low", "High"], "{labels:?}");
        let set = part.steps(&schema, &Attrs::default(), &Wish::Word("High".into()));
        assert_eq!(
            Value::Object(set.unwrap()[0].to_json()),
            json!({ "speed": want })
        );
    }
}

#[test]
fn limits_of_the_whole_part_hold_in_a_variant_that_has_none() {
    let text = "  heater:
    platform: climate
    target_temperature:
      min: 10
      max: 30
      step: 0.5
      variants:
        - { when: { mode: eco }, use: { attr: eco_temp, scale: 0.1, max: 19 } }
        - { use: { attr: cft_temp, scale: 0.1 } }";
    let schema = schema(&json!([
        label("mode", &["eco", "cft"]),
        number("eco_temp", "uint16", 500),
        number("cft_temp", "uint16", 500),
    ]));
    let entities = entities(text, &schema);
    let part = &entities[0].parts[&Role::TargetTemperature];
    for (mode, want) in [("eco", (10.0, 19.0, 0.5)), ("cft", (10.0, 30.0, 0.5))] {
        let attrs = attrs(&schema, &json!({ "mode": mode }));
        let range = part.range(&attrs).unwrap();
        let found = (range.min, range.max, range.step);
        assert_eq!(found, (Some(want.0), Some(want.1), Some(want.2)), "{mode}");
    }
}

#[test]
fn a_number_of_two_bytes_has_the_limits_of_both() {
    let text =
        "  timer: { platform: number, state: { bytes: [high, low], scale: 0.1, unit: min } }";
    let schema = schema(&json!([
        number("high", "uint8", 1),
        number("low", "uint8", 255)
    ]));
    let entities = entities(text, &schema);
    let range = &entities[0].parts[&Role::State].ranges[0];
    // Without them Home Assistant takes 1 to 100.
    assert_eq!((range.min, range.max), (Some(0.0), Some(51.1)));
    assert_eq!(range.step, Some(0.1));
}

#[test]
fn a_limit_has_no_dust_of_binary_fractions() {
    let schema = schema(
        &json!([{ "name": "x", "type": "status_writable", "data_type": "uint8",
        "uint_spec": { "min": 7, "max": 70, "ratio": 1, "addition": 0 } }]),
    );
    let text = "  x: { platform: number, state: { attr: x, scale: 0.1 } }";
    let entities = entities(text, &schema);
    let part = &entities[0].parts[&Role::State];
    let range = part.range(&Attrs::default()).unwrap();
    let limits = (range.min, range.max, range.step);
    assert_eq!(limits, (Some(0.7), Some(7.0), Some(0.1)));
    let lowest = part.steps(&schema, &Attrs::default(), &Wish::Number(0.7));
    let sent: Value = lowest.unwrap().remove(0).to_json().into();
    assert_eq!(sent, json!({ "x": 7 }));
    assert_eq!(shown(part, &schema, &sent).as_deref(), Some("0.7"));
}

#[test]
fn a_refusal_names_the_limits_that_there_are() {
    let text = "  timer: { platform: number, state: { read: [{ when: { low: 1 }, is: 1 }], set: { low: $value }, max: 30 } }";
    let schema = schema(&json!([number("low", "uint8", 255)]));
    let entities = entities(text, &schema);
    let part = &entities[0].parts[&Role::State];
    let why = part
        .steps(&schema, &Attrs::default(), &Wish::Number(31.0))
        .unwrap_err();
    assert_eq!(why, "31 is refused; accepted: at most 30");
}

#[test]
fn what_could_never_work_is_told() {
    for (entity, words) in [
        (
            "{ platform: switch, state: { attr: x, map: { an: 1, off: 0 } } }",
            "\"an\" is none of on, off",
        ),
        (
            "{ platform: switch, state: { attr: x, read: [{ when: { x: 1 }, is: running }] } }",
            "\"running\" is none of on, off",
        ),
        (
            "{ platform: number, state: { attr: x, scale: 0 } }",
            "by 0 nothing could be set",
        ),
        (
            "{ platform: climate, mode: { attr: x, map: { Heat: 1, off: 0 } } }",
            "\"Heat\" is none of auto, off",
        ),
        (
            "{ platform: climate, action: { attr: x, map: { heat: 1, off: 0 } } }",
            "\"heat\" is none of off, preheating",
        ),
        (
            "{ platform: climate, mode: { variants: [{ use: { attr: x, map: { warm: 1 } } }] } }",
            "\"warm\" is none of auto",
        ),
    ] {
        let faults = load::read(&profile(&format!("  a: {entity}"))).unwrap_err();
        let found = faults
            .iter()
            .any(|fault| fault.line == 5 && fault.message.contains(words));
        assert!(found, "{entity}: {faults:?}");
    }
}

#[test]
fn a_mark_of_the_byte_order_is_no_fault() {
    let text = profile("  a: { platform: switch, state: x }");
    load::read(&format!("\u{feff}{text}")).unwrap();
}

#[test]
fn only_what_presses_and_momentary_parts_alone_set_is_momentary() {
    let names = ["feed", "dose", "level", "shared"];
    let schema = schema(&Value::from_iter(
        names.map(|name| number(name, "uint8", 9)),
    ));
    let text = "  feed: { platform: button, press: { set: { feed: 1, shared: 1 } } }
  dose: { platform: number, state: { attr: dose, momentary: true } }
  level: { platform: number, state: level }
  shared: { platform: number, state: shared }
";
    let catalog = Catalog::new(vec![load::read(&profile(text)).unwrap()]);
    let plan = catalog.plan(Product {
        schema: &schema,
        name: "",
        chosen: Some("x"),
    });
    let momentary: Vec<&str> = plan.momentary.iter().map(AttrName::as_str).collect();
    assert_eq!(momentary, ["dose", "feed"]);
}

#[test]
fn what_is_only_shown_is_not_momentary() {
    for entity in [
        "{ platform: sensor, state: { attr: a, momentary: true } }",
        "{ platform: number, state: { attr: a, read_only: true, momentary: true } }",
    ] {
        let text = profile(&format!("  a: {entity}"));
        let faults = load::read(&text).unwrap_err();
        assert!(
            format!("{faults:?}").contains("not `momentary`"),
            "{faults:?}"
        );
    }
}
