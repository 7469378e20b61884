//! `health`, the question of containers: it asks the bridge that runs, whatever its configuration
//! says by now.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::bridge::{Bridge, config};
use support::broker::Broker;
use support::cli::{Said, run};
use support::cloud::Cloud;
use support::until;
use support::watcher::Watcher;

/// Asks beside the bridge.
async fn health(bridge: &Bridge, args: &[&str]) -> Said {
    let args = [&["-c", "c.yaml", "health"], args].concat();
    run(bridge.folder(), &args).await
}

async fn until_code(bridge: &Bridge, args: &[&str], code: i32) {
    let answers = async || health(bridge, args).await.code == Some(code);
    until(&format!("health {args:?} should end with {code}"), answers).await;
}

fn with_web(cloud: &Cloud, broker_url: &str) -> Value {
    let mut config = config(cloud, broker_url);
    // Any free port: only the bridge itself knows which.
    config["web"] = json!({ "listen": "127.0.0.1:0" });
    config
}

#[tokio::test]
async fn health_asks_the_running_bridge_and_not_the_file() {
    let (cloud, broker) = (Cloud::start().await, Broker::start().await);
    let good = with_web(&cloud, &broker.url());
    let mut bridge = Bridge::start(&good);
    until_code(&bridge, &[], 0).await;
    // A mistake in the file, which the bridge keeps out.
    bridge.write_text("accounts: [\n");
    bridge.signal("HUP").await;
    until("the file is refused", async || {
        bridge.log().contains("the old one stays in force")
    })
    .await;
    assert_eq!(health(&bridge, &[]).await.code, Some(0));
    // Another address, not yet reloaded.
    let mut moved = good.clone();
    moved["web"]["listen"] = json!("127.0.0.1:1");
    moved["state_dir"] = json!("elsewhere");
    bridge.write(&moved);
    assert_eq!(health(&bridge, &[]).await.code, Some(0));
    // No file at all.
    std::fs::remove_file(bridge.folder().join("c.yaml")).unwrap();
    bridge.write(&good);
    bridge.signal("TERM").await;
    assert_eq!(bridge.wait().await.code(), Some(0));
    let said = health(&bridge, &[]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("nothing answers at"), "{said:?}");
}

#[tokio::test]
async fn health_tells_ready_from_alive() {
    let cloud = Cloud::start().await;
    let bridge = Bridge::start(&with_web(&cloud, "mqtt://127.0.0.1:1"));
    until_code(&bridge, &["--live"], 0).await;
    let said = health(&bridge, &[]).await;
    assert_eq!(said.code, Some(1), "the broker is away");
    assert!(
        said.stderr.contains("the broker is not connected"),
        "{said:?}"
    );
}

#[tokio::test]
async fn health_without_a_bridge_says_what_is_missing() {
    let cloud = Cloud::start().await;
    let folder = support::cli::folder(&cloud);
    let said = run(folder.path(), &["health"]).await;
    assert_eq!(said.code, Some(2), "there is no web server to ask");
    assert!(said.stderr.contains("no web.listen"), "{said:?}");
    std::fs::write(folder.path().join("gizwits2mqtt.yaml"), "accounts: [").unwrap();
    let said = run(folder.path(), &["health"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("no bridge"), "{said:?}");
}

#[tokio::test]
async fn an_address_left_by_a_crash_is_passed_over() {
    let (cloud, broker) = (Cloud::start().await, Broker::start().await);
    let config = with_web(&cloud, &broker.url());
    let mut bridge = Bridge::start(&config);
    until_code(&bridge, &[], 0).await;
    bridge.signal("KILL").await;
    bridge.wait().await;
    let said = health(&bridge, &[]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
}

/// A broken proxy in the environment is of no matter to an address without TLS, which it could read.
#[tokio::test]
async fn a_cloud_without_tls_is_asked_without_a_proxy() {
    let (cloud, broker) = (Cloud::start().await, Broker::start().await);
    let watcher = Watcher::start(broker.port()).await;
    let nowhere = "http://127.0.0.1:1";
    let proxies =
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, nowhere));
    let _bridge = Bridge::start_with(&config(&cloud, &broker.url()), &proxies);
    watcher.until("gizwits2mqtt/hot_tub/temp_set", "38").await;
}
