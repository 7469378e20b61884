//! A configuration that changes while the bridge runs.

use serde_json::json;

use super::stage;
use super::support::bridge::config;
use super::support::cloud::{HEATER, SPA};
use super::support::{free_port, until};

#[tokio::test]
async fn a_reload_takes_what_changed_and_refuses_a_bad_file_whole() {
    let mut stage = stage().await;
    stage
        .bridge
        .write_text("accounts: []\nmqtt: {url: nonsense}\n");
    stage.bridge.signal("HUP").await;
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(
        result["confirmed"], true,
        "the old configuration stays in force"
    );
    let mut changed = config(&stage.cloud, &stage.broker.url());
    changed["devices"] = json!({ SPA: { "name": "Spa", "topic": "spa" } });
    changed["accounts"][0]["exclude"] = json!([HEATER]);
    changed["log"] = json!({ "level": "debug" });
    assert!(
        !stage.bridge.log().contains("TRACE"),
        "one -v makes it debug"
    );
    stage.bridge.write(&changed);
    stage.bridge.signal("HUP").await;
    stage.watcher.until("gizwits2mqtt/spa/temp_set", "38").await;
    stage.watcher.command("spa", "set/locked", "off").await;
    assert!(
        stage.bridge.log().contains("TRACE"),
        "the level is new, too"
    );
    stage
        .watcher
        .until("gizwits2mqtt/hot_tub/temp_set", "")
        .await;
    stage.watcher.until("gizwits2mqtt/bathroom/mode", "").await;
    assert!(
        stage
            .bridge
            .log()
            .contains("the new configuration is refused")
    );
    assert_eq!(stage.cloud.calls("/app/login").await.len(), 1);
}

#[tokio::test]
async fn a_reload_may_move_the_health_checks() {
    let mut stage = stage().await;
    let mut changed = config(&stage.cloud, &stage.broker.url());
    let (first, second) = (free_port(), free_port());
    for port in [first, second] {
        changed["web"] = json!({ "listen": format!("127.0.0.1:{port}") });
        stage.bridge.write(&changed);
        stage.bridge.signal("HUP").await;
        until_health_checks(port, true).await;
    }
    until_health_checks(first, false).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    changed["web"]["listen"] = json!(taken.local_addr().unwrap().to_string());
    changed["devices"] = json!({ SPA: { "topic": "spa" } });
    stage.bridge.write(&changed);
    stage.bridge.signal("HUP").await;
    let result = stage.watcher.command("hot_tub", "set/locked", "on").await;
    assert_eq!(result["confirmed"], true, "it is refused whole");
    until_health_checks(second, true).await;
}

async fn until_health_checks(port: u16, answer: bool) {
    let url = format!("http://127.0.0.1:{port}/healthz");
    let answers = async || reqwest::get(&url).await.is_ok() == answer;
    until(&format!("{url} should answer: {answer}"), answers).await;
}

#[tokio::test]
async fn a_reload_may_change_the_link_to_the_broker() {
    let mut stage = stage().await;
    stage
        .watcher
        .until("gizwits2mqtt/bridge/state", "online")
        .await;
    let mut changed = config(&stage.cloud, &stage.broker.url());
    changed["mqtt"]["base_topic"] = json!("house/heat");
    stage.bridge.write(&changed);
    stage.bridge.signal("HUP").await;
    let watcher = &stage.watcher;
    watcher.until("house/heat/hot_tub/temp_set", "38").await;
    watcher.until("house/heat/bridge/state", "online").await;
    watcher.until("gizwits2mqtt/bridge/state", "offline").await;
    watcher
        .publish("house/heat/hot_tub/set/temp_set", "30")
        .await;
    watcher.until("house/heat/hot_tub/temp_set", "30").await;
}
