//! Profiles on the command line: list, show, check, try, schema.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use serde_json::{Value, json};
use support::cli::run;

/// A folder with a configuration that names a folder of profiles, and the data of a heater.
fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    for (name, text) in [
        ("gizwits2mqtt.yaml", "profiles_dir: profiles\n"),
        ("profiles/heater.yaml", HEATER),
        (
            "latest.json",
            r#"{"did":"x","updated_at":1,"attr":{"on":true,"target":21,"cur":18.5,"err":0,"eco":"warm"}}"#,
        ),
        ("schema.json", SCHEMA),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const HEATER: &str = "\
profile: my-heater
title: My heater
match: { attributes: [on, target] }
entities:
  heater:
    platform: climate
    main: true
    target_temperature: { attr: target, unit: °C }
    current_temperature: { attr: cur, unit: °C }
    mode:
      read:
        - { when: { on: false }, is: \"off\" }
        - { is: heat }
      write:
        \"off\": { on: false }
        heat: { on: true }
    preset: absent
  programme: { platform: select, state: { attr: eco, map: { Warm: warm, Cold: cold } } }
  problem: { platform: binary_sensor, class: problem, category: diagnostic, state: { any: [err] } }
  humidity: { platform: sensor, state: wet }
";

/// As the cloud answers it.
const SCHEMA: &str = r#"{"name":"Heater","entities":[{"id":0,"attrs":[
  {"name":"on","type":"status_writable","data_type":"bool"},
  {"name":"target","type":"status_writable","data_type":"uint8","uint_spec":{"min":5,"max":30,"ratio":1,"addition":0}},
  {"name":"cur","type":"status_readonly","data_type":"uint16","uint_spec":{"min":0,"max":500,"ratio":0.1,"addition":0}},
  {"name":"err","type":"fault","data_type":"bool"},
  {"name":"eco","type":"status_writable","data_type":"enum","enum":["warm","cold"]},
  {"name":"lock","type":"status_writable","data_type":"bool"}
]}]}"#;

async fn said(folder: &Path, args: &str, code: i32) -> support::cli::Said {
    let args: Vec<&str> = args.split(' ').collect();
    let said = run(folder, &args).await;
    assert_eq!(said.code, Some(code), "{args:?}: {said:?}");
    said
}

#[tokio::test]
async fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for command in ["", " list", " show", " check", " try", " schema"] {
        let said = said(folder.path(), &format!("profile{command} --help"), 0).await;
        let (own, common) = said.stdout.split_once("With every command:").unwrap();
        let after = common.split_once("\n\n").unwrap_or_default().1;
        all = format!("{all}$ gizwits2mqtt profile{command} --help\n{own}{after}\n");
    }
    insta::assert_snapshot!("help", all.trim_end());
}

#[tokio::test]
async fn profiles_are_listed_and_shown() {
    let folder = home();
    let list = said(folder.path(), "profile list --json", 0).await.json();
    assert_eq!(
        list[0],
        json!({
            "id": "my-heater",
            "title": "My heater",
            "manufacturer": null,
            "file": "profiles/heater.yaml",
            "match": { "product_keys": [], "product_names": [], "attributes": ["on", "target"] },
            "entities": 4,
        })
    );
    let is_built_in = |profile: &&Value| profile["id"] == "bestway-airjet";
    let built_in = list.as_array().unwrap().iter().find(is_built_in).unwrap();
    assert_eq!(built_in["file"], Value::Null);
    let shown = said(folder.path(), "profile show my-heater", 0).await;
    assert_eq!(shown.stdout, HEATER);
    let shown = said(folder.path(), "profile show bestway-airjet", 0).await;
    assert_eq!(
        shown.stdout,
        include_str!("../profiles/bestway-airjet.yaml")
    );
    let wrong = said(folder.path(), "profile show bestway-airjt", 2).await;
    assert!(
        wrong.stderr.contains("did you mean \"bestway-airjet\"?"),
        "{}",
        wrong.stderr
    );

    // The user's stands in for the built-in one with its id; what is faulty is told beside the result.
    let mine = HEATER.replace("my-heater", "bestway-airjet");
    std::fs::write(folder.path().join("profiles/spa.yaml"), mine).unwrap();
    std::fs::write(folder.path().join("profiles/worse.yaml"), "profile: 1\n").unwrap();
    let list = said(folder.path(), "profile list", 0).await;
    let of_spa: Vec<&str> = list
        .stdout
        .lines()
        .filter(|line| line.starts_with("bestway-airjet "))
        .collect();
    assert!(
        of_spa.len() == 1 && of_spa[0].contains("profiles/spa.yaml"),
        "{}",
        list.stdout
    );
    assert!(
        list.stderr.contains("warning: profiles/worse.yaml:1: "),
        "{}",
        list.stderr
    );
    // Without a configuration there are the built-in ones.
    let bare = tempfile::tempdir().unwrap();
    let list = said(bare.path(), "profile list", 0).await;
    assert!(list.stdout.contains("built-in") && list.stderr.is_empty());
}

#[tokio::test]
async fn a_check_lists_every_fault_of_every_file() {
    let folder = home();
    let good = said(folder.path(), "profile check profiles/heater.yaml", 0).await;
    assert_eq!(
        good.stdout,
        "profiles/heater.yaml: my-heater is good, 4 entities\n"
    );
    let bad = HEATER
        .replace("platform: select", "platform: selekt")
        .replace("main: true", "mian: true");
    std::fs::write(folder.path().join("bad.yaml"), bad).unwrap();
    let worse = HEATER.replace("title: My heater", "title: [");
    std::fs::write(folder.path().join("worse.yaml"), worse).unwrap();
    let args = "profile check bad.yaml profiles/heater.yaml worse.yaml gone.yaml";
    let bad = said(folder.path(), args, 2).await;
    assert_eq!(bad.stdout, "");
    for words in [
        "error: 4 problems:",
        "bad.yaml:7: entities.heater.mian: unknown field",
        "bad.yaml:18: entities.programme.platform: unknown variant",
        "worse.yaml:",
        "gone.yaml: it cannot be read",
    ] {
        assert!(bad.stderr.contains(words), "{words}: {}", bad.stderr);
    }
    let bad = said(folder.path(), &format!("{args} --json"), 2)
        .await
        .json();
    assert_eq!(bad["problems"][1]["line"], 18);
    std::fs::copy(
        folder.path().join("profiles/heater.yaml"),
        folder.path().join("twin.yaml"),
    )
    .unwrap();
    let twins = said(
        folder.path(),
        "profile check profiles/heater.yaml twin.yaml",
        2,
    )
    .await;
    assert!(
        twins.stderr.contains("is the id of profiles/heater.yaml"),
        "{}",
        twins.stderr
    );
}

#[tokio::test]
async fn a_profile_is_tried_on_a_device() {
    let folder = home();
    let args = "profile try profiles/heater.yaml --data latest.json";
    let with_schema = said(folder.path(), &format!("{args} --schema schema.json"), 0).await;
    insta::assert_snapshot!("try", with_schema.stdout);
    let guessed = said(folder.path(), args, 0).await;
    insta::assert_snapshot!("try_without_a_schema", guessed.stdout);
    let args = format!("{args} --schema schema.json --json");
    let document = said(folder.path(), &args, 0).await.json();
    assert_eq!(document["left_out"], json!(["heater.preset", "humidity"]));
    assert_eq!(document["fits"], true);
    let mode = &document["entities"][0]["values"]["mode"];
    assert_eq!(
        (&mode["state"], &mode["options"], &mode["settable"]),
        (&json!("heat"), &json!(["off", "heat"]), &json!(true))
    );

    std::fs::write(folder.path().join("bad.json"), "{\n").unwrap();
    for (args, words) in [
        ("bad.yaml --data latest.json", "bad.yaml: it cannot be read"),
        (
            "profiles/heater.yaml --data bad.json",
            "bad.json:2: it is not JSON",
        ),
        (
            "profiles/heater.yaml --data latest.json --schema latest.json",
            "latest.json: the product schema cannot be read",
        ),
    ] {
        let refused = said(folder.path(), &format!("profile try {args}"), 2).await;
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn what_the_program_prints_of_a_device_can_be_tried() {
    use support::cloud::{Cloud, SPA};
    let cloud = Cloud::start().await;
    let folder = support::cli::folder(&cloud);
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let schema = said(folder.path(), &format!("schema {SPA} --json"), 0).await;
    write("schema.json", &schema.stdout);
    let latest = said(folder.path(), &format!("get {SPA} --json"), 0).await;
    write("latest.json", &latest.stdout);
    let profile = said(folder.path(), "profile show bestway-airjet", 0).await;
    write("spa.yaml", &profile.stdout);
    let args = "profile try spa.yaml --data latest.json --schema schema.json --json";
    let document = said(folder.path(), args, 0).await.json();
    assert_eq!(document["fits"], true);
    let entities = document["entities"].as_array().unwrap();
    let spa = entities.iter().find(|entity| entity["key"] == "spa");
    let spa = spa.unwrap();
    assert_eq!(
        (&spa["platform"], &spa["key"]),
        (&json!("climate"), &json!("spa"))
    );
    let target = &spa["values"]["target_temperature"];
    assert_eq!(
        (&target["state"], &target["max"]),
        (&json!(38), &json!(40.0))
    );
}

/// Set, it writes the page anew.
const UPDATE: &str = "UPDATE_PROFILE_SCHEMA";

#[tokio::test]
async fn the_json_schema_in_docs_is_the_one_that_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let printed = said(folder.path(), "profile schema", 0).await.stdout;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profile.schema.json");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &printed).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == printed,
        "docs/profile.schema.json is not what `profile schema` prints; {UPDATE}=1 writes it anew"
    );
    let schema: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    for key in ["profile", "title", "match", "entities", "hide", "rest"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}
